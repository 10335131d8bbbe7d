import { type Check, checkOptions, hasMethods, isFunction, oneOf, optional } from '../guard/check-options.ts'
import type { Clock } from '../guard/clock.ts'
import type { Awaitable, Identity } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import { secureUrl } from '../keys/secure-url.ts'
import { type DpopOptions, dpopSettings } from './dpop-options.ts'
import type { Introspection, IntrospectionSettings } from './introspection.ts'
import { type ClientSettings, clientSettings, describeClient, type IntrospectionClient } from './introspection-client.ts'
import type { AudienceRule } from './introspection-answer.ts'
import type { Admitted } from './jwt-claims.ts'
import { areTexts, checkIssuer, isText, texts } from './jwt-options.ts'
import type { Presented } from './presented.ts'
import { SenderBinding } from './sender-binding.ts'
import { DirectVerifier, type OtherSchemes, type Route, type Verifier } from './verifier.ts'

/** Options of `opaque`. A list may be given as one value; durations are seconds. */
export interface OpaqueOptions {
  /** Who issues the tokens: the issuer of the identities, and the `iss` of an answer that has one. */
  readonly issuer: string
  /** The introspection endpoint of the authorization server: https, or http at a loopback address. */
  readonly introspection: URL
  /** How this service authenticates there. */
  readonly client: IntrospectionClient
  /**
   * The names by which this service is meant: an answer must have one of them in `aud`. Unless it is given the server judges for
   * whom a token is (RFC 7662, section 4), and an `aud` that it tells must be the id of the `client`. `any` takes tokens for
   * whatever service.
   */
  readonly audience?: string | readonly string[]
  /** What the tokens begin with, such as `ory_at_`. Without it only tokens without a dot are taken. */
  readonly prefix?: string
  /** How long an answer counts without asking again, 0 to 3600; 5 unless given. A revoked token is taken that long. */
  readonly cache?: number
  /** How many tokens are remembered; 10,000 unless given. */
  readonly maxCached?: number
  /** How many questions may wait for an answer at once, a quarter of them about tokens that were good before; 64 unless given. */
  readonly maxPending?: number
  /** How long the answer may take, to its last byte; 5 unless given. */
  readonly timeout?: number
  /**
   * `optional` also takes a token of which the server does not tell a `token_type`: only for servers that never answer for
   * refresh tokens, which have none. `required` unless given.
   */
  readonly tokenType?: 'required' | 'optional'
  /**
   * `client` takes a token without `sub` for its client's own, with `client_id` as the subject: only for servers that leave it
   * out where there is no user, and nowhere else. `refuse` unless given.
   */
  readonly withoutSubject?: 'refuse' | 'client'
  /** How far the server's clock may be ahead; 5 unless given. For `iat` and `nbf` alone: `exp` is exact. */
  readonly clockTolerance?: number
  /** Members that hold roles, united; `roles` and `groups` unless given. */
  readonly rolesClaim?: string | readonly string[]
  /** Members that may hold the tenant, the first that is there; `tenant` and `tid` unless given. */
  readonly tenantClaim?: string | readonly string[]
  /** What subjects of this issuer are, or a function of the answer. */
  readonly kind?: Identity['kind'] | ((claims: Identity['claims']) => Identity['kind'])
  /** How proofs of possession (RFC 9449) are judged, which a token with `cnf.jkt` needs. */
  readonly dpop?: DpopOptions
  /** `globalThis.fetch` unless given. */
  readonly fetch?: typeof globalThis.fetch
  /** For `verify` outside a guard, which brings its own; the system's unless given. */
  readonly clock?: Clock
}

