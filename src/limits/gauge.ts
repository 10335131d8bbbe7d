import type { LimitState, Violation } from './limit-store.ts'
import type { PlannedLimit } from './limit.ts'

/** What a count is: a bucket that leaks, a budget of the calendar, or places that are taken. */
export type GaugeKind = 'bucket' | 'budget' | 'places'

/** More windows than this are never owed: what reports nonsense must not lock anybody out for ever. */
const mostOwed = 1_000

/** How much of a time rounding may have taken or given. */
const rounding = 2 ** -46

/** What a level means under a limit: what fits on top of it, what is left, and when there is more. Times in milliseconds. */
export class Gauge {
  readonly limit: PlannedLimit
  readonly kind: GaugeKind
  /** What one unit adds to a level: milliseconds until it has leaked away, or one. */
  readonly perUnit: number
  /** How high a level may be. */
  readonly room: number
  /** How high it can be, counting what is owed. */
  readonly ceiling: number
  /** Of a budget: when the present period is over, and how long it is. */
  endsAt = 0
  span = 0

  constructor(limit: PlannedLimit) {
    this.limit = limit
    const { unit, quantity, window, burst } = limit
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
    }
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
}
