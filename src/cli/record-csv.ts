import type { AuditRecord } from '../audit-log/record.ts'
import { plain } from './io.ts'
import type { ChosenRecord } from './read-records.ts'

type Cell = string | number | boolean | undefined
type Call = Partial<Extract<AuditRecord, { kind: 'decision' }> & Omit<Extract<AuditRecord, { kind: 'outcome' }>, 'kind'>>

const columns: Readonly<Record<string, (record: Call, chosen: ChosenRecord) => Cell>> = {
  index: (_, { index }) => index,
  time: (_, { record }) => (Number.isNaN(new Date(record.time).getTime()) ? undefined : new Date(record.time).toISOString()),
  kind: (_, { record }) => record.kind,
  id: ({ id }) => id,
  task: ({ task }) => task,
  parent: ({ parent }) => parent,
  guard: ({ guard }) => guard,
  subject: ({ subject }) => subject?.subject,
  issuer: ({ subject }) => subject?.issuer,
  tenant: ({ subject }) => subject?.tenant,
  actors: ({ subject }) => subject?.actors?.map((actor) => actor.subject).join(' '),
  action: ({ action }) => action,
  resource_type: ({ resource }) => resource?.type,
  resource_id: ({ resource }) => resource?.id,
  allowed: ({ allowed }) => allowed,
  code: ({ code }) => code,
  reason: ({ reason }) => reason,
  policy: ({ policy }) => policy?.id,
  policy_version: ({ policy }) => policy?.version,
  rules: ({ rules }) => rules?.map(({ rule }) => rule).join(' '),
  model: ({ model }) => model,
  input_tokens: ({ usage }) => usage?.inputTokens,
  output_tokens: ({ usage }) => usage?.outputTokens,
  ending: ({ ending }) => ending,
  elapsed: ({ elapsed }) => elapsed,
  parts: ({ parts }) => parts,
  trace: ({ trace }) => trace?.id,
}

/** The first line of a table. */
export const csvHead: string = Object.keys(columns).join(',')

/** A record as a line of a table (RFC 4180). */
export function csvLine(chosen: ChosenRecord): string {
  // Entries come from a disk: a member may be of any form.
  return Object.values(columns)
    .map((of) => {
      try {
        return cell(of(chosen.record as Call, chosen))
      } catch {
        return ''
      }
    })
    .join(',')
}

function cell(value: Cell): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  // Strangers write names, and spreadsheets run what begins like this.
  const harmless = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  const text = plain(harmless)
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
