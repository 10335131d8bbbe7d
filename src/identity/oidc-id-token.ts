import { type Check, checkOptions, hasMethods, isFunction, oneOf, optional } from '../guard/check-options.ts'
import type { Clock } from '../guard/clock.ts'
import type { Identity } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import { type Jwks, secretAlgorithms } from '../keys/jwks.ts'
import type { KeySource } from '../keys/key-source.ts'
import { type Claims, text, texts as textsIn } from './jwt-claims.ts'
import { algorithmsOf, areTexts, checkIssuer, isText, keysOf, texts } from './jwt-options.ts'
import { SenderBinding } from './sender-binding.ts'
import { TokenVerifier } from './token-verifier.ts'
import type { Verifier } from './verifier.ts'

/** Options of `oidcIdToken`. A list may be given as one value. */
export interface OidcIdTokenOptions {
  /** The `iss` of the tokens, compared exactly. */
  readonly issuer: string
  /** The client ids of this application: a token must have one of them in `aud`, and its `azp` must be one of them. */
  readonly audience: string | readonly string[]
  /** The provider's public keys: a JWK Set, the URL of one, or a source such as `discoveredKeys`. */
  readonly keys: URL | Jwks | KeySource
  /** Allowed `alg`s; every asymmetric one that is known unless given. */
  readonly algorithms?: string | readonly string[]
  /** How far the provider's clock may be ahead, in seconds; 5 unless given. */
  readonly clockTolerance?: number
  /** How long after it was issued (`iat`) a token is taken, in seconds; as long as it lives unless given. */
  readonly maxTokenAge?: number
  /** Claims that hold roles, united; `roles` and `groups` unless given. */
  readonly rolesClaim?: string | readonly string[]
  /** Claims that may hold the tenant, the first that is there; `tenant` and `tid` unless given. */
  readonly tenantClaim?: string | readonly string[]
  /** What subjects are, or a function of the verified claims; `user` unless given. */
  readonly kind?: Identity['kind'] | ((claims: Identity['claims']) => Identity['kind'])
  /** How many verified tokens are remembered; 10,000 unless given, 0 for none. */
  readonly maxCached?: number
  /** For `verify` outside a guard, which brings its own; the system's unless given. */
  readonly clock?: Clock
}

const required: readonly string[] = ['iss', 'sub', 'aud', 'exp', 'iat']
// What only access tokens and events hold.
const foreign: readonly string[] = ['scope', 'scp', 'client_id', 'cid', 'appid', 'appidacr', 'azpacr', 'idtyp', 'events']
const [isKind, kinds] = oneOf('user', 'service', 'agent', 'device')
const someTexts = 'a non-empty text or a list of them'
const checks: Readonly<Record<keyof OidcIdTokenOptions, Check>> = {
  issuer: [isText, 'a non-empty text'],
  audience: [areTexts, someTexts],
  keys: [(value) => typeof value === 'object' && value !== null, 'a URL object, a JWK Set, or a KeySource'],
  algorithms: [optional(areTexts), someTexts],
  clockTolerance: [optional((value) => typeof value === 'number' && value >= 0 && value <= 300), '0 to 300 seconds'],
  maxTokenAge: [optional((value) => typeof value === 'number' && value > 0 && Number.isFinite(value)), 'a number of seconds above zero'],
  rolesClaim: [optional(areTexts), someTexts],
  tenantClaim: [optional(areTexts), someTexts],
  kind: [optional((value) => isFunction(value) || isKind(value)), `${kinds}, or a function of the claims`],
  maxCached: [optional((value) => Number.isSafeInteger(value) && (value as number) >= 0), 'a whole number'],
  clock: [optional(hasMethods('now', 'monotonic', 'after')), 'a Clock'],
}

/**
 * Verifies ID tokens of one OpenID provider, presented as `Authorization: Bearer` by an application to its own backend
 * (OpenID Connect Core 1.0, section 3.1.3.7). They say who a user is and grant nothing: for what calls an API take access
 * tokens and `jwt`.
 *
 * An ID token is one without `typ` or with `JWT`, and never one with what only access tokens have (`scope`, `client_id`).
 * Where it is for several audiences it must name one party as `azp`, and a party that is named must be this application.
 *
 * ```ts
 * const verifier = oidcIdToken({ issuer: 'https://id.example', audience: 'web-app', keys: discoveredKeys({ issuer: 'https://id.example' }) })
 * ```
 *
 * Refuses with `identity_missing`, `identity_invalid`, `identity_expired`, `binding_invalid` and `keys_unavailable`.
 *
 * @throws TypeError for wrong options.
 */
export function oidcIdToken(options: OidcIdTokenOptions): Verifier {
  checkOptions('oidcIdToken', options, checks)
  const { issuer, clockTolerance = 5, maxTokenAge, kind = 'user', maxCached = 10_000 } = options
  checkIssuer('oidcIdToken', issuer)
  const audiences = texts(options.audience)
  const algorithms = algorithmsOf('oidcIdToken', options.algorithms)
  if (algorithms.some((algorithm) => secretAlgorithms.includes(algorithm))) throw new TypeError('oidcIdToken: algorithms: no secret ones')
  const types = ['', 'application/jwt']
  return new TokenVerifier(
    {
      route: { kind: 'jwt', issuer, types },
      rules: {
        issuer,
        voucher: issuer,
        audiences,
        required,
        foreign,
        marks: ['id', 'id_token'],
        isConfirmed: false,
        tolerance: clockTolerance * 1000,
        roles: texts(options.rolesClaim ?? ['roles', 'groups']),
        tenant: texts(options.tenantClaim ?? ['tenant', 'tid']),
        kind,
        also: (claims) => requireParty(claims, audiences),
      },
      algorithms,
      types,
      keys: keysOf('oidcIdToken', options.keys, false),
      maxCached,
      maxTokenAge: maxTokenAge === undefined ? Number.POSITIVE_INFINITY : maxTokenAge * 1000,
      allowsPadding: false,
      binding: new SenderBinding(undefined, false),
      isMine: ({ iss }) => iss === issuer,
      details: Object.freeze({
        kind: 'oidcIdToken',
        issuer,
        audience: audiences,
        algorithms,
        clockTolerance,
        maxCached,
        ...(maxTokenAge !== undefined && { maxTokenAge }),
      }),
    },
    options.clock,
  )
}

// OpenID Connect Core 1.0, section 3.1.3.7, rules 4 and 5; section 2 for the length of a subject.
function requireParty(claims: Claims, audiences: readonly string[]): void {
  const isForSeveral = textsIn(claims, 'aud').length > 1
  const isNamed = Object.hasOwn(claims, 'azp')
  if (isForSeveral && !isNamed) throw invalid('the ID token is for several audiences and names no authorized party')
  if (isNamed && !audiences.includes(text(claims, 'azp'))) throw invalid('the ID token was issued to another party')
  if (!/^[\x20-\x7e]{1,255}$/.test(text(claims, 'sub'))) throw invalid('the subject is longer than 255 ASCII characters')
}

function invalid(reason: string): GuardError {
  return new GuardError('identity_invalid', { reason })
}
