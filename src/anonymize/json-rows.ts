import { GuardError } from '../guard/errors.ts'
import { jsonLinesParser, type LineBounds } from '../payload/json-lines.ts'
import type { Pieces } from './csv-reader.ts'
import { badRow, type Row } from './row.ts'

/**
 * Reads rows that stand in a line of JSON each (JSON Lines), strictly: objects without a name twice, and no whole number that
 * JavaScript would round. Holds one line.
 *
 * @throws While it is read, GuardError `payload_invalid` and `payload_too_large`; neither tells what the file holds.
 */
export async function* readJsonLines(source: Pieces, bounds: LineBounds = {}): AsyncGenerator<Row, void, undefined> {
  const parser = jsonLinesParser({ maxTotal: Number.MAX_SAFE_INTEGER, ...bounds })
  const encoder = new TextEncoder()
  let number = 0
  for await (const piece of source)
    for (const value of parser.push(typeof piece === 'string' ? encoder.encode(piece) : piece)) yield rowOf(value, ++number)
  for (const value of parser.end()) yield rowOf(value, ++number)
}

/**
 * Writes rows in a line of JSON each.
 *
 * @throws While rows are written, GuardError `payload_invalid` for one that JSON cannot hold.
 */
export async function* writeJsonLines(rows: AsyncIterable<Row> | Iterable<Row>): AsyncGenerator<string, void, undefined> {
  for await (const row of rows) {
    const line: string | undefined = JSON.stringify(row)
    if (line === undefined) throw new GuardError('payload_invalid', { reason: 'a row that JSON cannot hold' })
    yield `${line}\n`
  }
}

function rowOf(value: unknown, number: number): Row {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw badRow(number, 'is no object')
  if (isRounded(value)) throw badRow(number, 'has a whole number that would be rounded: write it as a text')
  return { ...value }
}

function isRounded(value: unknown): boolean {
  if (typeof value === 'number') return Number.isInteger(value) && !Number.isSafeInteger(value)
  return typeof value === 'object' && value !== null && Object.values(value).some(isRounded)
}
