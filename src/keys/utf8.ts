const encoder = new TextEncoder()

/**
 * A text in UTF-8. Short ones of ASCII, as names of tenants and fields are, by hand: that takes a fifth of the time, and
 * sealing a short value encodes half a dozen of them.
 */
export function encodeUtf8(text: string): Uint8Array {
  const { length } = text
  if (length > 64) return encoder.encode(text)
  const bytes = new Uint8Array(length)
  for (let index = 0; index < length; index++) {
    const unit = text.charCodeAt(index)
    if (unit > 0x7f) return encoder.encode(text)
    bytes[index] = unit
  }
  return bytes
}
