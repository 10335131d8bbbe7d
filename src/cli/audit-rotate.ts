import { type Command, command } from './command.ts'
import { fileAnchor } from '../audit-log/file-anchor.ts'
import { fileLog } from '../audit-log/file-log.ts'
import { fileSigner } from '../audit-log/file-signer.ts'
import { maxNoteBytes, readRegular } from '../audit-log/file-system.ts'
import { UsageError } from './io.ts'

export const auditRotate: Command = command({
  name: 'audit rotate',
  summary: 'lets an audit log go on with another key',
  operands: ['DIR'],
  missing: 'give the folder of one log',
  about:
    'Lets an audit log go on with another key, by the word of the one before it: that stands in the log, so whoever has the old verifier key goes on verifying with it. Close the log first, and give its application the new key afterwards. After a crash, the same command finishes it. It prints the new verifier key.',
  options: {
    from: { type: 'string', value: 'FILE', help: 'the key file that signs the log now' },
    to: { type: 'string', value: 'FILE', help: 'the key file that is to sign it from now on: made where there is none' },
    anchor: { type: 'string', value: 'FILE', help: 'the anchor that the log publishes to' },
    json: { type: 'boolean', help: 'the new verifier key as JSON: key' },
  },
  examples: ['sallyport audit rotate var/audit --from audit.key --to audit-2027.key'],
  exits: ['it is done', 'it is not'],
  async run(values, [directory], io) {
    const { from, to, anchor } = values
    if (from === undefined || to === undefined) throw new UsageError('give the two key files with --from and --to')
    const isThere = async (path: string): Promise<boolean> => (await readRegular(path, maxNoteBytes, 'follow')) !== undefined
    if (!(await isThere(from))) throw new UsageError(`there is no key file ${from}`)
    // A log that is begun here would be none that was rotated.
    if (!(await isThere(`${directory}/checkpoint`))) throw new UsageError(`there is no log in ${directory}`)
    const log = await fileLog(directory, {
      signer: await fileSigner(to),
      previous: await fileSigner(from),
      ...(anchor !== undefined && { anchor: fileAnchor(anchor) }),
    })
    await log.close()
    io.out(values.json ? JSON.stringify({ key: log.key }) : log.key)
    return 0
  },
})
