import type { Identity } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import { type Ancestor, voucherOf } from './make-identity.ts'

/** More than any chain of delegation is long. */
const maxAncestors = 9

/** What an identity rests on as a claim says it, nearest first, for a token that is made from it. */
export function lineageClaim(identity: Identity): readonly object[] {
  const { keyId, lineage = [] } = voucherOf(identity)
  const { sid, iat } = identity.claims
  const own: Ancestor = {
    issuer: identity.issuer,
    ...(identity.tokenId !== undefined && { tokenId: identity.tokenId }),
    ...(keyId !== undefined && { keyId }),
    ...(typeof sid === 'string' && { session: sid }),
    ...(identity.device !== undefined && { device: identity.device.id }),
    ...(typeof iat === 'number' && { issuedAt: iat * 1000 }),
  }
  return (lineage.length > 0 ? lineage : [own]).map(({ issuer, tokenId, keyId: kid, session, device, issuedAt }) => ({
    iss: issuer,
    ...(tokenId !== undefined && { jti: tokenId }),
    ...(kid !== undefined && { kid }),
    ...(session !== undefined && { sid: session }),
    ...(device !== undefined && { device }),
    ...(issuedAt !== undefined && { iat: Math.floor(issuedAt / 1000) }),
  }))
}

/** The ancestors in such a claim, the token that holds it before them. @throws GuardError for a claim of another shape. */
export function readLineage(claims: Readonly<Record<string, unknown>>, keyId: string | undefined): readonly Ancestor[] {
  const { iss, jti, iat, cnf, made_of: made } = claims
  const { jkt } = (typeof cnf === 'object' && cnf !== null ? cnf : {}) as { readonly jkt?: unknown }
  const self = { iss, jti, iat, ...(keyId !== undefined && { kid: keyId }), ...(jkt !== undefined && { device: jkt }) }
  if (!Array.isArray(made) || made.length === 0 || made.length > maxAncestors) throw malformed()
  return [self, ...(made as unknown[])].map(readAncestor)
}

function readAncestor(value: unknown): Ancestor {
  if (typeof value !== 'object' || value === null) throw malformed()
  const { iss, jti, kid, sid, device, iat } = value as Readonly<Record<string, unknown>>
  if (typeof iss !== 'string' || iss === '') throw malformed()
  for (const text of [jti, kid, sid, device]) if (text !== undefined && (typeof text !== 'string' || text === '')) throw malformed()
  if (iat !== undefined && typeof iat !== 'number') throw malformed()
  return {
    issuer: iss,
    ...(typeof jti === 'string' && { tokenId: jti }),
    ...(typeof kid === 'string' && { keyId: kid }),
    ...(typeof sid === 'string' && { session: sid }),
    ...(typeof device === 'string' && { device }),
    ...(typeof iat === 'number' && { issuedAt: iat * 1000 }),
  }
}

function malformed(): GuardError {
  return new GuardError('identity_invalid', { reason: 'what the token was made of is malformed' })
}
