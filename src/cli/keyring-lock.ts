import type { KeyringLock } from '../keys/file-sealed.ts'
import { UsageError } from './io.ts'
import { readBytes } from './json-file.ts'

/** The option by which every command on a keyring is told its passphrase: never on the command line, where others can read it. */
export const passphraseOption = {
  'passphrase-file': { type: 'string', value: 'FILE', help: 'the passphrase of the keyring, in the first line of this file' },
} as const

/** The passphrase of a keyring: the first line of a file. @throws UsageError */
export async function readLock(path: string | undefined): Promise<KeyringLock> {
  if (path === undefined) throw new UsageError('give --passphrase-file')
  const [passphrase = ''] = new TextDecoder().decode(await readBytes(path)).split(/\r?\n/, 1)
  if (passphrase.length < 12) throw new UsageError('the passphrase must have at least 12 characters')
  return { passphrase }
}
