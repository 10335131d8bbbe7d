import type { JWK } from 'jose'
import { type Check, checkOptions, hasMethods, optional } from '../guard/check-options.ts'
import { type Clock, systemClock } from '../guard/clock.ts'
import type { Awaitable, Call, Identity, Known } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import { liveCall } from '../guard/live-calls.ts'
import { decodeBase64url } from '../keys/base64url.ts'
import type { Jwks } from '../keys/jwks.ts'
import { countFactors } from './factors.ts'
import { areTexts, checkIssuer, isText, texts } from './jwt-options.ts'
import { lineageClaim } from './lineage.ts'
import type { Revocations } from './revocation-list.ts'
import { requireStanding } from './standing.ts'

/** Options of `delegator`. */
export interface DelegatorOptions {
  /** Who delegates: the `iss` of the tokens, which `delegated` names. */
  readonly issuer: string
  /** A private key as a JWK (RFC 7517) with `kid`: P-256 for `ES256`, or Ed25519 for `EdDSA`. */
  readonly key: JWK
  /** The longest that a token may live, in seconds; 300 unless given. */
  readonly maxTtl?: number
  /** How many parties may act one for the other, at most 8; 4 unless given. */
  readonly maxDepth?: number
  /** Asked before anything is delegated, beside the expiry of the call's own identity. */
  readonly revocation?: Revocations
  /** The system's unless given. */
  readonly clock?: Clock
}

/** What is delegated. A list may be given as one value. */
export interface DelegateOptions {
  /** What the holder may do of what the call's identity may: a subset of its scopes. */
  readonly scopes: string | readonly string[]
  /** How long, in seconds. Never as long as the identity it is made from. */
  readonly ttl: number
  /** Whom it is shown to: the one audience of the token. */
  readonly audience: string
  /** Of the roles of the call's identity, those that the holder has as well; none unless given. */
  readonly roles?: string | readonly string[]
  /** Who will act with it; the guard's name unless given. */
  readonly actor?: string
  /** The thumbprint of the holder's key (RFC 7638): the token is then bound to it (RFC 9449, section 6.1). */
  readonly jkt?: string
}

/** Makes tokens for those who act for a caller. */
export interface Delegator {
  /**
   * A token (RFC 8693, section 4.1) that says: this party acts for the caller of this call, and may do that much. Narrower and
   * shorter than what it is made from, and dead with it: revoking the caller, its token, its session or its key revokes it.
   *
   * @throws TypeError for wrong options, for what is no live call, and for a caller whose credential is bound, where `jkt` is
   * missing: what is bound is not handed on unbound. Rejects with `denied` for a scope or a role that the caller does not have
   * and for a chain that is too deep, and with `identity_expired` or `identity_revoked`.
   */
  delegate(call: Call & Pick<Known, 'identity'>, options: DelegateOptions): Promise<string>
  /** The public key, for whoever verifies. */
  readonly jwks: Jwks
}

const isPositive = (value: unknown): boolean => typeof value === 'number' && value > 0 && Number.isFinite(value)
const someTexts = 'a non-empty text or a list of them'
const checks: Readonly<Record<keyof DelegatorOptions, Check>> = {
  issuer: [isText, 'a non-empty text'],
  key: [(value) => isPrivateKey(value), 'a private JWK with kid, on P-256 or Ed25519'],
  maxTtl: [optional(isPositive), 'a number of seconds above zero'],
  maxDepth: [optional((value) => Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= 8), 'a whole number from 1 to 8'],
  revocation: [optional(hasMethods('isRevoked', 'subscribe', 'describe')), 'a list such as revocationList()'],
  clock: [optional(hasMethods('now', 'monotonic', 'after')), 'a Clock'],
}
const delegateChecks: Readonly<Record<keyof DelegateOptions, Check>> = {
  scopes: [(value) => (Array.isArray(value) && value.length === 0) || (areTexts(value) && texts(value as string).every(isScope)), someTexts],
  ttl: [(value) => isPositive(value) && (value as number) >= 1, 'a number of seconds, at least 1'],
  audience: [isText, 'one non-empty text'],
  roles: [optional((value) => (Array.isArray(value) && value.length === 0) || areTexts(value)), someTexts],
  actor: [optional(isText), 'a non-empty text'],
  jkt: [optional((value) => typeof value === 'string' && decodeBase64url(value)?.length === 32), 'a thumbprint'],
}

/** The `typ` of delegated tokens: no other verifier takes them. */
export const delegationType = 'delegation+jwt'

/**
 * Makes what delegates: an agent that was called by a verified caller hands a part of the caller's rights on, to a sub-agent or a
 * tool elsewhere that `delegated` verifies.
 *
 * ```ts
 * const { delegate, jwks } = delegator({ issuer: 'https://bot.example', key })
 * const run = base.protect(async (input: string, call) => {
 *   const token = await delegate(call, { scopes: ['files:read'], ttl: 60, audience: 'https://files.example' })
 *   return fetch('https://files.example/list', { headers: { authorization: `Bearer ${token}` } })
 * }, operation)
 * ```
 *
 * @throws TypeError for wrong options.
 */
