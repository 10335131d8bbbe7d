import { GuardError } from '../guard/errors.ts'
import { decodeBase64url } from '../keys/base64url.ts'

/** How a token says that its bearer must prove something (RFC 7800): by which key, by which certificate, or by both. */
export interface Confirmation {
  /** The thumbprint of a key (RFC 7638) that a proof must be signed with (RFC 9449, section 6.1). */
  readonly jkt?: string
  /** The SHA-256 of the certificate that the connection must have been made with (RFC 8705, section 3.1). */
  readonly x5t?: string
}

/**
 * What the claim `cnf` of a token wants; undefined where it has none.
 *
 * @throws GuardError `binding_invalid` for a confirmation that is not understood: who does not understand one must not take
 * the token for a bearer's (RFC 7800, section 3).
 */
export function confirmationOf(claims: Readonly<Record<string, unknown>>): Confirmation | undefined {
  if (!Object.hasOwn(claims, 'cnf')) return undefined
  const { cnf } = claims
  if (typeof cnf !== 'object' || cnf === null || Array.isArray(cnf)) throw notUnderstood()
  const members = Object.entries(cnf)
  if (members.length === 0) throw notUnderstood()
  let confirmation: Confirmation = {}
  for (const [name, value] of members) {
    if (typeof value !== 'string' || decodeBase64url(value)?.length !== 32) throw notUnderstood()
    if (name === 'jkt') confirmation = { ...confirmation, jkt: value }
    else if (name === 'x5t#S256') confirmation = { ...confirmation, x5t: value }
    else throw notUnderstood()
  }
  return Object.freeze(confirmation)
}

function notUnderstood(): GuardError {
  return new GuardError('binding_invalid', { reason: 'the token is bound in a way that is not understood here' })
}
