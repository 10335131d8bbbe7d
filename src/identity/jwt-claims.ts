import type { Actor, Identity } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import { abandon } from '../guard/thenable.ts'
import { type Confirmation, confirmationOf } from './confirmation.ts'
import { makeIdentity, type Voucher } from './make-identity.ts'

export type Claims = Readonly<Record<string, unknown>>

/** What the claims of a token must say, and what becomes of them. */
export interface ClaimRules {
  /** The `iss` that they must have; undefined where a subject's own name says who vouches for it. */
  readonly issuer: string | undefined
  /** The issuer of the identity, or what finds it in the claims. */
  readonly voucher: string | ((claims: Claims) => string)
  /** By which names this service is meant; undefined where the token's audience does not matter. */
  readonly audiences: readonly string[] | undefined
  /** Claims that must be there. */
  readonly required: readonly string[]
  /** Claims that only tokens of other kinds have (RFC 8725, section 3.12). */
  readonly foreign: readonly string[]
  /** What a token of this kind is called in claims that say its kind, in lower case; undefined where they are not looked at. */
  readonly marks?: readonly string[]
  /** Whether a confirmation is understood. Where it is not, a token that has one is refused. */
  readonly isConfirmed: boolean
  /** Milliseconds. */
  readonly tolerance: number
  readonly roles: readonly string[]
  readonly tenant: readonly string[]
  readonly kind: Identity['kind'] | ((claims: Identity['claims']) => Identity['kind']) | undefined
  /** What else must hold. @throws GuardError */
  readonly also?: (claims: Claims) => void
}

/** An identity, and what its bearer must prove as well. */
export interface Admitted {
  readonly identity: Identity
  readonly confirmation: Confirmation | undefined
}

/** The most parties in a delegation chain. */
const maxActors = 8

/**
 * The identity that the claims of a verified token speak of (RFC 7519, section 4.1; RFC 9068, section 2.2).
 *
 * @param tooOldAt when it ends even where the token says later, in milliseconds since 1970.
 * @throws GuardError `identity_invalid` for a claim that is missing, of a wrong type or of a wrong value;
 * `identity_expired`; `binding_invalid` for a token that is bound in a way that is not understood.
 */
export function identityOfClaims(
  claims: Claims,
  rules: ClaimRules,
  now: number,
  voucher: Voucher,
  tooOldAt: number = Number.POSITIVE_INFINITY,
): Admitted {
  const expiresAt = Math.min(requireClaims(claims, rules, now), tooOldAt)
  const confirmation = confirmationOf(claims)
  if (confirmation !== undefined && !rules.isConfirmed)
    throw new GuardError('binding_invalid', { reason: 'the token is bound to a key, and tokens of this kind are not' })
  const subject = text(claims, 'sub')
  const client = optionalText(claims, 'client_id')
  const authenticatedAt = milliseconds(claims, 'auth_time')
  const acr = optionalText(claims, 'acr')
  const tokenId = optionalText(claims, 'jti')
  const tenant = rules.tenant.map((name) => optionalText(claims, name)).find((found) => found !== undefined)
  const device = confirmation?.jkt ?? confirmation?.x5t
  const parts = {
    subject,
    issuer: typeof rules.voucher === 'string' ? rules.voucher : rules.voucher(claims),
    roles: unique(rules.roles.flatMap((name) => texts(claims, name))),
    scopes: unique([...words(claims, 'scope'), ...words(claims, 'scp')]),
    actors: actorsOf(claims.act),
    assurance: { amr: texts(claims, 'amr'), ...(acr !== undefined && { acr }), ...(authenticatedAt !== undefined && { authenticatedAt }) },
    claims: claims as Identity['claims'],
    expiresAt,
    ...(tenant !== undefined && { tenant }),
    ...(tokenId !== undefined && { tokenId }),
    ...(confirmation !== undefined && { binding: confirmation.jkt === undefined ? ('mtls' as const) : ('dpop' as const) }),
    ...(device !== undefined && { device: { id: device, status: 'unknown' as const, posture: {} } }),
  }
  try {
    const { kind } = rules
    const identity = makeIdentity({ ...parts, kind: typeof kind === 'string' ? kind : subject === client ? 'service' : 'user' }, voucher)
    const found = typeof kind === 'function' ? makeIdentity({ ...identity, kind: kindBy(kind, identity.claims) }, voucher) : identity
    return { identity: found, confirmation }
  } catch (error) {
    throw new GuardError('identity_invalid', { reason: 'the claims make no identity', cause: error })
  }
}

/**
 * Whether claims say what they must, and until when: cheap, and of a token that nobody has verified as well.
 *
 * @throws GuardError `identity_invalid`, `identity_expired`.
 */
