import { parseArgs } from 'node:util'
import { ocsfEvent } from '../audit-log/ocsf-event.ts'
import { plain, UsageError } from './io.ts'
import { type ChosenRecord, readArguments, readHelp, readRecords } from './read-records.ts'
import { csvHead, csvLine } from './record-csv.ts'
import { queryArguments, queryHelp, recordQuery } from './record-query.ts'
import type { Command } from './run.ts'

const help = `sallyport audit export DIR --ocsf | --csv | --jsonl [--subject NAME] [--since T] … [--key FILE|KEY]

Writes records for other tools, as they are read, the oldest first.

  --ocsf              events of the Open Cybersecurity Schema Framework 1.8, one a line: API Activity, for SIEMs
  --csv               a table (RFC 4180): one record a line, in UTF-8. What a spreadsheet would take for a formula has a ' before it
  --jsonl             one record a line, as it stands in the log
${queryHelp}
${readHelp}

  sallyport audit export var/audit --ocsf --since 24h > yesterday.ocsf.jsonl

Exit 0: it was read to its end. 1: it does not hold. 2: the call is wrong.`

export const auditExport: Command = {
  name: 'audit export',
  summary: 'writes records for other tools: OCSF, CSV, JSON lines',
  help,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { ...queryArguments, ...readArguments, ocsf: { type: 'boolean' }, csv: { type: 'boolean' }, jsonl: { type: 'boolean' } },
    })
    const [directory, ...rest] = positionals
    if (directory === undefined || rest.length > 0) throw new UsageError('give the folder of one log')
    const { ocsf = false, csv = false, jsonl = false } = values
    if ([ocsf, csv, jsonl].filter(Boolean).length !== 1) throw new UsageError('give one of --ocsf, --csv and --jsonl')
    if (values.anchor !== undefined && values.key === undefined) throw new UsageError('--anchor goes with --key')
    const line = ocsf ? ocsfLine : csv ? csvLine : ({ text }: ChosenRecord): string => plain(text)
    if (csv) io.out(csvHead)
    for await (const chosen of readRecords(directory, recordQuery(values), io, values)) {
      const lines = chosen.map(line).filter((text) => text !== undefined)
      if (lines.length > 0) io.out(lines.join('\n'))
      if ((await io.drained?.()) === false) break
    }
    io.progress?.('')
    return 0
  },
}

function ocsfLine({ record, index }: ChosenRecord): string | undefined {
  const event = ocsfEvent(record, index)
  return event === undefined ? undefined : plain(JSON.stringify(event))
}
