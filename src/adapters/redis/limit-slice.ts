import { systemClock } from '../../guard/clock.ts'
import { isAmount } from '../../limits/limit-request.ts'
import type { Amounts, KeyedLimit, LimitState, Refusal, Reservation } from '../../limits/limit-store.ts'
import { limitUnits, type LimitUnit } from '../../limits/limit.ts'
import type { LimitSlices } from './limit-slices.ts'
import type { ReservationInRedis } from './redis-reservation.ts'

/** How long units lie in a slice until what is left of them is given back, in milliseconds. */
const lifetime = 1_000

/** Units of one limit and key that are reserved in Redis, and granted here. */
export class LimitSlice {
  readonly #reservation: ReservationInRedis
  readonly #until: number
  readonly #cancel: () => void
  readonly #closed: () => void
  #left: number
  #isOpen = true

  constructor(reservation: ReservationInRedis, units: number, closed: () => void) {
    this.#reservation = reservation
    this.#left = units
    this.#closed = closed
    this.#until = systemClock.monotonic() + lifetime
    this.#cancel = systemClock.after(lifetime, () => this.close())
  }

  has(units: number, now: number): boolean {
    return this.#isOpen && this.#left >= units && now < this.#until
  }

  take(units: number): void {
    this.#left -= units
  }

  /** Takes back what a call did not need, or gives what it owes where that is less than none. */
  correct(units: number): void {
    if (units === 0) return
    if (this.#isOpen && this.#left + units >= 0) this.#left += units
    else this.#reservation.correct([units])
  }

  /** Where the limit stands, as far as this process knows. */
  get state(): LimitState {
    const state = this.#reservation.limits[0] as LimitState
    return { ...state, remaining: state.remaining + Math.floor(this.#left) }
  }

  /** Gives back what is left. */
  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#cancel()
    this.#closed()
    if (this.#left > 0) this.#reservation.correct([this.#left])
    this.#left = 0
  }
}

/** What a call has taken beyond what it took at first. */
interface Extension {
  readonly reservation: Reservation
  readonly amounts: Amounts
}

/** What one call has taken from slices. */
export class SlicedReservation implements Reservation {
  readonly allowed = true
  readonly #slices: LimitSlices
  readonly #limits: readonly KeyedLimit[]
  readonly #taken: readonly LimitSlice[]
  readonly #units: readonly number[]
  /** What it was extended by, each a reservation of its own. */
  #more: Extension[] | undefined
  #settled = false

  constructor(slices: LimitSlices, limits: readonly KeyedLimit[], taken: readonly LimitSlice[], units: readonly number[]) {
    this.#slices = slices
    this.#limits = limits
    this.#taken = taken
    this.#units = units
  }

  get limits(): readonly LimitState[] {
    return this.#taken.map(({ state }) => state)
  }

  async extend(more: Amounts): Promise<Reservation | Refusal> {
    if (this.#settled) throw new TypeError('extend: this reservation was settled')
    const amounts: Amounts = { ...nothing, ...more }
    const answer = await this.#slices.reserve(this.#limits, amounts)
    if (!answer.allowed) return answer
    ;(this.#more ??= []).push({ reservation: answer, amounts })
    return this
  }

  async settle(actual: Amounts): Promise<void> {
    if (this.#settled) return
    this.#settled = true
    const more = this.#more ?? []
    for (let index = 0; index < this.#taken.length; index++) {
      const { unit } = (this.#limits[index] as KeyedLimit).limit
      const units = this.#units[index] as number
      const spent = actual[unit]
      // What is more than this belongs to what it was extended by.
      if (isAmount(spent)) (this.#taken[index] as LimitSlice).correct(units - (more.length > 0 ? Math.min(spent, units) : spent))
    }
    if (more.length > 0) await this.#settleMore(more, actual)
  }

  async #settleMore(more: readonly Extension[], actual: Amounts): Promise<void> {
    const rest: { -readonly [unit in LimitUnit]?: number } = {}
    for (const [index, { limit }] of this.#limits.entries()) {
      const spent = actual[limit.unit]
      if (isAmount(spent)) rest[limit.unit] = Math.max(0, spent - (this.#units[index] as number))
    }
    for (const [place, { reservation, amounts }] of more.entries()) {
      const own: { -readonly [unit in LimitUnit]?: number } = {}
      for (const unit of limitUnits) {
        const left = rest[unit]
        if (left === undefined) continue
        own[unit] = place === more.length - 1 ? left : Math.min(left, amounts[unit] ?? 0)
        rest[unit] = left - own[unit]
      }
      await reservation.settle(own)
    }
  }

  async release(): Promise<void> {
    return this.settle(nothing)
  }
}

const nothing: Amounts = Object.freeze(Object.fromEntries(limitUnits.map((unit) => [unit, 0])))
