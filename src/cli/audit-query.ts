import { parseArgs } from 'node:util'
import { plain, UsageError } from './io.ts'
import { readArguments, readHelp, readRecords } from './read-records.ts'
import { recordLine } from './record-line.ts'
import { queryArguments, queryHelp, recordQuery } from './record-query.ts'
import type { Command } from './run.ts'

const help = `sallyport audit query DIR [--subject NAME] [--since T] [--action NAME] [--refused] … [--key FILE|KEY] [--json]

Shows the records that were asked for, as they are found, the oldest first.

${queryHelp}
  --limit N           end after N of them
  --count             only say how many there are
  --json              one record a line, as it stands in the log
${readHelp}

  sallyport audit query var/audit --subject ada --since 7d --refused

Exit 0: it was read to its end. 1: it does not hold. 2: the call is wrong.`

export const auditQuery: Command = {
  name: 'audit query',
  summary: 'finds records in a log',
  help,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { ...queryArguments, ...readArguments, limit: { type: 'string' }, count: { type: 'boolean' }, json: { type: 'boolean' } },
    })
    const [directory, ...rest] = positionals
    if (directory === undefined || rest.length > 0) throw new UsageError('give the folder of one log')
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
}
