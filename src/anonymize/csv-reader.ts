import { type Check, checkOptions, optional } from '../guard/check-options.ts'
import { GuardError } from '../guard/errors.ts'
import type { Row } from './row.ts'

/** Bytes in UTF-8, or texts, in pieces that were cut anywhere. */
export type Pieces = AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string>

/** Options of `readCsv`. */
export interface ReadCsvOptions {
  /** What stands between two fields: `,` unless given. */
  readonly delimiter?: ',' | ';' | '\t' | '|'
  /** The names of the columns, of a file that does not begin with them. */
  readonly header?: readonly string[]
  /** The most characters of one record; 16 Mi unless given. */
  readonly maxRecord?: number
}

/** Whether a value can stand between two fields. */
export function isDelimiter(value: unknown): boolean {
  return value === ',' || value === ';' || value === '\t' || value === '|'
}

const checks: Readonly<Record<keyof ReadCsvOptions, Check>> = {
  delimiter: [optional(isDelimiter), "',', ';', '|' or a tab"],
  header: [optional((value) => Array.isArray(value) && value.every((name) => typeof name === 'string')), 'a list of names'],
  maxRecord: [optional((value) => Number.isSafeInteger(value) && Number(value) > 0), 'a whole number of characters'],
}

const mostColumns = 10_000
const quote = 34
const lineFeed = 10
const carriageReturn = 13

/**
 * Reads CSV (RFC 4180), strictly: every record has as many fields as the header, quotes stand around a whole field or are
 * doubled in one, lines end in CRLF or LF, bytes are UTF-8. A byte order mark is left out. Holds one record.
 *
 * ```ts
 * for await (const row of readCsv(['name,age\n"Lovelace, Ada",36\n'])) console.log(row) // { name: 'Lovelace, Ada', age: '36' }
 * ```
 *
 * @throws TypeError for wrong options. While it is read, GuardError `payload_invalid` with the number of the record, and
 * `payload_too_large`; neither tells what the file holds.
 */
export function readCsv(source: Pieces, options: ReadCsvOptions = {}): AsyncGenerator<Row, void, undefined> {
  checkOptions('readCsv', options, checks)
  const { delimiter = ',', header, maxRecord = 16 * 1024 * 1024 } = options
  return rowsIn(source, header === undefined ? undefined : checkedHeader([...header]), new CsvParser(delimiter.charCodeAt(0), maxRecord))
}

async function* rowsIn(source: Pieces, header: readonly string[] | undefined, parser: CsvParser): AsyncGenerator<Row, void, undefined> {
  let names = header
  for await (const piece of textsIn(source)) {
    for (const record of parser.take(piece)) {
      if (names === undefined) names = checkedHeader(record)
      else yield rowOf(names, record, parser.records)
    }
  }
  for (const record of parser.end()) {
    if (names === undefined) names = checkedHeader(record)
    else yield rowOf(names, record, parser.records)
  }
}

async function* textsIn(source: Pieces): AsyncGenerator<string, void, undefined> {
  const utf8 = new TextDecoder('utf-8', { fatal: true })
  const decode = (bytes?: Uint8Array): string => {
    try {
      return bytes === undefined ? utf8.decode() : utf8.decode(bytes, { stream: true })
    } catch {
      throw new GuardError('payload_invalid', { reason: 'the bytes of a data set are not UTF-8' })
    }
  }
  let isFirst = true
  for await (const piece of source) {
    const text = typeof piece === 'string' ? piece : decode(piece)
    if (text === '') continue
    yield isFirst && text.startsWith('\ufeff') ? text.slice(1) : text
    isFirst = false
  }
  yield decode()
}

function checkedHeader(names: readonly string[]): readonly string[] {
  const wrong = (what: string): GuardError => new GuardError('payload_invalid', { reason: `the header: ${what}` })
  if (names.length > mostColumns) throw new GuardError('payload_too_large', { reason: 'the header: too many columns' })
  if (new Set(names).size < names.length) throw wrong('two columns have one name')
  if (names.includes('')) throw wrong('a column has no name')
  if (names.includes('__proto__')) throw wrong('a column is named __proto__')
  return names
}

function rowOf(names: readonly string[], record: readonly string[], number: number): Row {
  if (record.length !== names.length) throw badRecord(number, `has ${record.length} fields, and the header ${names.length}`)
  return Object.fromEntries(names.map((name, index) => [name, record[index]]))
}

function badRecord(number: number, what: string): GuardError {
  return new GuardError('payload_invalid', { reason: `record ${number}: ${what}` })
}

/** Where in a field the text is. `closed`: behind a quote that ended the field, or was the first of two. */
type Place = 'start' | 'plain' | 'quoted' | 'closed'

class CsvParser {
  readonly #delimiter: number
  readonly #maxRecord: number
  #place: Place = 'start'
  #fields: string[] = []
  // The field that is being read, in pieces: each is copied once.
  #field: string[] = []
  #length = 0
  #isBehindReturn = false
  /** How many records were finished. */
  records = 0

  constructor(delimiter: number, maxRecord: number) {
    this.#delimiter = delimiter
    this.#maxRecord = maxRecord
  }

  take(text: string): string[][] {
    const finished: string[][] = []
    let from = 0
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index)
      if (this.#isBehindReturn && code !== lineFeed) throw this.#bad('has a carriage return without a line feed')
      if (this.#place === 'quoted') {
        if (code !== quote) continue
        this.#hold(text.slice(from, index))
        this.#place = 'closed'
        from = index + 1
      } else if (code === quote) {
        if (this.#place === 'plain') throw this.#bad('has a quote in a field without quotes')
        // The second of two is a quote of the text, and comes with what follows.
        from = this.#place === 'closed' ? index : index + 1
        this.#place = 'quoted'
      } else if (code === this.#delimiter || code === lineFeed) {
        this.#hold(text.slice(from, this.#isBehindReturn ? from : index))
        from = index + 1
        this.#isBehindReturn = false
        this.#endField()
        if (code === lineFeed) finished.push(this.#endRecord())
      } else if (code === carriageReturn) {
        this.#hold(text.slice(from, index))
        from = index + 1
        this.#isBehindReturn = true
      } else if (this.#place === 'closed') throw this.#bad('has text behind the quotes of a field')
      else this.#place = 'plain'
    }
    this.#hold(text.slice(from))
    return finished
  }

  /** A last record needs no end of its line. */
  end(): string[][] {
    if (this.#isBehindReturn) throw this.#bad('has a carriage return without a line feed')
    if (this.#place === 'quoted') throw this.#bad('ends within quotes')
    if (this.#place === 'start' && this.#fields.length === 0) return []
    this.#endField()
    return [this.#endRecord()]
  }

  #hold(text: string): void {
    if (text === '') return
    this.#length += text.length
    if (this.#length > this.#maxRecord) throw new GuardError('payload_too_large', { reason: `record ${this.records + 1}: is too long` })
    this.#field.push(text)
  }

  #endField(): void {
    this.#length += 1
    if (this.#fields.length >= mostColumns) throw new GuardError('payload_too_large', { reason: `record ${this.records + 1}: has too many fields` })
    this.#fields.push(this.#field.length === 1 ? (this.#field[0] ?? '') : this.#field.join(''))
    this.#field = []
    this.#place = 'start'
  }

  #endRecord(): string[] {
    const fields = this.#fields
    this.#fields = []
    this.#length = 0
    this.records++
    return fields
  }

  #bad(what: string): GuardError {
    return badRecord(this.records + 1, what)
  }
}
