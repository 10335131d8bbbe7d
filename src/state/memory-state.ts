import { type Check, checkOptions, optional } from '../guard/check-options.ts'
import { StateError, type StateStore } from './state-store.ts'

/** Options of `memoryState`. */
export interface MemoryStateOptions {
  /** How many unexpired entries it takes before it refuses; 100,000 unless given. */
  readonly maxEntries?: number
}

const checks: Readonly<Record<keyof MemoryStateOptions, Check>> = {
  maxEntries: [optional((value) => Number.isSafeInteger(value) && (value as number) >= 1), 'a whole number above zero'],
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
  const { maxEntries = 100_000 } = options
  return new MemoryState(maxEntries)
}

interface Remembered extends Expiring {
  readonly key: string
  value: string
}

const nothing: readonly undefined[] = Object.freeze([])

class MemoryState implements StateStore {
  readonly #maxEntries: number
  readonly #entries = new Map<string, Remembered>()
  readonly #expiring = new ExpiryHeap<Remembered>()
  readonly #listeners = new Set<(key: string) => void>()

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries
  }

  add(key: string, expiresAt: number, now: number): boolean {
    this.#expire(now)
    if (this.#entries.has(key)) return false
    this.#insert(key, '', expiresAt, now)
    return true
  }

  set(key: string, value: string, expiresAt: number, now: number): void {
    this.#expire(now)
    const entry = this.#entries.get(key)
    if (entry === undefined) this.#insert(key, value, expiresAt, now)
    else {
      entry.value = value
      entry.expiresAt = checkedTime(expiresAt)
      this.#expiring.move(entry)
    }
    for (const listener of this.#listeners) listener(key)
  }

  get(keys: readonly string[], now: number): readonly (string | undefined)[] {
    if (this.#entries.size === 0) return nothing
    const values: (string | undefined)[] = []
    for (const key of keys) {
      const entry = this.#entries.get(key)
      values.push(entry !== undefined && entry.expiresAt > now ? entry.value : undefined)
    }
    return values
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

  #insert(key: string, value: string, expiresAt: number, now: number): void {
    if (this.#entries.size >= this.#maxEntries) throw new StateError('full', `The memory state is full: ${this.#maxEntries} unexpired entries`)
    const entry: Remembered = { key, value, expiresAt: checkedTime(expiresAt), place: -1 }
    if (entry.expiresAt <= now) return
    this.#entries.set(key, entry)
    this.#expiring.push(entry)
  }

  #expire(now: number): void {
    for (let first = this.#expiring.first; first !== undefined && first.expiresAt <= now; first = this.#expiring.first) this.#drop(first)
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
