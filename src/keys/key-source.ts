import type { Clock } from '../guard/clock.ts'
import type { Awaitable } from '../guard/context.ts'

/** Which key a signed token asks for. */
export interface KeyQuery {
  /** The token's `alg`: the key must be for this algorithm and for no other. */
  readonly algorithm: string
  /** The token's `kid`. Where it has none, the only key of the algorithm is meant. */
  readonly id: string | undefined
}

/** A key that signatures are verified with, for one algorithm. */
export interface VerificationKey {
  readonly id: string | undefined
  /** A JWS algorithm (RFC 7518, section 3.1; RFC 8037). `EdDSA` stands for `Ed25519` as well. */
  readonly algorithm: string
  /** The key itself: a public `CryptoKey`, or the bytes of a secret for HMAC. Rejects where it cannot be used. */
  load(): Awaitable<CryptoKey | Uint8Array>
}

/**
 * Where an issuer's keys come from. `localJwks`, `remoteJwks`, `discoveredKeys` and `spiffeBundle` make one; an own one must
 * answer `find` within a bound of its own, and with the same object for the same key, since what a key verified is
 * remembered by the key.
 */
export interface KeySource {
  /**
   * The one key that fits; undefined where the issuer has no such key. Keys are never tried one after the other.
   *
   * @throws GuardError `keys_unavailable` where it cannot be known.
   */
  find(query: KeyQuery, clock: Clock): Awaitable<VerificationKey | undefined>
  /**
   * Whether this very key is still trusted. Cheap, and at once: asked for every cached token. False on any doubt, also where
   * only the issuer could tell: then `find` does.
   */
  trusts(key: VerificationKey, clock: Clock): boolean
  /** Plain data for `guard.describe()`. Never a secret. */
  describe(): Readonly<Record<string, unknown>>
}
