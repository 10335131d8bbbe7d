import { randomBytes, scrypt } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, link, open, rename, rm } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { GuardError } from '../guard/errors.ts'
import { decodeBase64url, encodeBase64url } from './base64url.ts'
import { InputKey } from './input-key.ts'
import { encodeKeyContext, type KeyProvider } from './key-provider.ts'
import { keyring } from './keyring.ts'
import { readKeyring, type RingContent, writeKeyring } from './keyring-content.ts'
import { unwrapSecret, wrapSecret } from './wrap-key.ts'

/** What locks a keyring file: a passphrase of at least 12 characters, or another provider of keys. */
export type KeyringLock =
  | {
      readonly passphrase: string
      /** For a new file: the cost of scrypt as log2 of its N, from 14 to 20; 17 (128 MiB, half a second) unless given. */
      readonly cost?: number
    }
  | { readonly provider: KeyProvider }

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

const format = 'sallyport keyring v1'
/** log2 of the cost of scrypt: what OWASP names, and the bounds within which a file may say otherwise. */
const costs = { least: 14, usual: 17, most: 20 } as const
const block = 8
const maxBytes = 64 * 1024

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
  const content = await load(path, checked(lock))
  const ring = keyring({
    id: content.id,
    primary: content.primary,
    keys: Object.fromEntries(content.keys.map(({ name, key }) => [name, key])),
  })
  for (const { key } of content.keys) key.fill(0)
  return ring
}

/** Makes a keyring file with one key. Never writes over a file. @throws Error with the code `EEXIST` where there is one. */
export async function createFileKeys(path: string, lock: KeyringLock, id: string = 'local'): Promise<KeyringState> {
  const content: RingContent = { id, primary: 'k1', keys: [{ name: 'k1', created: new Date().toISOString(), key: new Uint8Array(randomBytes(32)) }] }
  const text = await seal(content, checked(lock))
  await write(path, text, true)
  return stateOf(content)
}

/**
 * Rotates in two steps: first a new key is added, which opens and does not wrap yet; once every process has read the file, a second
 * time with `promote` it becomes the primary one. So nothing is ever wrapped by a key that somebody does not know.
 *
 * @throws TypeError where there is nothing to promote, or for a minimum that is none of the keys or newer than the primary one.
 */
export async function rotateFileKeys(path: string, lock: KeyringLock, options: RotateOptions = {}): Promise<KeyringState> {
  const { content, own } = await loadWith(path, checked(lock))
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
  await write(path, await seal(rotated, own), false)
  return stateOf(rotated)
}

/** What is in a keyring file, without the keys. */
export async function readFileKeys(path: string, lock: KeyringLock): Promise<KeyringState> {
  return stateOf(await load(path, checked(lock)))
}

function stateOf({ id, primary, keys }: RingContent): KeyringState {
  return { id, primary, keys: keys.map(({ name, created }) => ({ name, created })) }
}

function checked(lock: KeyringLock): KeyringLock {
  if (typeof lock === 'object' && lock !== null) {
    if ('passphrase' in lock && typeof lock.passphrase === 'string' && lock.passphrase.length >= 12) {
      const { passphrase, cost = costs.usual } = lock
      if (isCost(cost)) return { passphrase, cost }
    }
    if ('provider' in lock && typeof lock.provider?.generate === 'function' && typeof lock.provider.unwrap === 'function')
      return { provider: lock.provider }
  }
  throw new TypeError('a keyring is locked by a passphrase of at least 12 characters or by a provider')
}

function isCost(cost: unknown): cost is number {
  return Number.isSafeInteger(cost) && Number(cost) >= costs.least && Number(cost) <= costs.most
}

async function seal(content: RingContent, lock: KeyringLock): Promise<string> {
  const plaintext = writeKeyring(content)
  if ('provider' in lock) {
    const { plaintext: key, wrapped } = await lock.provider.generate({ keyring: content.id })
    const sealed = await wrapSecret(new InputKey(key), plaintext, encodeKeyContext({}, format, 'provider', wrapped.id, wrapped.version))
    key.fill(0)
    const text = { format, id: content.id, key: { id: wrapped.id, version: wrapped.version, wrapped: encodeBase64url(wrapped.bytes) } }
    return `${JSON.stringify({ ...text, sealed: encodeBase64url(sealed) })}\n`
  }
  const salt = encodeBase64url(randomBytes(16))
  const { cost = costs.usual } = lock
  const key = await derive(lock.passphrase, salt, cost)
  const sealed = await wrapSecret(key, plaintext, encodeKeyContext({}, format, 'scrypt', salt, String(cost)))
  key.wipe()
  return `${JSON.stringify({ format, id: content.id, scrypt: { salt, cost }, sealed: encodeBase64url(sealed) })}\n`
}

