import { type Command, command } from './command.ts'
import { resolve } from 'node:path'
import { storedEntries, storedSize } from '../audit-log/file-entries.ts'
import type { StoredEntry } from '../audit-log/file-entries.ts'
import { listSegments } from '../audit-log/file-journal.ts'
import { systemFiles } from '../audit-log/file-system.ts'
import { type Io, plain, UsageError } from './io.ts'
import { recordLine } from './record-line.ts'

export const auditTail: Command = command({
  name: 'audit tail',
  summary: 'shows the newest records of a log',
  operands: ['DIR'],
  missing: 'give the folder of one log',
  about:
    'Shows the newest records of a log, the newest last. Nothing is verified: for that there is audit verify. A record with a * before it is not under a checkpoint yet.',
  options: {
    lines: { type: 'string', value: 'COUNT', short: 'n', default: '10', help: 'how many' },
    follow: { type: 'boolean', short: 'f', help: 'go on and show what is added, until it is stopped' },
    json: { type: 'boolean', help: 'one record a line, as it stands in the log' },
  },
  examples: ["sallyport audit tail var/audit -n 100 --json | jq 'select(.allowed == false)'"],
  exits: ['it was shown', 'there is no log, or it cannot be read'],
  async run(values, [directory], io) {
    if (!/^[1-9]\d{0,5}$/.test(values.lines)) throw new UsageError('-n must be a number from 1 to 999999')
    const count = Number(values.lines)
    const newest: StoredEntry[] = []
    for await (const entry of storedEntries(directory, Math.max(0, (await storedSize(directory)) - count))) {
      newest.push(entry)
      if (newest.length >= count * 2) newest.splice(0, newest.length - count)
    }
    const show = ({ index, text, signed }: StoredEntry): void =>
      io.out(values.json === true ? plain(text) : recordLine(index, text, signed, io.colour))
    for (const entry of newest.slice(-count)) show(entry)
    if (values.follow === true) await follow(directory, (newest.at(-1)?.index ?? (await storedSize(directory)) - 1) + 1, io, show)
    return 0
  },
})

/** Milliseconds between two looks at a log. */
const pause = 500

async function follow(directory: string, from: number, io: Io, show: (entry: StoredEntry) => void): Promise<void> {
  let next = from
  let seen = ''
  while (io.signal?.aborted !== true) {
    // The whole journal is read only where something was written.
    const segments = await listSegments(systemFiles, resolve(directory))
    const newest = segments.at(-1)
    const now = newest === undefined ? `${await storedSize(directory)}` : `${newest.path} ${await systemFiles.touchedAt(newest.path)}`
    if (now !== seen) {
      seen = now
      for await (const entry of storedEntries(directory, next)) {
        show(entry)
        next = entry.index + 1
      }
      if ((await io.drained?.()) === false) return
    }
    await new Promise<void>((done) => {
      const timer = setTimeout(done, pause)
      io.signal?.addEventListener(
        'abort',
        () => {
          clearTimeout(timer)
          done()
        },
        { once: true },
      )
    })
  }
}
