import type { JWK } from 'jose'
import type { Awaitable } from '../guard/context.ts'
import { decodeBase64url } from './base64url.ts'
import type { KeyQuery, KeySource, VerificationKey } from './key-source.ts'

/** A JWK Set (RFC 7517, section 5). */
export interface Jwks {
  readonly keys: readonly JWK[]
}

/** More keys than any issuer rotates through. */
const maxKeys = 100
const maxIdLength = 256
const privateMembers: readonly string[] = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'priv']

/** The keys of one JWK Set, each for one algorithm. */
export class JwksSet {
  readonly keys: readonly JwksKey[]
  readonly #byId: ReadonlyMap<string, JwksKey>
  readonly #all: ReadonlySet<VerificationKey>

  constructor(keys: readonly JwksKey[]) {
    this.keys = keys
    this.#byId = new Map(keys.flatMap((key) => (key.id === undefined ? [] : [[key.id, key] as const])))
    this.#all = new Set(keys)
  }

  find({ algorithm, id }: KeyQuery): JwksKey | undefined {
    const wanted = algorithmOfKey(algorithm)
    if (id !== undefined) {
      const key = this.#byId.get(id)
      return key?.algorithm === wanted ? key : undefined
    }
    let only: JwksKey | undefined
    for (const key of this.keys) {
      if (key.algorithm !== wanted) continue
      // Two that fit: which one is meant is not for us to try out.
      if (only !== undefined) return undefined
      only = key
    }
    return only
  }

  has(key: VerificationKey): boolean {
    return this.#all.has(key)
  }
}

/**
 * What a key must be for: `sig` for signatures of any kind, where not saying so counts as well; `jwt-svid` for JWT-SVIDs,
 * where it must be said, and the key have a `kid` (SPIFFE JWT-SVID, section 6.1).
 */
export type KeyUse = 'sig' | 'jwt-svid'

/**
 * The keys of one use in a JWK Set from outside. Keys for other uses, of unknown kinds and weak ones are left out;
 * keys that are in `before` as well stay the same objects.
 *
 * @throws TypeError for what is no JWK Set, more than 100 keys, a private or secret key, and a `kid` that stands twice.
 */
export function readJwks(value: unknown, before?: JwksSet, use: KeyUse = 'sig'): JwksSet {
  const known = new Map(before?.keys.map((key) => [key.fingerprint, key]))
  const keys: JwksKey[] = []
  for (const jwk of jwksMembers(value)) {
    if (jwk.kty === 'oct') throw new TypeError('the set holds a secret')
    const key = readUnlessRefused(jwk, use)
    if (key !== undefined) keys.push(known.get(key.fingerprint) ?? key)
  }
  return distinct(keys)
}

/**
 * A key source of keys that are at hand.
 *
 * @throws TypeError for what `readJwks` does not take, for a weak key, for a set without a usable key, and for one in
 * which secrets and public keys are mixed.
 */
export function localJwks(jwks: Jwks): KeySource {
  return keysAtHand('local', jwks, 'sig')
}

/** The same for keys of any use. `kind` is how the source calls itself. */
export function keysAtHand(kind: string, jwks: unknown, use: KeyUse): KeySource {
  const keys = jwksMembers(jwks)
    .map((jwk) => readJwk(jwk, use))
    .filter((key) => key !== undefined)
  const secrets = keys.filter((key) => secretAlgorithms.includes(key.algorithm))
  if (keys.length === 0) throw new TypeError('the JWK Set holds no key that signatures could be verified with')
  if (secrets.length > 0 && secrets.length < keys.length) throw new TypeError('the JWK Set mixes secrets with public keys')
  const set = distinct(keys)
  return Object.freeze({
    find: (query: KeyQuery) => set.find(query),
    trusts: (key: VerificationKey) => set.has(key),
    describe: () => ({ kind, keys: set.keys.map(({ id, algorithm }) => ({ id, algorithm })) }),
  })
}

