const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const none = 0xff

const values: Uint8Array = new Uint8Array(128).fill(none)
for (let index = 0; index < alphabet.length; index++) values[alphabet.charCodeAt(index)] = index

/**
 * The bytes of a base64url text (RFC 4648, section 5) in the form of RFC 7515, section 2; undefined for anything else. No
 * padding, no white space, and the unused bits of the last character zero: one spelling for one sequence of bytes, so that
 * what is keyed on the text of a token cannot be dodged by spelling it otherwise.
 */
export function decodeBase64url(text: string): Uint8Array<ArrayBuffer> | undefined {
  const { length } = text
  if (length % 4 === 1) return undefined
  const bytes = new Uint8Array(Math.floor((length * 3) / 4))
  let place = 0
  let bits = 0
  let held = 0
  for (let index = 0; index < length; index++) {
    const value = values[text.charCodeAt(index)] ?? none
    if (value === none) return undefined
    held = ((held << 6) | value) & 0xffff
    bits += 6
    if (bits < 8) continue
    bits -= 8
    bytes[place++] = held >> bits
  }
  return (held & ((1 << bits) - 1)) === 0 ? bytes : undefined
}

/** Whether a text of this alphabet is the one spelling of its bytes: of a possible length, and without bits that nobody reads. */
export function isCanonical(text: string): boolean {
  const rest = text.length % 4
  if (rest === 0) return true
  const last = values[text.charCodeAt(text.length - 1)] ?? none
  return rest !== 1 && last !== none && (last & (rest === 2 ? 0x0f : 0x03)) === 0
}

/** Bytes as a base64url text without padding (RFC 7515, section 2). */
export function encodeBase64url(bytes: Uint8Array): string {
  let binary = ''
  for (let at = 0; at < bytes.length; at += most) binary += String.fromCharCode(...(bytes.length <= most ? bytes : bytes.subarray(at, at + most)))
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

// More arguments than this a function may not take everywhere.
const most = 8192
