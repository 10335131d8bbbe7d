import { Calendar } from './calendar.ts'
import type { Fingerprints } from './fingerprint.ts'
import { Gauge } from './gauge.ts'
import type { PlannedLimit } from './limit.ts'

/** What a store in memory works out of a limit once. Times are the store's own. */
export class Meter extends Gauge {
  readonly #fingerprints: Fingerprints
  readonly #calendar: Calendar | undefined
  #start = Number.NaN
  // What tells this limit's cells from those of others. Few bits of the first half, so that a key's cells stay neighbours.
  #low = 0
  #high = 0

  constructor(limit: PlannedLimit, fingerprints: Fingerprints) {
    super(limit)
    this.#fingerprints = fingerprints
    const { window, zone = 'UTC' } = limit
    if (typeof window === 'string') this.#calendar = new Calendar(window, zone)
    else this.#mark('')
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

  #mark(period: string): void {
    const { name, unit, window, zone } = this.limit
    const fingerprints = this.#fingerprints
    fingerprints.take(`${unit}/${window}/${zone}/${period}/${name}`)
    this.#low = fingerprints.low & 0xfff
    this.#high = fingerprints.high
  }
}
