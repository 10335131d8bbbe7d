import { type Command, command } from './command.ts'
import { createFileKeys, type KeyringState, readFileKeys, rotateFileKeys } from '../keys/file-keyring.ts'
import { UsageError } from './io.ts'
import { passphraseOption, readLock } from './keyring-lock.ts'

export const keysRotate: Command = command({
  name: 'keys rotate',
  summary: 'adds a key to a keyring, or makes the newest one seal',
  operands: ['FILE'],
  missing: 'give the name of one file',
  about:
    'Adds a key to a keyring: it opens from now on, and does not seal yet. Let every process read the file, then run it again with --promote: the newest key is the one that seals. When everything was sealed or wrapped anew (keys rewrap), --minimum takes the keys before that one out.',
  options: {
    ...passphraseOption,
    new: { type: 'boolean', help: 'make a keyring with one key. Never writes over a file' },
    promote: { type: 'boolean', help: 'let the newest key seal' },
    minimum: { type: 'string', value: 'NAME', help: 'take out the keys before this one' },
    show: { type: 'boolean', help: 'only show what is in it' },
    json: { type: 'boolean', help: 'the keyring as JSON, without its keys' },
  },
  examples: [
    'sallyport keys rotate var/ring.json --passphrase-file var/passphrase --new',
    'sallyport keys rotate var/ring.json --passphrase-file var/passphrase',
    'sallyport keys rotate var/ring.json --passphrase-file var/passphrase --promote',
  ],
  exits: ['it is done', 'it is not'],
  async run(values, [path], io) {
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
})
