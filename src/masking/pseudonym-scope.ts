import type { KeyedHash } from './keyed-hash.ts'
import { formatPseudonym, idBytes, pseudonymName } from './pseudonym.ts'

/** Where a value came from: the caller's input, which the caller may see again, or an answer, which it may not. */
export type Origin = 'input' | 'answer'

interface Entry {
  readonly pseudonym: string
  readonly value: string
  readonly origin: Origin
  /** Grows with every pseudonym of the scope. */
  readonly serial: number
  readonly key: string
}

/** The most characters that one scope remembers; the oldest pseudonyms beyond it can no longer be restored. */
const maxCharacters = 1024 * 1024

/**
 * The pseudonyms of one scope: one caller in one session. The same value gets the same one; another scope gives it
 * another. With a key they are HMAC-SHA-256 of scope and value, so that every process gives the same; without one they
 * are random. Only what was minted here, and is remembered, can be restored.
 */
export class PseudonymScope {
  readonly #name: string
  readonly #hash: KeyedHash | undefined
  readonly #onGrowth: (characters: number) => void
  // By pseudonym in lower case, since models change the case of what they repeat.
  readonly #byPseudonym = new Map<string, Entry>()
  readonly #byValue = new Map<string, Entry>()
  #characters = 0
  #serial = 0

  constructor(name: string, hash: KeyedHash | undefined, onGrowth: (characters: number) => void = () => {}) {
    this.#name = name
    this.#hash = hash
    this.#onGrowth = onGrowth
  }

  /** How many characters it remembers. */
  get characters(): number {
    return this.#characters
  }

  /** The number of the newest pseudonym. */
  get serial(): number {
    return this.#serial
  }

  /** The pseudonym of a value. One that came from an answer is another than that of the same value in an input: nobody can find out by trying. */
  mint(type: string, value: string, origin: Origin): string {
    const key = JSON.stringify([origin, type, value])
    const known = this.#byValue.get(key)
    if (known !== undefined) return known.pseudonym
    const pseudonym = this.#newPseudonym(type, key)
    this.#remember({ pseudonym, value, origin, serial: ++this.#serial, key })
    return pseudonym
  }

  /** Whether this was minted here, and not after that serial number. */
  knows(pseudonym: string, serial: number = this.#serial): boolean {
    const entry = this.#byPseudonym.get(pseudonym.toLowerCase())
    return entry !== undefined && entry.serial <= serial
  }

  /** The value from the caller's input that this stands for. */
  restore(pseudonym: string): string | undefined {
    const entry = this.#byPseudonym.get(pseudonym.toLowerCase())
    return entry?.origin === 'input' ? entry.value : undefined
  }

  /** The pseudonym that a value of the caller's input has here; undefined where the caller never gave that value. */
  given(type: string, value: string): string | undefined {
    return this.#byValue.get(JSON.stringify(['input', type, value]))?.pseudonym
  }

  #newPseudonym(type: string, key: string): string {
    const name = pseudonymName(type)
    for (let attempt = 0; ; attempt++) {
      // 80 bits hardly ever meet; where they do, two values must not share them.
      const pseudonym = formatPseudonym(name, this.#id(attempt === 0 ? key : `${key}${attempt}`))
      if (!this.#byPseudonym.has(pseudonym.toLowerCase())) return pseudonym
    }
  }

  #id(key: string): Uint8Array {
    if (this.#hash === undefined) return crypto.getRandomValues(new Uint8Array(idBytes))
    return this.#hash(`sallyport pseudonym\n${this.#name.length}\n${this.#name}${key}`)
  }

  #remember(entry: Entry): void {
    this.#byPseudonym.set(entry.pseudonym.toLowerCase(), entry)
    this.#byValue.set(entry.key, entry)
    const before = this.#characters
    this.#characters += sizeOf(entry)
    for (const oldest of this.#byValue.values()) {
      if (this.#characters <= maxCharacters) break
      this.#byPseudonym.delete(oldest.pseudonym.toLowerCase())
      this.#byValue.delete(oldest.key)
      this.#characters -= sizeOf(oldest)
    }
    this.#onGrowth(this.#characters - before)
  }
}

// What an entry takes, roughly: three texts and the two places it stands in.
function sizeOf({ pseudonym, value, key }: Entry): number {
  return pseudonym.length * 2 + value.length + key.length + 100
}
