import type { LRUCache } from 'lru-cache'
import type { Clock } from '../guard/clock.ts'
import type { Awaitable, Identity } from '../guard/context.ts'
import { GuardError, isGuardError } from '../guard/errors.ts'
import { abandon } from '../guard/thenable.ts'
import { decodeBase64url } from '../keys/base64url.ts'
import { algorithmOfKey } from '../keys/jwks.ts'
import type { KeyQuery, KeySource, VerificationKey } from '../keys/key-source.ts'
import type { verifySignature as VerifySignature } from '../keys/verify-signature.ts'
import { type Admitted, type ClaimRules, identityOfClaims, requireClaims } from './jwt-claims.ts'
import type { Ancestor, Voucher } from './make-identity.ts'
import type { PaddedJwt, Presented, UnverifiedJwt } from './presented.ts'
import type { SenderBinding } from './sender-binding.ts'
import { DirectVerifier, type OtherSchemes, type Route } from './verifier.ts'

/** One kind of token. A profile fixes what could be chosen, so that a token of one kind never passes for another's. */
export interface TokenProfile {
  readonly route: Route
  readonly algorithms: readonly string[]
  /** Allowed `typ`s in the long form; an empty text allows a header without one. */
  readonly types: readonly string[]
  readonly keys: KeySource
  /** How many verified tokens are remembered. */
  readonly maxCached: number
  /** How long after it was issued a token is taken, in milliseconds. */
  readonly maxTokenAge: number
  /** Whether tokens that are written with padding are taken. */
  readonly allowsPadding: boolean
  readonly binding: SenderBinding
  readonly rules: ClaimRules
  readonly details: Readonly<Record<string, unknown>>
  /** Whether tokens with such claims are this profile's to judge. */
  isMine(claims: UnverifiedJwt['claims']): boolean
  /** The tokens that this one was made from, itself first. @throws GuardError */
  lineage?(claims: UnverifiedJwt['claims'], keyId: string | undefined): readonly Ancestor[]
}

interface Verified extends Admitted {
  readonly key: VerificationKey
}

/** How many tokens are remembered whose signature did not verify. */
const maxRefused = 1_000
/** How many may be verified at once, such as while an issuer takes its time: what waits takes room. */
const maxPending = 10_000

/**
 * Verifies JWTs of one profile: stage by stage, the cheapest first, so that nothing that a stranger makes up costs a signature
 * or a fetch. What verified is remembered by the token's hash and looked at again each time; proofs are never remembered.
 */
export class TokenVerifier extends DirectVerifier {
  readonly scheme = 'Bearer'
  readonly route: Route
  readonly #profile: TokenProfile
  readonly #algorithms: ReadonlySet<string>
  /** Made with the first token, as lru-cache is loaded then. */
  #verified: LRUCache<string, Verified> | undefined
  /** Tokens whose signature did not verify, by the key that it did not verify with. */
  #refused: LRUCache<string, VerificationKey> | undefined
  readonly #pending = new Map<string, Promise<Verified>>()

  constructor(profile: TokenProfile, clock: Clock | undefined) {
    super(clock)
    this.route = profile.route
    this.#profile = profile
    this.#algorithms = new Set(profile.algorithms)
    // Begun with the verifier and not with a stranger's token: what cannot be loaded then might never be.
    load().catch(() => {})
  }

  describe(): Readonly<Record<string, unknown>> {
    return { ...this.#profile.details, keys: this.#profile.keys.describe() }
  }

  override get otherSchemes(): OtherSchemes {
    return this.#profile.binding.schemes
  }

  override knows(presented: Presented): boolean {
    return (presented.scheme === 'bearer' || presented.scheme === 'dpop') && this.#verified?.has(presented.digest) === true
  }

  takes(presented: Presented): boolean {
    // The header first: what is wrong there costs nothing more.
    const { header } = presented
    if (header !== undefined) return this.#isAllowed(header) && presented.jwt !== undefined && this.#profile.isMine(presented.jwt.claims)
    const padded = this.#profile.allowsPadding ? presented.padded?.jwt : undefined
    return padded !== undefined && this.#isAllowed(padded.header) && this.#profile.isMine(padded.claims)
  }

  #isAllowed(header: UnverifiedJwt['header']): boolean {
    const { alg } = header
    return typeof alg === 'string' && this.#algorithms.has(alg) && this.#profile.types.includes(typeOf(header))
  }

