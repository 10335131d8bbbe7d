import { parseArgs } from 'node:util'
import { storedEntries, storedSize } from '../audit-log/file-entries.ts'
import type { StoredEntry } from '../audit-log/file-entries.ts'
import { parseEntry } from '../audit-log/record.ts'
import type { AuditRecord } from '../audit-log/record.ts'
import { plain, UsageError } from './io.ts'
import type { Command } from './run.ts'

const help = `sallyport audit tail DIR [-n COUNT] [--json]

Shows the newest records of a log, the newest last. Nothing is verified: for that there is audit verify.
A record with a * before it is not under a checkpoint yet.

  -n, --lines COUNT   how many; 10 unless given
  --json              one record a line, as it stands in the log

  sallyport audit tail var/audit -n 100 --json | jq 'select(.allowed == false)'`

export const auditTail: Command = {
  name: 'audit tail',
  summary: 'shows the newest records of a log',
  help,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { lines: { type: 'string', short: 'n', default: '10' }, json: { type: 'boolean' } },
    })
    const [directory, ...rest] = positionals
    if (directory === undefined || rest.length > 0) throw new UsageError('give the folder of one log')
    if (!/^[1-9]\d{0,5}$/.test(values.lines)) throw new UsageError('-n must be a number from 1 to 999999')
    const count = Number(values.lines)
    const newest: StoredEntry[] = []
    for await (const entry of storedEntries(directory, Math.max(0, (await storedSize(directory)) - count))) {
      newest.push(entry)
      if (newest.length >= count * 2) newest.splice(0, newest.length - count)
    }
    for (const entry of newest.slice(-count)) io.out(values.json === true ? plain(entry.text) : line(entry))
    return 0
  },
}

function line({ index, text, signed }: StoredEntry): string {
  const record = parseEntry(text)
  const shown = record === undefined ? `no record: ${text.slice(0, 80)}` : `${timeOf(record.time)}  ${describe(record)}`
  return `${signed ? ' ' : '*'}${String(index).padStart(8)}  ${plain(shown)}`
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
