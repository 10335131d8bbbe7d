import { GuardError } from '../guard/errors.ts'
import type { LimitState } from './limit-store.ts'
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

/** Below this, shares are begun anew, long before the number format ends. */
const smallestShare = 1e-100

/**
 * What one key has spent under one limit: the level of a bucket that leaks. It is the generic cell rate algorithm (ITU-T
 * I.371) with its theoretical arrival time written as a level and a moment, which loses no unit to rounding however long
 * the window and however large the amount. An empty cell equals an absent one, so nothing needs a timer.
 *
 * All that is in it leaks in proportion, so each reservation can tell what is left of it: `share` is what is left of
 * something reserved when `share` was 1 and `age` the same. The remains of all reservations together never exceed the
 * level, so whoever gives back can give back only what is its own.
 */
export class Cell {
  readonly key: string
  /** The limit that it was last used under. */
  limit: PlannedLimit
  level = 0
  share = 1
  age = 0
  /** Where it stands among all cells; for their keeper alone. */
  place = -1
  #at: number

  constructor(limit: PlannedLimit, key: string, now: number) {
    this.limit = limit
    this.key = key
    this.#at = now
  }

  /** Lets leak what has leaked by now. */
  leak(now: number): void {
    const passed = now - this.#at
    if (passed <= 0) return
    this.#at = now
    if (this.level === 0) return
    const left = this.level - leaked(this.limit, passed)
    if (left <= 0) {
      this.level = 0
      this.#begin()
      return
    }
    this.share *= left / this.level
    this.level = left
    if (this.share < smallestShare) this.#begin()
  }

  /** Whether it says no more than an absent one would. */
  isEmpty(now: number): boolean {
    return this.level === 0 || leaked(this.limit, now - this.#at) >= this.level
  }

  // What was reserved before has nothing left.
  #begin(): void {
    this.share = 1
    this.age++
  }
}

/** Whether this much more fits on top of that level. Nothing always does, also where something is owed. */
export function fits(limit: PlannedLimit, level: number, amount: number): boolean {
  return amount === 0 || level + amount <= limit.burst + slack(limit)
}

/** Seconds until this much more fits; `Infinity` where it never does. */
export function secondsUntil(limit: PlannedLimit, level: number, amount: number): number {
  if (amount > limit.burst + slack(limit)) return Number.POSITIVE_INFINITY
  // When somebody will be done nobody knows; a second is a polite time to ask again.
  if (limit.window === undefined) return 1
  return (Math.max(0, level + amount - limit.burst) * limit.window) / limit.quantity
}

/** Where a limit stands at that level. */
export function stateOf(limit: PlannedLimit, level: number): LimitState {
  return {
    name: limit.name,
    unit: limit.unit,
    limit: limit.quantity,
    remaining: Math.max(0, Math.floor(limit.burst - level + slack(limit))),
    reset: limit.window === undefined ? 0 : (level * limit.window) / limit.quantity,
    window: limit.window,
  }
}

// Multiplied first: a whole window is the whole quantity, to the last bit.
function leaked(limit: PlannedLimit, milliseconds: number): number {
  return limit.window === undefined ? 0 : (milliseconds * limit.quantity) / (limit.window * 1000)
}

// Rounding must not refuse what fits exactly; less than a unit of every amount that somebody would count.
function slack(limit: PlannedLimit): number {
  return limit.burst * 1e-12
}
