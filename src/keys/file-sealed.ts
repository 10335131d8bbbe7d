import { randomBytes, scrypt } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, link, open, rename, rm } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { GuardError } from '../guard/errors.ts'
import { decodeBase64url, encodeBase64url } from './base64url.ts'
import { InputKey } from './input-key.ts'
import { encodeKeyContext, type KeyContext, type KeyProvider } from './key-provider.ts'
import { unwrapSecret, wrapSecret } from './wrap-key.ts'

/** What locks a keyring file: a passphrase of at least 12 characters, or another provider of keys. */
export type KeyringLock =
  | {
      readonly passphrase: string
      /** For a new file: the cost of scrypt as log2 of its N, from 14 to 20; 17 (128 MiB, half a second) unless given. */
      readonly cost?: number
    }
  | { readonly provider: KeyProvider }

/** log2 of the cost of scrypt: what OWASP names, and the bounds within which a file may say otherwise. */
const costs = { least: 14, usual: 17, most: 20 } as const
const block = 8
const maxBytes = 64 * 1024

/** A kind of file with keys in it. */
export interface SealedKind {
  /** What stands in the file, and is bound to what is sealed. */
  readonly format: string
  /** What a provider is told of it. */
  readonly contextOf: (id: string) => KeyContext
}

/** A copy of a lock. @throws TypeError for one that is none. */
export function checkedLock(lock: KeyringLock): KeyringLock {
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

/** The text of such a file, sealed by its lock. */
export async function sealFile({ format, contextOf }: SealedKind, id: string, plaintext: Uint8Array, lock: KeyringLock): Promise<string> {
  if ('provider' in lock) {
    const { plaintext: key, wrapped } = await lock.provider.generate(contextOf(id))
    const sealed = await wrapSecret(new InputKey(key), plaintext, encodeKeyContext({}, format, 'provider', wrapped.id, wrapped.version))
    key.fill(0)
    const text = { format, id, key: { id: wrapped.id, version: wrapped.version, wrapped: encodeBase64url(wrapped.bytes) } }
    return `${JSON.stringify({ ...text, sealed: encodeBase64url(sealed) })}\n`
  }
  const salt = encodeBase64url(randomBytes(16))
  const { cost = costs.usual } = lock
  const key = await derive(lock.passphrase, salt, cost)
  const sealed = await wrapSecret(key, plaintext, encodeKeyContext({}, format, 'scrypt', salt, String(cost)))
  key.wipe()
  return `${JSON.stringify({ format, id, scrypt: { salt, cost }, sealed: encodeBase64url(sealed) })}\n`
}

/** What was sealed in a file. */
interface OpenedFile {
  readonly id: string
  /** For whoever opened it to overwrite. */
  readonly plaintext: Uint8Array
  /** The lock as the file has it, so that a rotation leaves its cost as it is. */
  readonly own: KeyringLock
}

/**
 * Opens such a file.
 *
 * @throws Error for a file that is not there or that others may read or change; GuardError `decryption_failed` for another lock, and
 * for a file of another kind or that was changed.
 */
export async function openFile({ format, contextOf }: SealedKind, path: string, lock: KeyringLock): Promise<OpenedFile> {
  const file: unknown = parse(await read(path))
  const sealed = bytesIn(file, 'sealed')
  if (textIn(file, 'format') !== format) throw unreadable()
  const id = textIn(file, 'id')
  if ('provider' in lock) {
    const key = memberOf(file, 'key')
    const wrapped = { id: textIn(key, 'id'), version: textIn(key, 'version'), bytes: bytesIn(key, 'wrapped') }
    const opened = await lock.provider.unwrap(wrapped, contextOf(id))
    const plaintext = await unwrapSecret(new InputKey(opened), sealed, encodeKeyContext({}, format, 'provider', wrapped.id, wrapped.version))
    return { id, plaintext, own: lock }
  }
  const parameters = memberOf(file, 'scrypt')
  const salt = textIn(parameters, 'salt')
  const cost = memberOf(parameters, 'cost')
  // A file must not be able to end the process. A lower cost than the file was made with gives another key.
  if (!isCost(cost)) throw unreadable()
  const key = await derive(lock.passphrase, salt, cost)
  const plaintext = await unwrapSecret(key, sealed, encodeKeyContext({}, format, 'scrypt', salt, String(cost)))
  key.wipe()
  return { id, plaintext, own: { ...lock, cost } }
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

/** For a file of another kind, or that was changed. */
export function unreadable(): GuardError {
  return new GuardError('decryption_failed', { reason: 'this is no such file, or one that was changed' })
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

/**
 * Writes such a file, readable by its owner only: whole or not at all, and on the disk before anybody relies on it.
 *
 * @throws Error with the code `EEXIST` where a new one is there already.
 */
export async function writeFile(path: string, text: string, isNew: boolean): Promise<void> {
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
