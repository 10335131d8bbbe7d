import { type Check, checkOptions, hasMethods, isFunction, oneOf, optional } from '../guard/check-options.ts'
import type { Clock } from '../guard/clock.ts'
import type { Identity } from '../guard/context.ts'
import { type Jwks, localJwks, publicAlgorithms, secretAlgorithms } from '../keys/jwks.ts'
import type { KeySource } from '../keys/key-source.ts'
import { remoteJwks } from '../keys/remote-jwks.ts'
import { type DpopOptions, dpopSettings } from './dpop-options.ts'
import type { ClaimRules } from './jwt-claims.ts'
import { SenderBinding } from './sender-binding.ts'
import { mediaType, type TokenProfile } from './token-verifier.ts'

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
  /** How long after it was issued (`iat`) a token is taken, in seconds; as long as it lives unless given. */
  readonly maxTokenAge?: number
  /** How proofs of possession (RFC 9449) are judged, which a token with `cnf.jkt` needs. Where it is given, challenges name the scheme. */
  readonly dpop?: DpopOptions
  /**
   * `strip` also takes tokens that are written with padding, as some issuers do against RFC 7515, section 2; what is
   * remembered of them is remembered without. None is taken unless given.
   */
  readonly padding?: 'strip'
  /** How many verified tokens are remembered; 10,000 unless given, 0 for none. */
  readonly maxCached?: number
  /** For `verify` outside a guard, which brings its own; the system's unless given. */
  readonly clock?: Clock
}

const minimal: readonly string[] = ['iss', 'exp', 'aud', 'sub', 'iat']

const someTexts = 'a non-empty text or a list of them'
// What only other kinds of tokens hold: ID tokens (OpenID Connect Core, section 3.3.2.11) and events (RFC 8417, section 2.2).
const foreign: readonly string[] = ['at_hash', 'c_hash', 's_hash', 'events']

// What issuers call access tokens in claims that say a token's kind.
const accessTokens: readonly string[] = ['access', 'access_token', 'at+jwt', 'application/at+jwt', 'jwt', 'bearer', 'dpop']

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
  maxTokenAge: [optional((value) => typeof value === 'number' && value > 0 && Number.isFinite(value)), 'a number of seconds above zero'],
  dpop: [optional((value) => typeof value === 'object' && value !== null), 'an object'],
  padding: [optional((value) => value === 'strip'), "'strip'"],
  maxCached: [optional((value) => Number.isSafeInteger(value) && (value as number) >= 0), 'a whole number'],
  clock: [optional(hasMethods('now', 'monotonic', 'after')), 'a Clock'],
}

/** Parses and copies the options of `jwt`. @throws TypeError where they are wrong. */
export function jwtProfile(options: JwtOptions): TokenProfile {
  checkOptions('jwt', options, checks)
  const { issuer, typ = 'at+jwt', claims = 'rfc9068', clockTolerance = 5, kind, maxCached = 10_000, maxTokenAge, padding } = options
  checkIssuer('jwt', issuer)
  const algorithms = algorithmsOf('jwt', options.algorithms)
  const audiences = texts(options.audience)
  const binding = new SenderBinding(dpopSettings(options.dpop), options.dpop !== undefined)
  const rules: ClaimRules = {
    issuer,
    voucher: issuer,
    audiences,
    required: claims === 'minimal' ? minimal : [...minimal, 'client_id', 'jti'],
    foreign,
    marks: accessTokens,
    isConfirmed: true,
    tolerance: clockTolerance * 1000,
    roles: texts(options.rolesClaim ?? ['roles', 'groups']),
    tenant: texts(options.tenantClaim ?? ['tenant', 'tid']),
    kind,
  }
  const types = [mediaType(typ)]
  return {
    route: { kind: 'jwt', issuer, types },
    rules,
    algorithms,
    types,
    keys: keysOf('jwt', options.keys, secretAlgorithms.includes(algorithms[0] ?? '')),
    maxCached,
    maxTokenAge: maxTokenAge === undefined ? Number.POSITIVE_INFINITY : maxTokenAge * 1000,
    allowsPadding: padding === 'strip',
    binding,
    isMine: ({ iss }) => iss === issuer,
    details: Object.freeze({
      kind: 'jwt',
      issuer,
      audience: audiences,
      algorithms,
      typ,
      claims,
      clockTolerance,
      maxCached,
      ...(maxTokenAge !== undefined && { maxTokenAge }),
      ...(padding !== undefined && { padding }),
      dpop: binding.describe(),
    }),
  }
}

/** Names that no token may claim: verifiers of this package that need no issuer use them. @throws TypeError */
export function checkIssuer(factory: string, issuer: string): void {
  if (issuer.startsWith('urn:sallyport:')) throw new TypeError(`${factory}: issuer must not begin with urn:sallyport:`)
}

/** Parses an allow-list of algorithms. @throws TypeError */
export function algorithmsOf(factory: string, algorithms: string | readonly string[] = publicAlgorithms): readonly string[] {
  const named = texts(algorithms)
  const secret = named.filter((algorithm) => secretAlgorithms.includes(algorithm))
  const unknown = named.find((algorithm) => !publicAlgorithms.includes(algorithm) && !secretAlgorithms.includes(algorithm))
  if (unknown !== undefined) throw new TypeError(`${factory}: the algorithm '${unknown}' is not one that is verified here`)
  // Together, a public key could be taken for a secret (RFC 8725, section 2.1).
  if (secret.length > 0 && secret.length < named.length) throw new TypeError(`${factory}: secret and public algorithms exclude each other`)
  return named
}

/** Where the keys of an issuer come from. @throws TypeError */
export function keysOf(factory: string, keys: URL | Jwks | KeySource, areSecret: boolean): KeySource {
  if ('keys' in keys) {
    const source = localJwks(keys)
    const isSecret = keys.keys.some((key) => key.kty === 'oct')
    if (isSecret !== areSecret) throw new TypeError(`${factory}: secrets are for HS256, HS384 and HS512, and these are for secrets alone`)
    return source
  }
  if (areSecret) throw new TypeError(`${factory}: secrets must be given as a JWK Set`)
  if (keys instanceof URL) return remoteJwks(keys)
  if (typeof keys.find !== 'function' || typeof keys.trusts !== 'function' || typeof keys.describe !== 'function')
    throw new TypeError(`${factory}: a KeySource needs find(), trusts() and describe()`)
  return keys
}

/** A list that may be given as one value, copied. */
export function texts(value: string | readonly string[]): readonly string[] {
  return Object.freeze(typeof value === 'string' ? [value] : [...value])
}

export function areTexts(value: unknown): boolean {
  const items: readonly unknown[] = Array.isArray(value) ? value : [value]
  return items.length > 0 && items.every(isText)
}

export function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
