import { randomBytes } from 'node:crypto'
import { checkedLock, type KeyringLock, openFile, type SealedKind, sealFile, unreadable, writeFile } from './file-sealed.ts'
import type { KeyProvider } from './key-provider.ts'
import { keyring } from './keyring.ts'
import { readKeyring, type RingContent, writeKeyring } from './keyring-content.ts'

/** Options of `rotateFileKeys`. */
export interface RotateOptions {
  /** Makes the newest key the primary one, instead of adding one. Once every process has read the file with it. */
  readonly promote?: boolean
  /** The oldest key that still opens, from now on; the keys before it are taken out of the file. */
  readonly minimum?: string
}

/** What is in a keyring file, without the keys. */
export interface KeyringState {
  readonly id: string
  readonly primary: string
  /** The oldest first. */
  readonly keys: readonly { readonly name: string; readonly created: string }[]
}

const kind: SealedKind = { format: 'sallyport keyring v1', contextOf: (id) => ({ keyring: id }) }

/**
 * A keyring in a file: its keys are sealed by a passphrase (scrypt, RFC 7914) or by another provider, and it is readable by its
 * owner only. Read once; after a rotation read it again.
 *
 * ```ts
 * const keys = await fileKeys('var/ring.json', { passphrase })
 * ```
 *
 * @throws TypeError for a lock that is none; Error for a file that is not there or that others may read or change; GuardError
 * `decryption_failed` for another passphrase and for a file that was changed.
 */
export async function fileKeys(path: string, lock: KeyringLock): Promise<KeyProvider> {
  const content = await load(path, checkedLock(lock))
  const ring = keyring({
    id: content.id,
    primary: content.primary,
    keys: Object.fromEntries(content.keys.map(({ name, key }) => [name, key])),
  })
  for (const { key } of content.keys) key.fill(0)
  return ring
}

/**
 * Makes a keyring file with one key. Never writes over a file.
 *
 * @throws TypeError for a wrong lock, or an `id` that is no text; Error with the code `EEXIST` where there is a file.
 */
export async function createFileKeys(path: string, lock: KeyringLock, id: string = 'local'): Promise<KeyringState> {
  // Another could be written, and never read again.
  if (typeof id !== 'string') throw new TypeError('createFileKeys: id: must be a text')
  const content: RingContent = { id, primary: 'k1', keys: [{ name: 'k1', created: new Date().toISOString(), key: new Uint8Array(randomBytes(32)) }] }
  const text = await seal(content, checkedLock(lock))
  await writeFile(path, text, true)
  return stateOf(content)
}

/**
 * Rotates in two steps: first a new key is added, which opens and does not wrap yet; once every process has read the file, a second
 * time with `promote` it becomes the primary one. So nothing is ever wrapped by a key that somebody does not know.
 *
 * @throws TypeError where there is nothing to promote, or for a minimum that is none of the keys or newer than the primary one.
 */
export async function rotateFileKeys(path: string, lock: KeyringLock, options: RotateOptions = {}): Promise<KeyringState> {
  const { content, own } = await loadWith(path, checkedLock(lock))
  let { primary, keys } = content
  const newest = keys[keys.length - 1]?.name ?? primary
  if (options.promote === true) {
    if (newest === primary) throw new TypeError('there is no key that waits to be promoted: rotate without promote first')
    primary = newest
  } else if (options.minimum === undefined) {
    const number = Math.max(...keys.map(({ name }) => Number(/\d+$/.exec(name)?.[0] ?? 0))) + 1
    keys = [...keys, { name: `k${number}`, created: new Date().toISOString(), key: new Uint8Array(randomBytes(32)) }]
  }
  if (options.minimum !== undefined) {
    const first = keys.findIndex(({ name }) => name === options.minimum)
    if (first === -1) throw new TypeError('minimum must be the name of one of the keys')
    if (keys.findIndex(({ name }) => name === primary) < first) throw new TypeError('minimum must not be newer than the primary key')
    keys = keys.slice(first)
  }
  const rotated = { ...content, primary, keys }
  await writeFile(path, await seal(rotated, own), false)
  return stateOf(rotated)
}

/** What is in a keyring file, without the keys. */
export async function readFileKeys(path: string, lock: KeyringLock): Promise<KeyringState> {
  return stateOf(await load(path, checkedLock(lock)))
}

function stateOf({ id, primary, keys }: RingContent): KeyringState {
  return { id, primary, keys: keys.map(({ name, created }) => ({ name, created })) }
}

function seal(content: RingContent, lock: KeyringLock): Promise<string> {
  return sealFile(kind, content.id, writeKeyring(content), lock)
}

async function load(path: string, lock: KeyringLock): Promise<RingContent> {
  return (await loadWith(path, lock)).content
}

async function loadWith(path: string, lock: KeyringLock): Promise<{ readonly content: RingContent; readonly own: KeyringLock }> {
  const { id, plaintext, own } = await openFile(kind, path, lock)
  const content = readKeyring(plaintext)
  plaintext.fill(0)
  if (content === undefined || content.id !== id) throw unreadable()
  return { content, own }
}
