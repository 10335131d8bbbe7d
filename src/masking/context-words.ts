import { identifiers } from './identifiers/all.ts'
import { lexicon } from './lexicon.ts'
import { plainText } from './plain-text.ts'

/** How far before a finding the words stand that announce it. */
export const furthestWord = 64
// The first groups speak of places and networks, which are announced beside numbers and not instead of them.
const places = 3
/** What is further than any window. */
const nowhere = 255

/**
 * How far before a place the nearest word stands that announces a type of findings: the distance from its end, `nowhere`
 * where there is none.
 */
export class Context {
  readonly #distances: Uint8Array

  constructor(distances: Uint8Array) {
    this.#distances = distances
  }

  distance(type: string): number {
    const group = groups().get(type)
    return group === undefined ? nowhere : (this.#distances[group] ?? nowhere)
  }

  /** Whether a word announces this type and nothing else is announced between it and the place. */
  announces(type: string): boolean {
    const distance = this.distance(type)
    return distance !== nowhere && this.nearest >= distance
  }

  /** Whether the nearest of all these words speaks of something else that is written as a number: an order, a version. */
  get isOther(): boolean {
    const distance = this.distance('OTHER')
    return distance !== nowhere && distance === this.nearest
  }

  get nearest(): number {
    let nearest = nowhere
    for (let group = places; group < this.#distances.length; group++) nearest = Math.min(nearest, this.#distances[group] ?? nowhere)
    return nearest
  }
}

/** Where no words are. */
export const silence: Context = /* @__PURE__ */ new Context(new Uint8Array(0))

/** The words before an index of a plain text. */
export function contextOf(text: string, index: number): Context {
  return (words ??= new Words()).before(text, index)
}

let words: Words | undefined

const firstOther = 32
const unknownLetter = 30
const digitSymbol = 28
const ideographs = 4096
const symbolsOfState = 8192

// Letters of scripts with spaces. In others a word ends where it ends.
function isLetter(symbol: number): boolean {
  return symbol > 0 && symbol !== digitSymbol && symbol < ideographs
}

let groupsByType: ReadonlyMap<string, number> | undefined

function groups(): ReadonlyMap<string, number> {
  groupsByType ??= new Map(
    [...new Set([...Object.keys(lexicon), ...Object.values(identifiers).map(({ type }) => type)])].map((type, index) => [type, index]),
  )
  return groupsByType
}

/** One tree for all words of all groups, over symbols that fold case and marks; made when it is first needed. */
class Words {
  // What an ASCII character is; 0 for what parts words.
  readonly #ascii = new Uint8Array(128)
  readonly #others = new Map<number, number>()
  readonly #endings: (number[] | undefined)[] = [undefined]
  // An open-addressed table: a state and a symbol lead to a state.
  readonly #keys: Int32Array
  readonly #states: Int32Array
  // Which two ASCII letters a word may begin with.
  readonly #openings = new Uint8Array(32 * 32)
  // Of what is being read; a look is one synchronous step.
  readonly #symbols = new Uint16Array(furthestWord * 2 + 2)
  readonly #places = new Uint32Array(furthestWord * 2 + 2)

  constructor() {
    for (let code = 48; code <= 57; code++) this.#ascii[code] = digitSymbol
    for (let code = 97; code <= 122; code++) this.#ascii[code] = this.#ascii[code - 32] = code - 96
    // What Latin letters with marks are without them.
    for (let code = 0xc0; code < 0x250; code++) {
      const base = bare(String.fromCharCode(code)).toLowerCase().charCodeAt(0)
      if (base >= 97 && base <= 122) this.#others.set(code, base - 96)
    }
    const steps = new Map<number, number>()
    for (const [type, text] of [
      ...Object.entries(lexicon),
      ...Object.values(identifiers).map((identifier) => [identifier.type, identifier.words] as const),
    ])
      for (const word of text.split('|')) this.#add(isAscii(word) ? word : plainText(bare(word)).text, groups().get(type) ?? 0, steps)
    const size = 2 ** Math.ceil(Math.log2(steps.size * 2 + 1))
    this.#keys = new Int32Array(size).fill(-1)
    this.#states = new Int32Array(size)
    for (const [key, state] of steps) {
      let at = slotOf(key, size)
      while (this.#keys[at] !== -1) at = (at + 1) & (size - 1)
      this.#keys[at] = key
      this.#states[at] = state
    }
  }

  #add(word: string, group: number, steps: Map<number, number>): void {
    let state = 0
    for (let index = 0; index < word.length; index++) {
      const code = word.charCodeAt(index)
      if (code >= 128 && !this.#others.has(code)) this.#register(code)
      const key = state * symbolsOfState + this.#symbolOf(code)
      let next = steps.get(key)
      if (next === undefined) {
        next = this.#endings.push(undefined) - 1
        steps.set(key, next)
      }
      state = next
    }
    const first = this.#symbolOf(word.charCodeAt(0))
    const second = word.length > 1 ? this.#symbolOf(word.charCodeAt(1)) : -1
    if (first < 32) {
      if (second >= 0 && second < 32) this.#openings[first * 32 + second] = 1
      else this.#openings.fill(1, first * 32, first * 32 + 32)
    }
    const ending = (this.#endings[state] ??= [])
    if (!ending.includes(group)) ending.push(group)
  }

  #register(code: number): void {
    const symbol = (isUnspaced(code) ? ideographs + 1 : firstOther) + this.#others.size
    this.#others.set(code, symbol)
    this.#others.set(String.fromCharCode(code).toUpperCase().charCodeAt(0), symbol)
  }

  #symbolOf(code: number): number {
    if (code < 128) return this.#ascii[code] ?? 0
    const known = this.#others.get(code)
    if (known !== undefined) return known
    if (code >= 0x2e80 && !(code >= 0xac00 && code <= 0xd7a3)) return ideographs
    return isMark(code) ? 0 : unknownLetter
  }

  // -1 where no word goes on.
  #step(state: number, symbol: number): number {
    const keys = this.#keys
    const mask = keys.length - 1
    const key = state * symbolsOfState + symbol
    for (let at = slotOf(key, mask + 1); ; at = (at + 1) & mask) {
      const found = keys[at] ?? -1
      if (found === key) return this.#states[at] ?? -1
      if (found === -1) return -1
    }
  }

  before(text: string, index: number): Context {
    const symbols = this.#symbols
    const distances = new Uint8Array(groups().size).fill(nowhere)
    const length = this.#read(text, index)
    for (let at = 1; at < length; at++) {
      const first = symbols[at] ?? 0
      if (first === 0 || (isLetter(first) && isLetter(symbols[at - 1] ?? 0))) continue
      const second = at + 1 < length ? (symbols[at + 1] ?? 0) : 0
      if (first < 32 && second < 32 && this.#openings[first * 32 + second] === 0) continue
      this.#follow(at, length, index, distances)
    }
    return new Context(distances)
  }

  // The symbols of the window, and of the character before it, which decides whether its first begins a word.
  #read(text: string, index: number): number {
    const symbols = this.#symbols
    const places = this.#places
    const from = Math.max(0, index - furthestWord)
    let last = from > 0 ? text.charCodeAt(from - 1) : 32
    symbols[0] = this.#symbolOf(last)
    places[0] = from
    let length = 1
    for (let at = from; at < index; at++) {
      const code = text.charCodeAt(at)
      // What was masked already, as [PHONE], announces nothing.
      if (code === 91) at = behindMarker(text, at, index)
      const symbol = code < 128 ? (this.#ascii[code] ?? 0) : this.#symbolOf(code)
      // A capital behind a small letter begins a word: `socialSecurityNumber`.
      if (code >= 65 && code <= 90 && last >= 97 && last <= 122) {
        symbols[length] = 0
        places[length++] = at
      }
      if (symbol !== 0 || symbols[length - 1] !== 0) {
        symbols[length] = symbol
        places[length++] = at + 1
      }
      last = code
    }
    return length
  }

  // Every word that begins at a symbol.
  #follow(from: number, length: number, index: number, distances: Uint8Array): void {
    let state = 0
    for (let next = from; next < length; next++) {
      state = this.#step(state, this.#symbols[next] ?? 0)
      if (state === -1) return
      const ending = this.#endings[state]
      if (ending === undefined || !this.#isWordEnd(next, length, next - from + 1)) continue
      const distance = index - (this.#places[next] ?? 0)
      for (const group of ending) if (distance < (distances[group] ?? 0)) distances[group] = distance
    }
  }

  // Words of five letters or more may be inflected by two, of four by one.
  #isWordEnd(last: number, length: number, letters: number): boolean {
    if (!isLetter(this.#symbols[last] ?? 0)) return true
    // The name of a pseudonym, as PHONE7q2k9x.
    if (this.#symbols[last + 1] === digitSymbol && last + 2 < length && isLetter(this.#symbols[last + 2] ?? 0)) return false
    const most = Math.min(2, Math.max(0, letters - 3))
    for (let more = 1; more <= most + 1; more++) if (last + more >= length || !isLetter(this.#symbols[last + more] ?? 0)) return true
    return false
  }
}

/** Where a marker ends that begins at a bracket; the bracket where there is none. */
function behindMarker(text: string, at: number, end: number): number {
  let index = at + 1
  while (index < end && (text.charCodeAt(index) === 95 || (text.charCodeAt(index) >= 65 && text.charCodeAt(index) <= 90))) index++
  return index > at + 2 && index < end && text.charCodeAt(index) === 93 ? index : at
}

function slotOf(key: number, size: number): number {
  return (Math.imul(key, 0x9e3779b1) >>> 7) & (size - 1)
}

const unmarked: Readonly<Record<string, string>> = { ß: 's', ł: 'l', Ł: 'L', ø: 'o', Ø: 'O', đ: 'd', ı: 'i' }

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 127) return false
  return true
}

/** Without marks above and below. */
function bare(text: string): string {
  return text.replaceAll(/[\u00c0-\u024f]/g, (letter) => unmarked[letter] ?? letter.normalize('NFD').charAt(0))
}

// No letters: punctuation and symbols between Latin and the scripts of the Far East.
function isMark(code: number): boolean {
  return code < 0xc0 || code === 0xd7 || code === 0xf7 || (code >= 0x2000 && code < 0x2e80) || code === 0x60c || code === 0x61b || code === 0x964
}

/** Thai, Chinese, Japanese: scripts without spaces. */
function isUnspaced(code: number): boolean {
  return (code >= 0xe00 && code <= 0xe7f) || (code >= 0x2e80 && !(code >= 0xac00 && code <= 0xd7a3))
}