const someTexts = 'a non-empty text or a list of them'
const between = (low: number, high: number): Check => [
  optional((value) => typeof value === 'number' && value >= low && value <= high),
  `${low} to ${high} seconds`,
]
const count: Check = [optional((value) => Number.isSafeInteger(value) && (value as number) >= 1), 'a whole number above zero']
const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null
const [isKind, kinds] = oneOf('user', 'service', 'agent', 'device')
const [isTokenType, tokenTypes] = oneOf('required', 'optional')
const [isWithoutSubject, withoutSubjects] = oneOf('refuse', 'client')
const checks: Readonly<Record<keyof OpaqueOptions, Check>> = {
  issuer: [isText, 'a non-empty text'],
  introspection: [isObject, 'a URL object'],
  client: [isObject, 'an object'],
  audience: [optional(areTexts), someTexts],
  prefix: [optional((value) => typeof value === 'string' && /^[A-Za-z0-9._~+/-]{0,64}$/.test(value)), 'up to 64 characters of a token'],
  cache: between(0, 3600),
  maxCached: count,
  maxPending: count,
  timeout: [optional((value) => typeof value === 'number' && value > 0 && value <= 60), 'a number of seconds above 0 and at most 60'],
  tokenType: [optional(isTokenType), tokenTypes],
  withoutSubject: [optional(isWithoutSubject), withoutSubjects],
  clockTolerance: between(0, 300),
  rolesClaim: [optional(areTexts), someTexts],
  tenantClaim: [optional(areTexts), someTexts],
  kind: [optional((value) => isFunction(value) || isKind(value)), `${kinds}, or a function of the answer`],
  dpop: [optional(isObject), 'an object'],
  fetch: [optional(isFunction), 'a function'],
  clock: [optional(hasMethods('now', 'monotonic', 'after')), 'a Clock'],
}

/**
 * Verifies access tokens that say nothing themselves, by asking the authorization server about them (RFC 7662). Presented as
 * `Authorization: Bearer`, or `DPoP` where they are bound to a key. Never takes a JWT.
 *
 * An answer must say that the token is active, an access token by its `token_type`, of this issuer and for this audience, whose
 * it is (`sub`) and until when it stands (`exp`). What becomes of it is as in `jwt`, bindings (`cnf`) included.
 *
 * The server is asked when a token first comes, and again when the answer is older than `cache`: also while an answer
 * streams, which ends with `identity_revoked` when the token is no longer active, or has lost a role or a scope. Where the server
 * cannot be asked, calls are refused as `keys_unavailable`: no old answer is used, and nobody is called an impostor because a
 * server is down. What is malformed is refused without asking, one question at a time is asked about one token, and while the
 * server fails it is asked ever more rarely.
 *
 * ```ts
 * const verifier = opaque({
 *   issuer: 'https://id.example',
 *   introspection: new URL('https://id.example/introspect'),
 *   client: { id: 'https://api.example', secret },
 * })
 * ```
 *
 * Refuses with `identity_missing`, `identity_invalid`, `identity_expired`, `binding_invalid`, `replayed` and `keys_unavailable`.
 *
 * @throws TypeError for wrong options.
 */
export function opaque(options: OpaqueOptions): Verifier {
  return new OpaqueVerifier({ ...options })
}

/** Characters of a token: fewer cannot be random enough. */
const length = { min: 16, max: 4096 } as const
// RFC 6750, section 2.1.
const b64token = /^[A-Za-z0-9._~+/-]+=*$/

class OpaqueVerifier extends DirectVerifier {
  readonly scheme = 'Bearer'
  readonly route: Route
  readonly #prefix: string
  readonly #binding: SenderBinding
  readonly #settings: IntrospectionSettings
  readonly #details: Readonly<Record<string, unknown>>
  /** Loaded with the first token. */
  #introspection: Introspection | undefined

