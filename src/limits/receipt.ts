import { ageMask, type Cells, largerBy } from './cells.ts'
import type { Leases } from './leases.ts'
import type { Meter } from './meter.ts'

/** What rounding may have taken from a share: nobody is to lose anything to it. */
const tolerance = 1 + 2 ** -20

/**
 * What one reservation has in one cell. It knows the cell by its fingerprint: a cell that holds nothing may be forgotten, and
 * comes back as another one.
 *
 * A bucket's cell is one number, the time at which it is empty (the theoretical arrival time of the generic cell rate
 * algorithm, ITU-T I.371). What is in it leaks in proportion, so each reservation can tell what is left of it: `share` is what
 * is left of something reserved when `share` was 1. The remains of all reservations together never exceed the level, so
 * whoever gives back gives back only what is its own. By its place in a queue alone nobody could tell: small reservations,
 * each made behind a large one that is given back at once, would all seem to be last.
 */
export class Receipt {
  readonly meter: Meter
  /** The fingerprint of the cell. */
  low: number
  high: number
  reserved = 0
  /** What of it was left when the cell's share was `share`; of places, what is held. */
  left = 0
  share = 1
  age = -1
  /** Of a budget: what came back since nobody had renewed it, and is asked for again. */
  lapsed = 0
  /** Of budgets and places, which end at a time. */
  readonly term: Term | undefined

  constructor(meter: Meter, keyLow: number, keyHigh: number) {
    this.meter = meter
    this.low = meter.lowOf(keyLow)
    this.high = meter.highOf(keyHigh)
    this.term = meter.kind === 'bucket' ? undefined : new Term(this, keyLow, keyHigh)
  }

  /** Goes on in the present period of its limit: of one that is over nothing is outstanding. */
  turn(): void {
    const { meter, term } = this
    if (term === undefined) return
    term.periodEndsAt = meter.endsAt
    const high = meter.highOf(term.keyHigh)
    if (high === this.high) return
    this.low = meter.lowOf(term.keyLow)
    this.high = high
    this.left = 0
    this.lapsed = 0
  }

  /** Adds that many units, also where they do not fit. `slot` is that of the cell, -1 where there is none. */
  take(cells: Cells, leases: Leases, slot: number, units: number, time: number): void {
    this.reserved += units
    if (units === 0) return
    const { kind } = this.meter
    if (kind === 'bucket') {
      if (this.left > 0) this.#update(cells, slot, time)
      this.#pour(cells, slot, units, time)
      this.left += units
      return
    }
    const own = slot < 0 ? this.#add(cells, time) : slot
    if (own < 0) return
    cells.setNumber(own, cells.number(own) + units)
    this.left += units
    leases.hold(this, time)
    if (kind === 'budget') cells.setExpiry(own, this.#expiry)
  }

  /** Gives back that many units, at most what is left of them; or owes more, where they are less than none. */
  correct(cells: Cells, units: number, time: number): void {
    if (units === 0) return
    const slot = cells.find(this.low, this.high)
    if (this.meter.kind === 'bucket') {
      this.#update(cells, slot, time)
      if (units < 0) this.#pour(cells, slot, -units, time)
      else if (slot >= 0) this.#pour(cells, slot, -(this.left * tolerance >= units ? units : this.left), time)
      return
    }
    if (units < 0) {
      const own = slot < 0 ? this.#add(cells, time) : slot
      if (own < 0) return
      cells.setNumber(own, cells.number(own) - units)
      cells.setExpiry(own, this.#expiry)
    } else if (slot >= 0) cells.setNumber(slot, Math.max(0, cells.number(slot) - Math.min(units, this.left)))
  }

  /** Gives back the places, or what is held of a budget. */
  leave(cells: Cells): void {
    const slot = cells.find(this.low, this.high)
    if (slot >= 0) cells.setNumber(slot, Math.max(0, cells.number(slot) - this.left))
    if (this.meter.kind === 'budget') this.lapsed += this.left
    this.left = 0
  }

  get #expiry(): number {
    return Math.ceil((this.term?.periodEndsAt ?? 0) / 1000)
  }

  // As of now: what is left of it.
  #update(cells: Cells, slot: number, time: number): void {
    if (this.left === 0) return
    if (slot < 0 || cells.number(slot) <= time) {
      this.left = 0
      return
    }
    const share = cells.share(slot, time)
    const grown = (cells.age(slot) - this.age) & ageMask
    this.left = grown > 1 ? 0 : (this.left * share) / (grown === 1 ? this.share * largerBy : this.share)
    this.share = share
    this.age = cells.age(slot)
  }

  #pour(cells: Cells, found: number, units: number, time: number): void {
    const { perUnit, ceiling } = this.meter
    const slot = found < 0 ? this.#add(cells, time) : found
    if (slot < 0) return
    this.share = cells.pour(slot, units * perUnit, time, ceiling)
    this.age = cells.age(slot)
  }

  // What a running call takes or owes is counted beyond the bound, while there is any slot. See `spare`: there is.
  #add(cells: Cells, time: number): number {
    return cells.hasRoom(1, time, true) ? cells.add(this.low, this.high, this.meter.kind) : -1
  }
}

/** When something ends, and its place among what ends. */
export class Term {
  readonly receipt: Receipt
  /** The fingerprint of the key, for a cell of the next period. */
  readonly keyLow: number
  readonly keyHigh: number
  /** Of a budget: when its period is over. */
  periodEndsAt: number
  /** When the lease of what is held is over; 0 where nothing is. */
  endsAt = 0
  before: Term | undefined = undefined
  after: Term | undefined = undefined

  constructor(receipt: Receipt, keyLow: number, keyHigh: number) {
    this.receipt = receipt
    this.keyLow = keyLow
    this.keyHigh = keyHigh
    this.periodEndsAt = receipt.meter.endsAt
  }
}

/** The level of a cell: for how long a bucket is full yet, what is spent, what is taken. A time that cannot be is cut. */
export function levelOf(meter: Meter, cells: Cells, slot: number, time: number): number {
  if (slot < 0) return 0
  const number = cells.number(slot)
  return meter.kind === 'bucket' ? Math.min(Math.max(0, number - time), meter.ceiling) : number
}
