import { GuardError } from '../guard/errors.ts'
import { snapshotJson } from '../guard/snapshot.ts'

/** A row of a data set: values by column. In CSV all of them are texts. */
export type Row = Readonly<Record<string, unknown>>

/** The value of a column: JSON. */
export type Cell = string | number | boolean | null | object

/** A data set that is not as its plan or its format wants it. The number of the row is told, counted from 1, and nothing that it holds. */
export function badRow(row: number, what: string): GuardError {
  return new GuardError('payload_invalid', { reason: `row ${row}: ${what}` })
}

/**
 * A value as the engine's own copy, read once.
 *
 * @throws GuardError `payload_invalid` for what JSON cannot hold: NaN, dates, functions.
 */
export function cellOf(value: unknown): Cell {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  const copy = snapshotJson(value)
  if (typeof copy === 'number' || (typeof copy === 'object' && copy !== null && !(copy instanceof Uint8Array))) return copy
  throw new GuardError('payload_invalid', { reason: 'a value that JSON does not have' })
}

/** Whether a value says nothing: null, an empty text, one of spaces alone. */
export function isNothing(cell: Cell): boolean {
  return cell === null || (typeof cell === 'string' && cell.trim() === '')
}
