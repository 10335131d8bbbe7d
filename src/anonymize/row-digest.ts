import type { Membership } from './classes.ts'

/**
 * What was counted of rows, in their order, in 64 bits: two readings of a source that changed meanwhile differ. It is no
 * protection from whoever owns the source, who could write anything into it.
 */
export class RowDigest {
  rows = 0
  #low = 0x811c9dc5
  #high = 0x2f0b4a27

  add({ key, subject, sensitive }: Membership): void {
    this.rows++
    this.#mix(JSON.stringify([key, subject ?? null, sensitive]))
  }

  equals(other: RowDigest): boolean {
    return this.rows === other.rows && this.#low === other.#low && this.#high === other.#high
  }

  // FNV-1a, twice.
  #mix(text: string): void {
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index)
      this.#low = Math.imul(this.#low ^ code, 0x01000193)
      this.#high = Math.imul(this.#high ^ code ^ (index & 0xff), 0x01000193)
    }
  }
}
