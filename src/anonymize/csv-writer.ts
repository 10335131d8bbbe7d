import { type Check, checkOptions, oneOf, optional } from '../guard/check-options.ts'
import { GuardError } from '../guard/errors.ts'
import { isDelimiter } from './csv-reader.ts'
import { type Cell, cellOf, type Row } from './row.ts'

/** Options of `writeCsv`. */
export interface WriteCsvOptions {
  /** The columns, in their order; those of the first row unless given. A function is asked only where there is no row. */
  readonly columns?: readonly string[] | (() => readonly string[])
  /** What stands between two fields: `,` unless given. */
  readonly delimiter?: ',' | ';' | '\t' | '|'
  /**
   * What happens to a text that a spreadsheet would compute (`=1+1`, `@SUM(A1)`, `-2+3`): it is kept, unless `escape` puts an apostrophe before
   * it. Numbers stay numbers.
   */
  readonly formulas?: 'keep' | 'escape'
}

const checks: Readonly<Record<keyof WriteCsvOptions, Check>> = {
  columns: [
    optional((value) => typeof value === 'function' || (Array.isArray(value) && value.every((name) => typeof name === 'string'))),
    'a list of names, or a function',
  ],
  delimiter: [optional(isDelimiter), "',', ';', '|' or a tab"],
  formulas: [optional(oneOf('keep', 'escape')[0]), "'keep' or 'escape'"],
}

/**
 * Writes rows as CSV (RFC 4180), a header first, in texts of a record each. An empty text is written in quotes, and null as
 * nothing.
 *
 * ```ts
 * for await (const line of writeCsv([{ name: 'Lovelace, Ada', age: 36 }])) process.stdout.write(line) // name,age\r\n"Lovelace, Ada",36\r\n
 * ```
 *
 * @throws TypeError for wrong options. While rows are written, GuardError `payload_invalid` for one that has other columns,
 * and for a value that is no text, number, boolean or null.
 */
export function writeCsv(rows: AsyncIterable<Row> | Iterable<Row>, options: WriteCsvOptions = {}): AsyncGenerator<string, void, undefined> {
  checkOptions('writeCsv', options, checks)
  return linesOf(rows, { ...options })
}

async function* linesOf(rows: AsyncIterable<Row> | Iterable<Row>, options: WriteCsvOptions): AsyncGenerator<string, void, undefined> {
  const { columns, delimiter = ',', formulas = 'keep' } = options
  const field = (cell: Cell, number: number): string => fieldOf(cell, delimiter, formulas === 'escape', number)
  const line = (cells: readonly Cell[], number: number): string => `${cells.map((cell) => field(cell, number)).join(delimiter)}\r\n`
  let names: readonly string[] | undefined
  let number = 0
  for await (const row of rows) {
    number++
    if (names === undefined) {
      names = Array.isArray(columns) ? [...columns] : Object.keys(row)
      yield line(names, 0)
    }
    const cells = names.map((name) => {
      if (!Object.hasOwn(row, name)) throw bad(number, 'has not the columns of the first row')
      return cellOf(row[name])
    })
    if (Object.keys(row).length !== names.length) throw bad(number, 'has not the columns of the first row')
    yield line(cells, number)
  }
  const none = names !== undefined ? undefined : typeof columns === 'function' ? columns() : columns
  if (none !== undefined && none.length > 0) yield line(none, 0)
}

function bad(number: number, what: string): GuardError {
  return new GuardError('payload_invalid', { reason: `row ${number} ${what}` })
}

// What a spreadsheet takes for the beginning of a formula, in ASCII and in full width, also behind spaces.
const formula = /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20\t\r]/
const numeric = /^[+-]?\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?$/

function fieldOf(cell: Cell, delimiter: string, escapes: boolean, number: number): string {
  if (cell === null) return ''
  if (typeof cell === 'object') throw bad(number, 'holds a value that CSV does not have')
  if (typeof cell !== 'string') return String(cell)
  const text = escapes && formula.test(cell) && !numeric.test(cell) ? `'${cell}` : cell
  if (text === '') return '""'
  const isPlain = !text.includes(delimiter) && !/["\r\n]|^\s|\s$/.test(text)
  return isPlain ? text : `"${text.replaceAll('"', '""')}"`
}
