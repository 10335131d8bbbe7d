import type { JWK } from 'jose'
import type { AgreementCurve } from './agreement-key.ts'
import { generateAgreementKeys } from './agreement-key.ts'
import type { AgreementKeys, PublicKeySet } from './agreement-keys.ts'
import { checkedLock, type KeyringLock, openFile, type SealedKind, sealFile, unreadable, writeFile } from './file-sealed.ts'
import { localKeys } from './local-keys.ts'

/** Options of `createFileAgreementKeys`. */
export interface CreateAgreementKeysOptions {
  /** Private keys that are there already, as `localKeys` takes them; one new key unless given. */
  readonly jwks?: { readonly keys: readonly JWK[] }
  /** The curve of a new key; `X25519` unless given. */
  readonly curve?: AgreementCurve
  /** What the file is called where a provider locks it; `local` unless given. */
  readonly id?: string
}

const kind: SealedKind = { format: 'sallyport jwks v1', contextOf: (id) => ({ jwks: id }) }
/** What one file can hold is sealed in one piece. */
const maxContent = 16_383
const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * Private keys that open what callers sealed (`localKeys({ jwks })`), from a file: a JWK Set that is sealed by a passphrase (scrypt,
 * RFC 7914) or by another provider, and readable by its owner only. Read once.
 *
 * ```ts
 * const keys = await fileAgreementKeys('var/wire.json', { passphrase })
 * ```
 *
 * @throws TypeError for a lock that is none; Error for a file that is not there or that others may read or change; GuardError
 * `decryption_failed` for another passphrase, and for a file that was changed or holds no such keys.
 */
export async function fileAgreementKeys(path: string, lock: KeyringLock): Promise<AgreementKeys> {
  const { id, plaintext } = await openFile(kind, path, checkedLock(lock))
  const jwks = readJwks(plaintext, id)
  plaintext.fill(0)
  try {
    return localKeys({ jwks })
  } catch {
    throw unreadable()
  }
}

/**
 * Makes such a file, with keys that are given or with a new one. Never writes over a file.
 *
 * @returns the public keys, for callers to seal to.
 * @throws TypeError for keys that `localKeys` does not take, and for more than a file holds (some 60); Error with the code `EEXIST`
 * where there is a file.
 */
export async function createFileAgreementKeys(path: string, lock: KeyringLock, options: CreateAgreementKeysOptions = {}): Promise<PublicKeySet> {
  const { curve = 'X25519', id = 'local' } = options
  if (curve !== 'X25519' && curve !== 'P-256') throw new TypeError("createFileAgreementKeys: curve: must be 'X25519' or 'P-256'")
  // Another could be written, and never read again.
  if (typeof id !== 'string') throw new TypeError('createFileAgreementKeys: id: must be a text')
  const own = checkedLock(lock)
  // A copy: what is checked is what is sealed.
  const jwks: { keys: JWK[] } = options.jwks === undefined ? { keys: [await newKey(curve)] } : structuredClone({ keys: [...options.jwks.keys] })
  const published = await localKeys({ jwks }).publicKeys()
  const content = new TextEncoder().encode(JSON.stringify({ id, keys: jwks.keys }))
  if (content.length > maxContent) throw new TypeError('createFileAgreementKeys: jwks: has more keys than a file holds')
  await writeFile(path, await sealFile(kind, id, content, own), true)
  content.fill(0)
  return published
}

async function newKey(curve: AgreementCurve): Promise<JWK> {
  const { privateKey } = await generateAgreementKeys(curve, true)
  // Without what runtimes add, each in its own way.
  const { kty = '', crv = '', x = '', y, d = '' } = await crypto.subtle.exportKey('jwk', privateKey)
  return { kty, crv, x, ...(y !== undefined && { y }), d, use: 'enc' } as JWK
}

function readJwks(plaintext: Uint8Array, id: string): { readonly keys: readonly JWK[] } {
  try {
    const value: unknown = JSON.parse(decoder.decode(plaintext))
    if (typeof value === 'object' && value !== null && 'id' in value && value.id === id && 'keys' in value && Array.isArray(value.keys))
      return { keys: value.keys as readonly JWK[] }
  } catch {
    // As below.
  }
  throw unreadable()
}
