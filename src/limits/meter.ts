import { Calendar } from './calendar.ts'
import type { CellKind } from './cells.ts'
import type { Fingerprints } from './fingerprint.ts'
import type { LimitState, Violation } from './limit-store.ts'
import type { PlannedLimit } from './limit.ts'

/** More windows than this are never owed: what reports nonsense must not lock anybody out for ever. */
const mostOwed = 1_000

/** How much of a time rounding may have taken or given. */
const rounding = 2 ** -46

/** What a store in memory works out of a limit once. */
export class Meter {
  readonly limit: PlannedLimit
  readonly kind: CellKind
  /** What one unit adds to a cell's level: milliseconds until it has leaked away, or one. */
  readonly perUnit: number
  /** How high a level may be. */
  readonly room: number
  /** How high it can be, counting what is owed. */
  readonly ceiling: number
  /** Of a budget: when the present period is over, in the store's own time, and how long it is, in milliseconds. */
  endsAt = 0
  span = 0
  readonly #fingerprints: Fingerprints
  readonly #calendar: Calendar | undefined
  #start = Number.NaN
  // What tells this limit's cells from those of others. Few bits of the first half, so that a key's cells stay neighbours.
  #low = 0
  #high = 0

  constructor(limit: PlannedLimit, fingerprints: Fingerprints) {
    this.limit = limit
    this.#fingerprints = fingerprints
    const { unit, quantity, window, burst, zone } = limit
    if (typeof window === 'number') {
      this.kind = 'bucket'
      // Multiplied first: a whole window is the whole quantity, to the last bit.
      this.perUnit = (window * 1000) / quantity
      this.room = (burst * window * 1000) / quantity
      this.ceiling = this.room + mostOwed * window * 1000
    } else {
      this.kind = unit === 'concurrent' ? 'places' : 'budget'
      this.perUnit = 1
      this.room = burst
      this.ceiling = Number.POSITIVE_INFINITY
      if (window !== undefined) this.#calendar = new Calendar(window, zone ?? 'UTC')
    }
    if (this.#calendar === undefined) this.#mark('')
  }

  /** Turns to the period of that time, where there is one. A budget's cells are of one period, so those of others are none of it. */
  turn(time: number, wall: number): void {
    const calendar = this.#calendar
    if (calendar === undefined) return
    if (!Number.isFinite(wall)) throw new TypeError('wall: must be a finite number of milliseconds')
    const { start, end } = calendar.at(wall)
    this.endsAt = time + end - wall
    if (start === this.#start) return
    this.#start = start
    this.span = end - start
    this.#mark(String(start))
  }

  /** The fingerprint of the cell of a key of that fingerprint. */
  lowOf(keyLow: number): number {
    return keyLow ^ this.#low
  }

  highOf(keyHigh: number): number {
    // Both halves zero would be no cell at all.
    return keyHigh ^ this.#high || 1
  }

  /**
   * Whether this many units more fit on top of that level. Nothing always does, also where something is owed. Rounding must
   * not refuse what fits exactly: a level that is a time is as exact as the time is.
   */
  fits(level: number, units: number, time: number): boolean {
    return units === 0 || level + units * this.perUnit <= this.room + this.#slack(time)
  }

  /** Where the limit stands at that level. */
  state(level: number, time: number): LimitState {
    const { name, unit, quantity } = this.limit
    const remaining = Math.max(0, Math.floor((this.room - level + this.#slack(time)) / this.perUnit))
    if (this.kind === 'places') return { name, unit, limit: quantity, remaining, reset: 0, window: undefined }
    if (this.kind === 'budget')
      return { name, unit, limit: quantity, remaining, reset: level > 0 ? this.#untilEnd(time) : 0, window: this.span / 1000 }
    return { name, unit, limit: quantity, remaining, reset: level / 1000, window: this.limit.window as number }
  }

  /** The same, where that many units do not fit. */
  violation(level: number, units: number, time: number): Violation {
    return { ...this.state(level, time), retryAfter: this.#secondsUntil(level, units, time) }
  }

  #secondsUntil(level: number, units: number, time: number): number {
    const amount = units * this.perUnit
    if (amount > this.room + this.#slack(time)) return Number.POSITIVE_INFINITY
    // When somebody will be done nobody knows; a second is a polite time to ask again.
    if (this.kind === 'places') return 1
    return this.kind === 'budget' ? this.#untilEnd(time) : Math.max(0, level + amount - this.room) / 1000
  }

  #untilEnd(time: number): number {
    return Math.max(0, this.endsAt - time) / 1000
  }

  #slack(time: number): number {
    return this.kind === 'bucket' ? (time + this.room) * rounding : 0
  }

  #mark(period: string): void {
    const { name, unit, window, zone } = this.limit
    const fingerprints = this.#fingerprints
    fingerprints.take(`${unit}/${window}/${zone}/${period}/${name}`)
    this.#low = fingerprints.low & 0xfff
    this.#high = fingerprints.high
  }
}
