import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { type Jwks, localJwks } from '../keys/jwks.ts'
import type { KeySource } from '../keys/key-source.ts'
import { UsageError } from './io.ts'
import { jsonIn, readBytes } from './json-file.ts'

type JWK = Jwks['keys'][number]
type Members = Readonly<Record<string, unknown>>

/** Public keys from a file: a JWK, a JWK Set, or a key in PEM, of which the public half is taken. @throws UsageError */
export async function readPublicKeys(path: string): Promise<Jwks | KeySource> {
  const bytes = await readBytes(path)
  if (isPem(bytes)) return nameless(jwkOf(path, () => createPublicKey(bytes)))
  const value = membersIn(bytes, path)
  if ('keys' in value && !Array.isArray(value.keys)) throw noKey(path)
  const keys: readonly unknown[] = Array.isArray(value.keys) ? value.keys : [value]
  const own = keys.filter((key): key is Members & { readonly kty: string } => isMembers(key) && typeof key.kty === 'string')
  if (own.length === 0 || own.length < keys.length) throw noKey(path)
  if (own.some((key) => 'd' in key || key.kty === 'oct')) throw new UsageError(`'${path}' holds a secret: give the public key`)
  return { keys: own }
}

/**
 * A private key from a file: a JWK with `alg` and `kid`, or Ed25519 in PEM as `keys new` makes it, with the `kid` that is given.
 *
 * @throws UsageError, also for a file that others may read. Nothing of the key is in it.
 */
export async function readSigningKey(path: string, kid: string | undefined): Promise<JWK> {
  const bytes = await readBytes(path)
  if (process.platform !== 'win32' && ((await stat(path)).mode & 0o077) !== 0)
    throw new UsageError(`the key file '${path}' can be read or changed by others: run chmod 600 on it`)
  const value: Members & Partial<JWK> = isPem(bytes) ? jwkOf(path, () => createPrivateKey(bytes)) : membersIn(bytes, path)
  if (typeof value.kty !== 'string' || typeof value.d !== 'string') throw new UsageError(`'${path}' holds no private key`)
  const id = kid ?? value.kid
  if (typeof id !== 'string' || id === '') throw new UsageError('the key has no name: give one with --kid')
  if (typeof value.alg !== 'string') throw new UsageError(`the key in '${path}' does not say its algorithm (alg)`)
  return { ...value, kty: value.kty, kid: id }
}

// A key in PEM has no name: it is the one that is meant, whatever a signature calls it.
function nameless(key: JWK): KeySource {
  const source = localJwks({ keys: [key] })
  return { ...source, find: ({ algorithm }, clock) => source.find({ algorithm, id: undefined }, clock) }
}

function isPem(bytes: Buffer): boolean {
  return bytes.includes('-----BEGIN')
}

function jwkOf(path: string, read: () => KeyObject): Members & JWK {
  try {
    const key = read()
    if (key.asymmetricKeyType === 'ed25519') return { ...key.export({ format: 'jwk' }), kty: 'OKP', alg: 'EdDSA' }
  } catch {
    // The parser's own message may show parts of the file.
  }
  throw new UsageError(`'${path}' holds no Ed25519 key`)
}

function membersIn(bytes: Buffer, path: string): Members {
  try {
    const value = jsonIn(bytes)
    if (isMembers(value)) return value
  } catch {
    // As above.
  }
  throw noKey(path)
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function noKey(path: string): UsageError {
  return new UsageError(`'${path}' holds neither a JWK, a JWK Set nor a key in PEM`)
}
