import { decode } from 'jose/base64url'
import { importJWK } from 'jose/key/import'
import type { Awaitable } from '../guard/context.ts'
import type { VerificationKey } from './key-source.ts'

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
export class JwksKey implements VerificationKey {
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
    this.#loaded ??= importJWK(this.#material, this.algorithm).then((key) => (this.#loaded = key))
    return this.#loaded
  }
}

/** One name for the two that Ed25519 signatures go by. */
export function algorithmOfKey(algorithm: string): string {
  return algorithm === 'Ed25519' ? 'EdDSA' : algorithm
}

/**
 * The key for signatures that a JWK holds; undefined where it is for something else, or of a kind that is not known
 * here, as RFC 7517, section 5 wants.
 *
 * A key has one algorithm: its `alg`, or the only one of its curve; an RSA key that names none is for RS256.
 *
 * @throws TypeError for RSA below 2048 bits, an RSA exponent that is even, below 65537 or above 32 bits, and a secret
 * shorter than its hash, and where a number is not in base64url.
 */
export function readJwk(jwk: Readonly<Record<string, unknown>>): JwksKey | undefined {
  const { kid, use, key_ops: operations } = jwk
  if (use !== undefined && use !== 'sig') return undefined
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) return undefined
  const id = typeof kid === 'string' ? kid : undefined
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
