import { type Clock, systemClock } from '../guard/clock.ts'
import type { Awaitable, Channel, Credentials, Identity } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import { abandon } from '../guard/thenable.ts'
import { makeIdentity } from './make-identity.ts'
import { type Presented, presentedIn } from './presented.ts'

/**
 * Verifies one kind of credential. `jwt`, `apiKey` and `anonymous` are verifiers; an own one needs these three methods.
 *
 * A credential goes to the one verifier that accepts it; no second one is tried. What an own verifier throws refuses the
 * call: a `GuardError` with its code, anything else as `misconfigured`.
 */
export interface Verifier {
  /** Whether this kind of credential is this verifier's to judge, by its looks alone: cheap, at once, and never a verdict. */
  accepts(credentials: Credentials, channel?: Channel): boolean
  /** Who it is. Rejects with a `GuardError` for whatever was not proven. */
  verify(credentials: Credentials, channel?: Channel): Promise<Identity>
  /** Plain data for `guard.describe()`. Never a secret. */
  describe(): Readonly<Record<string, unknown>>
  /** The authentication scheme that a challenge names (RFC 9110, section 11.6.1); `Bearer` unless given. */
  readonly scheme?: string
}

/** Which credentials a verifier takes: two that could take the same one are a mistake of the set-up. */
export type Route =
  /** JWTs of an issuer, of these `typ`s in the long form; of any unless given. */
  | { readonly kind: 'jwt'; readonly issuer: string; readonly types?: readonly string[] }
  /** JWTs of a subject in a SPIFFE trust domain, that no verifier takes by their issuer. */
  | { readonly kind: 'svid'; readonly trustDomain: string }
  /** `Bearer` tokens without a dot, and API keys in a field or a scheme of their own, that begin so. */
  | { readonly kind: 'key'; readonly prefix: string }
  /** `Bearer` and `DPoP` tokens that are no JWT and no API key: with dots only where they begin so. */
  | { readonly kind: 'opaque'; readonly prefix: string }
  /** The peer's certificate, where it is the only credential. */
  | { readonly kind: 'certificate' }
  | { readonly kind: 'none' }
  | { readonly kind: 'any' }

/** Schemes for credentials that are bound to their sender. */
export interface OtherSchemes {
  readonly schemes: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** Whether they are named also where nobody asks for a binding. */
  readonly isAnnounced: boolean
}

const noSchemes: OtherSchemes = Object.freeze({ schemes: Object.freeze({}), isAnnounced: false })

/** A verifier of this package: routed by what it declares, asked at once, and told the time of its guard. */
export abstract class DirectVerifier implements Verifier {
  abstract readonly scheme: string
  abstract readonly route: Route
  readonly #clock: Clock

  constructor(clock: Clock = systemClock) {
    this.#clock = clock
  }

  /** Whether the credential is this verifier's to judge. */
  abstract takes(presented: Presented): boolean
  /** Whether it was judged before, so that it need not be read again to find who judges it. */
  knows(_presented: Presented): boolean {
    return false
  }
  /** Judges a credential that it takes. */
  abstract check(presented: Presented, clock: Clock): Awaitable<Identity>
  abstract describe(): Readonly<Record<string, unknown>>

  /** Schemes that a challenge can name beside `scheme`, such as `DPoP`, with what they say. */
  get otherSchemes(): OtherSchemes {
    return noSchemes
  }

  accepts(credentials: Credentials, channel?: Channel): boolean {
    try {
      return this.takes(presentedIn(credentials, channel))
    } catch {
      return false
    }
  }

  async verify(credentials: Credentials, channel?: Channel): Promise<Identity> {
    const presented = presentedIn(credentials, channel)
    if (this.knows(presented) || this.takes(presented)) return await this.check(presented, this.#clock)
    if (presented.scheme === 'none') throw new GuardError('identity_missing')
    throw new GuardError('identity_invalid', { reason: 'the credential is malformed, or of another kind, issuer, type or algorithm' })
  }
}

/** Whether some credential could go by either route. */
function overlap(one: Route, other: Route): boolean {
  if (one.kind === 'any' || other.kind === 'any') return true
  switch (one.kind) {
    case 'jwt':
      return other.kind === 'jwt' && one.issuer === other.issuer && isAnyShared(one.types, other.types)
    case 'svid':
      return other.kind === 'svid' && one.trustDomain === other.trustDomain
    case 'key':
    case 'opaque':
      return other.kind === one.kind && (one.prefix.startsWith(other.prefix) || other.prefix.startsWith(one.prefix))
    default:
      return other.kind === one.kind
  }
}

function isAnyShared(one: readonly string[] | undefined, other: readonly string[] | undefined): boolean {
  return one === undefined || other === undefined || one.some((type) => other.includes(type))
}

// What is more exact is asked first, so that of the kinds of credentials that look alike each has one verifier.
const precedence: readonly Route['kind'][] = ['jwt', 'svid', 'key', 'opaque', 'certificate', 'none', 'any']

/** Chooses the one verifier of a credential, by its scheme and its issuer. */
export class VerifierChoice {
  readonly verifiers: readonly Verifier[]
  readonly #direct: readonly DirectVerifier[]
  readonly #others: readonly Verifier[]

