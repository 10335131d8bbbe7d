import { type Check, checkOptions, optional } from '../guard/check-options.ts'
import { type Cell, Cells, fits, secondsUntil, stateOf } from './cells.ts'
import type { Amounts, KeyedLimit, LimitState, LimitStore, Refusal, Reservation, Violation } from './limit-store.ts'
import type { PlannedLimit } from './limit.ts'

/** Options of `memoryLimits`. */
export interface MemoryLimitsOptions {
  /**
   * How many keys, over all limits, may have something spent at the same time; 100,000 unless given. One takes about 200
   * bytes and its name. A key is forgotten as soon as all that it has spent has leaked away, and never before: a full store
   * refuses new keys (`limits_unavailable`).
   */
  readonly maxKeys?: number
}

const checks: Readonly<Record<keyof MemoryLimitsOptions, Check>> = {
  maxKeys: [optional((value) => Number.isSafeInteger(value) && (value as number) >= 1), 'a whole number above zero'],
}

/**
 * Limits in memory: exact for one process, gone with it, bounded, without timers. Everything happens at once, so calls that
 * run at the same time never get more than there is.
 *
 * ```ts
 * const store = memoryLimits()
 * const limit = planLimit({ name: 'minute', requests: 60, window: 60 })
 * const answer = store.reserve([{ limit, key: 'ada' }], { requests: 1 }, Date.now())
 * ```
 *
 * @throws TypeError for a bound that is not a whole number above zero.
 */
export function memoryLimits(options: MemoryLimitsOptions = {}): MemoryLimits {
  checkOptions('memoryLimits', options, checks)
  const { maxKeys = 100_000 } = options
  return new LimitsInMemory(maxKeys)
}

/** A store in memory: it answers at once. */
export interface MemoryLimits extends LimitStore {
  reserve(limits: readonly KeyedLimit[], amounts: Amounts, now: number): MemoryReservation | Refusal
  /** How many keys it holds. */
  readonly size: number
  describe(): Readonly<Record<string, unknown>>
}

/** A reservation in memory. */
export interface MemoryReservation extends Reservation {
  extend(more: Amounts, now?: number): MemoryReservation | Refusal
  settle(actual: Amounts, now?: number): void
  release(now?: number): void
}

/** What one reservation has in one cell. */
interface Receipt {
  readonly limit: PlannedLimit
  readonly key: string
  cell: Cell
  reserved: number
  /** What of it was left when the cell's share was `share`. */
  left: number
  share: number
  age: number
}