function jwksMembers(value: unknown): Readonly<Record<string, unknown>>[] {
  const keys: unknown = typeof value === 'object' && value !== null && 'keys' in value ? value.keys : undefined
  if (!Array.isArray(keys)) throw new TypeError('this is no JWK Set: expected an object with a list of keys')
  if (keys.length > maxKeys) throw new TypeError(`a JWK Set may hold ${maxKeys} keys`)
  return keys.map((jwk: unknown) => {
    if (typeof jwk !== 'object' || jwk === null) throw new TypeError('the JWK Set holds something that is no JWK')
    const own: Readonly<Record<string, unknown>> = { ...jwk }
    if (privateMembers.some((member) => own[member] !== undefined)) throw new TypeError('the JWK Set holds a private key: give the public half only')
    if (own.kid !== undefined && !(typeof own.kid === 'string' && own.kid.length <= maxIdLength))
      throw new TypeError(`a kid must be a text of at most ${maxIdLength} characters`)
    return own
  })
}

function distinct(keys: readonly JwksKey[]): JwksSet {
  const ids = keys.flatMap(({ id }) => id ?? [])
  if (new Set(ids).size < ids.length) throw new TypeError('a kid stands twice in the JWK Set')
  return new JwksSet(keys)
}

// One bad key of an issuer must not keep its good ones from being used.
function readUnlessRefused(jwk: Readonly<Record<string, unknown>>, use: KeyUse): JwksKey | undefined {
  try {
    return readJwk(jwk, use)
  } catch {
    return undefined
  }
}

/** Asymmetric JWS algorithms that are verified here (RFC 7518, section 3.1; RFC 8037; RFC 9864). */
export const publicAlgorithms: readonly string[] = [
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
  'PS256',
  'PS384',
  'PS512',
  'RS256',
  'RS384',
  'RS512',
]

/** Symmetric ones: whoever can verify with these can also sign. */
export const secretAlgorithms: readonly string[] = ['HS256', 'HS384', 'HS512']

/** A key that a JWK names. Imported when it is first used. */
class JwksKey implements VerificationKey {
  readonly id: string | undefined
  readonly algorithm: string
  /** Equal for equal keys with equal duties. */
  readonly fingerprint: string
  readonly #material: Readonly<Record<string, string>>
  #loaded: Awaitable<CryptoKey | Uint8Array> | undefined

  constructor(id: string | undefined, algorithm: string, material: Readonly<Record<string, string>>) {
    this.id = id
    this.algorithm = algorithm
    this.#material = material
    this.fingerprint = JSON.stringify([id ?? null, algorithm, material])
  }

  load(): Awaitable<CryptoKey | Uint8Array> {
    this.#loaded ??= importKey(this.#material, this.algorithm).then((key) => (this.#loaded = key))
    return this.#loaded
  }
}

// What the algorithm tells WebCrypto. What is in `jwk` was checked by `readJwk`; a point that is not on its curve rejects here.
async function importKey(jwk: Readonly<Record<string, string>>, algorithm: string): Promise<CryptoKey | Uint8Array> {
  const { kty, crv = '', k = '' } = jwk
  const hash = `SHA-${algorithm.slice(2)}`
  switch (kty) {
    case 'oct':
      return decode(k)
    case 'OKP':
      return crypto.subtle.importKey('jwk', jwk, crv, true, ['verify'])
    case 'EC':
      return crypto.subtle.importKey('jwk', jwk, { name: 'ECDSA', namedCurve: crv }, true, ['verify'])
    default:
      return crypto.subtle.importKey('jwk', jwk, { name: algorithm.startsWith('PS') ? 'RSA-PSS' : 'RSASSA-PKCS1-v1_5', hash }, true, ['verify'])
  }
}

/** One name for the two that Ed25519 signatures go by. */
export function algorithmOfKey(algorithm: string): string {
  return algorithm === 'Ed25519' ? 'EdDSA' : algorithm
}

