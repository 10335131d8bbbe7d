import { type Expiring, ExpiryHeap } from './expiry-heap.ts'
import { StateError, type StateStore } from './state-store.ts'

/** Options of `memoryState`. */
export interface MemoryStateOptions {
  /** How many unexpired entries it takes before it refuses; 100,000 unless given. */
  readonly maxEntries?: number
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
  const { maxEntries = 100_000 } = options
  if (!Number.isSafeInteger(maxEntries) || maxEntries < 1) throw new TypeError('memoryState: maxEntries must be a whole number above zero')
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
