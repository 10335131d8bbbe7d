import type { Clock } from '../guard/clock.ts'
import type { Awaitable } from '../guard/context.ts'
import { GuardError, isGuardError } from '../guard/errors.ts'
import { isThenable } from '../guard/thenable.ts'
import { type LimitUnit, limitUnits, type PlannedLimit, scaledLimit } from './limit.ts'
import type { Amounts, KeyedLimit, LimitState, LimitStore, Refusal, Reservation, Violation } from './limit-store.ts'
import { memoryLimits, type MemoryLimits } from './memory-limits.ts'

/** What is done while a store does not answer. */
export type OnStoreFailure = 'refuse' | { readonly local: number }

/**
 * A store as a control uses it: what it answers is checked, and it answers in time or not at all. Where it does not, the call
 * is refused, or a store in memory keeps the limits at a fraction, whichever was configured.
 */
export class StoreAccess {
  readonly #store: LimitStore
  readonly #deadline: number
  readonly #local: LocalLimits | undefined

  /** @param deadline milliseconds that the store has for an answer. */
  constructor(store: LimitStore, onFailure: OnStoreFailure, deadline: number) {
    this.#store = store
    this.#deadline = deadline
    if (onFailure !== 'refuse') this.#local = { store: memoryLimits(), fraction: onFailure.local, limits: new WeakMap(), answers: new WeakSet() }
  }

  /** Whether this was answered by the store in memory that stands in for the other one. */
  isLocal(answer: Reservation | Refusal): boolean {
    return this.#local?.answers.has(answer) === true
  }

  /** As `LimitStore.reserve`. @throws GuardError `limits_unavailable` */
  reserve(limits: readonly KeyedLimit[], amounts: Amounts, clock: Clock): Awaitable<Reservation | Refusal> {
    try {
      const answer = this.#store.reserve(limits, amounts, clock.monotonic(), wallFor(limits, clock))
      if (!isThenable(answer)) return checked(answer)
      return this.#within(answer, clock, abandon)
        .then(checked)
        .catch((error: unknown) => this.#reserveLocally(limits, amounts, clock, error))
    } catch (error) {
      return this.#reserveLocally(limits, amounts, clock, error)
    }
  }

  /** As `Reservation.extend`, with the limits that it was made under. @throws GuardError `limits_unavailable` */
  extend(reservation: Reservation, limits: readonly KeyedLimit[], more: Amounts, clock: Clock): Awaitable<Reservation | Refusal> {
    try {
      const answer = reservation.extend(more, clock.monotonic())
      if (!isThenable(answer)) return checked(answer)
      return this.#within(answer, clock)
        .then(checked)
        .catch((error: unknown) => this.#extendLocally(reservation, limits, more, clock, error))
    } catch (error) {
      return this.#extendLocally(reservation, limits, more, clock, error)
    }
  }

  /** Settles, or releases where nothing was spent. @throws GuardError `limits_unavailable` */
  settle(reservation: Reservation, actual: Amounts | undefined, clock: Clock): Awaitable<void> {
    try {
      const now = clock.monotonic()
      const settling = actual === undefined ? reservation.release(now) : reservation.settle(actual, now)
      if (isThenable(settling)) return this.#within(settling, clock).catch((error: unknown) => this.#unsettled(error))
    } catch (error) {
      this.#unsettled(error)
    }
  }

  #reserveLocally(limits: readonly KeyedLimit[], amounts: Amounts, clock: Clock, error: unknown): Awaitable<Reservation | Refusal> {
    const local = this.#local
    if (local === undefined) throw unavailable(error)
    const scaled = limits.map(({ limit, key }) => ({ limit: scaledFor(local, limit), key }))
    const answer = local.store.reserve(scaled, amounts, clock.monotonic(), wallFor(limits, clock))
    local.answers.add(answer)
    return answer
  }

  // What is reserved here is never settled: it stands, and leaks away.
  async #extendLocally(
    reservation: Reservation,
    limits: readonly KeyedLimit[],
    more: Amounts,
    clock: Clock,
    error: unknown,
  ): Promise<Reservation | Refusal> {
    const answer = await this.#reserveLocally(limits, { ...nothing, ...more }, clock, error)
    return answer.allowed ? reservation : answer
  }

  // Who chose to go on without the store also goes on without settling: the reservation stands.
  #unsettled(error: unknown): void {
    if (this.#local === undefined) throw unavailable(error)
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

interface LocalLimits {
  readonly store: MemoryLimits
  readonly fraction: number
  readonly limits: WeakMap<PlannedLimit, PlannedLimit>
  readonly answers: WeakSet<object>
}

const nothing: Amounts = Object.freeze(Object.fromEntries(limitUnits.map((unit) => [unit, 0])))

function scaledFor({ limits, fraction }: LocalLimits, limit: PlannedLimit): PlannedLimit {
  let scaled = limits.get(limit)
  if (scaled === undefined) limits.set(limit, (scaled = scaledLimit(limit, fraction)))
  return scaled
}

// Only limits of the calendar ask what time it is.
function wallFor(limits: readonly KeyedLimit[], clock: Clock): number | undefined {
  for (const { limit } of limits) if (typeof limit.window === 'string') return clock.now()
  return undefined
}

// An answer that nobody waits for any more.
function abandon(answer: Reservation | Refusal): void {
  try {
    const releasing = checked(answer).allowed ? (answer as Reservation).release() : undefined
    if (isThenable(releasing)) releasing.then(undefined, () => {})
  } catch {
    // It stands, and leaks away.
  }
}

// A store may be anybody's: what it answers is no yes until it looks like one.
function checked(answer: unknown): Reservation | Refusal {
  if (typeof answer === 'object' && answer !== null && 'allowed' in answer) {
    if (answer.allowed === true && isReservation(answer)) return answer
    if (answer.allowed === false && isRefusal(answer)) return answer
  }
  throw new GuardError('limits_unavailable', { reason: 'the limit store answered nonsense' })
}

function isReservation(answer: object): answer is Reservation {
  const { limits, extend, settle, release } = answer as Partial<Reservation>
  return (
    Array.isArray(limits) && limits.every(isState) && typeof extend === 'function' && typeof settle === 'function' && typeof release === 'function'
  )
}

function isRefusal(answer: object): answer is Refusal {
  const { violated } = answer as Partial<Refusal>
  return (
    Array.isArray(violated) &&
    violated.length > 0 &&
    violated.every((one: unknown) => isState(one) && typeof (one as Violation).retryAfter === 'number')
  )
}

// It becomes header fields.
function isState(value: unknown): value is LimitState {
  if (typeof value !== 'object' || value === null) return false
  const { name, unit, limit, remaining, reset, window } = value as Partial<LimitState>
  return (
    typeof name === 'string' &&
    limitUnits.includes(unit as LimitUnit) &&
    [limit, remaining, reset].every(Number.isFinite) &&
    (window === undefined || Number.isFinite(window))
  )
}

function unavailable(error: unknown): GuardError {
  if (isGuardError(error)) return error
  return new GuardError('limits_unavailable', { reason: 'the limit store failed', cause: error })
}
