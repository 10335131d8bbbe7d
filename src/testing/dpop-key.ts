import type { JWK } from 'jose'
import { encode } from 'jose/base64url'
import { type Clock, systemClock } from '../guard/clock.ts'
import { hashOfText, jwkThumbprint } from '../keys/thumbprint.ts'

/** Algorithms that a test key can sign proofs with. */
export type DpopKeyAlgorithm = 'ES256' | 'ES384' | 'ES512' | 'EdDSA' | 'RS256' | 'PS256'

/** Options of `dpopKey`. */
export interface DpopKeyOptions {
  /** `ES256` unless given. */
  readonly algorithm?: DpopKeyAlgorithm
  /** What tells the time of `iat`; the system's unless given. */
  readonly clock?: Clock
}

/** What a proof is to be for. A wrong one is made by giving what is wrong. */
export interface ProofOptions {
  /** The method of the request. */
  readonly method: string
  /** The address of the request; query and fragment are left out of the proof, as clients do. */
  readonly url: string
  /** The access token that goes with it; no `ath` unless given. */
  readonly token?: string
  /** A nonce of the server; none unless given. */
  readonly nonce?: string
  /** Random unless given. */
  readonly jti?: string
  /** Seconds since 1970; now unless given. */
  readonly iat?: number
  /** Claims over the right ones; `undefined` leaves one out. */
  readonly claims?: Readonly<Record<string, unknown>>
  /** Members of the header over the right ones; `undefined` leaves one out, and `alg: 'none'` the signature. */
  readonly header?: Readonly<Record<string, unknown>>
}

/** A client's key for proofs of possession (RFC 9449), for tests: a real key and real signatures. */
export interface DpopKey {
  /** The public key. */
  readonly jwk: JWK
  /** The thumbprint of the public key: what a token is bound by, as `cnf: { jkt }`. */
  readonly jkt: string
  /** A signed proof: the value of the `DPoP` field. */
  proof(options: ProofOptions): Promise<string>
}

/**
 * Makes a client's key for proofs of possession.
 *
 * ```ts
 * const key = await dpopKey()
 * const token = await issuer.mint({ cnf: { jkt: key.jkt } })
 * const credentials = { authorization: `DPoP ${token}`, dpop: await key.proof({ method: 'POST', url: 'https://api.example/chat', token }) }
 * ```
 *
 * @throws TypeError for an algorithm that it cannot sign with.
 */
export async function dpopKey(options: DpopKeyOptions = {}): Promise<DpopKey> {
  const { algorithm = 'ES256', clock = systemClock } = options
  if (!Object.hasOwn(kinds, algorithm)) throw new TypeError('dpopKey: it cannot sign with this algorithm')
  const [kind, signing] = kinds[algorithm]
  const { privateKey, publicKey } = (await crypto.subtle.generateKey(kind, true, ['sign', 'verify'])) as CryptoKeyPair
  const { kty, crv, x, y, n, e } = (await crypto.subtle.exportKey('jwk', publicKey)) as JWK
  const jwk = JSON.parse(JSON.stringify({ kty, crv, x, y, n, e })) as JWK
  return {
    jwk,
    jkt: await jwkThumbprint(jwk),
    async proof({ method, url, token, nonce, jti = crypto.randomUUID(), iat = Math.floor(clock.now() / 1000), claims, header }) {
      const ath = token === undefined ? undefined : await hashOfText(token)
      // Spelled by hand and not by a library, which would refuse to write what a forger writes.
      const fields: Readonly<Record<string, unknown>> = { typ: 'dpop+jwt', alg: algorithm, jwk, ...header }
      const payload = { jti, htm: method, htu: url.replace(/[?#].*/, ''), iat, ath, nonce, ...claims }
      const input = `${encode(JSON.stringify(fields))}.${encode(JSON.stringify(payload))}`
      if (fields.alg === 'none') return `${input}.`
      return `${input}.${encode(new Uint8Array(await crypto.subtle.sign(signing, privateKey, new TextEncoder().encode(input))))}`
    },
  }
}

const elliptic = (namedCurve: string, hash: string) =>
  [
    { name: 'ECDSA', namedCurve },
    { name: 'ECDSA', hash },
  ] as const
const rsa = (name: string) =>
  [
    { name, hash: 'SHA-256', modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1) },
    { name, saltLength: 32 },
  ] as const

// How a pair is made, and how it signs.
const kinds: Readonly<
  Record<DpopKeyAlgorithm, readonly [kind: EcKeyGenParams | RsaHashedKeyGenParams | Algorithm, signing: EcdsaParams | RsaPssParams | Algorithm]>
> = {
  ES256: elliptic('P-256', 'SHA-256'),
  ES384: elliptic('P-384', 'SHA-384'),
  ES512: elliptic('P-521', 'SHA-512'),
  EdDSA: [{ name: 'Ed25519' }, { name: 'Ed25519' }],
  RS256: rsa('RSASSA-PKCS1-v1_5'),
  PS256: rsa('RSA-PSS'),
}
