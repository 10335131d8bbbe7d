import type { LRUCache } from 'lru-cache'
import { type Clock, systemClock } from '../guard/clock.ts'
import type { Awaitable } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import { isThenable } from '../guard/thenable.ts'
import { andThen, InputKey, keyLength } from './input-key.ts'
import { type DataKey, isWrappedKey, type KeyContext, type KeyProvider, type WrappedKey } from './key-provider.ts'
import { ProviderAccess } from './provider-access.ts'

/** Bounds on the use of data keys, and on the patience with the provider. */
export interface DataKeyOptions {
  /** Seconds that a data key is used for, and kept; 300 unless given. */
  readonly maxAge?: number
  /** Messages that one data key seals; 2^20 unless given. */
  readonly maxMessages?: number
  /** Bytes that one data key seals; 2^30 unless given. */
  readonly maxBytes?: number
  /** Seconds beyond `maxAge` for which a kept key still opens, never seals, while the provider does not answer; 0 unless given. */
  readonly staleWhileDown?: number
  /** Data keys that are kept at once, for sealing and for opening each; 1,000 unless given, at most 1,000,000. */
  readonly maxKeys?: number
  /** Milliseconds that the provider has for an answer, with its repetitions; 5,000 unless given. */
  readonly deadline?: number
  /** How often the provider is asked again where it fails; 2 unless given. */
  readonly retries?: number
  /** The system's unless given. */
  readonly clock?: Clock
}

/** What became of requests for data keys since the start. */
export interface DataKeyMetrics {
  readonly hits: number
  readonly misses: number
  /** Kept keys that were too old. */
  readonly expired: number
  /** Kept keys that had sealed as much as one may. */
  readonly exhausted: number
  /** Values that were opened with a key beyond its age, while the provider did not answer. */
  readonly stale: number
  /** Keys that made room for others. */
  readonly evicted: number
  /** Keys that are kept now. */
  readonly kept: number
  /** The age of the oldest of them, in seconds. */
  readonly oldest: number
}

/** A data key in use. */
export interface HeldKey {
  readonly input: InputKey
  readonly wrapped: WrappedKey
  /** Counts what it seals beyond what was announced. */
  add(bytes: number): void
}

interface Kept extends HeldKey {
  readonly since: number
  messages: number
  bytes: number
}

/** Loaded with the first key that is wanted: then every other `DataKeys` has it at once. */
let Cache: typeof LRUCache | undefined

interface Caches {
  readonly sealing: LRUCache<string, Kept>
  readonly opening: LRUCache<string, Kept>
}

/**
 * Data keys of one provider: asked for once for many messages, kept within bounds that nothing extends, wiped when they go. A key
 * that reached a bound is not used again: the next message has a new one.
 */
export class DataKeys {
  readonly #provider: KeyProvider
  readonly #access: ProviderAccess
  readonly #clock: Clock
  readonly #bounds: { readonly age: number; readonly messages: number; readonly bytes: number; readonly stale: number }
  readonly #maxKeys: number
  /** Made with the first key that is wanted. */
  #caches: Caches | undefined
  /** What the provider was asked for and has not answered yet. */
  readonly #pending = new Map<string, Promise<Kept>>()
  readonly #counts = { hits: 0, misses: 0, expired: 0, exhausted: 0, stale: 0, evicted: 0 }
  readonly #names = new WeakMap<WrappedKey, string>()
  /** How often all keys were forgotten. */
  #cleared = 0
  #cancelSweep: (() => void) | undefined
  #isClosed = false

  constructor(provider: KeyProvider, options: DataKeyOptions = {}) {
    const { maxAge = 300, maxMessages = 2 ** 20, maxBytes = 2 ** 30, staleWhileDown = 0, maxKeys = 1000 } = options
    const { deadline = 5000, retries = 2, clock = systemClock } = options
    this.#provider = provider
    this.#clock = clock
    this.#access = new ProviderAccess({ deadline, retries, clock })
    this.#bounds = { age: maxAge * 1000, messages: maxMessages, bytes: maxBytes, stale: staleWhileDown * 1000 }
    this.#maxKeys = maxKeys
  }

