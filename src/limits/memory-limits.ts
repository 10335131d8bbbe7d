import { type Check, checkOptions, oneOf, optional } from '../guard/check-options.ts'
import { GuardError } from '../guard/errors.ts'
import { Accounts } from './accounts.ts'
import type { Amounts, KeyedLimit, LimitStore, Refusal, Reservation, Violation } from './limit-store.ts'
import { checkedAmount, checkNames, refusal } from './limit-request.ts'
import { ReservationInMemory } from './memory-reservation.ts'
import type { Meter } from './meter.ts'
import { levelOf, Receipt } from './receipt.ts'

/** Options of `memoryLimits`. */
export interface MemoryLimitsOptions {
  /**
   * How many cells, one for each key and limit, may hold something at the same time; 100,000 unless given. Each takes 28
   * bytes, and all of them are taken at once. A key is forgotten as soon as all that it has spent has leaked away, and never
   * before.
   */
  readonly maxKeys?: number
  /**
   * What a full store does with a key that it does not have: `'refuse'` (the default) refuses with `limits_unavailable`;
   * `'share'` counts all such keys of a limit in sixteen cells that they share. It goes on serving those it has.
   */
  readonly whenFull?: 'refuse' | 'share'
}

const checks: Readonly<Record<keyof MemoryLimitsOptions, Check>> = {
  maxKeys: [optional((value) => Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= 5e7), 'a whole number above zero'],
  whenFull: [optional(oneOf('refuse', 'share')[0]), "'refuse' or 'share'"],
}

/**
 * Limits in memory: exact for one process, gone with it, of one size, without timers. Everything happens at once, so calls
 * that run at the same time never get more than there is.
 *
 * ```ts
 * const store = memoryLimits()
 * const limit = planLimit({ name: 'minute', requests: 60, window: 60 })
 * const answer = store.reserve([{ limit, key: 'ada' }], { requests: 1 }, Date.now())
 * ```
 *
 * Keys are kept as fingerprints of 64 bits under a secret of the process. Amounts of one limit may change while it is
 * counted: what is spent then stays the same part of it. A limit of another window is another limit.
 *
 * @throws TypeError for a bound that is not a whole number from 1 to 50,000,000.
 */
export function memoryLimits(options: MemoryLimitsOptions = {}): MemoryLimits {
  checkOptions('memoryLimits', options, checks)
  const { maxKeys = 100_000, whenFull = 'refuse' } = options
  return new LimitsInMemory(maxKeys, whenFull)
}

/** A store in memory: it answers at once. */
export interface MemoryLimits extends LimitStore {
  reserve(limits: readonly KeyedLimit[], amounts: Amounts, now: number, wall?: number): MemoryReservation | Refusal
  /** How many cells are in use. */
  readonly size: number
  describe(): Readonly<Record<string, unknown>>
}

/** A reservation in memory. */
export interface MemoryReservation extends Reservation {
  extend(more: Amounts, now?: number): MemoryReservation | Refusal
  settle(actual: Amounts, now?: number): void
  release(now?: number): void
}

/** Cells of one limit that keys share for which there is no cell of their own. */
const sharedCells = 16

class LimitsInMemory implements MemoryLimits {
  readonly #maxKeys: number
  readonly #whenFull: 'refuse' | 'share'
  #made: Accounts | undefined
  // Of the call that is being looked at; all of it happens at once.
  #receipts: Receipt[] = []
  readonly #slots: number[] = []
  readonly #units: number[] = []
  #missing = 0
  /** Of the last call's limits: mostly the next one has the same, and then they need not be checked again. */
  readonly #meters: Meter[] = []
  #checked = -1
  /** The key that was looked at last, and its fingerprint: often the next one is the same. */
  #key: string | undefined
  #low = 0
  #high = 0

  constructor(maxKeys: number, whenFull: 'refuse' | 'share') {
    this.#maxKeys = maxKeys
    this.#whenFull = whenFull
  }

  get size(): number {
    return this.#made?.cells.size ?? 0
  }

