import { Cells } from './cells.ts'
import { ElapsedTime } from './elapsed-time.ts'
import { Fingerprints } from './fingerprint.ts'
import { Leases } from './leases.ts'
import type { PlannedLimit } from './limit.ts'
import { Meter } from './meter.ts'
import { levelOf, type Receipt } from './receipt.ts'

/** Everything that a store in memory keeps: cells, leases, the time, and what it has worked out of the limits. */
export class Accounts {
  readonly cells: Cells
  readonly leases: Leases
  readonly fingerprints: Fingerprints = new Fingerprints()
  readonly time: ElapsedTime = new ElapsedTime()
  readonly #meters = new WeakMap<PlannedLimit, Meter>()
  /** How far the calendar's clock is ahead of this store's. */
  #ahead = 0

  constructor(maxKeys: number) {
    this.cells = new Cells(maxKeys)
    this.leases = new Leases(this.cells)
  }

  /** The store's time, after what has run out by then was given back. */
  begin(now: number | undefined): number {
    const time = this.time.at(now)
    this.leases.expire(time)
    return time
  }

  /** What is known of a limit. */
  meter(limit: PlannedLimit): Meter {
    let meter = this.#meters.get(limit)
    if (meter === undefined) this.#meters.set(limit, (meter = new Meter(limit, this.fingerprints)))
    return meter
  }

  /** Turns a meter to the time of the calendar. */
  setWall(meter: Meter, time: number, wall: number): void {
    this.#ahead = wall - time
    meter.turn(time, wall)
  }

  /** Turns a receipt to the period of that time: of one that is over nothing is outstanding. */
  turn(receipt: Receipt, time: number): void {
    const { meter } = receipt
    if (meter.kind !== 'budget' || receipt.term === undefined || time < receipt.term.periodEndsAt) return
    meter.turn(time, time + this.#ahead)
    receipt.turn()
  }

  level(receipt: Receipt, time: number): number {
    return levelOf(receipt.meter, this.cells, this.cells.find(receipt.low, receipt.high), time)
  }

  /** Adds to a receipt what fits. */
  extend(receipt: Receipt, units: number, time: number): void {
    const { meter } = receipt
    if (meter.kind === 'places') {
      // Those whose lease had run out are among these units.
      if (!this.leases.holds(receipt)) receipt.reserved = 0
      else if (units === 0) this.leases.hold(receipt, time)
    } else if (receipt.lapsed > 0) {
      // And so is what had come back of a budget.
      receipt.reserved -= receipt.lapsed
      receipt.lapsed = 0
    } else if (receipt.left > 0) this.leases.hold(receipt, time)
    if (units > 0) receipt.take(this.cells, this.leases, this.cells.find(receipt.low, receipt.high), units, time)
  }

  /** Gives back what was not needed, or takes what is owed. */
  correct(receipt: Receipt, unused: number, time: number): void {
    if (receipt.meter.kind === 'places') {
      this.leases.end(receipt)
      return
    }
    this.turn(receipt, time)
    this.leases.forget(receipt)
    // What had come back already is spent all the same.
    receipt.correct(this.cells, unused - receipt.lapsed, time)
  }
}
