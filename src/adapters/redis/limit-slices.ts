import { systemClock } from '../../guard/clock.ts'
import type { Awaitable } from '../../guard/context.ts'
import { checkedAmount, refusal } from '../../limits/limit-request.ts'
import type { Amounts, KeyedLimit, Refusal, Reservation, Violation } from '../../limits/limit-store.ts'
import type { PlannedLimit } from '../../limits/limit.ts'
import { LimitSlice, SlicedReservation } from './limit-slice.ts'
import type { ReservationInRedis } from './redis-reservation.ts'

/** Slices that may lie here at the same time; beyond that Redis is asked for each call. */
const maxSlices = 10_000

/** How often it is tried to take from slices that others empty at the same time, before Redis is asked for the call alone. */
const maxTries = 3

type Reserve = (limits: readonly KeyedLimit[], amounts: Amounts) => Promise<ReservationInRedis | Refusal>

/** Units of limits that this process has taken from Redis before anybody asked for them, to grant them without asking again. */
export class LimitSlices {
  readonly #reserve: Reserve
  readonly #size: number
  readonly #slices = new WeakMap<PlannedLimit, Map<string, LimitSlice>>()
  /** Those that are being taken: who comes meanwhile waits for the same. */
  readonly #filling = new WeakMap<PlannedLimit, Map<string, Promise<Refusal | undefined>>>()
  #count = 0

  /** @param size units of a slice. */
  constructor(reserve: Reserve, size: number) {
    this.#reserve = reserve
    this.#size = size
  }

  /** Whether slices serve these limits. Places are held, and not spent. */
  serves(limits: readonly KeyedLimit[]): boolean {
    for (const { limit } of limits) if (limit.unit === 'concurrent') return false
    return true
  }

  /** As `LimitStore.reserve`; at once where the slices have enough. */
  reserve(limits: readonly KeyedLimit[], amounts: Amounts): Awaitable<Reservation | Refusal> {
    return this.#take(limits, amounts) ?? this.#fillAndTake(limits, amounts)
  }

  #take(limits: readonly KeyedLimit[], amounts: Amounts): SlicedReservation | undefined {
    const now = systemClock.monotonic()
    const slices: LimitSlice[] = []
    const units: number[] = []
    for (const { limit, key } of limits) {
      const wanted = checkedAmount(amounts, limit)
      const slice = this.#slices.get(limit)?.get(key)
      if (slice === undefined || !slice.has(wanted, now)) return undefined
      slices.push(slice)
      units.push(wanted)
    }
    for (let index = 0; index < slices.length; index++) (slices[index] as LimitSlice).take(units[index] as number)
    return new SlicedReservation(this, limits, slices, units)
  }

  async #fillAndTake(limits: readonly KeyedLimit[], amounts: Amounts): Promise<Reservation | Refusal> {
    for (let tries = 0; tries < maxTries && this.#count < maxSlices; tries++) {
      const now = systemClock.monotonic()
      const filling: Promise<Refusal | undefined>[] = []
      for (const keyed of limits) {
        const wanted = checkedAmount(amounts, keyed.limit)
        const slice = this.#slices.get(keyed.limit)?.get(keyed.key)
        if (slice === undefined || !slice.has(wanted, now)) filling.push(this.#fill(keyed, wanted))
      }
      const violated: Violation[] = []
      for (const refused of await Promise.all(filling)) violated.push(...(refused?.violated ?? []))
      if (violated.length > 0) return refusal(violated)
      const taken = this.#take(limits, amounts)
      if (taken !== undefined) return taken
    }
    return this.#reserve(limits, amounts)
  }

  #fill(keyed: KeyedLimit, wanted: number): Promise<Refusal | undefined> {
    const { limit, key } = keyed
    const pending = of(this.#filling, limit)
    const running = pending.get(key)
    if (running !== undefined) return running
    const filling = this.#renew(keyed, wanted).finally(() => pending.delete(key))
    pending.set(key, filling)
    return filling
  }

  async #renew(keyed: KeyedLimit, wanted: number): Promise<Refusal | undefined> {
    const { limit, key } = keyed
    const slices = of(this.#slices, limit)
    slices.get(key)?.close()
    const take = (units: number): Promise<ReservationInRedis | Refusal> => this.#reserve([keyed], { [limit.unit]: units })
    let units = wanted + this.#size
    let answer = await take(units)
    // A slice is too much: what the call itself needs may still be there.
    if (!answer.allowed) answer = await take((units = wanted))
    if (!answer.allowed) return answer
    const slice = new LimitSlice(answer, units, () => {
      this.#count--
      if (slices.get(key) === slice) slices.delete(key)
    })
    this.#count++
    slices.set(key, slice)
    return undefined
  }
}

function of<T>(all: WeakMap<PlannedLimit, Map<string, T>>, limit: PlannedLimit): Map<string, T> {
  let own = all.get(limit)
  if (own === undefined) all.set(limit, (own = new Map()))
  return own
}
