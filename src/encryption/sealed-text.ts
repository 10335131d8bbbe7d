import { GuardError } from '../guard/errors.ts'
import { decodeBase64url, encodeBase64url } from '../keys/base64url.ts'

/** How the text of a sealed value begins. */
const prefix = 'spe1.'

/** A sealed value as a text: in a field, in a URL, in a cookie. */
export function toSealedText(sealed: Uint8Array): string {
  return prefix + encodeBase64url(sealed)
}

/** Whether a value is a text that says of itself that it is sealed. */
export function isSealedText(value: unknown): value is string {
  return typeof value === 'string' && value.startsWith(prefix)
}

/** The sealed value. @throws GuardError `decryption_failed` for another text; there is one spelling. */
export function fromSealedText(text: string): Uint8Array<ArrayBuffer> {
  const bytes = isSealedText(text) ? decodeBase64url(text.slice(prefix.length)) : undefined
  if (bytes === undefined) throw new GuardError('decryption_failed', { reason: 'it is no sealed text' })
  return bytes
}
