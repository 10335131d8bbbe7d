import type { KeyedHash } from './keyed-hash.ts'
import { alphanumeric, classOf, upper } from './character-classes.ts'
import { plainText } from './plain-text.ts'
import type { Glance, Recognizer } from './recognizer.ts'

// Lower-case letters and digits without those that are taken for each other. 32 of them: five bits each.
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'

/** How many characters follow the name in a pseudonym. */
const idLength = 16
/** How many bytes they come from. */
const idBytes = 10

/** All that can stand in an id, in either case. */
const idAlphabet: string = alphabet + alphabet.toUpperCase()

const isInAlphabet = new Uint8Array(128)
for (const character of idAlphabet) isInAlphabet[character.charCodeAt(0)] = 1

/** Whether a UTF-16 unit can stand in the id of a pseudonym, in either case. */
function isIdCharacter(code: number): boolean {
  return code >= 0 && isInAlphabet[code] === 1
}

/** The name that a type has in pseudonyms: its letters. Nothing in a pseudonym is ever escaped by Markdown, JSON, HTML or a URL. */
export function pseudonymName(type: string): string {
  return type.toUpperCase().replaceAll(/[^A-Z]/g, '')
}

/**
 * The pseudonym of a value in the scope without a name, for where nothing is remembered and nothing restored: the same that a
 * masker with this key gives it.
 */
export function fixedPseudonym(type: string, value: string, hash: KeyedHash): string {
  return formatPseudonym(pseudonymName(type), keyedId(hash, '', JSON.stringify(['input' satisfies Origin, type, value])))
}

function keyedId(hash: KeyedHash, scope: string, key: string): Uint8Array {
  return hash(`sallyport pseudonym\n${scope.length}\n${scope}${key}`)
}

/**
 * A pseudonym: a name and 80 bits, such as `EMAIL7q2k9x0m4w8z1t6h`. It has no inner structure to guess: one is valid if
 * and only if it was minted, so that a truncated or altered one is never mistaken for another.
 */
function formatPseudonym(name: string, id: Uint8Array): string {
  let text = name
  let bits = 0
  let held = 0
  for (const byte of id.subarray(0, idBytes)) {
    bits = (bits << 8) | byte
    held += 8
    while (held >= 5) {
      held -= 5
      text += alphabet.charAt((bits >>> held) & 31)
    }
    bits &= 31
  }
  return text
}

/** The type of a pseudonym that stands in the text already. In lower case, so that no detector's type can be the same. */
export const tokenType = 'token'

/**
 * What has the form of a pseudonym with one of these names, in either case, also with a hyphen or an underscore behind the
 * name. Whether it is one is for the scope to say.
 * @param names upper-case letters only
 */
export function tokenForm(names: readonly string[]): Recognizer {
  // Longest first: one name may begin another.
  const sorted = [...new Set(names)].sort((one, other) => other.length - one.length)
  const initials = [...new Set(sorted.map((name) => name.charAt(0)))].join('')
  const byInitial = new Map<number, readonly string[]>()
  for (const initial of initials) {
    byInitial.set(
      initial.charCodeAt(0),
      sorted.filter((name) => name.startsWith(initial)),
    )
  }
  return {
    types: [tokenType],
    openings: sorted.flatMap(openingsOf),
    unlessAfter: 0,
    isUnconfirmed: true,
    maxLength: (sorted[0]?.length ?? 0) + 1 + idLength,
    look(glance, at) {
      const code = glance.at(at)
      // Our own are in upper case and may stand anywhere; one that a model wrote in lower case begins a word.
      if ((classOf(code) & upper) === 0 && (classOf(glance.at(at - 1)) & alphanumeric) !== 0 && !isBehindEscape(glance, at)) return
      for (const name of byInitial.get(code & ~32) ?? []) {
        let index = at + 1
        while (index < at + name.length && (glance.at(index) & ~32) === name.charCodeAt(index - at)) index++
        if (index < at + name.length) continue
        if (isJoint(glance.at(index))) index++
        const end = index + idLength
        while (index < end && isIdCharacter(glance.at(index))) index++
        if (index < end) continue
        glance.found(tokenType, at, end, 2)
        return
      }
    },
  }
}

function isJoint(code: number): boolean {
  return code === 45 || code === 95
}

/** Whether what stands before is an escape, as JSON's \n and \u000a or a URL's %20, and no word. */
function isBehindEscape(glance: Glance, at: number): boolean {
  const isBackslash = (index: number): boolean => glance.at(index) === 92
  return isBackslash(at - 2) || glance.at(at - 3) === 37 || (isBackslash(at - 6) && glance.at(at - 5) === 117)
}

