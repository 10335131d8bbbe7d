import { readJwt } from '../identity/presented.ts'
import { decodeBase64url } from '../keys/base64url.ts'
import { publicAlgorithms } from '../keys/jwks.ts'
import { verifySignature } from '../keys/verify-signature.ts'
import type { ApproverKeys } from './approver.ts'

/** The `typ` of approvals (RFC 8725, section 3.11): nothing else that an approver signs is one. */
export const approvalType = 'approval+jwt'

/** What an approver signed. Times are milliseconds since 1970. */
export interface Approval {
  readonly issuer: string
  readonly subject: string
  readonly id: string
  readonly digest: string
  /** The guard that it is for. */
  readonly guard: string
  readonly issuedAt: number
  readonly expiresAt: number
}

/**
 * Reads and verifies an approval: a JWT in compact form, by a key of the approver that it names.
 *
 * @returns undefined for one that does not verify, `other` for what is no approval at all.
 */
export async function readApproval(text: string, keys: ApproverKeys): Promise<Approval | 'other' | undefined> {
  const jwt = readJwt(text)
  if (jwt === undefined || jwt.header.typ !== approvalType) return 'other'
  const { alg, kid, crit, b64 } = jwt.header
  if (typeof alg !== 'string' || !publicAlgorithms.includes(alg) || crit !== undefined || b64 !== undefined) return undefined
  if (kid !== undefined && typeof kid !== 'string') return undefined
  const approval = approvalIn(jwt.claims)
  const key = approval && (await keys.find(approval.issuer, approval.subject, { algorithm: alg, id: kid }))
  const end = text.lastIndexOf('.')
  const signature = decodeBase64url(text.slice(end + 1))
  if (key === undefined || signature === undefined) return undefined
  return (await verifySignature(alg, await key.load(), text.slice(0, end), signature)) ? approval : undefined
}

const maxIdLength = 256

function approvalIn({ iss, sub, jti, aud, digest, decision, iat, exp }: Readonly<Record<string, unknown>>): Approval | undefined {
  // A refusal that somebody signed must not be taken for its opposite.
  if (decision !== 'approve' || !isText(iss) || !isText(sub) || !isText(aud) || !isText(jti) || jti.length > maxIdLength) return undefined
  if (typeof digest !== 'string' || decodeBase64url(digest)?.length !== 32 || !isTime(iat) || !isTime(exp)) return undefined
  return { issuer: iss, subject: sub, id: jti, digest, guard: aud, issuedAt: iat * 1000, expiresAt: exp * 1000 }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.isWellFormed()
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Math.abs(value) <= 8.64e12
}
