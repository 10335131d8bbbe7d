import { GuardError } from '../guard/errors.ts'
import { type Admitted, type Claims, type ClaimRules, identityOfClaims, text, texts } from './jwt-claims.ts'
import type { Voucher } from './make-identity.ts'

/** What an answer about a token must say. */
export interface AnswerRules extends ClaimRules {
  readonly issuer: undefined
  readonly voucher: string
  readonly audiences: undefined
  readonly audience: AudienceRule
  /** Whether a token of which the server does not say what type it is can be an access token. */
  readonly isTyped: boolean
  /** Whether a token without a subject is its client's own. */
  readonly isClients: boolean
}

/** For whom a token must be: for one of these, also where the answer does not say so; or for anybody. */
export type AudienceRule = { readonly names: readonly string[]; readonly isRequired: boolean } | 'any'

/**
 * The identity that the server's answer speaks of (RFC 7662, section 2.2), of a token that it calls active.
 *
 * @throws GuardError `identity_invalid`, `identity_expired`, `binding_invalid`.
 */
export function identityOfAnswer(answer: Claims, rules: AnswerRules, now: number, voucher: Voucher): Admitted {
  if (Object.hasOwn(answer, 'iss') && text(answer, 'iss') !== rules.voucher) throw invalid('the issuer is another one')
  requireAudience(answer, rules.audience)
  requireAccessToken(answer, rules.isTyped)
  const isOwn = rules.isClients && !Object.hasOwn(answer, 'sub') && Object.hasOwn(answer, 'client_id')
  return identityOfClaims(isOwn ? { ...answer, sub: answer.client_id } : answer, rules, now, voucher)
}

function requireAudience(answer: Claims, audience: AudienceRule): void {
  if (audience === 'any' || (!audience.isRequired && !Object.hasOwn(answer, 'aud'))) return
  if (!texts(answer, 'aud').some((name) => audience.names.includes(name))) throw invalid('the token is for another audience')
}

// Members by which servers tell access tokens from others, and what they call them there. Servers introspect refresh tokens
// as well (section 2.1), and then leave `token_type` out.
const marks: readonly string[] = ['token_use', 'token_usage', 'typ']
const accessTokens: readonly string[] = [
  'access_token',
  'access',
  'urn:ietf:params:oauth:token-type:access_token',
  'at+jwt',
  'application/at+jwt',
  'jwt',
  'bearer',
  'dpop',
]

function requireAccessToken(answer: Claims, isTyped: boolean): void {
  for (const mark of marks)
    if (Object.hasOwn(answer, mark) && !accessTokens.includes(text(answer, mark).toLowerCase()))
      throw invalid(`the token is of another kind by its ${mark}`)
  if (!Object.hasOwn(answer, 'token_type')) {
    if (isTyped) throw invalid('the server does not say that it is an access token: it tells no token_type')
    return
  }
  const type = text(answer, 'token_type').toLowerCase()
  if (type !== 'bearer' && type !== 'dpop') throw invalid('the token is no access token that is taken here, by its token_type')
  // RFC 9449, sections 5 and 6.2: the type says that there is a key, and the confirmation which.
  const { cnf } = answer
  const isBound = typeof cnf === 'object' && cnf !== null && Object.hasOwn(cnf, 'jkt')
  if ((type === 'dpop') !== isBound)
    throw new GuardError('binding_invalid', { reason: 'the token_type and the confirmation of the token do not fit' })
}

/** Whether what was found out about a token still allows what was admitted by what was known of it before. */
export function isStillAdmitted(before: Admitted, now: Admitted): boolean {
  if (before.identity === now.identity) return true
  const { roles, scopes } = now.identity
  return (
    unchangeable(before) === unchangeable(now) &&
    before.identity.roles.every((role) => roles.includes(role)) &&
    before.identity.scopes.every((scope) => scopes.includes(scope))
  )
}

function unchangeable({ identity, confirmation }: Admitted): string {
  const { key, kind, tenant, actors, assurance, tokenId } = identity
  return JSON.stringify([key, kind, tenant, actors, assurance, tokenId, confirmation])
}

function invalid(reason: string): GuardError {
  return new GuardError('identity_invalid', { reason })
}