async function load(path: string, lock: KeyringLock): Promise<RingContent> {
  return (await loadWith(path, lock)).content
}

/** With the lock as the file has it, so that a rotation leaves its cost as it is. */
async function loadWith(path: string, lock: KeyringLock): Promise<{ readonly content: RingContent; readonly own: KeyringLock }> {
  const file: unknown = parse(await read(path))
  const sealed = bytesIn(file, 'sealed')
  if (textIn(file, 'format') !== format) throw unreadable()
  let plaintext: Uint8Array
  let own = lock
  if ('provider' in lock) {
    const key = memberOf(file, 'key')
    const wrapped = { id: textIn(key, 'id'), version: textIn(key, 'version'), bytes: bytesIn(key, 'wrapped') }
    const opened = await lock.provider.unwrap(wrapped, { keyring: textIn(file, 'id') })
    plaintext = await unwrapSecret(new InputKey(opened), sealed, encodeKeyContext({}, format, 'provider', wrapped.id, wrapped.version))
  } else {
    const parameters = memberOf(file, 'scrypt')
    const salt = textIn(parameters, 'salt')
    const cost = memberOf(parameters, 'cost')
    // A file must not be able to end the process. A lower cost than the file was made with gives another key.
    if (!isCost(cost)) throw unreadable()
    const key = await derive(lock.passphrase, salt, cost)
    plaintext = await unwrapSecret(key, sealed, encodeKeyContext({}, format, 'scrypt', salt, String(cost)))
    key.wipe()
    own = { ...lock, cost }
  }
  const content = readKeyring(plaintext)
  plaintext.fill(0)
  if (content === undefined || content.id !== textIn(file, 'id')) throw unreadable()
  return { content, own }
}

function derive(passphrase: string, salt: string, logN: number): Promise<InputKey> {
  return new Promise((resolve, reject) => {
    const options = { N: 2 ** logN, r: block, p: 1, maxmem: 256 * 2 ** logN * block }
    scrypt(passphrase.normalize('NFC'), salt, 32, options, (error, key) => {
      if (error !== null) return reject(error)
      resolve(new InputKey(key))
      key.fill(0)
    })
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw unreadable()
  }
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined
}

function textIn(value: unknown, name: string): string {
  const text = memberOf(value, name)
  if (typeof text !== 'string') throw unreadable()
  return text
}

function bytesIn(value: unknown, name: string): Uint8Array {
  const bytes = decodeBase64url(textIn(value, name))
  if (bytes === undefined) throw unreadable()
  return bytes
}

function unreadable(): GuardError {
  return new GuardError('decryption_failed', { reason: 'this is no keyring file, or one that was changed' })
}

async function read(path: string): Promise<string> {
  const file = await open(path, 'r')
  try {
    const { mode, size } = await file.stat()
    if (process.platform !== 'win32' && (mode & 0o077) !== 0)
      throw new Error(`The keyring ${path} can be read or changed by others: run chmod 600 on it`)
    if (size > maxBytes) throw unreadable()
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}

// A file appears whole or not at all, and is on the disk before anybody relies on it.
async function write(path: string, text: string, isNew: boolean): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  try {
    await withFile(await open(draft, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600), async (file) => {
      await file.writeFile(text)
      await file.sync()
    })
    if (isNew) await link(draft, path)
    else await rename(draft, path)
  } finally {
    await rm(draft, { force: true })
  }
  if (process.platform !== 'win32') await withFile(await open(dirname(resolve(path)), 'r'), (folder) => folder.sync())
}

async function withFile(file: FileHandle, work: (file: FileHandle) => Promise<void>): Promise<void> {
  try {
    await work(file)
  } finally {
    await file.close()
  }
}
