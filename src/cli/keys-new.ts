import { parseArgs } from 'node:util'
import { createKeyFile } from '../audit-log/file-signer.ts'
import { formatVerifierKey, isKeyName, verifierKey } from '../audit-log/signed-note.ts'
import { UsageError } from './io.ts'
import type { Command } from './run.ts'

const help = `sallyport keys new FILE [--origin NAME]

Makes a key for an audit log: Ed25519 in PEM, readable by you only. Never writes over a file.
With --origin it prints the verifier key of the log of that name: what audit verify --key wants.

  sallyport keys new var/audit.key --origin support-bot.eu-1 > support-bot.vkey

Exit 0: it is made. 1: it is not. 2: the call is wrong.`

export const keysNew: Command = {
  name: 'keys new',
  summary: 'makes a key for an audit log',
  help,
  async run(args, io) {
    const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options: { origin: { type: 'string' } } })
    const [path, ...rest] = positionals
    if (path === undefined || rest.length > 0) throw new UsageError('give the name of one file')
    const { origin } = values
    // Before the file is made: a wrong name must not leave one.
    if (origin !== undefined && !isKeyName(origin)) throw new UsageError('--origin must be a name without spaces, plus signs and control characters')
    try {
      const signer = await createKeyFile(path)
      if (origin !== undefined) io.out(formatVerifierKey(await verifierKey(origin, signer.publicKey)))
      else io.error(`Made ${path}. A log's verifier key is in its folder, in the file verifier-key: copy it to where the log is not.`)
      return 0
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
      io.error(`There is a file ${path} already, and it stays as it is.`)
      return 1
    }
  },
}
