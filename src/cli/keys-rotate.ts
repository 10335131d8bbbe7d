import { parseArgs } from 'node:util'
import { createFileKeys, type KeyringState, readFileKeys, rotateFileKeys } from '../keys/file-keyring.ts'
import { UsageError } from './io.ts'
import { passphraseOption, readLock } from './keyring-lock.ts'
import type { Command } from './run.ts'

const help = `sallyport keys rotate FILE --passphrase-file FILE [--new | --promote | --minimum NAME | --show] [--json]

Adds a key to a keyring: it opens from now on, and does not seal yet. Let every process read the file,
then run it again with --promote: the newest key is the one that seals. When everything was sealed or
wrapped anew (keys rewrap), --minimum takes the keys before that one out.

  sallyport keys rotate var/ring.json --passphrase-file var/passphrase --new
  sallyport keys rotate var/ring.json --passphrase-file var/passphrase
  sallyport keys rotate var/ring.json --passphrase-file var/passphrase --promote

--new makes a keyring with one key, and never writes over a file. --show only shows what is in it.

Exit 0: done. 1: it is not. 2: the call is wrong.`

export const keysRotate: Command = {
  name: 'keys rotate',
  summary: 'adds a key to a keyring, or makes the newest one seal',
  help,
  async run(args, io) {
    const flag = { type: 'boolean', default: false } as const
    const options = { ...passphraseOption, new: flag, promote: flag, show: flag, minimum: { type: 'string' }, json: flag } as const
    const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options })
    const [path, ...rest] = positionals
    if (path === undefined || rest.length > 0) throw new UsageError('give the name of one file')
    if ([values.new, values.promote, values.show, values.minimum !== undefined].filter(Boolean).length > 1)
      throw new UsageError('give at most one of --new, --promote, --minimum and --show')
    const lock = await readLock(values['passphrase-file'])
    let state: KeyringState
    if (values.new) state = await createFileKeys(path, lock)
    else if (values.show) state = await readFileKeys(path, lock)
    else state = await rotateFileKeys(path, lock, { promote: values.promote, ...(values.minimum !== undefined && { minimum: values.minimum }) })
    if (values.json) io.out(JSON.stringify(state))
    else for (const { name, created } of state.keys) io.out(`${name}  ${created}  ${name === state.primary ? 'seals and opens' : 'opens'}`)
    return 0
  },
}