  constructor(options: OpaqueOptions) {
    checkOptions('opaque', options, checks)
    super(options.clock)
    const { issuer, prefix = '', cache = 5, maxCached = 10_000, maxPending = 64, timeout = 5, clockTolerance = 5, kind, fetch } = options
    const { tokenType = 'required', withoutSubject = 'refuse' } = options
    checkIssuer('opaque', issuer)
    const endpoint = secureUrl('opaque: introspection', options.introspection)
    const client = clientSettings(options.client)
    const audience = audienceOf(options.audience, client)
    this.route = { kind: 'opaque', prefix }
    this.#prefix = prefix
    this.#binding = new SenderBinding(dpopSettings(options.dpop), options.dpop !== undefined)
    this.#settings = {
      endpoint,
      issuer,
      client,
      fetch: fetch ?? ((input, init) => globalThis.fetch(input, init)),
      timeout: timeout * 1000,
      maxAge: cache * 1000,
      maxCached,
      maxPending,
      rules: {
        issuer: undefined,
        voucher: issuer,
        audiences: undefined,
        audience,
        required: ['sub', 'exp'],
        foreign: ['at_hash', 'c_hash', 's_hash', 'events'],
        isConfirmed: true,
        isTyped: tokenType === 'required',
        isClients: withoutSubject === 'client',
        tolerance: clockTolerance * 1000,
        roles: texts(options.rolesClaim ?? ['roles', 'groups']),
        tenant: texts(options.tenantClaim ?? ['tenant', 'tid']),
        kind,
      },
    }
    this.#details = Object.freeze({
      kind: 'opaque',
      issuer,
      introspection: endpoint.origin + endpoint.pathname,
      client: describeClient(client),
      audience: audience === 'any' ? audience : audience.names,
      prefix,
      cache,
      maxCached,
      maxPending,
      timeout,
      tokenType,
      withoutSubject,
      clockTolerance,
      dpop: this.#binding.describe(),
    })
  }

  describe(): Readonly<Record<string, unknown>> {
    return this.#details
  }

  override get otherSchemes(): OtherSchemes {
    return this.#binding.schemes
  }

  takes(presented: Presented): boolean {
    const { scheme, secret } = presented
    if ((scheme !== 'bearer' && scheme !== 'dpop') || !secret.startsWith(this.#prefix)) return false
    return this.#prefix === '' ? !secret.includes('.') : presented.jwt === undefined
  }

  check(presented: Presented, clock: Clock): Awaitable<Identity> {
    const { scheme, secret, proof } = presented
    if (secret.length < length.min || secret.length > length.max || !b64token.test(secret))
      throw new GuardError('identity_invalid', { reason: 'no token has this length or these characters' })
    // Whatever it is bound to: nobody need be asked.
    if ((scheme === 'dpop') !== (proof !== undefined))
      throw new GuardError('binding_invalid', { reason: 'a proof of possession came with another scheme, or the scheme without a proof' })
    const introspection = this.#introspection
    return introspection === undefined
      ? this.#load().then((loaded) => this.#judge(loaded, presented, clock))
      : this.#judge(introspection, presented, clock)
  }

  #judge(introspection: Introspection, presented: Presented, clock: Clock): Awaitable<Identity> {
    const admitted = introspection.admit(presented.digest, presented.secret, clock)
    return 'then' in admitted ? admitted.then((found) => this.#bound(found, presented, clock)) : this.#bound(admitted, presented, clock)
  }

  #bound({ identity, confirmation }: Admitted, presented: Presented, clock: Clock): Awaitable<Identity> {
    const proven = this.#binding.check(confirmation, presented, clock)
    return proven === undefined ? identity : proven.then(() => identity)
  }

  async #load(): Promise<Introspection> {
    const { Introspection: Loaded } = await import('./introspection.ts')
    this.#introspection ??= new Loaded(this.#settings)
    return this.#introspection
  }
}

function audienceOf(audience: OpaqueOptions['audience'], { id }: ClientSettings): AudienceRule {
  if (audience === 'any') return audience
  if (audience !== undefined) return { names: texts(audience), isRequired: true }
  if (id === undefined) throw new TypeError('opaque: audience: must be given, or an id of the client')
  return { names: texts(id), isRequired: false }
}
