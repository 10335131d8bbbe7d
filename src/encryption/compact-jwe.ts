import type { AgreementAlgorithm } from '../keys/agreement-key.ts'
import { decodeBase64url } from '../keys/base64url.ts'

/** The media type of a sealed body (RFC 7515, section 9.2.1). */
export const sealedMediaType = 'application/jose'

/** The one content encryption that is used. */
export const contentEncryption = 'A256GCM'

/** The most characters of a sealed body: 8 MiB of text, in base64url, and its header. */
export const maxSealedLength: number = Math.ceil((8 * 1024 * 1024 * 4) / 3) + 8 * 1024

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
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
    const value: unknown = JSON.parse(utf8.decode(decodeBase64url(header)))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : undefined
  } catch {
    return undefined
  }
}

/** What is said of a sealed text in its protected header, beside the content encryption. */
interface SealedHeader {
  readonly alg: AgreementAlgorithm
  readonly [parameter: string]: unknown
}

/**
 * Seals to a public key, as a JWE in compact form. With an ephemeral key of its own each time unless `ephemeral` is given.
 *
 * @param critical the names of the parameters that have to be understood.
 */
export async function sealCompact(
  plaintext: Uint8Array,
  key: CryptoKey,
  header: SealedHeader,
  { critical = [], ephemeral }: { readonly critical?: readonly string[]; readonly ephemeral?: CryptoKey } = {},
): Promise<string> {
  // Loaded at the first use, as below: most processes seal nothing, and none does while it starts.
  const { CompactEncrypt } = await import('jose/jwe/compact/encrypt')
  const jwe = new CompactEncrypt(plaintext)
  if (ephemeral !== undefined) jwe.setKeyManagementParameters({ epk: ephemeral })
  jwe.setProtectedHeader({ enc: contentEncryption, ...header, ...(critical.length > 0 && { crit: [...critical] }) })
  return jwe.encrypt(key, { crit: understood(critical) })
}

/** What a JWE in compact form holds, if it was made with exactly these algorithms. @throws what jose throws. */
export async function openCompact(compact: string, key: CryptoKey, alg: AgreementAlgorithm, critical: readonly string[] = []): Promise<Uint8Array> {
  const { compactDecrypt } = await import('jose/jwe/compact/decrypt')
  const { plaintext } = await compactDecrypt(compact, key, {
    keyManagementAlgorithms: [alg],
    contentEncryptionAlgorithms: [contentEncryption],
    crit: understood(critical),
    maxDecompressedLength: 0,
  })
  return plaintext
}

// Each of them must be in the protected header.
function understood(critical: readonly string[]): Record<string, boolean> {
  return Object.fromEntries(critical.map((name) => [name, true]))
}

function isCanonical(segment: string): boolean {
  return alphabet.test(segment) && (endings[segment.length % 4]?.test(segment) ?? true)
}
