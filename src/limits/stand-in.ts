import type { Clock } from '../guard/clock.ts'
import { GuardError } from '../guard/errors.ts'
import { isAmount } from './limit-request.ts'
import type { Amounts, KeyedLimit, LimitState, LimitStore, Refusal, Reservation } from './limit-store.ts'
import { limitUnits, type PlannedLimit, scaledLimit } from './limit.ts'
import { memoryLimits, type MemoryLimits, type MemoryReservation } from './memory-limits.ts'
import { OwedAmounts } from './owed-amounts.ts'

/** Keeps a fraction of each limit in memory while a store is not there, and what it granted until the store can be told. */
export class StandIn {
  readonly owed: OwedAmounts = new OwedAmounts()
  readonly #fraction: number
  readonly #store: MemoryLimits = memoryLimits()
  readonly #scaled = new WeakMap<PlannedLimit, PlannedLimit>()
  readonly #refusals = new WeakSet<Refusal>()

  constructor(fraction: number) {
    this.#fraction = fraction
  }

  /** Whether this was answered here. */
  gave(answer: Reservation | Refusal): boolean {
    return answer instanceof ReservationByStandIn || (!answer.allowed && this.#refusals.has(answer))
  }

  /** As `LimitStore.reserve`. @throws GuardError `limits_unavailable` where there is no room for more. */
  reserve(limits: readonly KeyedLimit[], amounts: Amounts, clock: Clock): ReservationByStandIn | Refusal {
    if (this.owed.isFull) throw new GuardError('limits_unavailable', { reason: 'too much was granted that the limit store does not know of' })
    const scaled = limits.map(({ limit, key }) => ({ limit: this.#scaledOf(limit), key }))
    const answer = this.#store.reserve(scaled, amounts, clock.monotonic(), wallFor(limits, clock))
    if (answer.allowed) return new ReservationByStandIn(this, answer, limits, amounts)
    this.#refusals.add(answer)
    return answer
  }

  /** Tells a store what is owed, one after the other; stops where it fails, and keeps the rest. */
  async tell(store: LimitStore, clock: Clock, within: <T>(answer: Promise<T>) => Promise<T>): Promise<void> {
    for (let next = this.owed.take(clock.monotonic()); next !== undefined; next = this.owed.take(clock.monotonic())) {
      const { keyed, units, endsAt } = next
      const { unit } = keyed.limit
      try {
        // Nothing is always granted, and more than that is owed.
        const answer = await within(Promise.resolve(store.reserve([keyed], { [unit]: 0 }, clock.monotonic(), wallFor([keyed], clock))))
        if (answer.allowed) await within(Promise.resolve(answer.settle({ [unit]: units }, clock.monotonic())))
      } catch {
        this.owed.add(keyed, units, clock.monotonic(), endsAt)
        return
      }
    }
  }

  #scaledOf(limit: PlannedLimit): PlannedLimit {
    let scaled = this.#scaled.get(limit)
    if (scaled === undefined) this.#scaled.set(limit, (scaled = scaledLimit(limit, this.#fraction)))
    return scaled
  }
}

/** What was reserved while the store was not there. Places are not owed: they come back with their calls. */
class ReservationByStandIn implements Reservation {
  readonly allowed = true
  readonly #standIn: StandIn
  readonly #inner: MemoryReservation
  readonly #limits: readonly KeyedLimit[]
  #reserved: Amounts
  #settled = false

  constructor(standIn: StandIn, inner: MemoryReservation, limits: readonly KeyedLimit[], reserved: Amounts) {
    this.#standIn = standIn
    this.#inner = inner
    this.#limits = limits
    this.#reserved = reserved
  }

  get limits(): readonly LimitState[] {
    return this.#inner.limits
  }

  extend(more: Amounts, now?: number): Reservation | Refusal {
    const answer = this.#inner.extend(more, now)
    if (!answer.allowed) return answer
    this.#reserved = sumOf(this.#reserved, more)
    return this
  }

  settle(actual: Amounts, now: number): void {
    if (this.#settled) return
    this.#settled = true
    this.#inner.settle(actual, now)
    const states = this.#inner.limits
    for (const [index, keyed] of this.#limits.entries()) {
      const { unit, window } = keyed.limit
      if (unit === 'concurrent') continue
      const spent = actual[unit]
      const endsAt = typeof window === 'string' ? now + (states[index]?.reset ?? 0) * 1000 : Number.POSITIVE_INFINITY
      this.#standIn.owed.add(keyed, isAmount(spent) ? spent : (this.#reserved[unit] ?? 0), now, endsAt)
    }
  }

  release(now?: number): void {
    this.#settled = true
    this.#inner.release(now)
  }
}

/** Amounts of both. */
export function sumOf(amounts: Amounts, more: Amounts): Amounts {
  const sum: { -readonly [unit in keyof Amounts]: number } = { ...amounts }
  for (const unit of limitUnits) if (more[unit] !== undefined) sum[unit] = (sum[unit] ?? 0) + more[unit]
  return sum
}

/** The time of the calendar, where one of these asks for it. */
export function wallFor(limits: readonly KeyedLimit[], clock: Clock): number | undefined {
  for (const { limit } of limits) if (typeof limit.window === 'string') return clock.now()
  return undefined
}
