import { GuardError } from '../guard/errors.ts'

/** Options of `parseJson`. */
export interface JsonBounds {
  /** The longest text, in bytes of UTF-8 or in UTF-16 units as it comes; 8 MiB unless given. */
  readonly maxLength?: number
}

const maxLength = 8 * 1024 * 1024
const maxDepth = 64
const maxValues = 500_000

// Without `stream` a decoder keeps nothing between two calls. A byte order mark is left in, and JSON knows none (RFC 8259, section 8.1).
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Bytes or a text as a JSON value (RFC 8259), in the strict form in which two readers cannot disagree on what it says
 * (I-JSON, RFC 7493): UTF-8 without errors, no name twice in an object, no `__proto__`, no lone surrogate, no number
 * that overflows, at most 64 levels and 500,000 values. Takes time and memory in proportion to the length.
 *
 * ```ts
 * parseJson('{"model":"gpt-5"}') // { model: 'gpt-5' }
 * ```
 *
 * @throws GuardError `payload_invalid` for what is not that, `payload_too_large` beyond the bounds. Neither tells what
 * the text holds.
 */
export function parseJson(body: Uint8Array | string, bounds: JsonBounds = {}): unknown {
  if (body.length > (bounds.maxLength ?? maxLength)) throw tooLarge('the text is too long')
  const text = typeof body === 'string' ? body : decode(body)
  if (text === undefined) throw invalid('the bytes are not UTF-8')
  // Before the parser, which would build a level for every bracket of a hostile text.
  const members = measure(text)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // The parser's own message quotes the text.
    throw invalid('this is not JSON')
  }
  // Strings made of well-formed text without escapes are well-formed.
  const count = new Count(text.includes('\\u') || (typeof body === 'string' && !text.isWellFormed()))
  count.add(value)
  // A name that stands twice in an object gives one member for two colons.
  if (count.members !== members) throw invalid('a name stands twice in an object')
  return value
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

const quote = 0x22
const comma = 0x2c
const colon = 0x3a
const openBracket = 0x5b
const backslash = 0x5c
const closeBracket = 0x5d
const openBrace = 0x7b
const closeBrace = 0x7d

/**
 * How many members the objects of a JSON text have together: the colons outside strings. What it says of a text that is
 * not JSON means nothing; the parser refuses those.
 */
function measure(text: string): number {
  let members = 0
  let depth = 0
  let values = 1
  for (let index = 0; index < text.length; index++) {
    switch (text.charCodeAt(index)) {
      case quote:
        index = endOfString(text, index)
        break
      case colon:
        members++
        break
      case comma:
        values++
        break
      case openBrace:
      case openBracket:
        values++
        if (++depth > maxDepth) throw invalid(`deeper than ${maxDepth} levels`)
        break
      case closeBrace:
      case closeBracket:
        depth--
        break
    }
  }
  if (values > maxValues) throw tooLarge('too many values')
  return members
}

/** Where the string that begins at `start` ends: the index of its closing quote, or of the text's end where it has none. */
export function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    // A quote is escaped by an odd number of backslashes before it. Each run is looked at once, since it ends here.
    let before = end
    while (text.charCodeAt(before - 1) === backslash) before--
    if ((end - before) % 2 === 0) return end
  }
  return text.length
}

class Count {
  members = 0
  readonly #checksTexts: boolean

  constructor(checksTexts: boolean) {
    this.#checksTexts = checksTexts
  }

  // No deeper than `measure` allowed.
  add(value: unknown): void {
    if (typeof value === 'string') {
      if (this.#checksTexts && !value.isWellFormed()) throw invalid('a lone surrogate')
    } else if (typeof value === 'number') {
      if (!Number.isFinite(value)) throw invalid('a number that overflows')
    } else if (Array.isArray(value)) {
      for (let index = 0; index < value.length; index++) this.add(value[index])
    } else if (typeof value === 'object' && value !== null) {
      for (const [name, member] of Object.entries(value)) {
        if (name === '__proto__') throw invalid('a name is __proto__')
        if (this.#checksTexts && !name.isWellFormed()) throw invalid('a lone surrogate')
        this.members++
        this.add(member)
      }
    }
  }
}

function invalid(reason: string): GuardError {
  return new GuardError('payload_invalid', { reason: `the JSON text was refused: ${reason}` })
}

function tooLarge(reason: string): GuardError {
  return new GuardError('payload_too_large', { reason: `the JSON text was refused: ${reason}` })
}
