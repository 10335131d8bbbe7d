import { decodeBase64url } from './base64url.ts'
import { parseTokenPart } from './token-json.ts'

/** A JWT as it was read and before anything was verified: good for choosing who verifies it, and for nothing else. */
export interface UnverifiedJwt {
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
}

/** No credential is longer, in characters. */
export const maxCredentialLength = 8192

/**
 * Reads a JWT in compact form (RFC 7515, section 7.1; RFC 7519, section 7.2), strictly; undefined for what is none: three
 * parts in base64url of one spelling, header and claims each a JSON object without doubled names.
 */
export function readJwt(token: string): UnverifiedJwt | undefined {
  if (token.length > maxCredentialLength) return undefined
  const first = token.indexOf('.')
  const second = token.indexOf('.', first + 1)
  if (first === -1 || second === -1 || token.indexOf('.', second + 1) !== -1) return undefined
  const header = partOf(token.slice(0, first))
  if (header === undefined) return undefined
  const claims = partOf(token.slice(first + 1, second))
  // An unsigned token has an empty third part; nobody here takes one.
  if (claims === undefined || !decodeBase64url(token.slice(second + 1))?.length) return undefined
  return { header, claims }
}

function partOf(text: string): Readonly<Record<string, unknown>> | undefined {
  const bytes = decodeBase64url(text)
  return bytes && parseTokenPart(bytes)
}
