import { GuardError } from '../guard/errors.ts'
import { parseJson } from './strict-json.ts'

/** Options of `jsonLinesParser`. */
export interface LineBounds {
  /** The most characters that one line may have; 4 Mi unless given. */
  readonly maxLength?: number
  /** The most bytes that a whole stream may have; 1 Gi unless given. */
  readonly maxTotal?: number
}

/** Reads JSON values that stand in a line each, from bytes that were cut anywhere. */
export interface JsonLinesParser {
  /** The values of the lines that these bytes complete. @throws GuardError; after that nothing more can be read. */
  push(bytes: Uint8Array): unknown[]
  /** Says that there are no more bytes. Gives the value of a last line without a line end. @throws GuardError */
  end(): unknown[]
}

const maxLength = 4 * 1024 * 1024
const maxTotal = 1024 * 1024 * 1024

/**
 * A parser for JSON values in a line each (JSON Lines, NDJSON): ends of lines are line feeds, with or without a carriage
 * return before them, empty lines are left out, the last line needs no end. Each value is read as strictly as `parseJson`
 * reads. Holds one line at most, and takes time in proportion to the bytes.
 *
 * ```ts
 * const lines = jsonLinesParser()
 * lines.push(new TextEncoder().encode('{"a":1}\n{"b"')) // [{ a: 1 }]
 * lines.push(new TextEncoder().encode(':2}')) // []
 * lines.end() // [{ b: 2 }]
 * ```
 *
 * @throws GuardError from `push` and `end`: `payload_invalid` for what is not UTF-8 or not strict JSON, `payload_too_large`
 * for a line or a stream beyond its bound.
 */
export function jsonLinesParser(bounds: LineBounds = {}): JsonLinesParser {
  return new Parser(bounds)
}

class Parser implements JsonLinesParser {
  readonly #utf8 = new TextDecoder('utf-8', { fatal: true })
  readonly #maxLength: number
  // Bytes that may still come.
  #left: number
  // The beginning of a line whose end has not come, in pieces: each is searched once.
  #line: string[] = []
  #length = 0

  constructor(bounds: LineBounds) {
    this.#maxLength = bounds.maxLength ?? maxLength
    this.#left = bounds.maxTotal ?? maxTotal
  }

  push(bytes: Uint8Array): unknown[] {
    this.#left -= bytes.length
    if (this.#left < 0) throw new GuardError('payload_too_large', { reason: 'a stream of JSON lines is too long' })
    const text = this.#decode(bytes)
    const values: unknown[] = []
    let start = 0
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
      this.#hold(text.slice(start, end))
      this.#endLine(values)
      start = end + 1
    }
    this.#hold(text.slice(start))
    return values
  }

  end(): unknown[] {
    this.#hold(this.#decode(undefined))
    const values: unknown[] = []
    this.#endLine(values)
    return values
  }

  #decode(bytes: Uint8Array | undefined): string {
    try {
      return bytes === undefined ? this.#utf8.decode() : this.#utf8.decode(bytes, { stream: true })
    } catch {
      throw new GuardError('payload_invalid', { reason: 'the bytes of a stream of JSON lines are not UTF-8' })
    }
  }

  #hold(piece: string): void {
    if (piece === '') return
    this.#length += piece.length
    if (this.#length > this.#maxLength) throw new GuardError('payload_too_large', { reason: 'a line of JSON is too long' })
    this.#line.push(piece)
  }

  #endLine(values: unknown[]): void {
    const line = this.#line.length === 1 ? (this.#line[0] ?? '') : this.#line.join('')
    this.#line = []
    this.#length = 0
    // What JSON itself takes for space; a line of anything else is no empty one.
    if (/^[ \t\r]*$/.test(line)) return
    values.push(parseJson(line, { maxLength: this.#maxLength }))
  }
}
