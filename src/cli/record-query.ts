import type { AuditRecord } from '../audit-log/record.ts'
import type { Values } from './command.ts'
import { UsageError } from './io.ts'
import { sinceIn } from './moment.ts'

/** Options that choose records. */
export const queryArguments = {
  subject: { type: 'string', value: 'NAME', help: "by whom: a subject, an identity's key, or somebody who acted for one" },
  tenant: { type: 'string', value: 'NAME', help: 'of that tenant' },
  action: { type: 'string', value: 'NAME', help: 'what was done; a trailing * is a prefix' },
  resource: { type: 'string', value: 'NAME', help: 'to what: an id, or type/id; a trailing * is a prefix' },
  model: { type: 'string', value: 'NAME', help: 'with that model; a trailing * is a prefix' },
  rule: { type: 'string', value: 'NAME', help: 'decided by that rule' },
  code: { type: 'string', value: 'CODE', help: 'refused with that code' },
  id: { type: 'string', value: 'ID', help: 'of that call' },
  task: { type: 'string', value: 'ID', help: 'of that task' },
  trace: { type: 'string', value: 'ID', help: 'of that distributed trace' },
  kind: { type: 'string', value: 'KIND', help: 'decision, outcome, refusals, content or log' },
  since: { type: 'string', value: 'T', help: 'from then on: 2026-01-01, 2026-01-01T08:00:00+01:00, or how long ago (90m, 24h, 7d)' },
  until: { type: 'string', value: 'T', help: 'before then, written alike' },
  refused: { type: 'boolean', help: 'what was refused, while it was decided or later' },
  allowed: { type: 'boolean', help: 'what was let in' },
} as const

type Given = Partial<Values<typeof queryArguments>>

/** Chooses records. */
export interface RecordQuery {
  /** What must stand in an entry's text for it to match: looked for before the text is read. */
  readonly marks: readonly string[]
  matches(record: AuditRecord): boolean
}

type Test = (record: AuditRecord) => boolean

/** Reads the options. @throws UsageError */
export function recordQuery(given: Given): RecordQuery {
  const tests: Test[] = []
  const marks: string[] = []
  const { subject, tenant, action, resource, model, rule, code, id, task, trace, kind, since, until, refused, allowed } = given
  const exact = (text: string | undefined, of: (record: AuditRecord, text: string) => boolean): void => {
    if (text === undefined) return
    if (text === '') throw new UsageError('an option that chooses records must not be empty')
    // As it stands in canonical JSON.
    marks.push(JSON.stringify(text).slice(1, -1))
    tests.push((record) => of(record, text))
  }
  const pattern = (text: string | undefined, of: (record: AuditRecord) => readonly (string | undefined)[]): void => {
    if (text === undefined) return
    const prefix = text.slice(0, -1)
    if (text.endsWith('*')) tests.push((record) => of(record).some((name) => name?.startsWith(prefix) === true))
    else exact(text, (record) => of(record).includes(text))
  }
  if (refused === true && allowed === true) throw new UsageError('--refused and --allowed exclude each other')
  exact(kind, (record, text) => record.kind === text)
  exact(subject, (record, text) => {
    const who = 'subject' in record ? record.subject : undefined
    return who !== undefined && (who.subject === text || who.key === text || (who.actors?.some((actor) => actor.subject === text) ?? false))
  })
  exact(tenant, (record, text) => 'subject' in record && record.subject?.tenant === text)
  exact(code, (record, text) => ('code' in record && record.code === text) || (record.kind === 'refusals' && Object.hasOwn(record.counts, text)))
  exact(rule, (record, text) => 'rules' in record && record.rules?.some((one) => one.rule === text) === true)
  exact(id, (record, text) => 'id' in record && record.id === text)
  exact(task, (record, text) => 'task' in record && record.task === text)
  exact(trace, (record, text) => 'trace' in record && record.trace?.id === text)
  pattern(action, (record) => ('action' in record ? [record.action] : []))
  // What joins type and id stands nowhere as one text.
  if (resource !== undefined && !resource.includes('/')) pattern(resource, (record) => ('resource' in record ? [record.resource?.id] : []))
  else if (resource !== undefined) tests.push(isOf(resource))
  pattern(model, (record) => ('model' in record ? [record.model] : []))
  if (refused === true)
    tests.push(
      (record) => record.kind === 'refusals' || ('allowed' in record && (!record.allowed || ('ending' in record && record.ending === 'refused'))),
    )
  if (allowed === true) tests.push((record) => 'allowed' in record && record.allowed)
  const from = since === undefined ? undefined : sinceIn(since, '--since')
  const to = until === undefined ? undefined : sinceIn(until, '--until')
  if (from !== undefined && to !== undefined && from >= to) throw new UsageError('--since must be before --until')
  if (from !== undefined) tests.push(({ time }) => time >= from)
  if (to !== undefined) tests.push(({ time }) => time < to)
  return {
    marks,
    // Entries come from a disk: a member may be of any form.
    matches(record) {
      try {
        return tests.every((test) => test(record))
      } catch {
        return false
      }
    },
  }
}

function isOf(resource: string): Test {
  const prefix = resource.endsWith('*') ? resource.slice(0, -1) : undefined
  return (record) => {
    if (!('resource' in record)) return false
    const { type, id } = record.resource
    const both = `${type}/${id}`
    return prefix === undefined ? both === resource || id === resource : both.startsWith(prefix) || id.startsWith(prefix)
  }
}
