import { parseArgs } from 'node:util'
import { plain, UsageError } from './io.ts'
import { readArguments, readHelp, readRecords } from './read-records.ts'
import { RecordStatistics, type Statistics } from './record-statistics.ts'
import { queryArguments, queryHelp, recordQuery } from './record-query.ts'
import { dateOf } from './records-text.ts'
import type { Command } from './run.ts'

const help = `sallyport audit stats DIR [--since T] [--subject NAME] … [--key FILE|KEY] [--json]

Counts: calls let in and refused, by code, rule, action, caller, model and tenant; tokens; how calls ended and how long they took.

${queryHelp}
  --top N             how many of each; 10 unless given
  --json              all of it as JSON
${readHelp}

  sallyport audit stats var/audit --since 24h

Exit 0: it was read to its end. 1: it does not hold. 2: the call is wrong.`

export const auditStats: Command = {
  name: 'audit stats',
  summary: 'counts calls, refusals, tokens and times in a log',
  help,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { ...queryArguments, ...readArguments, top: { type: 'string', default: '10' }, json: { type: 'boolean' } },
    })
    const [directory, ...rest] = positionals
    if (directory === undefined || rest.length > 0) throw new UsageError('give the folder of one log')
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
}

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
