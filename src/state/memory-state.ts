import { type Check, checkOptions, hasMethods, optional } from '../guard/check-options.ts'
import { type Clock, systemClock } from '../guard/clock.ts'
import { StateError, type StateStore, type StoredEntry } from './state-store.ts'

/** Options of `memoryState`. */
export interface MemoryStateOptions {
  /** How many unexpired entries it takes before it refuses; 100,000 unless given. */
  readonly maxEntries?: number
  /** The system's unless given. Its wall clock decides nothing here: an entry is dropped when its time has really passed. */
  readonly clock?: Clock
}

const checks: Readonly<Record<keyof MemoryStateOptions, Check>> = {
  maxEntries: [optional((value) => Number.isSafeInteger(value) && (value as number) >= 1), 'a whole number above zero'],
  clock: [optional(hasMethods('now', 'monotonic', 'after')), 'a Clock'],
}

/**
 * A state store in the memory of this process: bounded, at once, and gone with the process. Unexpired entries are never
 * dropped; a full store throws a `StateError` of code `full`.
 *
 * Give each duty a store of its own: a flood of what strangers can cause must not fill the one in which an operator revokes.
 *
 * @throws TypeError for a bound that is not a whole number above zero.
 */
export function memoryState(options: MemoryStateOptions = {}): StateStore {
  checkOptions('memoryState', options, checks)
  const { maxEntries = 100_000, clock = systemClock } = options
  return new MemoryState(maxEntries, clock)
}

interface Remembered extends Expiring {
  readonly key: string
  value: string
  /** By the monotonic clock: before it nothing is dropped, whatever the wall clock says meanwhile. */
  passedAt: number
}

const nothing: readonly undefined[] = Object.freeze([])

class MemoryState implements StateStore {
  readonly #maxEntries: number
  readonly #clock: Clock
  readonly #entries = new Map<string, Remembered>()
  readonly #expiring = new ExpiryHeap<Remembered>()
  readonly #listeners = new Set<(key: string) => void>()

  constructor(maxEntries: number, clock: Clock) {
    this.#maxEntries = maxEntries
    this.#clock = clock
  }

  add(key: string, expiresAt: number, now: number): boolean {
    this.#expire(now)
    if (this.#find(key, now) !== undefined) return false
    this.#put(key, '', expiresAt, now)
    return true
  }

  set(key: string, value: string, expiresAt: number, now: number): void {
    this.#expire(now)
    this.#put(key, value, expiresAt, now)
    this.#tell(key)
  }

  replace(key: string, before: string | undefined, next: StoredEntry | undefined, now: number): boolean {
    this.#expire(now)
    if (this.#find(key, now)?.value !== before) return false
    if (next === undefined) this.delete(key)
    else {
      this.#put(key, next.value, next.expiresAt, now)
      this.#tell(key)
    }
    return true
  }

  get(keys: readonly string[], now: number): readonly (string | undefined)[] {
    if (this.#entries.size === 0) return nothing
    return keys.map((key) => this.#find(key, now)?.value)
  }

  delete(key: string): void {
    const entry = this.#entries.get(key)
    if (entry !== undefined) this.#drop(entry)
  }

  subscribe(listener: (key: string) => void): () => void {
    // A function of its own, so that one that is given twice is told twice and each can stop alone.
    const own = (key: string): void => listener(key)
    this.#listeners.add(own)
    return () => void this.#listeners.delete(own)
  }

  describe(): Readonly<Record<string, unknown>> {
    return { kind: 'memory', maxEntries: this.#maxEntries }
  }

  #find(key: string, now: number): Remembered | undefined {
    const entry = this.#entries.get(key)
    return entry !== undefined && entry.expiresAt > now ? entry : undefined
  }

  #put(key: string, value: string, until: number, now: number): void {
    const expiresAt = checkedTime(until)
    const passedAt = this.#clock.monotonic() + Math.max(0, expiresAt - now)
    const entry = this.#entries.get(key)
    if (entry === undefined) {
      if (this.#entries.size >= this.#maxEntries) this.#expireByWallClock(now)
      if (this.#entries.size >= this.#maxEntries) throw new StateError('full', `The memory state is full: ${this.#maxEntries} unexpired entries`)
      if (expiresAt <= now) return
      const made: Remembered = { key, value, expiresAt, passedAt, place: -1 }
      this.#entries.set(key, made)
      this.#expiring.push(made)
    } else {
      Object.assign(entry, { value, expiresAt, passedAt })
      this.#expiring.move(entry)
    }
  }

  // A wall clock that is ahead for a moment must not make anything be forgotten: time must really have passed as well.
  #expire(now: number): void {
    const passed = this.#clock.monotonic()
    for (let first = this.#expiring.first; first !== undefined && first.expiresAt <= now && first.passedAt <= passed; first = this.#expiring.first)
      this.#drop(first)
  }

  // Only where there is no room any more.
  #expireByWallClock(now: number): void {
    for (let first = this.#expiring.first; first !== undefined && first.expiresAt <= now; first = this.#expiring.first) this.#drop(first)
  }

  // One who fails to hear it keeps nobody else from hearing it.
  #tell(key: string): void {
    for (const listener of this.#listeners)
      try {
        listener(key)
      } catch {
        // It was stored, and whoever stored it is told so.
      }
  }

  #drop(entry: Remembered): void {
    this.#entries.delete(entry.key)
    this.#expiring.remove(entry)
  }
}

function checkedTime(time: number): number {
  if (typeof time !== 'number' || Number.isNaN(time)) throw new TypeError('memoryState: a time must be a number of milliseconds')
  return time
}

/** Something that expires, and knows its place in the heap. */
interface Expiring {
  expiresAt: number
  /** Kept by the heap; -1 while it is in none. */
  place: number
}

/** What expires first comes first: a binary heap in which an item can also be moved and removed. */
class ExpiryHeap<T extends Expiring> {
  readonly #items: T[] = []

  get first(): T | undefined {
    return this.#items[0]
  }

  push(item: T): void {
    this.#put(item, this.#items.length)
    this.#rise(item)
  }

  /** Puts an item right whose `expiresAt` was changed. */
  move(item: T): void {
    this.#rise(item)
    this.#sink(item)
  }

  remove(item: T): void {
    const last = this.#items.pop()
    if (last !== undefined && last !== item) {
      this.#put(last, item.place)
      this.move(last)
    }
    item.place = -1
  }

  #put(item: T, place: number): void {
    this.#items[place] = item
    item.place = place
  }

  #rise(item: T): void {
    while (item.place > 0) {
      const place = item.place
      const parent = this.#items[(place - 1) >> 1]
      if (parent === undefined || parent.expiresAt <= item.expiresAt) return
      this.#put(item, parent.place)
      this.#put(parent, place)
    }
  }

  #sink(item: T): void {
    for (;;) {
      const place = item.place
      const left = this.#items[2 * place + 1]
      const right = this.#items[2 * place + 2]
      const child = right !== undefined && left !== undefined && right.expiresAt < left.expiresAt ? right : left
      if (child === undefined || child.expiresAt >= item.expiresAt) return
      this.#put(item, child.place)
      this.#put(child, place)
    }
  }
}