/**
 * The key of one use that a JWK holds; undefined where it is for something else, or of a kind that is not known here, as
 * RFC 7517, section 5 wants.
 *
 * A key has one algorithm: its `alg`, or the only one of its curve; an RSA key that names none is for RS256.
 *
 * @throws TypeError for RSA below 2048 bits, an RSA exponent that is even, below 65537 or above 32 bits, and a secret
 * shorter than its hash, where a number is not in base64url, and where a key for JWT-SVIDs has no `kid`.
 */
function readJwk(jwk: Readonly<Record<string, unknown>>, wanted: KeyUse): JwksKey | undefined {
  const { kid, use, key_ops: operations } = jwk
  if (use !== wanted && !(use === undefined && wanted === 'sig')) return undefined
  if (wanted === 'jwt-svid' && !isText(kid)) throw new TypeError('a key for JWT-SVIDs has no kid')
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) return undefined
  const id = isText(kid) ? kid : undefined
  switch (jwk.kty) {
    case 'EC':
      return ellipticKey(id, jwk)
    case 'OKP':
      return fits(jwk.alg, 'EdDSA', 'Ed25519') && jwk.crv === 'Ed25519' && isText(jwk.x)
        ? new JwksKey(id, 'EdDSA', { kty: 'OKP', crv: 'Ed25519', x: jwk.x })
        : undefined
    case 'RSA':
      return rsaKey(id, jwk)
    case 'oct':
      return secretKey(id, jwk)
    default:
      return undefined
  }
}

const curves: Readonly<Record<string, string>> = { 'P-256': 'ES256', 'P-384': 'ES384', 'P-521': 'ES512' }

function ellipticKey(id: string | undefined, { alg, crv, x, y }: Readonly<Record<string, unknown>>): JwksKey | undefined {
  const algorithm = isText(crv) && Object.hasOwn(curves, crv) ? curves[crv] : undefined
  if (algorithm === undefined || !fits(alg, algorithm) || !isText(crv) || !isText(x) || !isText(y)) return undefined
  return new JwksKey(id, algorithm, { kty: 'EC', crv, x, y })
}

function rsaKey(id: string | undefined, { alg = 'RS256', n, e }: Readonly<Record<string, unknown>>): JwksKey | undefined {
  if (!isText(alg) || !/^[PR]S(256|384|512)$/.test(alg) || !isText(n) || !isText(e)) return undefined
  const bits = lengthInBits(n)
  // A longer modulus costs more to verify with than anybody needs.
  if (bits < 2048 || bits > 8192) throw new TypeError('an RSA key must have 2048 to 8192 bits')
  const exponent = lengthInBits(e) <= 32 ? Array.from(decode(e)).reduce((sum, byte) => sum * 256 + byte, 0) : 0
  if (exponent < 65_537 || exponent % 2 === 0) throw new TypeError('an RSA exponent must be odd, at least 65537, and of at most 32 bits')
  return new JwksKey(id, alg, { kty: 'RSA', n, e })
}

function secretKey(id: string | undefined, { alg, k }: Readonly<Record<string, unknown>>): JwksKey | undefined {
  if (!isText(alg) || !secretAlgorithms.includes(alg) || !isText(k)) return undefined
  // RFC 7518, section 3.2.
  if (decode(k).length * 8 < Number(alg.slice(2))) throw new TypeError('a secret must be at least as long as the hash it is used with')
  return new JwksKey(id, alg, { kty: 'oct', k })
}

function decode(text: string): Uint8Array<ArrayBuffer> {
  const bytes = decodeBase64url(text)
  if (bytes === undefined) throw new TypeError('a number in a JWK is not in base64url')
  return bytes
}

function lengthInBits(integer: string): number {
  const bytes = decode(integer)
  const first = bytes.findIndex((byte) => byte !== 0)
  return first === -1 ? 0 : (bytes.length - first) * 8 - (Math.clz32(bytes[first] ?? 0) - 24)
}

function fits(alg: unknown, ...allowed: readonly string[]): boolean {
  return alg === undefined || (isText(alg) && allowed.includes(alg))
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}
