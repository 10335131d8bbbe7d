import type { LRUCache } from 'lru-cache'
import { type Clock, systemClock } from '../guard/clock.ts'
import type { Awaitable, Identity } from '../guard/context.ts'
import { GuardError, isGuardError } from '../guard/errors.ts'
import { abandon } from '../guard/thenable.ts'
import { algorithmOfKey } from '../keys/jwks.ts'
import type { KeyQuery, KeySource, VerificationKey } from '../keys/key-source.ts'
import { type ClaimRules, identityOfClaims } from './jwt-claims.ts'
import { type JwtOptions, jwtSettings, mediaType } from './jwt-options.ts'
import type { Presented } from './presented.ts'
import { DirectVerifier, type Route, type Verifier } from './verifier.ts'

/**
 * Verifies JWT access tokens of one issuer (RFC 9068, RFC 8725), presented as `Authorization: Bearer`.
 *
 * What is cheap to see is refused first: size, form, issuer, algorithm and type are judged before any key is looked up,
 * so nothing that a stranger makes up costs a signature or a fetch. The key is chosen by `kid` and algorithm and never
 * tried; `jku`, `x5u`, `jwk` and `x5c` are not followed, `crit` is refused. A token with `cnf` is bound to a key that the
 * caller would have to prove; nothing proves it yet, so it is refused as `binding_invalid`.
 *
 * The identity: `subject` is `sub`, `roles` come from `roles` and `groups`, `scopes` from `scope` and `scp`, `tenant` from
 * `tenant` or `tid`, `actors` from `act` (at most 8), `assurance` from `acr`, `amr` and `auth_time`, `tokenId` is `jti`,
 * and `kind` is `service` where `sub` equals `client_id`, else `user`. A claim of these that is there and of a wrong type
 * refuses the token.
 *
 * A verified token is remembered by its SHA-256 (by its text where the runtime cannot hash at once), until it expires and
 * as long as the very key that verified it is still the issuer's. Its identity is deeply frozen and shared.
 *
 * ```ts
 * const verifier = jwt({ issuer: 'https://id.example', audience: 'https://api.example', keys: new URL('https://id.example/jwks') })
 * const identity = await verifier.verify({ authorization: `Bearer ${token}` })
 * ```
 *
 * Refuses with `identity_missing`, `identity_invalid`, `identity_expired`, `binding_invalid`, and `keys_unavailable` where
 * the keys cannot be had.
 *
 * @throws TypeError for wrong options.
 */
export function jwt(options: JwtOptions): Verifier {
  return new JwtVerifier(options)
}

interface Verified {
  readonly identity: Identity
  readonly key: VerificationKey
}

class JwtVerifier extends DirectVerifier {
  readonly scheme = 'Bearer'
  readonly route: Route
  readonly #rules: ClaimRules
  readonly #algorithms: ReadonlySet<string>
  readonly #typ: string
  readonly #keys: KeySource
  readonly #maxCached: number
  /** Made for the first token that verifies. */
  #verified: LRUCache<string, Verified> | undefined
  readonly #details: Readonly<Record<string, unknown>>

  constructor(options: JwtOptions) {
    const settings = jwtSettings(options)
    super(options.clock ?? systemClock)
    this.route = { kind: 'jwt', issuer: settings.rules.issuer }
    this.#rules = settings.rules
    this.#algorithms = new Set(settings.algorithms)
    this.#typ = settings.typ
    this.#keys = settings.keys
    this.#maxCached = settings.maxCached
    this.#details = settings.details
  }

