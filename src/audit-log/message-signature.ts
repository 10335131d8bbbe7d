import type { Signer } from './audit-log.ts'
import { sha256 } from './sha256.ts'

/** The fields that vouch for a request. */
export interface SignedFields {
  readonly 'content-digest': string
  readonly 'signature-input': string
  readonly signature: string
}

/**
 * Signs a POST (RFC 9421): its target, media type and body, by the body's digest (RFC 9530), and when it was made. Whoever gets it
 * verifies `signature` with the signer's Ed25519 key over the same components, refuses what is older than it wants to take, and
 * compares the digest.
 *
 * @param keyId what the receiver knows the key by.
 * @param now milliseconds since 1970.
 */
export async function signMessage(
  target: URL,
  mediaType: string,
  body: Uint8Array,
  signer: Signer,
  keyId: string,
  now: number,
): Promise<SignedFields> {
  const digest = `sha-256=:${btoa(await sha256(body))}:`
  const parameters = `("@method" "@target-uri" "content-type" "content-digest");created=${Math.floor(now / 1000)};keyid=${JSON.stringify(keyId)};alg="ed25519"`
  // RFC 9421, section 2.5.
  const base = [
    '"@method": POST',
    `"@target-uri": ${target.href}`,
    `"content-type": ${mediaType}`,
    `"content-digest": ${digest}`,
    `"@signature-params": ${parameters}`,
  ].join('\n')
  const signature = await signer.sign(new TextEncoder().encode(base))
  return {
    'content-digest': digest,
    'signature-input': `sallyport=${parameters}`,
    signature: `sallyport=:${btoa(String.fromCharCode(...signature))}:`,
  }
}
