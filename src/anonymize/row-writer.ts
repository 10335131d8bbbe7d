import type { Awaitable } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import { type ColumnWriter, columnWriter, type WriterTools } from './column-writer.ts'
import { type OwnValue, withoutOwnValues } from './own-values.ts'
import type { Column, ParsedPlan } from './plan.ts'
import { ColumnTally } from './report.ts'
import { badRow, type Cell, cellOf, isNothing, type Row } from './row.ts'

/** A row as it was read and as it is written. */
export interface WrittenRow {
  readonly before: ReadonlyMap<string, Cell>
  /** Without the columns that are dropped. */
  readonly after: ReadonlyMap<string, Cell>
}

interface WrittenColumn {
  readonly plan: Column
  readonly writer: ColumnWriter
  readonly tally: ColumnTally
}

const mostColumns = 10_000
const nothing = (): void => {}

/** Writes rows by a plan. */
export class RowWriter {
  readonly #plan: ParsedPlan
  readonly #columns = new Map<string, WrittenColumn>()
  readonly #others: { readonly plan: Column; readonly writer: ColumnWriter; readonly names: ColumnWriter } | undefined

  /** @throws TypeError where a column needs a key or detectors and there are none. */
  constructor(plan: ParsedPlan, tools: WriterTools) {
    this.#plan = plan
    for (const [name, column] of plan.columns) this.#add(name, column, columnWriter(name, column, tools))
    const { others } = plan
    if (typeof others === 'string') return
    const names = columnWriter('others', { mode: 'mask', with: 'redact' }, { ...tools, asyncDetect: undefined })
    this.#others = { plan: others, writer: columnWriter('others', others, tools), names }
  }

  /** What was counted, by column. */
  get tallies(): ReadonlyMap<string, ColumnTally> {
    return new Map([...this.#columns].map(([name, { tally }]) => [name, tally]))
  }

  /** The columns that are written, as far as they are known. */
  get names(): readonly string[] {
    return [...this.#columns].flatMap(([name, { plan }]) => (plan.mode === 'drop' ? [] : [name]))
  }

  /**
   * @param number of the row, from 1
   * @param only the columns that are wanted; all, and counted, unless given
   * @throws GuardError for a row that is not as the plan wants it, and for what cannot be masked
   */
  write(row: unknown, number: number, only?: ReadonlySet<string>): Awaitable<WrittenRow> {
    const before = this.#read(row, number)
    const after = new Map<string, Cell>()
    let ownValues: readonly OwnValue[] | undefined
    const own = (count: (type: string) => void) => (text: string) => withoutOwnValues(text, (ownValues ??= this.#ownValues(before)), count)
    let waiting: Promise<unknown>[] | undefined
    for (const [name, value] of before) {
      const column = this.#columns.get(name)
      if (column === undefined || column.plan.mode === 'drop' || (only !== undefined && !only.has(name))) continue
      const { writer, tally, plan } = column
      const count = only === undefined ? tally.count : nothing
      const written = writer.write(value, count, own(count))
      const put = (cell: Cell | undefined): void => void after.set(name, this.#settled(plan, cell, number, only === undefined ? tally : undefined))
      // Its place, before it is known.
      after.set(name, null)
      if (written instanceof Promise) {
        const putting = written.then(put)
        // Another column may refuse the row before anybody waits for this one.
        putting.catch(nothing)
        waiting = [...(waiting ?? []), putting]
      } else put(written)
      if (only === undefined && isNothing(value)) tally.empty++
    }
    const finish = (): WrittenRow => {
      if (only === undefined) for (const [name, cell] of after) if (before.get(name) !== cell) this.#changed(name)
      return { before, after }
    }
    return waiting === undefined ? finish() : Promise.all(waiting).then(finish)
  }

  #changed(name: string): void {
    const tally = this.#columns.get(name)?.tally
    if (tally !== undefined) tally.changed++
  }

  #settled(plan: Column, cell: Cell | undefined, number: number, tally: ColumnTally | undefined): Cell {
    if (cell !== undefined) return cell
    if (plan.mode !== 'generalize' || plan.unreadable === 'refuse') throw badRow(number, `a value that mode '${plan.mode}' cannot read`)
    if (tally !== undefined) tally.unreadable++
    return null
  }

  // Each value once, in the order of the row.
  #read(row: unknown, number: number): Map<string, Cell> {
    if (typeof row !== 'object' || row === null || Array.isArray(row)) throw badRow(number, 'is no object')
    const cells = new Map<string, Cell>()
    const source: Row = { ...row }
    for (const [place, name] of Object.keys(source).entries()) {
      // Its name is not told: where a header is missing it is a value.
      if (!this.#columns.has(name)) this.#takeOther(name, number, place + 1)
      cells.set(name, this.#cell(source[name], number, place + 1))
    }
    for (const name of this.#plan.columns.keys()) {
      if (cells.has(name)) continue
      if (this.#plan.missing === 'refuse') throw badRow(number, `has no column ${JSON.stringify(name)}`)
      cells.set(name, null)
    }
    return cells
  }

  #cell(value: unknown, number: number, place: number): Cell {
    try {
      return cellOf(value)
    } catch {
      throw badRow(number, `column ${place} holds what JSON does not have`)
    }
  }

  #takeOther(name: string, number: number, place: number): void {
    const others = this.#others
    if (this.#plan.others === 'refuse' || name === '__proto__') throw badRow(number, `column ${place} is not in the plan`)
    if (others === undefined) return
    if (this.#columns.size >= mostColumns) throw new GuardError('payload_too_large', { reason: 'the data set has too many columns' })
    const isClean = others.names.write(name, nothing, (text) => text) === name
    if (!isClean) throw new GuardError('payload_blocked', { reason: `the name of column ${place} holds what must not be seen: is there a header?` })
    this.#add(name, others.plan, others.writer)
  }

  #add(name: string, plan: Column, writer: ColumnWriter): void {
    this.#columns.set(name, { plan, writer, tally: new ColumnTally(plan.mode) })
  }

  // What the row tells, and must not be told by its free text.
  #ownValues(before: ReadonlyMap<string, Cell>): OwnValue[] {
    const own: OwnValue[] = []
    for (const [name, value] of before) {
      const column = this.#columns.get(name)
      if (column?.plan.mode !== 'keep' && column?.plan.mode !== 'mask') own.push({ label: column?.writer.label ?? 'REDACTED', value })
    }
    return own
  }
}