export function delegator(options: DelegatorOptions): Delegator {
  checkOptions('delegator', options, checks)
  const { issuer, maxTtl = 300, maxDepth = 4, revocation, clock = systemClock } = options
  checkIssuer('delegator', issuer)
  const key = Object.freeze({ ...options.key })
  const { kty = 'OKP', crv = '', x = '', y, kid = '' } = key
  const algorithm = crv === 'P-256' ? 'ES256' : 'EdDSA'
  const publicKey: JWK = Object.freeze({ kty, crv, x, ...(y !== undefined && { y }), kid, alg: algorithm, use: 'sig' })
  let signing: Promise<CryptoKey> | undefined
  const mint = async (claims: Readonly<Record<string, unknown>>): Promise<string> => {
    const { SignJWT } = await import('jose/jwt/sign')
    signing ??= importPrivateKey(key)
    return new SignJWT(claims).setProtectedHeader({ alg: algorithm, typ: delegationType, kid }).sign(await signing)
  }
  return Object.freeze({
    delegate(call: Call & Pick<Known, 'identity'>, wanted: DelegateOptions): Promise<string> {
      if (typeof wanted !== 'object' || wanted === null) throw new TypeError('delegate: the options must be an object')
      // Read once, so that what is checked is what is signed.
      const own: DelegateOptions = { ...wanted }
      checkOptions('delegate', own, delegateChecks)
      requireLive(call)
      if (call.identity.binding !== undefined && own.jkt === undefined)
        throw new TypeError('delegate: the caller is bound to a key, so the token must be: give jkt')
      const standing = atOnce(() => requireStanding(call.identity, revocation, clock))
      return standing.then(() => {
        // Whether it stands took a while to learn.
        requireLive(call)
        return mint(delegatedClaims(call, own, { issuer, maxTtl, maxDepth, now: clock.now() }))
      })
    },
    jwks: Object.freeze({ keys: Object.freeze([publicKey]) }),
  })
}

function requireLive(call: Call & Pick<Known, 'identity'>): void {
  if (liveCall(call) === undefined || call.identity === undefined)
    throw new TypeError('delegate: the call must be one that a guarded function was given, while that call lasts')
}

interface Bounds {
  readonly issuer: string
  /** Seconds. */
  readonly maxTtl: number
  readonly maxDepth: number
  /** Milliseconds since 1970. */
  readonly now: number
}

function delegatedClaims(
  call: Call & Pick<Known, 'identity'>,
  wanted: DelegateOptions,
  { issuer, maxTtl, maxDepth, now }: Bounds,
): Record<string, unknown> {
  const { identity } = call
  const { audience, ttl, actor = call.guard, jkt } = wanted
  const scopes = subset('scope', texts(wanted.scopes), identity.scopes)
  const roles = subset('role', texts(wanted.roles ?? []), identity.roles)
  if (identity.actors.length + 1 > maxDepth) throw new GuardError('denied', { reason: `a delegation may be ${maxDepth} parties deep` })
  const iat = Math.floor(now / 1000)
  // Shorter than what it is made from, by at least the second in which times are written.
  const exp = Math.min(iat + Math.floor(Math.min(ttl, maxTtl)), Math.ceil(identity.expiresAt / 1000) - 1)
  if (exp <= iat) throw new GuardError('identity_expired', { reason: 'the identity lives too shortly for anything to be made from it' })
  const { acr, amr, authenticatedAt } = identity.assurance
  const { sid } = identity.claims
  return {
    iss: issuer,
    sub: identity.subject,
    sub_id: { format: 'iss_sub', iss: identity.issuer, sub: identity.subject },
    aud: audience,
    iat,
    exp,
    jti: crypto.randomUUID(),
    roles,
    kind: identity.kind,
    act: nested([{ subject: actor, issuer }, ...identity.actors]),
    made_of: lineageClaim(identity),
    ...(scopes.length > 0 && { scope: scopes.join(' ') }),
    ...(identity.kind !== 'user' && { factors: countFactors(identity) }),
    ...(identity.tenant !== undefined && { tenant: identity.tenant }),
    ...(acr !== undefined && { acr }),
    ...(amr.length > 0 && { amr }),
    ...(authenticatedAt !== undefined && { auth_time: Math.floor(authenticatedAt / 1000) }),
    ...(typeof sid === 'string' && { sid }),
    ...(jkt !== undefined && { cnf: { jkt } }),
  }
}

// The outermost is who acts now; inside it stands who acted before (RFC 8693, section 4.1).
function nested(actors: Identity['actors']): object | undefined {
  const [first, ...others] = actors
  if (first === undefined) return undefined
  const act = nested(others)
  return { sub: first.subject, ...(first.issuer !== undefined && { iss: first.issuer }), ...(act !== undefined && { act }) }
}

function subset(what: string, wanted: readonly string[], held: readonly string[]): readonly string[] {
  if (!wanted.every((name) => held.includes(name)))
    throw new GuardError('denied', { reason: `a ${what} that the caller does not have cannot be delegated` })
  return [...new Set(wanted)]
}

function isScope(value: string): boolean {
  // RFC 6749, section 3.3.
  return /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(value)
}

function isPrivateKey(value: unknown): boolean {
  const { kty, crv, x, y, d, kid } = (typeof value === 'object' && value !== null ? value : {}) as JWK
  const isCoordinate = (text: unknown): boolean => typeof text === 'string' && decodeBase64url(text)?.length === 32
  if (!isText(kid) || !isCoordinate(x) || !isCoordinate(d)) return false
  return (kty === 'EC' && crv === 'P-256' && isCoordinate(y)) || (kty === 'OKP' && crv === 'Ed25519')
}

function importPrivateKey({ kty, crv = '', x = '', y, d = '' }: JWK): Promise<CryptoKey> {
  const jwk = { kty: kty ?? '', crv, x, d, ...(y !== undefined && { y }), ext: false }
  return crypto.subtle.importKey('jwk', jwk, kty === 'EC' ? { name: 'ECDSA', namedCurve: crv } : { name: 'Ed25519' }, false, ['sign'])
}

// What throws at once rejects as well: only what was called wrongly throws.
async function atOnce(task: () => Awaitable<void>): Promise<void> {
  await task()
}
