import type { Clock } from '../guard/clock.ts'
import type { Awaitable } from '../guard/context.ts'
import { GuardError, isGuardError } from '../guard/errors.ts'
import { isThenable } from '../guard/thenable.ts'
import { checked } from './checked-answer.ts'
import { CircuitBreaker } from '../guard/circuit-breaker.ts'
import { limitUnits } from './limit.ts'
import type { Amounts, KeyedLimit, LimitStore, Refusal, Reservation } from './limit-store.ts'
import { StandIn, sumOf, wallFor } from './stand-in.ts'

/** What is done while a store does not answer. */
export type OnStoreFailure = 'refuse' | { readonly local: number }

/**
 * A store as a control uses it: what it answers is checked, and it answers in time or not at all. Where it does not, the call
 * is refused, or a store in memory keeps the limits at a fraction, whichever was configured; what that one granted is told to
 * the store when it answers again. While it is down one call at a time asks it.
 */
export class StoreAccess {
  readonly #store: LimitStore
  readonly #deadline: number
  readonly #standIn: StandIn | undefined
  readonly #breaker = new CircuitBreaker()
  /** What reservations in the store were extended by without it. */
  readonly #extensions = new WeakMap<Reservation, { limits: readonly KeyedLimit[]; amounts: Amounts }>()
  #isTelling = false

  /** @param deadline milliseconds that the store has for an answer. */
  constructor(store: LimitStore, onFailure: OnStoreFailure, deadline: number) {
    this.#store = store
    this.#deadline = deadline
    if (onFailure !== 'refuse') this.#standIn = new StandIn(onFailure.local)
  }

  /** Whether both count in one store. */
  sharesStoreWith(other: StoreAccess): boolean {
    return other.#store === this.#store
  }

  /** Whether this was answered by the store in memory that stands in for the other one. */
  isLocal(answer: Reservation | Refusal): boolean {
    return this.#standIn?.gave(answer) === true
  }

  /** Whether a part of it was reserved without the store. */
  isDegraded(reservation: Reservation): boolean {
    return this.isLocal(reservation) || this.#extensions.has(reservation)
  }

  /** As `LimitStore.reserve`. @throws GuardError `limits_unavailable` */
  reserve(limits: readonly KeyedLimit[], amounts: Amounts, clock: Clock): Awaitable<Reservation | Refusal> {
    if (!this.#breaker.admits()) return this.#reserveLocally(limits, amounts, clock, isDown())
    try {
      const answer = this.#store.reserve(limits, amounts, clock.monotonic(), wallFor(limits, clock))
      if (!isThenable(answer)) return this.#succeeded(checked(answer), clock)
      return this.#within(answer, clock, abandon)
        .then((given) => this.#succeeded(checked(given), clock))
        .catch((error: unknown) => {
          this.#breaker.failed()
          return this.#reserveLocally(limits, amounts, clock, error)
        })
    } catch (error) {
      this.#breaker.failed()
      return this.#reserveLocally(limits, amounts, clock, error)
    }
  }

  /** As `Reservation.extend`, with the limits that it was made under. @throws GuardError `limits_unavailable` */
  extend(reservation: Reservation, limits: readonly KeyedLimit[], more: Amounts, clock: Clock): Awaitable<Reservation | Refusal> {
    if (this.isLocal(reservation)) return reservation.extend(more, clock.monotonic())
    if (!this.#breaker.admits()) return this.#extendLocally(reservation, limits, more, clock, isDown())
    try {
      const answer = reservation.extend(more, clock.monotonic())
      if (!isThenable(answer)) return this.#succeeded(checked(answer), clock)
      return this.#within(answer, clock)
        .then((given) => this.#succeeded(checked(given), clock))
        .catch((error: unknown) => {
          this.#breaker.failed()
          return this.#extendLocally(reservation, limits, more, clock, error)
        })
    } catch (error) {
      this.#breaker.failed()
      return this.#extendLocally(reservation, limits, more, clock, error)
    }
  }

  /** Settles, or releases where nothing was spent. Also while the store is down: it may be back. @throws GuardError `limits_unavailable` */
  settle(reservation: Reservation, actual: Amounts | undefined, clock: Clock): Awaitable<void> {
    try {
      const now = clock.monotonic()
      const settling = actual === undefined ? reservation.release(now) : reservation.settle(actual, now)
      if (isThenable(settling)) return this.#within(settling, clock).catch((error: unknown) => this.#unsettled(reservation, clock, error))
    } catch (error) {
      this.#unsettled(reservation, clock, error)
    }
  }

  #succeeded<T>(answer: T, clock: Clock): T {
    this.#breaker.succeeded()
    const standIn = this.#standIn
    if (standIn === undefined || standIn.owed.size === 0 || this.#isTelling) return answer
    this.#isTelling = true
    const done = (): void => {
      this.#isTelling = false
    }
    standIn.tell(this.#store, clock, (told) => this.#within(told, clock)).then(done, done)
    return answer
  }

  #reserveLocally(limits: readonly KeyedLimit[], amounts: Amounts, clock: Clock, error: unknown): Awaitable<Reservation | Refusal> {
    if (this.#standIn === undefined) throw unavailable(error)
    return this.#standIn.reserve(limits, amounts, clock)
  }

  // It stands here, and is settled in the store with the rest if that is back by then.
  async #extendLocally(
    reservation: Reservation,
    limits: readonly KeyedLimit[],
    more: Amounts,
    clock: Clock,
    error: unknown,
  ): Promise<Reservation | Refusal> {
    const answer = await this.#reserveLocally(limits, { ...nothing, ...more }, clock, error)
    if (!answer.allowed) return answer
    const before = this.#extensions.get(reservation)?.amounts ?? {}
    this.#extensions.set(reservation, { limits, amounts: sumOf(before, more) })
    return reservation
  }

  // Who chose to go on without the store also goes on without settling: the reservation stands, and what it was extended by
  // without the store is owed.
  #unsettled(reservation: Reservation, clock: Clock, error: unknown): void {
    if (this.#standIn === undefined) throw unavailable(error)
    const extension = this.#extensions.get(reservation)
    if (extension === undefined) return
    for (const keyed of extension.limits)
      this.#standIn.owed.add(keyed, extension.amounts[keyed.limit.unit] ?? 0, clock.monotonic(), Number.POSITIVE_INFINITY)
  }

  #within<T>(answer: Promise<T>, clock: Clock, late?: (value: T) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      let isOver = false
      const cancel = clock.after(this.#deadline, () => {
        isOver = true
        reject(new GuardError('limits_unavailable', { reason: 'the limit store did not answer in time' }))
      })
      answer.then(
        (value) => {
          cancel()
          if (isOver) late?.(value)
          else resolve(value)
        },
        (error: unknown) => {
          cancel()
          reject(error)
        },
      )
    })
  }
}

const nothing: Amounts = Object.freeze(Object.fromEntries(limitUnits.map((unit) => [unit, 0])))

// An answer that nobody waits for any more.
function abandon(answer: Reservation | Refusal): void {
  try {
    const releasing = checked(answer).allowed ? (answer as Reservation).release() : undefined
    if (isThenable(releasing)) releasing.then(undefined, () => {})
  } catch {
    // It stands, and leaks away.
  }
}

function isDown(): GuardError {
  return new GuardError('limits_unavailable', { reason: 'the limit store does not answer, and another call asks it already' })
}

function unavailable(error: unknown): GuardError {
  if (isGuardError(error)) return error
  return new GuardError('limits_unavailable', { reason: 'the limit store failed', cause: error })
}
