import { type AuditRecord, parseEntry } from '../audit-log/record.ts'
import { plain } from './io.ts'

/** One record as a line for people. A * stands before one that no checkpoint covers yet. */
export function recordLine(index: number, text: string, signed: boolean, colour = false): string {
  const record = parseEntry(text)
  const shown = record === undefined ? `no record: ${text.slice(0, 80)}` : `${timeOf(record.time)}  ${describe(record)}`
  const line = `${signed ? ' ' : '*'}${String(index).padStart(8)}  ${plain(shown)}`
  return colour ? `\u001b[${shadeOf(record)}m${line}\u001b[0m` : line
}

// Green: let in and came to its end. Red: refused. Yellow: something befell it. Grey: what accompanies calls.
function shadeOf(record: AuditRecord | undefined): number {
  if (record === undefined) return 33
  if (record.kind === 'decision') return record.allowed ? 32 : 31
  if (record.kind === 'outcome') return record.ending === 'completed' ? 32 : record.ending === 'refused' ? 31 : 33
  return record.kind === 'refusals' ? 31 : record.kind === 'log' ? 33 : 90
}

function timeOf(time: number): string {
  const date = new Date(time)
  return Number.isNaN(date.getTime()) ? 'at no known time' : date.toISOString()
}

// Entries come from a disk, and from newer versions: each member may be missing.
function describe(record: AuditRecord): string {
  switch (record.kind) {
    case 'decision':
    case 'outcome': {
      const who = record.subject?.subject ?? 'nobody'
      const what = `${record.action} ${record.resource?.type}/${record.resource?.id}`
      const why = record.code === undefined ? '' : ` (${record.code}${record.reason === undefined ? '' : `: ${record.reason}`})`
      const end = record.kind === 'decision' ? (record.allowed ? 'permitted' : 'refused') : `${record.ending} after ${record.elapsed} ms`
      const gap = record.missing === undefined ? '' : `; ${record.missing} records before it could not be written`
      return `${record.kind.padEnd(8)}  ${who}  ${what}  ${end}${why}${gap}`
    }
    case 'content':
      return `content   ${record.of} of ${record.id}, part ${record.part}, sealed`
    case 'refusals':
      return `refusals  ${Object.entries(record.counts ?? {})
        .map(([code, count]) => `${code} ${count}`)
        .join(', ')}`
    case 'log':
      return `log       ${record.event}${record.replayed === undefined ? '' : `, ${record.replayed} records taken up`}${record.cut === undefined ? '' : `, ${record.cut} bytes cut`}`
    default:
      return String((record as { kind: string }).kind)
  }
}
