import type { Awaitable } from '../guard/context.ts'
import type { LimitUnit, PlannedLimit } from './limit.ts'

/** A limit, and whose. */
export interface KeyedLimit {
  readonly limit: PlannedLimit
  /** Not empty, at most 512 characters. Limits of another name, unit or window never share anything with it. */
  readonly key: string
}

/** How much of each unit. Finite numbers from zero up. */
export type Amounts = { readonly [unit in LimitUnit]?: number }

/** Where one limit stands. */
export interface LimitState {
  readonly name: string
  readonly unit: LimitUnit
  /** How much there is in a window. */
  readonly limit: number
  /** How much could be had now. A whole number. */
  readonly remaining: number
  /** Seconds until all of it could be had, if nothing else happens; 0 for `concurrent`, where nobody can know. */
  readonly reset: number
  /** Seconds; of a day or month of the calendar, as long as the present one is. Undefined for `concurrent`. */
  readonly window: number | undefined
}

/** A limit that was in the way. */
export interface Violation extends LimitState {
  /** Seconds until the same would be granted, if nothing else happens; `Infinity` for more than the limit ever grants. */
  readonly retryAfter: number
}

/** What was asked for is not granted, and nothing has changed. */
export interface Refusal {
  readonly allowed: false
  /** Every limit that was in the way, in the order in which they were given. */
  readonly violated: readonly Violation[]
  /** Seconds until none of them would be in the way any more. */
  readonly retryAfter: number
}

/**
 * What was granted. It counts as spent from the start, and leaks away like everything that is spent; `settle` or `release`
 * gives back what was not needed, at most what of it is still outstanding by then: nobody gets back what time has given
 * back already, nor anything of a day or month that is over. In a limit with a window of seconds one that is never settled stands
 * as it was reserved.
 *
 * Places in a `concurrent` limit are on loan, and so is what was reserved of a day or month: it comes back with `settle` or
 * `release`, and else when the limit's `lease` has passed since it was reserved or the reservation was last extended, by whatever
 * amount. Who settles later than that has spent what it says.
 */
export interface Reservation {
  readonly allowed: true
  /** All limits, in the order in which they were given, with this reservation made. */
  readonly limits: readonly LimitState[]
  /**
   * Reserves more, under the same limits and all or nothing; renews leases, so that `extend({})` does nothing else. What had
   * come back is taken again where it still is there, or is in the way.
   *
   * @throws once it was settled or released.
   */
  extend(more: Amounts, now?: number): Awaitable<Reservation | Refusal>
  /**
   * Says what was spent in the end; only the first `settle` or `release` does anything. More than was reserved is owed: later
   * calls wait until it has leaked away. A unit that is not named, or whose amount is not a finite number from zero up, is
   * spent as it was reserved. Places in a `concurrent` limit are given back whatever was spent.
   */
  settle(actual: Amounts, now?: number): Awaitable<void>
  /** Nothing was spent. */
  release(now?: number): Awaitable<void>
}

/**
 * Keeps count. Several limits are checked together and reserved together, or not at all; whatever happens at the same
 * time, a key never gets more than its limits say.
 *
 * `now` is in milliseconds, of one clock for all calls of a store (a store with a clock of its own does not look at it). It
 * may step back. A reservation's methods take the newest time that the store was given where they get none. `wall` is the
 * time of the calendar, in milliseconds since 1970, for limits of a day or a month; the same as `now` where it is not given.
 */
export interface LimitStore {
  /**
   * Reserves under all limits, or under none of them. `amounts` names every unit of the limits.
   *
   * @throws TypeError for amounts that are no finite numbers from zero up, and for two limits of one name; anything where the
   * store cannot answer (`limits_unavailable`).
   */
  reserve(limits: readonly KeyedLimit[], amounts: Amounts, now: number, wall?: number): Awaitable<Reservation | Refusal>
  /** Plain data for `guard.describe()`. Never a secret. */
  describe?(): Readonly<Record<string, unknown>>
}
