import type { LoggedEntry } from '../../audit-log/audit-log.ts'
import { entryText, timeText } from '../../audit-log/record.ts'

/** An entry as columns to ask by, beside its very text. */
export type EntryRow = Readonly<Record<(typeof columns)[number][0], string | number | boolean | null>>

/** The columns and their types, in the order in which they are written. */
export const columns = [
  ['log', 'text'],
  ['index', 'bigint'],
  ['time', 'timestamptz'],
  ['kind', 'text'],
  ['guard', 'text'],
  ['call', 'text'],
  ['task', 'text'],
  ['subject_key', 'text'],
  ['tenant', 'text'],
  ['action', 'text'],
  ['resource_type', 'text'],
  ['resource_id', 'text'],
  ['allowed', 'boolean'],
  ['code', 'text'],
  ['ending', 'text'],
  ['model', 'text'],
  ['policy_id', 'text'],
  ['policy_version', 'text'],
  ['input_tokens', 'double precision'],
  ['output_tokens', 'double precision'],
  ['elapsed', 'double precision'],
  ['hash', 'text'],
  ['entry', 'text'],
] as const

/** @param log the name of the log. */
export function rowOf(log: string, { index, hash, record }: LoggedEntry): EntryRow {
  const call = record.kind === 'decision' || record.kind === 'outcome' ? record : undefined
  const outcome = record.kind === 'outcome' ? record : undefined
  return {
    log,
    index,
    time: timeText(record),
    kind: record.kind,
    guard: textOf(record.kind === 'log' ? undefined : record.guard),
    call: textOf(call?.id),
    task: textOf(call?.task),
    subject_key: textOf(call?.subject?.key),
    tenant: textOf(call?.subject?.tenant),
    action: textOf(call?.action),
    resource_type: textOf(call?.resource.type),
    resource_id: textOf(call?.resource.id),
    allowed: call?.allowed ?? null,
    code: call?.code ?? null,
    ending: outcome?.ending ?? null,
    model: textOf(call?.model),
    policy_id: textOf(call?.policy?.id),
    policy_version: textOf(call?.policy?.version),
    input_tokens: numberOf(outcome?.usage?.inputTokens),
    output_tokens: numberOf(outcome?.usage?.outputTokens),
    elapsed: numberOf(outcome?.elapsed),
    hash,
    // As it is in the log, to the byte: what is hashed is this.
    entry: entryText(record),
  }
}

const longest = 1024

// PostgreSQL has no text with a zero in it, and UTF-8 no half characters. The whole of it stands in `entry`.
function textOf(text: string | undefined): string | null {
  return text === undefined ? null : text.slice(0, longest).replaceAll('\0', '\ufffd').toWellFormed()
}

function numberOf(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null
}

/** The month that a row belongs to, `2026-11`. */
export function monthOf({ time }: EntryRow): string {
  return String(time).slice(0, 7)
}
