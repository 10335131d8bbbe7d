import { decodeBase64url } from '../keys/base64url.ts'
import { PolicyError } from './policy-error.ts'
import { parsePolicyText } from './policy-text.ts'

/** The `typ` of signed policies (RFC 8725, section 3.11): nothing else that a key signs is one. */
export const policyType = 'policy+jws'

/** A policy as a JWS in compact form (RFC 7515, section 7.1), read and not verified. */
export interface SignedPolicy {
  readonly algorithm: string
  readonly keyId: string | undefined
  /** When it was signed, in milliseconds since 1970. */
  readonly signedAt: number
  /** Header and payload in base64url and the dot between them: what was signed. */
  readonly input: string
  readonly signature: Uint8Array
  /** The payload. To be called when the signature was verified. @throws PolicyError `malformed` */
  readPolicy(): unknown
}

const compact = /^[\w-]+\.[\w-]+\.[\w-]+(?:\r?\n)?$/

/** Whether a text has the form of a signed one. */
export function isSigned(text: string): boolean {
  return compact.test(text)
}

const maxHeader = 4096
const maxIdLength = 256

/**
 * Reads a signed policy, strictly.
 *
 * @throws PolicyError `unsigned` for a text that has not the form of a JWS, `signature_invalid` for one that is not that of a policy.
 */
export function readSigned(text: string): SignedPolicy {
  if (!isSigned(text)) throw new PolicyError('unsigned', 'the policy is not signed')
  // Editors end a file with a line break.
  const jws = text.trimEnd()
  const [first, last] = [jws.indexOf('.'), jws.lastIndexOf('.')]
  if (first > maxHeader) throw invalid('its header is too long')
  const { alg, typ, kid, iat, crit, b64 } = headerIn(jws.slice(0, first))
  if (typ !== policyType) throw invalid(`its typ is not ${policyType}`)
  // RFC 7515, section 4.1.11: what must be understood is not understood here.
  if (crit !== undefined || b64 !== undefined) throw invalid('its header asks for an extension')
  if (typeof alg !== 'string') throw invalid('its header names no algorithm')
  if (kid !== undefined && !(typeof kid === 'string' && kid.length <= maxIdLength)) throw invalid('its kid is no text, or too long')
  // Without it nobody could tell an older policy from a newer one.
  if (typeof iat !== 'number' || !(iat >= 0 && iat <= 8.64e12)) throw invalid('its header does not say when it was signed (iat)')
  const signature = decodeBase64url(jws.slice(last + 1))
  if (signature === undefined) throw invalid('it is not in base64url')
  return {
    algorithm: alg,
    keyId: kid,
    signedAt: iat * 1000,
    input: jws.slice(0, last),
    signature,
    readPolicy: () => parsePolicyText(textIn(jws.slice(first + 1, last))),
  }
}

function headerIn(part: string): Readonly<Record<string, unknown>> {
  try {
    const header = parsePolicyText(textIn(part))
    if (typeof header === 'object' && header !== null && !Array.isArray(header)) return header as Readonly<Record<string, unknown>>
  } catch {
    // One answer for whatever is wrong with it.
  }
  throw invalid('its header is no JSON object')
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function textIn(part: string): string {
  const bytes = decodeBase64url(part)
  try {
    if (bytes !== undefined) return utf8.decode(bytes)
  } catch {
    // As below.
  }
  throw new PolicyError('malformed', 'the payload of the signature is not UTF-8 in base64url')
}

/** A signature that does not count. */
export function invalid(why: string): PolicyError {
  return new PolicyError('signature_invalid', `the signature does not count: ${why}`)
}
