/**
 * Fingerprints of texts under a secret of their own: HalfSipHash-1-3 with its output of 64 bits (Aumasson and Bernstein's
 * SipHash on words of 32 bits, as Linux keys its hash tables), over the text's UTF-16. Nobody without the secret can find
 * two texts of one fingerprint, or many that crowd one place of a table. It is never told to anybody: as a digest that
 * others may see it would be too short.
 *
 * The two halves of the last one stand in `low` and `high`, so nothing is allocated. They are whole numbers of 32 bits with a sign, and never both zero.
 */
export class Fingerprints {
  low = 0
  high = 0
  readonly #first: number
  readonly #second: number

  constructor() {
    const secret = crypto.getRandomValues(new Int32Array(2))
    this.#first = secret[0] ?? 0
    this.#second = secret[1] ?? 0
  }

  /** Takes the fingerprint of a text. */
  take(text: string): void {
    const { length } = text
    let v0 = this.#first
    let v1 = this.#second ^ 0xee
    let v2 = 0x6c796765 ^ this.#first
    let v3 = 0x74656462 ^ this.#second
    // Two code units are one word, as four bytes are; the last word holds what is left, and the length.
    for (let index = 0; ; index += 2) {
      const isLast = index + 1 >= length
      const word = isLast
        ? (length << 25) | (index < length ? text.charCodeAt(index) : 0)
        : text.charCodeAt(index) | (text.charCodeAt(index + 1) << 16)
      v3 ^= word
      v0 = (v0 + v1) | 0
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
      v0 = (v0 << 16) | (v0 >>> 16)
      v2 = (v2 + v3) | 0
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
      v0 = (v0 + v3) | 0
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
      v2 = (v2 + v1) | 0
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
      v2 = (v2 << 16) | (v2 >>> 16)
      v0 ^= word
      if (isLast) break
    }
    v2 ^= 0xee
    for (let round = 0; round < 6; round++) {
      if (round === 3) {
        this.low = v1 ^ v3
        v1 ^= 0xdd
      }
      v0 = (v0 + v1) | 0
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
      v0 = (v0 << 16) | (v0 >>> 16)
      v2 = (v2 + v3) | 0
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
      v0 = (v0 + v3) | 0
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
      v2 = (v2 + v1) | 0
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
      v2 = (v2 << 16) | (v2 >>> 16)
    }
    this.high = v1 ^ v3
    if (this.low === 0 && this.high === 0) this.high = 1
  }
}
