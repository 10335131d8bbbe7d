import { type Check, checkOptions, hasMethods, isFunction, oneOf, optional } from '../guard/check-options.ts'
import type { Clock } from '../guard/clock.ts'
import type { Identity } from '../guard/context.ts'
import { type Jwks, localJwks, publicAlgorithms, secretAlgorithms } from '../keys/jwks.ts'
import type { KeySource } from '../keys/key-source.ts'
import { remoteJwks } from '../keys/remote-jwks.ts'
import type { ClaimRules } from './jwt-claims.ts'

/** Options of `jwt`. A list may be given as one value. */
export interface JwtOptions {
  /** The `iss` of the tokens, compared exactly. */
  readonly issuer: string
  /** The names by which this service is meant: a token must have one of them in `aud`. */
  readonly audience: string | readonly string[]
  /**
   * The issuer's keys: a JWK Set of public keys, the URL of one (fetched with the defaults of `remoteJwks`), or a source.
   * Secrets for HMAC only in a JWK Set given here, with their algorithms named.
   */
  readonly keys: URL | Jwks | KeySource
  /** Allowed `alg`s; every asymmetric one that is known unless given. Secret and public ones never together. */
  readonly algorithms?: string | readonly string[]
  /** The `typ` of the tokens; `at+jwt` unless given. `JWT` for an issuer that does not follow RFC 9068. */
  readonly typ?: string
  /**
   * Which claims must be there: `rfc9068` wants `iss exp aud sub client_id iat jti`, `minimal` does without `client_id` and
   * `jti`; `rfc9068` unless given.
   */
  readonly claims?: 'rfc9068' | 'minimal'
  /** How far an issuer's clock may be ahead, in seconds; 5 unless given. For `iat` and `nbf` alone: `exp` is exact. */
  readonly clockTolerance?: number
  /** Claims that hold roles, united; `roles` and `groups` unless given. */
  readonly rolesClaim?: string | readonly string[]
  /** Claims that may hold the tenant, the first that is there; `tenant` and `tid` unless given. */
  readonly tenantClaim?: string | readonly string[]
  /** What subjects of this issuer are, or a function of the verified claims. */
  readonly kind?: Identity['kind'] | ((claims: Identity['claims']) => Identity['kind'])
  /** How many verified tokens are remembered; 10,000 unless given, 0 for none. */
  readonly maxCached?: number
  /** For `verify` outside a guard, which brings its own; the system's unless given. */
  readonly clock?: Clock
}

/** Parsed options. */
export interface JwtSettings {
  readonly rules: ClaimRules
  readonly algorithms: readonly string[]
  /** In the long form. */
  readonly typ: string
  readonly keys: KeySource
  readonly maxCached: number
  readonly details: Readonly<Record<string, unknown>>
}

const minimal: readonly string[] = ['iss', 'exp', 'aud', 'sub', 'iat']

const someTexts = 'a non-empty text or a list of them'
const [isClaims, claimsWanted] = oneOf('rfc9068', 'minimal')
const [isKind, kinds] = oneOf('user', 'service', 'agent', 'device')
const checks: Readonly<Record<keyof JwtOptions, Check>> = {
  issuer: [isText, 'a non-empty text'],
  audience: [areTexts, someTexts],
  keys: [(value) => typeof value === 'object' && value !== null, 'a URL object, a JWK Set, or a KeySource'],
  algorithms: [optional(areTexts), someTexts],
  typ: [optional(isText), 'a non-empty text'],
  claims: [optional(isClaims), claimsWanted],
  clockTolerance: [optional((value) => typeof value === 'number' && value >= 0 && value <= 300), '0 to 300 seconds'],
  rolesClaim: [optional(areTexts), someTexts],
  tenantClaim: [optional(areTexts), someTexts],
  kind: [optional((value) => isFunction(value) || isKind(value)), `${kinds}, or a function of the claims`],
  maxCached: [optional((value) => Number.isSafeInteger(value) && (value as number) >= 0), 'a whole number'],
  clock: [optional(hasMethods('now', 'monotonic', 'after')), 'a Clock'],
}

/** Parses and copies the options of `jwt`. @throws TypeError where they are wrong. */
export function jwtSettings(options: JwtOptions): JwtSettings {
  checkOptions('jwt', options, checks)
  const { issuer, typ = 'at+jwt', claims = 'rfc9068', clockTolerance = 5, kind, maxCached = 10_000 } = options
  // Names that no token may claim: verifiers of this package that need no issuer use them.
  if (issuer.startsWith('urn:sallyport:')) throw new TypeError('jwt: issuer must not begin with urn:sallyport:')
  const algorithms = algorithmsOf(options)
  const audiences = texts(options.audience)
  const rules: ClaimRules = {
    issuer,
    audiences,
    required: claims === 'minimal' ? minimal : [...minimal, 'client_id', 'jti'],
    tolerance: clockTolerance * 1000,
    roles: texts(options.rolesClaim ?? ['roles', 'groups']),
    tenant: texts(options.tenantClaim ?? ['tenant', 'tid']),
    kind,
  }
  return {
    rules,
    algorithms,
    typ: mediaType(typ),
    keys: keysOf(options.keys, secretAlgorithms.includes(algorithms[0] ?? '')),
    maxCached,
    details: Object.freeze({ kind: 'jwt', issuer, audience: audiences, algorithms, typ, claims, clockTolerance, maxCached }),
  }
}

/** A `typ` in the long form of RFC 7515, section 4.1.9, without regard to case. */
export function mediaType(typ: string): string {
  const lower = typ.toLowerCase()
  return lower.includes('/') ? lower : `application/${lower}`
}

function algorithmsOf({ algorithms = publicAlgorithms }: JwtOptions): readonly string[] {
  const named = texts(algorithms)
  const secret = named.filter((algorithm) => secretAlgorithms.includes(algorithm))
  const unknown = named.find((algorithm) => !publicAlgorithms.includes(algorithm) && !secretAlgorithms.includes(algorithm))
  if (unknown !== undefined) throw new TypeError(`jwt: the algorithm '${unknown}' is not one that is verified here`)
  // Together, a public key could be taken for a secret (RFC 8725, section 2.1).
  if (secret.length > 0 && secret.length < named.length) throw new TypeError('jwt: secret and public algorithms exclude each other')
  return named
}

function keysOf(keys: JwtOptions['keys'], areSecret: boolean): KeySource {
  if ('keys' in keys) {
    const source = localJwks(keys)
    const isSecret = keys.keys.some((key) => key.kty === 'oct')
    if (isSecret !== areSecret) throw new TypeError('jwt: secrets are for HS256, HS384 and HS512, and these are for secrets alone')
    return source
  }
  if (areSecret) throw new TypeError('jwt: secrets must be given as a JWK Set')
  if (keys instanceof URL) return remoteJwks(keys)
  if (typeof keys.find !== 'function' || typeof keys.trusts !== 'function' || typeof keys.describe !== 'function')
    throw new TypeError('jwt: a KeySource needs find(), trusts() and describe()')
  return keys
}

function texts(value: string | readonly string[]): readonly string[] {
  return Object.freeze(typeof value === 'string' ? [value] : [...value])
}

function areTexts(value: unknown): boolean {
  const items: readonly unknown[] = Array.isArray(value) ? value : [value]
  return items.length > 0 && items.every(isText)
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
