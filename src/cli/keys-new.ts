import { type Command, command } from './command.ts'
import { createKeyFile } from '../audit-log/file-signer.ts'
import { formatVerifierKey, isKeyName, verifierKey } from '../audit-log/signed-note.ts'
import { plain, UsageError } from './io.ts'

export const keysNew: Command = command({
  name: 'keys new',
  summary: 'makes a key for an audit log',
  operands: ['FILE'],
  missing: 'give the name of one file',
  about:
    'Makes a key for an audit log: Ed25519 in PEM, readable by you only. Never writes over a file. With --origin it prints the verifier key of the log of that name: what audit verify --key wants.',
  options: {
    origin: { type: 'string', value: 'NAME', help: "the log's name" },
    json: { type: 'boolean', help: 'what was made as JSON: file, and key with --origin' },
  },
  examples: ['sallyport keys new var/audit.key --origin support-bot.eu-1 > support-bot.vkey'],
  exits: ['it is made', 'it is not'],
  async run(values, [path], io) {
    const { origin } = values
    // Before the file is made: a wrong name must not leave one.
    if (origin !== undefined && !isKeyName(origin)) throw new UsageError('--origin must be a name without spaces, plus signs and control characters')
    try {
      const signer = await createKeyFile(path)
      const key = origin === undefined ? undefined : formatVerifierKey(await verifierKey(origin, signer.publicKey))
      if (values.json) io.out(plain(JSON.stringify({ file: path, ...(key !== undefined && { key }) })))
      else if (key !== undefined) io.out(key)
      else io.error(`Made ${plain(path)}. A log's verifier key is in its folder, in the file verifier-key: copy it to where the log is not.`)
      return 0
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
      io.error(`There is a file ${plain(path)} already, and it stays as it is.`)
      return 1
    }
  },
})
