import type { Awaitable } from '../guard/context.ts'
import type { AgreementAlgorithm, AgreementCurve, AgreementKey } from './agreement-key.ts'

/**
 * Private keys that open what callers sealed to their public halves. What it throws, other than a `GuardError`, refuses the call as `keys_unavailable`; each provider
 * sets the deadlines of its own requests.
 *
 * ```ts
 * const keys: AgreementKeys = localKeys({ jwks })
 * const { keys: published } = await keys.publicKeys()
 * ```
 */
export interface AgreementKeys {
  /**
   * The private key of that id, to open what was sealed to its public key; undefined where there is no such key. The id
   * comes from outside, and there is no other way to choose a key: keys are never tried one after the other.
   */
  decryptionKey(kid: string): Awaitable<DecryptionKey | undefined>
  /** The public keys that callers seal to, as a JWK Set (RFC 7517, section 5). Never a private member. */
  publicKeys(): Awaitable<PublicKeySet>
  /** Plain data for `guard.describe()`. Never a secret. */
  describe(): Readonly<Record<string, unknown>>
}

/** A private key that opens. */
export interface DecryptionKey {
  readonly curve: AgreementCurve
  /** The algorithms that it may be used with. */
  readonly algorithms: readonly AgreementAlgorithm[]
  /** Usable for `deriveBits`; need not be extractable. */
  readonly key: CryptoKey
}

/** A public key that callers seal to (RFC 7517). */
export interface PublicKey extends AgreementKey {
  /** The JWK thumbprint (RFC 7638) unless it was named. */
  readonly kid: string
  readonly use: 'enc'
  /** Present where the key is for one algorithm only. */
  readonly alg?: AgreementAlgorithm
}

/** Public keys, ready to be served as `application/jwk-set+json`. */
export interface PublicKeySet {
  readonly keys: readonly PublicKey[]
}