  check(presented: Presented, clock: Clock): Awaitable<Identity> {
    const padded = this.#profile.allowsPadding ? presented.padded : undefined
    const digest = padded?.digest ?? presented.digest
    const before = this.#verified?.get(digest)
    if (before === undefined) return this.#once(digest, presented, padded, clock)
    if (!(before.identity.expiresAt > clock.now())) throw new GuardError('identity_expired', { reason: 'the token has expired' })
    const trusted: unknown = this.#profile.keys.trusts(before.key, clock)
    if (trusted === true) return this.#bound(before, presented, clock)
    // A promise is no answer here, and never a yes.
    abandon(trusted)
    return this.#once(digest, presented, padded, clock)
  }

  /** However often one token comes at once, it is verified once. */
  async #once(digest: string, presented: Presented, padded: PaddedJwt | undefined, clock: Clock): Promise<Identity> {
    // By the text as it came: what is signed is that text, and one spelling must not answer for another.
    const key = presented.digest
    let pending = this.#pending.get(key)
    if (pending === undefined) {
      if (this.#pending.size >= maxPending) throw new GuardError('keys_unavailable', { reason: 'too many tokens are verified at once' })
      pending = this.#verify(digest, presented, padded, clock).finally(() => this.#pending.delete(key))
      this.#pending.set(key, pending)
    }
    return this.#bound(await pending, presented, clock)
  }

  #bound({ identity, confirmation }: Admitted, presented: Presented, clock: Clock): Awaitable<Identity> {
    const proven = this.#profile.binding.check(confirmation, presented, clock)
    return proven === undefined ? identity : proven.then(() => identity)
  }

  async #verify(digest: string, presented: Presented, padded: PaddedJwt | undefined, clock: Clock): Promise<Verified> {
    const jwt = presented.jwt ?? padded?.jwt
    if (jwt === undefined || !this.#profile.isMine(jwt.claims)) throw invalid('the token is malformed or of another issuer')
    // Whoever signed it: one that is not for us by what it says itself costs no signature.
    requireClaims(jwt.claims, this.#profile.rules, clock.now())
    const query = this.#queryOf(jwt.header)
    const key = await this.#find(query, clock)
    const before = this.#verified?.get(digest)
    // The very key is still there: the set was only to be asked again.
    if (before !== undefined && before.key === key) return before
    if (this.#refused?.get(presented.digest) === key) throw invalid('the signature does not verify, as before')
    const { verifySignature } = await this.#prepare()
    const { secret } = presented
    const signature = decodeBase64url((padded?.canonical ?? secret).split('.')[2] ?? '')
    // Over the token as it was signed; its signature as it is spelled without padding.
    const input = secret.slice(0, secret.lastIndexOf('.'))
    const isGenuine = signature !== undefined && (await verifySignature(query.algorithm, await materialOf(key), input, signature))
    if (!isGenuine) {
      this.#refused?.set(presented.digest, key)
      throw invalid('the signature does not verify')
    }
    const lineage = this.#profile.lineage?.(jwt.claims, key.id)
    const voucher: Voucher = { keyId: key.id, still: (at) => this.#stand(key, query, at), ...(lineage !== undefined && { lineage }) }
    const now = clock.now()
    const tooOldAt = this.#tooOldAt(jwt.claims)
    if (!(tooOldAt > now)) throw new GuardError('identity_expired', { reason: 'the token was issued too long ago' })
    // What is too old has expired, also while an answer streams.
    const verified: Verified = { ...identityOfClaims(jwt.claims, this.#profile.rules, now, voucher, tooOldAt), key }
    this.#verified?.set(digest, verified)
    return verified
  }

  async #prepare(): Promise<Loaded> {
    const loaded = await load()
    const { maxCached } = this.#profile
    this.#refused ??= new loaded.LRUCache<string, VerificationKey>({ max: maxRefused })
    if (maxCached > 0) this.#verified ??= new loaded.LRUCache<string, Verified>({ max: maxCached })
    return loaded
  }

  /** Milliseconds since 1970; `Infinity` where its age does not matter. */
  #tooOldAt({ iat }: UnverifiedJwt['claims']): number {
    const { maxTokenAge } = this.#profile
    if (maxTokenAge === Number.POSITIVE_INFINITY) return maxTokenAge
    return typeof iat === 'number' ? iat * 1000 + maxTokenAge : Number.NEGATIVE_INFINITY
  }

  /** Whether the issuer still has the key that verified a token. */
  #stand(key: VerificationKey, query: KeyQuery, clock: Clock): Awaitable<void> {
    const trusted: unknown = this.#profile.keys.trusts(key, clock)
    if (trusted === true) return
    abandon(trusted)
    const withdrawn = (): never => {
      throw new GuardError('identity_revoked', { reason: 'the issuer has withdrawn the key that signed the token' })
    }
    return this.#find(query, clock).then(
      (now) => {
        if (now !== key) withdrawn()
      },
      // That the issuer cannot be asked is no answer; that it has no such key is one.
      (error: unknown) => {
        if (isGuardError(error) && error.code === 'identity_invalid') withdrawn()
        throw error
      },
    )
  }

  async #find(query: KeyQuery, clock: Clock): Promise<VerificationKey> {
    let key: unknown
    try {
      key = await this.#profile.keys.find(query, clock)
      // Nobody is an impostor because a source answers nonsense.
      if (key !== undefined && !isKey(key)) throw new TypeError('what it gave is no key')
    } catch (error) {
      throw isGuardError(error) ? error : new GuardError('keys_unavailable', { reason: 'the key source failed', cause: error })
    }
    if (key === undefined || key.algorithm !== algorithmOfKey(query.algorithm)) throw invalid('the issuer has no such key')
    return key
  }

  #queryOf(header: UnverifiedJwt['header']): KeyQuery {
    const { alg, kid, crit } = header
    if (typeof alg !== 'string' || !this.#isAllowed(header)) throw invalid('the algorithm or the type is not allowed')
    if (crit !== undefined) throw invalid('the header has critical parameters, and none is known here')
    // Not encoded payloads are known through `crit` alone (RFC 7797, section 6); one without it is malformed.
    if (header.b64 !== undefined) throw invalid('the payload is said not to be encoded')
    if (kid !== undefined && !(typeof kid === 'string' && kid.length <= 256)) throw invalid('the kid is no text, or too long')
    return { algorithm: alg, id: kid }
  }
}

