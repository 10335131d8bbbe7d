import { type Command, command } from './command.ts'
import { ocsfEvent } from '../audit-log/ocsf-event.ts'
import { plain, UsageError } from './io.ts'
import { type ChosenRecord, readOptions, readRecords } from './read-records.ts'
import { csvHead, csvLine } from './record-csv.ts'
import { queryArguments, recordQuery } from './record-query.ts'

export const auditExport: Command = command({
  name: 'audit export',
  summary: 'writes records for other tools: OCSF, CSV, JSON lines',
  operands: ['DIR'],
  missing: 'give the folder of one log',
  about: 'Writes records for other tools, as they are read, the oldest first. One of --ocsf, --csv and --jsonl says how.',
  options: {
    ocsf: { type: 'boolean', help: 'events of the Open Cybersecurity Schema Framework 1.8, one a line: API Activity, for SIEMs' },
    csv: { type: 'boolean', help: "a table (RFC 4180): one record a line, in UTF-8. What a spreadsheet would take for a formula has a ' before it" },
    jsonl: { type: 'boolean', help: 'one record a line, as it stands in the log' },
    ...queryArguments,
    ...readOptions,
  },
  examples: ['sallyport audit export var/audit --ocsf --since 24h > yesterday.ocsf.jsonl'],
  exits: ['it was read to its end', 'it does not hold, or cannot be read'],
  async run(values, [directory], io) {
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
})

function ocsfLine({ record, index }: ChosenRecord): string | undefined {
  const event = ocsfEvent(record, index)
  return event === undefined ? undefined : plain(JSON.stringify(event))
}