  describe(): Readonly<Record<string, unknown>> {
    return { ...this.#details, keys: this.#keys.describe() }
  }

  override knows(presented: Presented): boolean {
    return presented.scheme === 'bearer' && this.#verified?.has(presented.digest) === true
  }

  takes(presented: Presented): boolean {
    return presented.jwt?.claims.iss === this.#rules.issuer
  }

  check(presented: Presented, clock: Clock): Awaitable<Identity> {
    // A proof that nobody looks at must not seem to have counted.
    if (presented.hasProof || presented.scheme === 'dpop')
      throw new GuardError('binding_invalid', { reason: 'a proof of possession came, and this verifier checks none' })
    const before = this.#verified?.get(presented.digest)
    if (before === undefined) return this.#verify(presented, clock)
    if (before.identity.expiresAt <= clock.now()) {
      this.#verified?.delete(presented.digest)
      throw new GuardError('identity_expired', { reason: 'the token has expired' })
    }
    const trusted: unknown = this.#keys.trusts(before.key, clock)
    if (trusted === true) return before.identity
    // A promise is no answer here, and never a yes.
    abandon(trusted)
    return this.#verify(presented, clock, before)
  }

  async #verify(presented: Presented, clock: Clock, before?: Verified): Promise<Identity> {
    const { secret: token, jwt: read } = presented
    if (read === undefined || read.claims.iss !== this.#rules.issuer) throw invalid('the token is malformed or of another issuer')
    const { algorithm, id } = this.#checkHeader(read.header)
    const key = await this.#find({ algorithm, id }, clock)
    if (key === undefined || key.algorithm !== algorithmOfKey(algorithm)) throw invalid('the issuer has no such key')
    // The very key is still there: the set was only to be asked again.
    const isKnown = before?.key === key
    if (!isKnown) await verifySignature(token, algorithm, key)
    const identity = isKnown ? before.identity : identityOfClaims(read.claims, this.#rules, clock.now(), key.id)
    if (!isKnown && this.#maxCached > 0) await this.#remember(presented.digest, { identity, key })
    return identity
  }

  async #remember(digest: string, verified: Verified): Promise<void> {
    // As the code for signatures: loaded at the first token, not while the process starts.
    const cache = this.#verified ?? new (await import('lru-cache')).LRUCache<string, Verified>({ max: this.#maxCached })
    this.#verified ??= cache
    this.#verified.set(digest, verified)
  }

  async #find(query: KeyQuery, clock: Clock): Promise<VerificationKey | undefined> {
    try {
      const key: unknown = await this.#keys.find(query, clock)
      // Nobody is an impostor because a source answers nonsense.
      if (key !== undefined && !isKey(key)) throw new TypeError('what it gave is no key')
      return key
    } catch (error) {
      throw isGuardError(error) ? error : new GuardError('keys_unavailable', { reason: 'the key source failed', cause: error })
    }
  }

  #checkHeader({ alg, typ, kid, crit }: Readonly<Record<string, unknown>>): { readonly algorithm: string; readonly id: string | undefined } {
    if (typeof alg !== 'string' || !this.#algorithms.has(alg)) throw invalid('the algorithm is not allowed')
    if (typeof typ !== 'string' || mediaType(typ) !== this.#typ) throw invalid('the type is another one')
    if (crit !== undefined) throw invalid('the header has critical parameters, and none is known here')
    if (kid !== undefined && !(typeof kid === 'string' && kid.length <= 256)) throw invalid('the kid is no text, or too long')
    return { algorithm: alg, id: kid }
  }
}

async function verifySignature(token: string, algorithm: string, key: VerificationKey): Promise<void> {
  // Loaded when it is needed first, as the keys are.
  const { compactVerify } = await import('jose/jws/compact/verify')
  let material: CryptoKey | Uint8Array
  try {
    material = await key.load()
  } catch (error) {
    throw new GuardError('keys_unavailable', { reason: 'the key cannot be used', cause: error })
  }
  try {
    await compactVerify(token, material, { algorithms: [algorithm] })
  } catch (error) {
    throw new GuardError('identity_invalid', { reason: 'the signature does not verify', cause: error })
  }
}

function invalid(reason: string): GuardError {
  return new GuardError('identity_invalid', { reason })
}

function isKey(value: unknown): value is VerificationKey {
  return typeof value === 'object' && value !== null && 'algorithm' in value && typeof value.algorithm === 'string' && 'load' in value
}
