/** Which characters: one flag for each of ASCII, and one for all others. */
export type Symbols = Uint8Array

const other = 128

function make(has: (code: number) => boolean, hasOthers: boolean): Symbols {
  const set = new Uint8Array(other + 1)
  for (let code = 0; code < other; code++) if (has(code)) set[code] = 1
  if (hasOthers) set[other] = 1
  return set
}

/** What is asked of sets of characters. */
export const symbols: {
  readonly none: Symbols
  readonly every: Symbols
  overlap(one: Symbols, another: Symbols): boolean
  union(sets: readonly Symbols[]): Symbols
} = {
  none: /* @__PURE__ */ make(() => false, false),
  every: /* @__PURE__ */ make(() => true, true),
  overlap: (one, another) => one.some((flag, index) => flag === 1 && another[index] === 1),
  union: (sets) => {
    const all = new Uint8Array(other + 1)
    for (const set of sets) for (const [index, flag] of set.entries()) if (flag === 1) all[index] = 1
    return all
  },
}

/** What a regular expression is made of, as far as its cost goes. */
export type Part =
  | { readonly kind: 'characters'; readonly set: Symbols }
  | { readonly kind: 'sequence' | 'choice'; readonly parts: readonly Part[] }
  | { readonly kind: 'repeat'; readonly part: Part; readonly least: number; readonly most: number }
  | { readonly kind: 'look'; readonly part: Part }

const nothing: Part = { kind: 'sequence', parts: [] }
const deepest = 32

/** The parts of a regular expression that its engine has accepted; a reason where its cost cannot be told. */
export function parsePattern({ source, flags }: RegExp): Part | string {
  // There letters of ASCII match some beyond it: the long s, the sign of Kelvin.
  if (flags.includes('i') && /[uv]/.test(flags) && (/\\u/.test(source) || /[^ -~]/.test(source)))
    return 'the flag i together with u or v is for ASCII alone: write both cases of other letters'
  try {
    return new Parser(source, flags).parse()
  } catch (error) {
    if (error instanceof Untold) return error.message
    throw error
  }
}

class Untold extends Error {}

class Parser {
  readonly #source: string
  readonly #flags: string
  #at = 0
  #depth = 0

  constructor(source: string, flags: string) {
    this.#source = source
    this.#flags = flags
  }

  parse(): Part {
    const part = this.#choice()
    if (this.#at < this.#source.length) throw new Untold('it cannot be read')
    return part
  }

  #choice(): Part {
    if (++this.#depth > deepest) throw new Untold('it is nested too deeply')
    const branches = [this.#sequence()]
    while (this.#take('|')) branches.push(this.#sequence())
    this.#depth--
    const [only = nothing] = branches
    return branches.length === 1 ? only : { kind: 'choice', parts: branches }
  }

  #sequence(): Part {
    const parts: Part[] = []
    while (this.#at < this.#source.length && !this.#sees('|') && !this.#sees(')')) parts.push(this.#repeated(this.#atom()))
    return { kind: 'sequence', parts }
  }

  #repeated(part: Part): Part {
    const match = /^(?:[*+?]|\{(\d+)(,?)(\d*)\})\??/.exec(this.#source.slice(this.#at, this.#at + 24))
    if (match === null) return part
    const [sign, least, comma, most] = match
    this.#at += sign.length
    if (least !== undefined)
      return {
        kind: 'repeat',
        part,
        least: Number(least),
        most: comma === '' ? Number(least) : most === '' ? Number.POSITIVE_INFINITY : Number(most),
      }
    return { kind: 'repeat', part, least: sign.startsWith('+') ? 1 : 0, most: sign.startsWith('?') ? 1 : Number.POSITIVE_INFINITY }
  }

  #atom(): Part {
    if (this.#take('(')) return this.#group()
    if (this.#sees('[')) return this.#class()
    if (this.#take('\\')) return this.#escape()
    const character = this.#source.codePointAt(this.#at) ?? 0
    this.#at += character > 0xffff ? 2 : 1
    if (character === 94 || character === 36) return nothing
    return { kind: 'characters', set: character === 46 ? make((code) => code !== 10 && code !== 13, true) : this.#one(character) }
  }

  #group(): Part {
    const opening = /^\?(?:<?[=!]|<[^>]*>|[a-z]*(?:-[a-z]*)?:)/.exec(this.#source.slice(this.#at, this.#at + 80))?.[0] ?? ''
    this.#at += opening.length
    const part = this.#choice()
    if (!this.#take(')')) throw new Untold('it cannot be read')
    return /^\?<?[=!]/.test(opening) ? { kind: 'look', part } : part
  }

  // Of classes within classes everything is taken to be in them.
  #class(): Part {
    const from = ++this.#at
    let depth = 1
    for (; this.#at < this.#source.length; this.#at++) {
      const character = this.#source.charAt(this.#at)
      if (character === '\\') this.#at++
      else if (character === '[' && this.#flags.includes('v')) depth++
      else if (character === ']' && --depth === 0) break
    }
    const text = this.#source.slice(from, this.#at++)
    if (this.#flags.includes('v') || /\\[pPkuxcq]/.test(text)) return { kind: 'characters', set: symbols.every }
    const test = new RegExp(`[${text}]`, this.#flags.replaceAll(/[gy]/g, ''))
    return { kind: 'characters', set: make((code) => test.test(String.fromCharCode(code)), text.startsWith('^') || /[^ -~]|\\[WDSs]/.test(text)) }
  }

  #escape(): Part {
    const name = this.#source.charAt(this.#at++)
    if (/[1-9k]/.test(name)) throw new Untold('it refers back to what it matched')
    if (name === 'b' || name === 'B') return nothing
    if (/[dDwWsS]/.test(name)) {
      const test = new RegExp(`\\${name}`)
      return { kind: 'characters', set: make((code) => test.test(String.fromCharCode(code)), /[DWSs]/.test(name)) }
    }
    if (/[pPuxc0]/.test(name)) {
      this.#at += /^(?:\{[^}]*\}|[0-9a-fA-F]{2,4}|[A-Za-z])?/.exec(this.#source.slice(this.#at, this.#at + 64))?.[0].length ?? 0
      return { kind: 'characters', set: symbols.every }
    }
    const controls: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f', v: '\v' }
    return { kind: 'characters', set: this.#one((controls[name] ?? name).charCodeAt(0)) }
  }

  #one(character: number): Symbols {
    if (character >= other) return make(() => false, true)
    const text = String.fromCharCode(character)
    const isEither = this.#flags.includes('i')
    return make((code) => code === character || (isEither && String.fromCharCode(code).toLowerCase() === text.toLowerCase()), false)
  }

  #sees(sign: string): boolean {
    return this.#source.charAt(this.#at) === sign
  }

  #take(sign: string): boolean {
    if (!this.#sees(sign)) return false
    this.#at++
    return true
  }
}
