import { GuardError } from '../guard/errors.ts'
import { Cell } from './cell.ts'
import type { LimitUnit, PlannedLimit } from './limit.ts'

/** How many cells are looked at for each new one: sweeping keeps pace with growing, and costs the same at any size. */
const sweep = { always: 2, full: 64 } as const

/**
 * All cells of a store, at most `maxKeys` of them. What is empty is forgotten as new ones come; what is not empty is never
 * forgotten, or whoever is being limited could flood the store with other keys and begin afresh. A full store refuses
 * new keys and goes on serving those it has.
 */
export class Cells {
  readonly #maxKeys: number
  readonly #tables: { readonly [unit in LimitUnit]: Map<string, Map<string, Cell>> } = {
    requests: new Map(),
    tokens: new Map(),
    concurrent: new Map(),
  }
  readonly #all: Cell[] = []
  #hand = 0

  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys
  }

  get size(): number {
    return this.#all.length
  }

  find(limit: PlannedLimit, key: string): Cell | undefined {
    return this.#tables[limit.unit].get(limit.name)?.get(key)
  }

  /** Makes room for that many new cells. @throws GuardError `limits_unavailable` where there is none. */
  makeRoom(count: number, now: number): void {
    this.#sweep(sweep.always * count, now)
    if (this.#all.length + count > this.#maxKeys) this.#sweep(sweep.full, now)
    if (this.#all.length + count > this.#maxKeys)
      throw new GuardError('limits_unavailable', { reason: `the limit store is full: ${this.#maxKeys} keys in use` })
  }

  add(limit: PlannedLimit, key: string, now: number): Cell {
    const cell = new Cell(limit, key, now)
    const tables = this.#tables[limit.unit]
    let table = tables.get(limit.name)
    if (table === undefined) tables.set(limit.name, (table = new Map()))
    table.set(key, cell)
    cell.place = this.#all.push(cell) - 1
    return cell
  }

  #sweep(count: number, now: number): void {
    for (let looked = 0; looked < count && this.#all.length > 0; looked++) {
      if (this.#hand >= this.#all.length) this.#hand = 0
      const cell = this.#all[this.#hand]
      if (cell === undefined) return
      if (cell.isEmpty(now)) this.#forget(cell)
      else this.#hand++
    }
  }

  #forget(cell: Cell): void {
    this.#tables[cell.limit.unit].get(cell.limit.name)?.delete(cell.key)
    const last = this.#all.pop()
    if (last !== undefined && last !== cell) {
      this.#all[cell.place] = last
      last.place = cell.place
    }
    cell.place = -1
  }
}
