import { decodeProtectedHeader } from 'jose'

/** The media type of a sealed body (RFC 7515, section 9.2.1). */
export const sealedMediaType = 'application/jose'

/** The one content encryption that is used. */
export const contentEncryption = 'A256GCM'

/** The most characters of a sealed body: 8 MiB of text, in base64url, and its header. */
export const maxSealedLength: number = Math.ceil((8 * 1024 * 1024 * 4) / 3) + 8 * 1024

const maxHeaderLength = 8 * 1024
// Base64url without padding (RFC 7515, section 2), its unused bits zero (RFC 4648, section 3.5).
const alphabet = /^[A-Za-z0-9_-]*$/
const endings = [undefined, /^$/, /[AQgw]$/, /[AEIMQUYcgkosw048]$/] as const

/**
 * The protected header of a JWE in compact form (RFC 7516, section 7.1), not authenticated; undefined where it is not
 * exactly that form. Stricter than decoders, which forgive white space and padding: one spelling for one message, and no
 * cryptography before it.
 */
export function readCompact(compact: string): Readonly<Record<string, unknown>> | undefined {
  const segments = compact.split('.', 6)
  const [header, key, nonce, , tag] = segments
  if (segments.length !== 5 || header === undefined || key === undefined) return undefined
  // No wrapped key with ECDH-ES; 40 bytes with ECDH-ES+A256KW. 12 bytes of nonce and 16 of tag.
  if (header.length > maxHeaderLength || (key.length !== 0 && key.length !== 54) || nonce?.length !== 16 || tag?.length !== 22) return undefined
  if (!segments.every(isCanonical)) return undefined
  try {
    return decodeProtectedHeader(compact)
  } catch {
    return undefined
  }
}

function isCanonical(segment: string): boolean {
  return alphabet.test(segment) && (endings[segment.length % 4]?.test(segment) ?? true)
}
