import { parseArgs } from 'node:util'
import { fileAnchor } from '../audit-log/file-anchor.ts'
import { fileLog } from '../audit-log/file-log.ts'
import { fileSigner } from '../audit-log/file-signer.ts'
import { maxNoteBytes, readRegular } from '../audit-log/file-system.ts'
import { UsageError } from './io.ts'
import type { Command } from './run.ts'

const help = `sallyport audit rotate DIR --from FILE --to FILE [--anchor FILE]

Lets an audit log go on with another key, by the word of the one before it: that stands in the log, so whoever has the old
verifier key goes on verifying with it. Close the log first, and give its application the new key afterwards. After a
crash, the same command finishes it.

  --from FILE         the key file that signs the log now
  --to FILE           the key file that is to sign it from now on: made where there is none
  --anchor FILE       the anchor that the log publishes to

  sallyport audit rotate var/audit --from audit.key --to audit-2027.key

Prints the new verifier key. Exit 0: it is done. 1: it is not. 2: the call is wrong.`

export const auditRotate: Command = {
  name: 'audit rotate',
  summary: 'lets an audit log go on with another key',
  help,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { from: { type: 'string' }, to: { type: 'string' }, anchor: { type: 'string' } },
    })
    const [directory, ...rest] = positionals
    if (directory === undefined || rest.length > 0) throw new UsageError('give the folder of one log')
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
    io.out(log.key)
    return 0
  },
}