export function requireClaims(claims: Claims, rules: ClaimRules, now: number): number {
  for (const name of rules.required) if (!Object.hasOwn(claims, name)) throw invalid(`the claim ${name} is missing`)
  const foreign = rules.foreign.find((name) => Object.hasOwn(claims, name))
  if (foreign !== undefined) throw invalid(`the token is of another kind: it has the claim ${foreign}`)
  if (rules.issuer !== undefined && text(claims, 'iss') !== rules.issuer) throw invalid('the issuer is another one')
  const { audiences } = rules
  if (audiences !== undefined && !texts(claims, 'aud').some((audience) => audiences.includes(audience)))
    throw invalid('the token is for another audience')
  requireMark(claims, rules.marks)
  const expiresAt = lifetime(claims, rules, now)
  rules.also?.(claims)
  return expiresAt
}

// Members by which issuers tell one kind of token from another.
const markNames: readonly string[] = ['token_use', 'token_usage', 'typ']

function requireMark(claims: Claims, marks: readonly string[] | undefined): void {
  if (marks === undefined) return
  for (const name of markNames)
    if (Object.hasOwn(claims, name) && !marks.includes(text(claims, name).toLowerCase()))
      throw invalid(`the token is of another kind by its claim ${name}`)
}

/** When the token expires, if it stands now. */
function lifetime(claims: Claims, rules: ClaimRules, now: number): number {
  const latest = now + rules.tolerance
  const issuedAt = milliseconds(claims, 'iat')
  if (issuedAt !== undefined && issuedAt > latest) throw invalid('the token was issued in the future')
  const notBefore = milliseconds(claims, 'nbf')
  if (notBefore !== undefined && notBefore > latest) throw invalid('the token is not valid yet')
  const expiresAt = milliseconds(claims, 'exp')
  if (expiresAt === undefined) throw invalid('the claim exp is missing')
  // Without tolerance: what `expiresAt` says is then the same wherever it is looked at.
  if (!(expiresAt > now)) throw new GuardError('identity_expired', { reason: 'the token has expired' })
  return expiresAt
}

function kindBy(find: (claims: Identity['claims']) => Identity['kind'], claims: Identity['claims']): Identity['kind'] {
  const kind = find(claims)
  // A promise is a wrong kind, and nobody waits for it.
  abandon(kind)
  return kind
}

export function text(claims: Claims, name: string): string {
  const value = claims[name]
  if (typeof value !== 'string' || value === '') throw invalid(`the claim ${name} is no text`)
  return value
}

function optionalText(claims: Claims, name: string): string | undefined {
  return Object.hasOwn(claims, name) ? text(claims, name) : undefined
}

// A list of texts, or one text alone.
export function texts(claims: Claims, name: string): readonly string[] {
  if (!Object.hasOwn(claims, name)) return []
  const value = claims[name]
  const items: readonly unknown[] = Array.isArray(value) ? value : [value]
  return items.map((item) => {
    if (typeof item !== 'string' || item === '') throw invalid(`the claim ${name} is no list of texts`)
    return item
  })
}

// Words between spaces (RFC 6749, section 3.3), or a list of them.
function words(claims: Claims, name: string): readonly string[] {
  return texts(claims, name).flatMap((item) => item.split(' ').filter((word) => word !== ''))
}

function unique(items: readonly string[]): readonly string[] {
  return items.length < 2 ? items : [...new Set(items)]
}

function milliseconds(claims: Claims, name: string): number | undefined {
  if (!Object.hasOwn(claims, name)) return undefined
  const value = claims[name]
  // A NumericDate (RFC 7519, section 2) that a `Date` could hold.
  if (typeof value !== 'number' || !(Math.abs(value) <= 8.64e12)) throw invalid(`the claim ${name} is no time`)
  return value * 1000
}

// RFC 8693, section 4.1: each actor's own actor stands inside it.
function actorsOf(act: unknown): readonly Actor[] {
  const actors: Actor[] = []
  for (let current = act; current !== undefined; ) {
    if (typeof current !== 'object' || current === null || Array.isArray(current) || actors.length === maxActors)
      throw invalid(`the claim act is no chain of at most ${maxActors} parties`)
    const claims = current as Claims
    const issuer = optionalText(claims, 'iss')
    actors.push({ subject: text(claims, 'sub'), ...(issuer !== undefined && { issuer }) })
    current = Object.hasOwn(claims, 'act') ? claims.act : undefined
  }
  return actors
}

function invalid(reason: string): GuardError {
  return new GuardError('identity_invalid', { reason })
}
