import { type Command, command } from './command.ts'
import { plain, UsageError } from './io.ts'
import { readOptions, readRecords } from './read-records.ts'
import { RecordStatistics, type Statistics } from './record-statistics.ts'
import { queryArguments, recordQuery } from './record-query.ts'
import { dateOf } from './records-text.ts'

export const auditStats: Command = command({
  name: 'audit stats',
  summary: 'counts calls, refusals, tokens and times in a log',
  operands: ['DIR'],
  missing: 'give the folder of one log',
  about: 'Counts: calls let in and refused, by code, rule, action, caller, model and tenant; tokens; how calls ended and how long they took.',
  options: {
    ...queryArguments,
    top: { type: 'string', value: 'N', default: '10', help: 'how many of each' },
    json: { type: 'boolean', help: 'all of it as JSON' },
    ...readOptions,
  },
  examples: ['sallyport audit stats var/audit --since 24h'],
  exits: ['it was read to its end', 'it does not hold, or cannot be read'],
  async run(values, [directory], io) {
    if (!/^[1-9]\d{0,3}$/.test(values.top)) throw new UsageError('--top must be a number from 1 to 9999')
    if (values.anchor !== undefined && values.key === undefined) throw new UsageError('--anchor goes with --key')
    const statistics = new RecordStatistics()
    for await (const chosen of readRecords(directory, recordQuery(values), io, values)) for (const { record } of chosen) statistics.add(record)
    io.progress?.('')
    const result = statistics.result(Number(values.top))
    if (values.json === true) io.out(plain(JSON.stringify(result)))
    else for (const line of statisticsText(result)) io.out(plain(line))
    return 0
  },
})

function statisticsText({ records, first, last, calls, tables, tokens, elapsed, missing }: Statistics): string[] {
  const lines = [`${records.toLocaleString('en')} records${first === undefined ? '' : ` from ${dateOf(first)} to ${dateOf(last)}`}`]
  lines.push(
    `calls     ${calls.allowed.toLocaleString('en')} let in, ${calls.refused.toLocaleString('en')} refused, ${calls.unknown.toLocaleString('en')} of nobody known`,
  )
  lines.push(`tokens    ${tokens.input.toLocaleString('en')} in, ${tokens.output.toLocaleString('en')} out`)
  if (elapsed !== undefined)
    lines.push(`time      half within ${elapsed.p50} ms, 95 % within ${elapsed.p95} ms, 99 % within ${elapsed.p99} ms, longest ${elapsed.max} ms`)
  if (missing > 0) lines.push(`missing   ${missing.toLocaleString('en')} records could not be written`)
  for (const [name, rows] of Object.entries(tables)) {
    if (rows.length === 0) continue
    lines.push('', `by ${name}`)
    const width = Math.max(...rows.map(({ count }) => count.toLocaleString('en').length))
    for (const { value, count } of rows) lines.push(`  ${count.toLocaleString('en').padStart(width)}  ${value}`)
  }
  return lines
}
