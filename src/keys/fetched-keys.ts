import type { Clock } from '../guard/clock.ts'
import type { Awaitable } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import { fetchJson } from './fetch-json.ts'
import type { JwksSet } from './jwks.ts'
import type { KeyQuery, VerificationKey } from './key-source.ts'
import type { KeysAsked, RemoteSettings, SetReader } from './remote-jwks.ts'

const jwkSet: Readonly<Record<string, string>> = { accept: 'application/jwk-set+json, application/json' }

/** The keys in a document at a URL. */
export function keysAt(url: URL, settings: RemoteSettings, read: SetReader): KeysAsked {
  return new FetchedKeys(settings, async (clock, before) => read(await fetchJson(url, { ...settings, clock, headers: jwkSet }), before))
}

/**
 * The keys at a URL that a document tells. The document is kept for `maxAge`, and for `staleIfError` more while it cannot be
 * had. Where something fails the next attempt begins at the other of the two, so that one attempt is one fetch in vain, and
 * an issuer that moved its keys is found.
 */
export function keysVia(document: URL, locate: (document: unknown) => URL, settings: RemoteSettings, read: SetReader): KeysAsked {
  let location: URL | undefined
  let locatedAt = 0
  let turn: 'by age' | 'document' | 'keys' = 'by age'
  return new FetchedKeys(settings, async (clock, before) => {
    const now = clock.monotonic()
    const age = location === undefined ? Number.POSITIVE_INFINITY : now - locatedAt
    const isDue = turn === 'document' || age > settings.maxAge
    if (location === undefined || (isDue && !(turn === 'keys' && age <= settings.maxAge + settings.staleIfError))) {
      turn = 'keys'
      location = locate(await fetchJson(document, { ...settings, clock }))
      locatedAt = now
    }
    turn = 'document'
    const loaded = read(await fetchJson(location, { ...settings, clock, headers: jwkSet }), before)
    turn = 'by age'
    return loaded
  })
}

type Load = (clock: Clock, before: JwksSet | undefined) => Promise<ReturnType<SetReader>>

/** A set of keys that is fetched again in time, and trusted for a while where it cannot be. */
class FetchedKeys implements KeysAsked {
  readonly #settings: RemoteSettings
  readonly #load: Load
  #set: JwksSet | undefined
  /** When the fetch of the set began. */
  #fetchedAt = 0
  /** The age at which the set is fetched again while it is used. */
  #refreshAfter = 0
  /** When the last fetch began that is over. */
  #attemptedAt = Number.NEGATIVE_INFINITY
  /** When the next may begin, by the last that failed. */
  #notBefore = Number.NEGATIVE_INFINITY
  /** Fetches that failed since the last that did not, and when the last of them did. */
  #failures = 0
  #failedAt = 0
  #fetching: Promise<JwksSet> | undefined

  constructor(settings: RemoteSettings, load: Load) {
    this.#settings = settings
    this.#load = load
  }

  find(query: KeyQuery, clock: Clock): Awaitable<VerificationKey | undefined> {
    return this.#usable(clock)?.find(query) ?? this.#findAnew(query, clock)
  }

  trusts(key: VerificationKey, clock: Clock): boolean {
    return this.#usable(clock)?.has(key) === true
  }

  /** The set that may be used without waiting. Has it fetched again in time. */
  #usable(clock: Clock): JwksSet | undefined {
    const now = clock.monotonic()
    if (!this.#isUsable(now)) return undefined
    if (now - this.#fetchedAt > this.#refreshAfter && this.#fetching === undefined && now >= this.#notBefore) this.#refresh(clock).catch(() => {})
    return this.#set
  }

  #isUsable(now: number): boolean {
    if (this.#set === undefined) return false
    return now - this.#fetchedAt <= this.#settings.maxAge || (this.#isFailing(now) && this.#isTolerable(now))
  }

  /** Whether it failed the last time, and that not so long ago that it says nothing about now. */
  #isFailing(now: number): boolean {
    return this.#failures > 0 && now - this.#failedAt <= 2 * (this.#settings.cooldown + this.#settings.timeout)
  }

  #isTolerable(now: number): boolean {
    return now - this.#fetchedAt <= this.#settings.maxAge + this.#settings.staleIfError
  }

  async #findAnew(query: KeyQuery, clock: Clock): Promise<VerificationKey | undefined> {
    let set: JwksSet
    try {
      set = await this.#latest(clock)
    } catch (error) {
      const stale = this.#isTolerable(clock.monotonic()) ? this.#set?.find(query) : undefined
      if (stale === undefined) throw new GuardError('keys_unavailable', { reason: 'the keys could not be fetched', cause: error })
      return stale
    }
    return set.find(query)
  }

  /** What the issuer has now, or had within the cool-down. Rejects where that cannot be had. */
  #latest(clock: Clock): Promise<JwksSet> {
    const now = clock.monotonic()
    if (this.#fetching !== undefined) {
      // One call tries whether a failing issuer is back; no crowd waits for it.
      return this.#isFailing(now) ? Promise.reject(new Error('the issuer fails, and is being asked again')) : this.#fetching
    }
    // With a set at hand it is a stranger's `kid` that asks, and then an issuer that fails is not asked sooner than one that answers.
    const notBefore = this.#isUsable(now) ? Math.max(this.#notBefore, this.#attemptedAt + this.#settings.cooldown) : this.#notBefore
    if (now >= notBefore) return this.#refresh(clock)
    if (this.#failures === 0 && this.#set !== undefined) return Promise.resolve(this.#set)
    return Promise.reject(new Error('the issuer did not answer a moment ago'))
  }

  #refresh(clock: Clock): Promise<JwksSet> {
    this.#fetching ??= this.#fetch(clock).finally(() => {
      this.#fetching = undefined
    })
    return this.#fetching
  }

  async #fetch(clock: Clock): Promise<JwksSet> {
    const { maxAge, cooldown } = this.#settings
    const startedAt = clock.monotonic()
    try {
      const { set, refreshAfter = Number.POSITIVE_INFINITY } = await this.#load(clock, this.#set)
      this.#set = set
      this.#fetchedAt = startedAt
      this.#refreshAfter = Math.min(maxAge / 2, Math.max(cooldown, refreshAfter))
      this.#failures = 0
      return set
    } catch (error) {
      this.#failures++
      this.#failedAt = clock.monotonic()
      const delay = Math.min(cooldown, 1000 * 2 ** (this.#failures - 1))
      // Instances that lost the issuer together must not come back to it together.
      this.#notBefore = this.#failedAt + delay * (0.5 + Math.random() / 2)
      throw error
    } finally {
      this.#attemptedAt = startedAt
    }
  }
}