  /** @throws TypeError for what is no verifier, and for two that could take the same credential. */
  constructor(verifiers: readonly Verifier[]) {
    if (!Array.isArray(verifiers) || verifiers.length === 0) throw new TypeError('verifyIdentity: verifiers must be a list of at least one verifier')
    this.verifiers = Object.freeze([...verifiers])
    for (const verifier of this.verifiers)
      if (typeof verifier?.accepts !== 'function' || typeof verifier.verify !== 'function' || typeof verifier.describe !== 'function')
        throw new TypeError('verifyIdentity: a verifier needs accepts(), verify() and describe()')
    this.#direct = this.verifiers
      .filter((verifier) => verifier instanceof DirectVerifier)
      .sort((one, other) => precedence.indexOf(one.route.kind) - precedence.indexOf(other.route.kind))
    this.#others = this.verifiers.filter((verifier) => !(verifier instanceof DirectVerifier))
    for (const [index, { route }] of this.#direct.entries())
      if (this.#direct.slice(index + 1).some((other) => overlap(route, other.route)))
        throw new TypeError(`verifyIdentity: two verifiers could take the same credential (${explain(route)}), and only one may`)
  }

  /**
   * The verifier of a credential.
   *
   * @throws GuardError `identity_missing` where there is no credential and nobody takes that, `identity_invalid` where
   * nobody takes the credential, `misconfigured` where several do.
   */
  of(presented: Presented, credentials: Credentials, channel: Channel | undefined): Verifier {
    // Routes of one kind never overlap, and the kinds have an order: the first that takes it is the only one.
    let chosen: Verifier | undefined =
      this.#direct.find((verifier) => verifier.knows(presented)) ?? this.#direct.find((verifier) => verifier.takes(presented))
    for (const verifier of this.#others) {
      const accepted: unknown = verifier.accepts(credentials, channel)
      if (accepted !== true) {
        // A promise is no answer here, and never a yes.
        abandon(accepted)
        continue
      }
      if (chosen !== undefined) throw new GuardError('misconfigured', { reason: 'two verifiers accept the same credential' })
      chosen = verifier
    }
    if (chosen !== undefined) return chosen
    if (presented.scheme === 'none') throw new GuardError('identity_missing')
    throw new GuardError('identity_invalid', {
      reason: 'no verifier takes this credential: malformed, or of an unknown scheme, issuer, type or algorithm',
    })
  }
}

function explain(route: Route): string {
  switch (route.kind) {
    case 'jwt':
      return `tokens of ${route.issuer}`
    case 'svid':
      return `JWT-SVIDs of ${route.trustDomain}`
    case 'key':
      return route.prefix === '' ? 'API keys without a prefix' : `API keys that begin with ${route.prefix}`
    case 'opaque':
      return route.prefix === '' ? 'opaque tokens without a prefix' : `opaque tokens that begin with ${route.prefix}`
    case 'certificate':
      return 'client certificates'
    case 'none':
      return 'no credential'
    case 'any':
      return 'any credential'
  }
}

/**
 * Takes callers that present no credential at all, for endpoints that are meant to be open. A bad credential is never
 * downgraded to it. All of them are one subject, `anonymous`, without roles or scopes; policy must permit it explicitly.
 *
 * ```ts
 * const open = verifyIdentity({ verifiers: [anonymous()] })
 * ```
 */
export function anonymous(): Verifier {
  return new AnonymousVerifier()
}

class AnonymousVerifier extends DirectVerifier {
  readonly scheme = 'Bearer'
  readonly route: Route = { kind: 'none' }
  readonly #identity: Identity = makeIdentity({ subject: 'anonymous', issuer: 'urn:sallyport:anonymous', expiresAt: Number.POSITIVE_INFINITY })

  takes({ scheme, channel }: Presented): boolean {
    // An empty text stands for a certificate that was there and that nobody accepts.
    return scheme === 'none' && channel?.peerCertificate !== ''
  }

  check(): Identity {
    return this.#identity
  }

  describe(): Readonly<Record<string, unknown>> {
    return { kind: 'anonymous' }
  }
}
