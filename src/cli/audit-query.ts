import { type Command, command } from './command.ts'
import { plain, UsageError } from './io.ts'
import { readOptions, readRecords } from './read-records.ts'
import { recordLine } from './record-line.ts'
import { queryArguments, recordQuery } from './record-query.ts'

export const auditQuery: Command = command({
  name: 'audit query',
  summary: 'finds records in a log',
  operands: ['DIR'],
  missing: 'give the folder of one log',
  about: 'Shows the records that were asked for, as they are found, the oldest first.',
  options: {
    ...queryArguments,
    limit: { type: 'string', value: 'N', help: 'end after N of them' },
    count: { type: 'boolean', help: 'only say how many there are' },
    json: { type: 'boolean', help: 'one record a line, as it stands in the log' },
    ...readOptions,
  },
  examples: ['sallyport audit query var/audit --subject ada --since 7d --refused'],
  exits: ['it was read to its end', 'it does not hold, or cannot be read'],
  async run(values, [directory], io) {
    if (values.limit !== undefined && !/^[1-9]\d{0,14}$/.test(values.limit)) throw new UsageError('--limit must be a whole number above zero')
    if (values.anchor !== undefined && values.key === undefined) throw new UsageError('--anchor goes with --key')
    const limit = values.limit === undefined ? Infinity : Number(values.limit)
    let found = 0
    for await (const chosen of readRecords(directory, recordQuery(values), io, values)) {
      for (const { index, text } of chosen) {
        if (found === limit) break
        found++
        if (values.count !== true) io.out(values.json === true ? plain(text) : recordLine(index, text, true, io.colour))
      }
      if (found === limit || (await io.drained?.()) === false) break
    }
    io.progress?.('')
    if (values.count === true) io.out(values.json === true ? JSON.stringify({ count: found }) : String(found))
    return 0
  },
})