// The first two characters in either case; any id may follow a name of one letter.
function openingsOf(name: string): string[] {
  const seconds = name.length > 1 ? name.charAt(1) + name.charAt(1).toLowerCase() : `${idAlphabet}-_`
  return [...seconds].flatMap((second) => [name.charAt(0) + second, name.charAt(0).toLowerCase() + second])
}

// A model changes the case of what it repeats and puts a joint where it takes one for missing; a renderer hyphenates.
function canonical(pseudonym: string): string {
  return plainText(pseudonym).text.toLowerCase().replace(/[-_]/, '')
}

/** Where a value came from: the caller's input, which the caller may see again, or an answer, which it may not. */
type Origin = 'input' | 'answer'

interface Entry {
  readonly pseudonym: string
  readonly value: string
  readonly type: string
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
  readonly name: string
  readonly #hash: KeyedHash | undefined
  readonly #onGrowth: (characters: number) => void
  // By pseudonym in its canonical form.
  readonly #byPseudonym = new Map<string, Entry>()
  readonly #byValue = new Map<string, Entry>()
  #characters = 0
  #serial = 0

  constructor(name: string, hash: KeyedHash | undefined, onGrowth: (characters: number) => void = () => {}) {
    this.name = name
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
    this.#remember({ pseudonym, value, type, origin, serial: ++this.#serial, key })
    return pseudonym
  }

  /** Whether this was minted here, and not after that serial number. */
  knows(pseudonym: string, serial: number = this.#serial): boolean {
    const entry = this.#byPseudonym.get(canonical(pseudonym))
    return entry !== undefined && entry.serial <= serial
  }

  /** The value from the caller's input that this stands for. */
  restore(pseudonym: string): string | undefined {
    const entry = this.#byPseudonym.get(canonical(pseudonym))
    return entry?.origin === 'input' ? entry.value : undefined
  }

  /** The pseudonym that a value of the caller's input has here; undefined where the caller never gave that value. */
  given(type: string, value: string): string | undefined {
    return this.#byValue.get(JSON.stringify(['input', type, value]))?.pseudonym
  }

  /** All that it remembers, oldest first: what it can be told again with `add`. */
  entries(): readonly (readonly [pseudonym: string, origin: string, type: string, value: string])[] {
    return [...this.#byValue.values()].map(({ pseudonym, origin, type, value }) => [pseudonym, origin, type, value] as const)
  }

  /** Remembers an entry of this scope that was made elsewhere. @returns false for what is none. */
  add(given: unknown): boolean {
    if (!Array.isArray(given) || given.length !== 4 || !given.every((part) => typeof part === 'string')) return false
    const [pseudonym, origin, type, value]: readonly string[] = given
    if (pseudonym === undefined || type === undefined || value === undefined) return false
    if ((origin !== 'input' && origin !== 'answer') || pseudonym.length !== pseudonymName(type).length + idLength) return false
    const known = this.#byPseudonym.get(canonical(pseudonym))
    if (known !== undefined) return known.value === value && known.type === type && known.origin === origin
    const own = JSON.stringify([origin, type, value])
    // Where a value has two random names, both can be restored.
    const key = this.#byValue.has(own) ? `${own}${pseudonym}` : own
    this.#remember({ pseudonym, value, type, origin, serial: ++this.#serial, key })
    return true
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
    return keyedId(this.#hash, this.name, key)
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

/** The most characters that all scopes remember together; scopes that were not used for longest are forgotten. */
const maxCharactersOfAll = 32 * 1024 * 1024
const maxScopes = 10_000

/** The scopes of a guard's callers. Bounded: a flood of callers makes old scopes be forgotten, and never fills the memory. */
export class PseudonymVault {
  readonly #hash: KeyedHash | undefined
  // In the order of their last use.
  readonly #scopes = new Map<string, PseudonymScope>()
  #characters = 0

  constructor(hash: KeyedHash | undefined) {
    this.#hash = hash
  }

  /** The scope of this name. A call keeps what it got, also when the vault forgets it meanwhile. */
  scope(name: string): PseudonymScope {
    const known = this.#scopes.get(name)
    if (known !== undefined) {
      this.#scopes.delete(name)
      this.#scopes.set(name, known)
      return known
    }
    const made: PseudonymScope = new PseudonymScope(name, this.#hash, (characters) => {
      if (this.#scopes.get(name) !== made) return
      this.#characters += characters
      this.#shrink(made)
    })
    this.#scopes.set(name, made)
    this.#shrink(made)
    return made
  }

  #shrink(keep: PseudonymScope): void {
    for (const [name, scope] of this.#scopes) {
      if (this.#characters <= maxCharactersOfAll && this.#scopes.size <= maxScopes) return
      if (scope === keep) continue
      this.#scopes.delete(name)
      this.#characters -= scope.characters
    }
  }
}
