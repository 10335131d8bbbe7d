import { open } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Anchor } from '../audit-log/audit-log.ts'
import { exportedAnchor } from '../audit-log/exported-anchor.ts'
import { readKeyChain } from '../audit-log/file-key-chain.ts'
import { systemFiles } from '../audit-log/file-system.ts'
import { formatVerifierKey, parseVerifierKey } from '../audit-log/signed-note.ts'
import { type Command, command } from './command.ts'
import { fileAnchor } from '../audit-log/file-anchor.ts'
import { verifyLog } from '../audit-log/file-verify.ts'
import type { Report } from '../audit-log/log-report.ts'
import { plain, UsageError } from './io.ts'
import type { Io } from './io.ts'
import { progressBar } from './progress-bar.ts'
import { findVerifierKey } from './verifier-key.ts'

export const auditVerify: Command = command({
  name: 'audit verify',
  summary: 'says whether a log is what its key signed',
  operands: ['DIR'],
  missing: 'give the folder of one log',
  about:
    'Reads a log from its first entry to its last and says whether it is what its key signed: nothing edited, removed, inserted, moved or written anew.',
  options: {
    key: {
      type: 'string',
      value: 'FILE|KEY',
      help: "the log's verifier key (name+id+base64), a file with it, or the key file in PEM. Keep it where whoever can change the log cannot change it. Without it, or with one in the log's own folder, the log may still have been replaced, so the answer is never yes",
    },
    anchor: {
      type: 'string',
      value: 'FILE',
      help: 'the anchor that the log publishes to. Only an anchor, or a size that you know, can show that the end was not cut off',
    },
    'anchor-export': {
      type: 'string',
      value: 'FILE',
      help: 'the same from lines of JSON, such as those that an OpenTelemetry collector wrote: each checkpoint of the log in them is compared with the log',
    },
    'expected-size': { type: 'string', value: 'N', help: 'there must be at least N entries' },
    unanchored: { type: 'boolean', help: 'be content without either: the end may be missing' },
    json: { type: 'boolean', help: 'the whole report as JSON' },
  },
  examples: ['sallyport audit verify var/audit --key support-bot.vkey --anchor /mnt/elsewhere/audit'],
  exits: ['it holds', 'it does not'],
  async run(values, [directory], io) {
    const { key, pinned } = await findVerifierKey(directory, values.key)
    const expected = values['expected-size']
    if (expected !== undefined && !/^\d{1,15}$/.test(expected)) throw new UsageError('--expected-size must be a whole number')
    const anchor = await anchorOf(directory, key, values.anchor, values['anchor-export'])
    const report = await verifyLog(directory, {
      key,
      ...(anchor !== undefined && { anchor }),
      ...(expected !== undefined && { expectedSize: Number(expected) }),
      ...(io.progress !== undefined && { onProgress: (done, total) => io.progress?.(progressBar('verifying', done, total)) }),
    })
    io.progress?.('')
    const isWhole = report.anchored || values.unanchored === true
    if (values.json === true) io.out(plain(JSON.stringify({ ...report, pinned, key })))
    else print(report, key, pinned, io)
    return report.ok && isWhole && pinned ? 0 : 1
  },
})

async function anchorOf(directory: string, key: string, path: string | undefined, exported: string | undefined): Promise<Anchor | undefined> {
  if (path !== undefined && exported !== undefined) throw new UsageError('give --anchor or --anchor-export, one at a time')
  if (path !== undefined) return fileAnchor(path)
  if (exported === undefined) return undefined
  const chain = await readKeyChain(systemFiles, resolve(directory), await parseVerifierKey(key))
  return exportedAnchor({ lines: () => linesOf(exported), key: [key, ...chain.rotations.map(({ next }) => formatVerifierKey(next))] })
}

async function* linesOf(path: string): AsyncGenerator<string> {
  const file = await open(path)
  try {
    yield* file.readLines()
  } finally {
    await file.close()
  }
}

function print(report: Report, key: string, pinned: boolean, io: Io): void {
  const { problems, checkpoint } = report
  const { entries } = report
  if (report.ok) io.out(`The log holds: ${entries} ${entries === 1 ? 'entry' : 'entries'}, signed by ${plain(key.split('+')[0] ?? '')}.`)
  else io.out('The log does not hold.')
  for (const { code, severity, index, message } of problems)
    io.out(`  ${severity === 'error' ? 'problem' : 'note   '}  ${code}${index === undefined ? '' : ` at entry ${index}`}: ${plain(message)}`)
  if (checkpoint !== undefined) io.out(`  root     ${checkpoint.root}`)
  if (!report.anchored) io.out('  anchor   none: whether the end was cut off cannot be told. Give --anchor or --expected-size, or say --unanchored.')
  if (!pinned) io.out('  key      from the folder itself: whoever wrote the log anew could have put it there. Give --key.')
}