  /**
   * Uses a data key to seal. What `use` does with the key it begins before it returns: after that the key may be wiped.
   *
   * @param bytes how much it will seal at least.
   */
  toSeal<T>(context: KeyContext, bytes: number, use: (key: HeldKey) => Awaitable<T>): Awaitable<T> {
    this.#open()
    const caches = this.#made()
    if (caches === undefined) return load().then(() => this.toSeal(context, bytes, use))
    const name = nameOf(context)
    const kept = caches.sealing.get(name)
    if (kept !== undefined && this.#isUsable(kept, bytes)) {
      this.#counts.hits++
      return use(count(kept, bytes))
    }
    if (kept !== undefined) caches.sealing.delete(name)
    this.#counts.misses++
    const fetched = this.#fetch(
      `seal ${name}`,
      () => this.#generate(context),
      (key) => this.#keep(caches.sealing, name, key),
    )
    if (!isThenable(fetched)) return use(count(fetched, bytes))
    return fetched.then((key) => {
      // Many may have waited for one key: the bounds hold for each of them, and so does that it may be gone again.
      return this.#isUsable(key, bytes, true) ? use(count(key, bytes)) : this.toSeal(context, bytes, use)
    })
  }

  /** Uses the data key that is wrapped to open. As above, `use` begins before it returns. */
  toOpen<T>(wrapped: WrappedKey, context: KeyContext, use: (key: InputKey) => Awaitable<T>): Awaitable<T> {
    this.#open()
    const caches = this.#made()
    if (caches === undefined) return load().then(() => this.toOpen(wrapped, context, use))
    const name = nameOf(context) + this.#nameOfWrapped(wrapped)
    const kept = caches.opening.get(name)
    const age = kept === undefined ? 0 : this.#ageOf(kept)
    if (kept !== undefined && age < this.#bounds.age) {
      this.#counts.hits++
      return use(kept.input)
    }
    if (kept !== undefined) this.#counts.expired++
    this.#counts.misses++
    if (kept !== undefined && age >= this.#bounds.age + this.#bounds.stale) caches.opening.delete(name)
    let fetched: Awaitable<Kept>
    try {
      fetched = this.#fetch(
        `open ${name}`,
        () => this.#unwrap(wrapped, context),
        (key) => this.#keep(caches.opening, name, key),
      )
    } catch (error) {
      return use(this.#stale(name, error))
    }
    if (!isThenable(fetched)) return use(fetched.input)
    return fetched.then(
      (key) => (key.input.isWiped ? this.toOpen(wrapped, context, use) : use(key.input)),
      (error: unknown) => use(this.#stale(name, error)),
    )
  }

  // Worked out once for a header that is read again and again.
  #nameOfWrapped(wrapped: WrappedKey): string {
    let name = this.#names.get(wrapped)
    if (name === undefined) {
      name = nameOf({ id: wrapped.id, version: wrapped.version }) + textOf(wrapped.bytes)
      this.#names.set(wrapped, name)
    }
    return name
  }

  /** Has a wrapped key wrapped by the current KEK. The data key is not kept, and where the provider can do it alone not even seen. */
  rewrap(wrapped: WrappedKey, context: KeyContext): Awaitable<WrappedKey> {
    this.#open()
    return andThen(
      this.#access.ask((signal) => this.#provider.rewrap(wrapped, context, signal)),
      (renewed) => {
        if (!isWrappedKey(renewed)) throw new GuardError('keys_unavailable', { reason: 'the key provider gave no wrapped key' })
        return renewed
      },
    )
  }

  metrics(): DataKeyMetrics {
    let oldest = 0
    for (const keys of this.#all()) for (const key of keys.values()) oldest = Math.max(oldest, this.#ageOf(key) / 1000)
    return Object.freeze({ ...this.#counts, kept: this.#all().reduce((sum, keys) => sum + keys.size, 0), oldest })
  }

  /** Milliseconds after which no key is kept, whatever happens. */
  get #longest(): number {
    return this.#bounds.age + this.#bounds.stale
  }

  /** Forgets and overwrites every key that is kept. Others may be fetched after it. */
  clear(): void {
    this.#cleared++
    for (const keys of this.#all()) keys.clear()
    this.#cancelSweep?.()
    this.#cancelSweep = undefined
  }

  /** Forgets and overwrites every key. Nothing is sealed or opened any more. */
  close(): void {
    this.#isClosed = true
    this.clear()
  }

  /** Undefined as long as lru-cache is not loaded. */
  #made(): Caches | undefined {
    if (this.#caches !== undefined || Cache === undefined) return this.#caches
    const dispose = (key: Kept, _name: string, reason: string): void => {
      if (reason === 'evict') this.#counts.evicted++
      key.input.wipe()
    }
    const options = { max: this.#maxKeys, dispose }
    this.#caches = { sealing: new Cache<string, Kept>(options), opening: new Cache<string, Kept>(options) }
    return this.#caches
  }

  #all(): readonly LRUCache<string, Kept>[] {
    return this.#caches === undefined ? [] : [this.#caches.sealing, this.#caches.opening]
  }

  #open(): void {
    if (this.#isClosed) throw new GuardError('keys_unavailable', { reason: 'the sealer was closed' })
  }

  #keep(among: LRUCache<string, Kept>, name: string, key: Kept): void {
    among.set(name, key)
    this.#cancelSweep ??= this.#clock.after(this.#longest, () => this.#sweep())
  }

  // So that no key stays longer than it may because nobody asks for it any more.
  #sweep(): void {
    let oldest: number | undefined
    for (const keys of this.#all())
      for (const [name, key] of [...keys.entries()]) {
        const age = this.#ageOf(key)
        if (age >= this.#longest) keys.delete(name)
        else oldest = Math.max(oldest ?? 0, age)
      }
    this.#cancelSweep = oldest === undefined ? undefined : this.#clock.after(this.#longest - oldest, () => this.#sweep())
  }

  #isUsable(key: Kept, bytes: number, isNew = false): boolean {
    if (key.input.isWiped) return false
    if (this.#ageOf(key) >= this.#bounds.age) {
      this.#counts.expired++
      return false
    }
    // A message that is larger than the bound has a key of its own.
    if (isNew && key.messages === 0) return true
    if (key.messages < this.#bounds.messages && key.bytes + bytes <= this.#bounds.bytes) return true
    this.#counts.exhausted++
    return false
  }

  #ageOf(key: Kept): number {
    return this.#clock.monotonic() - key.since
  }

  /** One request at a time for one key, whoever wants it. */
  #fetch(name: string, make: () => Awaitable<Kept>, keep: (key: Kept) => void): Awaitable<Kept> {
    const pending = this.#pending.get(name)
    if (pending !== undefined) return pending
    const made = make()
    if (!isThenable(made)) {
      keep(made)
      return made
    }
    const cleared = this.#cleared
    const fetching = made.then(
      (key) => {
        this.#pending.delete(name)
        if (this.#isClosed) {
          key.input.wipe()
          throw new GuardError('keys_unavailable', { reason: 'the sealer was closed' })
        }
        // Asked for before all keys were forgotten: whoever waits for it asks anew.
        if (this.#cleared === cleared) keep(key)
        else key.input.wipe()
        return key
      },
      (error: unknown) => {
        this.#pending.delete(name)
        throw error
      },
    )
    this.#pending.set(name, fetching)
    return fetching
  }

  #generate(context: KeyContext): Awaitable<Kept> {
    const generated = this.#access.ask(
      (signal) => this.#provider.generate(context, signal),
      (key) => wipe(key.plaintext),
    )
    return isThenable(generated) ? generated.then((key) => this.#taken(key)) : this.#taken(generated)
  }

  #unwrap(wrapped: WrappedKey, context: KeyContext): Awaitable<Kept> {
    const key = this.#access.ask((signal) => this.#provider.unwrap(wrapped, context, signal), wipe)
    return isThenable(key) ? key.then((plaintext) => this.#taken({ plaintext, wrapped })) : this.#taken({ plaintext: key, wrapped })
  }

  /** Out of the bytes of a provider, which are wiped: every key has its own copy. */
  #taken({ plaintext, wrapped }: DataKey): Kept {
    if (!(plaintext instanceof Uint8Array) || plaintext.length !== keyLength || !isWrappedKey(wrapped)) {
      wipe(plaintext)
      throw new GuardError('keys_unavailable', { reason: 'the key provider gave no data key' })
    }
    const input = new InputKey(plaintext)
    plaintext.fill(0)
    const kept: Kept = {
      input,
      wrapped,
      since: this.#clock.monotonic(),
      messages: 0,
      bytes: 0,
      add(more) {
        kept.bytes += more
      },
    }
    return kept
  }

  #stale(name: string, error: unknown): InputKey {
    const kept = this.#caches?.opening.get(name)
    const isDown = error instanceof GuardError && error.code === 'keys_unavailable' && !this.#isClosed
    if (!isDown || kept === undefined || kept.input.isWiped || this.#ageOf(kept) >= this.#bounds.age + this.#bounds.stale) throw error
    this.#counts.stale++
    return kept.input
  }
}

async function load(): Promise<void> {
  try {
    Cache = (await import('lru-cache')).LRUCache
  } catch (cause) {
    throw new GuardError('keys_unavailable', { reason: 'the code that keeps data keys could not be loaded', cause })
  }
}

// A provider may answer anything.
function wipe(key: unknown): void {
  if (key instanceof Uint8Array) key.fill(0)
}

function count(key: Kept, bytes: number): HeldKey {
  key.messages++
  key.bytes += bytes
  return key
}

// Each text with its length before it, so that no two are spelled alike.
function nameOf(texts: Readonly<Record<string, string>>): string {
  let name = ''
  for (const key of Object.keys(texts)) {
    const value = texts[key] ?? ''
    name += `${key}${value.length}:${value}`
  }
  return name
}

function textOf(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 1024) text += String.fromCharCode(...bytes.subarray(at, at + 1024))
  return text
}
