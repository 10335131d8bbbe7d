import type { JWK } from 'jose'
import { type Check, checkOptions, hasMethods, optional } from '../guard/check-options.ts'
import { type Clock, systemClock } from '../guard/clock.ts'
import { decodeBase64url } from '../keys/base64url.ts'
import type { ApprovalRequest } from './approvals.ts'
import { approvalType } from './read-approval.ts'

/** Options of `signApproval`. */
export interface SignApprovalOptions {
  /** Who approves, as `approvals` knows it. */
  readonly issuer: string
  readonly subject: string
  /** Its private key as a JWK, with `kid` and `alg`. */
  readonly key: JWK
  /** How long the approval is good, in seconds; 300 unless given. */
  readonly ttl?: number
  /** The system's unless given. */
  readonly clock?: Clock
}

/** What of a request is signed. */
export type SignableRequest = Pick<ApprovalRequest, 'digest' | 'guard'>

const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''
const checks: Readonly<Record<keyof SignApprovalOptions, Check>> = {
  issuer: [isText, 'a non-empty text'],
  subject: [isText, 'a non-empty text'],
  key: [
    (value) => typeof value === 'object' && value !== null && isText((value as JWK).kid) && isText((value as JWK).alg) && isText((value as JWK).d),
    'a private JWK with kid and alg',
  ],
  ttl: [optional((value) => typeof value === 'number' && value >= 1 && value <= 86_400), '1 to 86,400 seconds'],
  clock: [optional(hasMethods('now', 'monotonic', 'after')), 'a Clock'],
}

/**
 * Signs an approval for one call: what the approver's own program does once a person has looked at the arguments in
 * `ApprovalRequest.input`. The request is the one that `onRequest` was told; the one in `approval-request` has the same digest and
 * shows no arguments, so that nobody can tell from it what is approved.
 *
 * @returns the text for `approvals`.
 * @throws TypeError for wrong options. Rejects for a key that cannot sign.
 */
export async function signApproval(request: SignableRequest, options: SignApprovalOptions): Promise<string> {
  checkOptions('signApproval', options, checks)
  const { digest, guard } = request
  if (!isText(guard) || typeof digest !== 'string' || decodeBase64url(digest)?.length !== 32)
    throw new TypeError('signApproval: the request must have a digest and a guard')
  const { issuer, subject, key, ttl = 300, clock = systemClock } = options
  const [{ SignJWT }, { importJWK }] = await Promise.all([import('jose/jwt/sign'), import('jose/key/import')])
  const { kid = '', alg = '' } = key
  const iat = Math.floor(clock.now() / 1000)
  const claims = { iss: issuer, sub: subject, aud: guard, jti: crypto.randomUUID(), iat, exp: iat + Math.floor(ttl), digest, decision: 'approve' }
  return new SignJWT(claims).setProtectedHeader({ alg, typ: approvalType, kid }).sign(await importJWK(key, alg))
}