class LimitsInMemory implements MemoryLimits {
  readonly #maxKeys: number
  readonly #cells: Cells
  readonly #time = new ElapsedTime()

  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys
    this.#cells = new Cells(maxKeys)
  }

  get size(): number {
    return this.#cells.size
  }

  describe(): Readonly<Record<string, unknown>> {
    return { kind: 'memory', maxKeys: this.#maxKeys }
  }

  reserve(limits: readonly KeyedLimit[], amounts: Amounts, now: number): MemoryReservation | Refusal {
    if (now === undefined) throw new TypeError('now: must be a finite number of milliseconds')
    const time = this.#time.at(now)
    let violated: Violation[] | undefined
    let missing = 0
    for (let index = 0; index < limits.length; index++) {
      const keyed = limits[index]
      if (keyed === undefined) continue
      const { limit, key } = keyed
      checkName(limits, index)
      const amount = checkedAmount(amounts, limit)
      const cell = this.#cells.find(limit, key)
      if (cell === undefined) missing++
      else cell.leak(time)
      const level = cell?.level ?? 0
      if (!fits(limit, level, amount)) (violated ??= []).push(violation(limit, level, amount))
    }
    if (violated !== undefined) return refusal(violated)
    if (missing > 0) this.#cells.makeRoom(missing, time)
    const receipts: Receipt[] = []
    for (const { limit, key } of limits) {
      // Looked for again: making room forgets empty cells, and one of those that were just found may have been empty.
      const cell = this.cell(limit, key, time)
      const amount = amounts[limit.unit] ?? 0
      cell.level += amount
      receipts.push({ limit, key, cell, reserved: amount, left: amount, share: cell.share, age: cell.age })
    }
    return new ReservationInMemory(this, this.#time, receipts)
  }

  /** The cell as of that time. A new one may exceed the bound here: what a running call owes is never lost. */
  cell(limit: PlannedLimit, key: string, time: number): Cell {
    const cell = this.#cells.find(limit, key) ?? this.#cells.add(limit, key, time)
    cell.leak(time)
    cell.limit = limit
    return cell
  }
}

class ReservationInMemory implements MemoryReservation {
  readonly allowed = true
  readonly #store: LimitsInMemory
  readonly #time: ElapsedTime
  readonly #receipts: readonly Receipt[]
  #settled = false

  constructor(store: LimitsInMemory, time: ElapsedTime, receipts: readonly Receipt[]) {
    this.#store = store
    this.#time = time
    this.#receipts = receipts
  }

  get limits(): readonly LimitState[] {
    return this.#receipts.map(({ limit, cell }) => stateOf(limit, cell.level))
  }

  extend(more: Amounts, now?: number): MemoryReservation | Refusal {
    if (this.#settled) throw new TypeError('extend: this reservation was settled')
    const time = this.#time.at(now)
    const violated: Violation[] = []
    for (const receipt of this.#receipts) {
      const { limit } = receipt
      if (more[limit.unit] === undefined) continue
      const amount = checkedAmount(more, limit)
      this.#renew(receipt, time)
      if (!fits(limit, receipt.cell.level, amount)) violated.push(violation(limit, receipt.cell.level, amount))
    }
    if (violated.length > 0) return refusal(violated)
    for (const receipt of this.#receipts) {
      const amount = more[receipt.limit.unit] ?? 0
      receipt.cell.level += amount
      receipt.left += amount
      receipt.reserved += amount
    }
    return this
  }

  settle(actual: Amounts, now?: number): void {
    if (this.#settled) return
    this.#settled = true
    const time = this.#time.at(now)
    for (const receipt of this.#receipts) {
      const spent = receipt.limit.unit === 'concurrent' ? 0 : actual[receipt.limit.unit]
      if (isAmount(spent)) this.#correct(receipt, receipt.reserved - spent, time)
    }
  }

  release(now?: number): void {
    if (this.#settled) return
    this.#settled = true
    const time = this.#time.at(now)
    for (const receipt of this.#receipts) this.#correct(receipt, receipt.reserved, time)
  }

  #correct(receipt: Receipt, unused: number, time: number): void {
    if (unused === 0) return
    this.#renew(receipt, time)
    const { cell } = receipt
    cell.level = unused > 0 ? Math.max(0, cell.level - Math.min(unused, receipt.left)) : cell.level - unused
  }

  // As of now: what is left of it, in the cell that stands for its key now.
  #renew(receipt: Receipt, time: number): void {
    const before = receipt.cell
    const cell = this.#store.cell(receipt.limit, receipt.key, time)
    receipt.left = cell === before && cell.age === receipt.age ? (receipt.left * cell.share) / receipt.share : 0
    receipt.cell = cell
    receipt.share = cell.share
    receipt.age = cell.age
  }
}

function violation(limit: PlannedLimit, level: number, amount: number): Violation {
  return { ...stateOf(limit, level), retryAfter: secondsUntil(limit, level, amount) }
}

function refusal(violated: readonly Violation[]): Refusal {
  return { allowed: false, violated, retryAfter: violated.reduce((latest, { retryAfter }) => Math.max(latest, retryAfter), 0) }
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}

function checkedAmount(amounts: Amounts, limit: PlannedLimit): number {
  const amount = amounts[limit.unit]
  if (!isAmount(amount)) throw new TypeError(`amounts.${limit.unit}: must be a finite number from zero up`)
  return amount
}

// Two limits of one name would share a cell, and each be checked without the other.
function checkName(limits: readonly KeyedLimit[], index: number): void {
  for (let earlier = 0; earlier < index; earlier++)
    if (limits[earlier]?.limit.name === limits[index]?.limit.name) throw new TypeError('limits: two limits have the same name')
}

/**
 * Turns the times of a clock that may step into time that passes: a step back is no time, and from there it goes on. So a
 * clock that was set back neither gives anything back twice nor stops what should leak away. What returns from behind the
 * latest time of all counts from that time on, so that neither times out of order nor two clocks in turns make time run.
 */
export class ElapsedTime {
  #elapsed = 0
  #last = Number.NaN
  #latest = Number.NEGATIVE_INFINITY

  /** Milliseconds since the first time that was told. Without a time: as of the last one. */
  at(now: number | undefined): number {
    if (now === undefined) return this.#elapsed
    if (!Number.isFinite(now)) throw new TypeError('now: must be a finite number of milliseconds')
    if (now < this.#latest) this.#elapsed += Math.max(0, now - this.#last)
    else {
      if (this.#latest !== Number.NEGATIVE_INFINITY) this.#elapsed += now - this.#latest
      this.#latest = now
    }
    this.#last = now
    return this.#elapsed
  }
}