  describe(): Readonly<Record<string, unknown>> {
    return { kind: 'memory', maxKeys: this.#maxKeys, whenFull: this.#whenFull }
  }

  // A store that is never asked takes no room.
  get #accounts(): Accounts {
    return (this.#made ??= new Accounts(this.#maxKeys))
  }

  reserve(limits: readonly KeyedLimit[], amounts: Amounts, now: number, wall: number = now): MemoryReservation | Refusal {
    if (now === undefined) throw new TypeError('now: must be a finite number of milliseconds')
    const accounts = this.#accounts
    const time = accounts.begin(now)
    const violated = this.#look(limits, amounts, time, wall, false)
    if (violated !== undefined) return refusal(violated)
    if (this.#missing > 0) {
      const crowded = this.#makeRoom(limits, amounts, time, wall)
      if (crowded !== undefined) return refusal(crowded)
    }
    const receipts = this.#receipts
    const units = this.#units
    const slots = this.#slots
    const { cells, leases } = accounts
    for (let index = 0; index < receipts.length; index++) {
      const receipt = receipts[index] as Receipt
      // Where room was made cells have moved.
      const slot = this.#missing > 0 ? cells.find(receipt.low, receipt.high) : (slots[index] as number)
      receipt.take(cells, leases, slot, units[index] as number, time)
    }
    return new ReservationInMemory(accounts, receipts)
  }

  // What is in the way; undefined where nothing is. Changes nothing.
  #look(limits: readonly KeyedLimit[], amounts: Amounts, time: number, wall: number, crowded: boolean): Violation[] | undefined {
    const accounts = this.#accounts
    const { cells, fingerprints } = accounts
    let violated: Violation[] | undefined
    let key = this.#key
    let low = this.#low
    let high = this.#high
    this.#missing = 0
    // The reservation keeps it.
    const receipts: Receipt[] = (this.#receipts = [])
    const slots = this.#slots
    const allUnits = this.#units
    const meters = this.#meters
    for (let index = 0; index < limits.length; index++) {
      const keyed = limits[index] as KeyedLimit
      let meter = meters[index]
      if (meter === undefined || meter.limit !== keyed.limit) {
        this.#checked = -1
        meters[index] = meter = accounts.meter(keyed.limit)
      }
      if (meter.limit.window === 'day' || meter.limit.window === 'month') accounts.setWall(meter, time, wall)
      const units = checkedAmount(amounts, keyed.limit)
      if (keyed.key !== key) {
        this.#key = key = keyed.key
        fingerprints.take(key)
        this.#low = low = fingerprints.low
        this.#high = high = fingerprints.high
      }
      let receipt = new Receipt(meter, low, high)
      let slot = cells.find(receipt.low, receipt.high)
      if (slot < 0 && units > 0) {
        this.#missing++
        if (crowded) {
          receipt = this.#shared(meter, high)
          slot = cells.find(receipt.low, receipt.high)
        }
      }
      receipts.push(receipt)
      slots[index] = slot
      allUnits[index] = units
      const level = levelOf(meter, cells, slot, time)
      if (!meter.fits(level, units, time)) (violated ??= []).push(meter.violation(level, units, time))
    }
    if (this.#checked !== limits.length) {
      checkNames(limits)
      this.#checked = limits.length
    }
    return violated
  }

  // For cells that are not there yet. Gives what is in the way in shared ones, where it comes to that.
  #makeRoom(limits: readonly KeyedLimit[], amounts: Amounts, time: number, wall: number): Violation[] | undefined {
    const { cells } = this.#accounts
    if (cells.hasRoom(this.#missing, time, false)) return undefined
    if (this.#whenFull === 'share') {
      const violated = this.#look(limits, amounts, time, wall, true)
      if (violated !== undefined) return violated
      if (cells.hasRoom(this.#missing, time, true)) return undefined
    }
    throw new GuardError('limits_unavailable', { reason: `the limit store is full: ${this.#maxKeys} keys in use` })
  }

  #shared(meter: Meter, high: number): Receipt {
    const { fingerprints } = this.#accounts
    fingerprints.take(`\0${high & (sharedCells - 1)}`)
    return new Receipt(meter, fingerprints.low, fingerprints.high)
  }
}
