import type { KeyedLimit } from './limit-store.ts'
import type { PlannedLimit } from './limit.ts'

/** Keys and limits that something can be owed under at the same time. */
const maxEntries = 100_000

interface Owed {
  units: number
  /** When that was, in milliseconds of a clock that never steps back. */
  at: number
  /** When nothing of it is owed any more: the end of a day or month. */
  endsAt: number
}

/** What was granted while a store was not there, to be told to it when it is. What has leaked away since is owed no more. */
export class OwedAmounts {
  readonly #entries = new Map<PlannedLimit, Map<string, Owed>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  get isFull(): boolean {
    return this.#size >= maxEntries
  }

  /** @param endsAt when the limit's day or month is over; `Infinity` for others. */
  add({ limit, key }: KeyedLimit, units: number, now: number, endsAt: number): void {
    if (units <= 0) return
    const keys = this.#entries.get(limit) ?? new Map<string, Owed>()
    this.#entries.set(limit, keys)
    const owed = keys.get(key)
    if (owed === undefined) {
      keys.set(key, { units, at: now, endsAt })
      this.#size++
      return
    }
    owed.units = left(limit, owed, now) + units
    owed.at = now
    owed.endsAt = endsAt
  }

  /** Takes one out; undefined where there is none. */
  take(now: number): { readonly keyed: KeyedLimit; readonly units: number; readonly endsAt: number } | undefined {
    for (const [limit, keys] of this.#entries) {
      for (const [key, owed] of keys) {
        keys.delete(key)
        this.#size--
        const units = left(limit, owed, now)
        if (units > 0) return { keyed: { limit, key }, units, endsAt: owed.endsAt }
      }
      this.#entries.delete(limit)
    }
    return undefined
  }
}

function left({ window, quantity }: PlannedLimit, { units, at, endsAt }: Owed, now: number): number {
  if (now >= endsAt) return 0
  return typeof window === 'number' ? units - ((now - at) * quantity) / (window * 1000) : units
}