/** A `typ` in the long form of RFC 7515, section 4.1.9, without regard to case. */
export function mediaType(typ: string): string {
  const lower = typ.toLowerCase()
  return lower.includes('/') ? lower : `application/${lower}`
}

// Empty where there is none; what is no text is no type that anybody allows.
function typeOf({ typ }: UnverifiedJwt['header']): string {
  if (typ === undefined) return ''
  return typeof typ === 'string' && typ !== '' ? mediaType(typ) : 'none'
}

async function materialOf(key: VerificationKey): Promise<CryptoKey | Uint8Array> {
  try {
    return await key.load()
  } catch (error) {
    throw new GuardError('keys_unavailable', { reason: 'the key cannot be used', cause: error })
  }
}

/** What verifiers need and the package does not load for those who have none. */
interface Loaded {
  readonly LRUCache: typeof LRUCache
  readonly verifySignature: typeof VerifySignature
}

let loading: Promise<Loaded> | undefined

function load(): Promise<Loaded> {
  loading ??= Promise.all([import('lru-cache'), import('../keys/verify-signature.ts')]).then(
    ([{ LRUCache: Cache }, { verifySignature }]) => ({ LRUCache: Cache, verifySignature }),
    (error: unknown) => {
      // What failed once may work later, and is nobody's credential's fault.
      loading = undefined
      throw new GuardError('keys_unavailable', { reason: 'the code that verifies could not be loaded', cause: error })
    },
  )
  return loading
}

function invalid(reason: string): GuardError {
  return new GuardError('identity_invalid', { reason })
}

function isKey(value: unknown): value is VerificationKey {
  return typeof value === 'object' && value !== null && 'algorithm' in value && typeof value.algorithm === 'string' && 'load' in value
}
