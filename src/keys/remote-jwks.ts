import { type Check, checkOptions, isFunction, optional } from '../guard/check-options.ts'
import type { Clock } from '../guard/clock.ts'
import type { Awaitable } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import { type JwksSet, readJwks } from './jwks.ts'
import type { KeyQuery, KeySource, VerificationKey } from './key-source.ts'

/** Options of `remoteJwks`. Durations are seconds. */
export interface RemoteJwksOptions {
  /** How long a set is trusted without asking again; 600 unless given. A withdrawn key is trusted that long. */
  readonly maxAge?: number
  /** How much longer it is trusted while the issuer cannot be asked; 3600 unless given. */
  readonly staleIfError?: number
  /** How long after one fetch an unknown `kid` causes no other; 30 unless given, and at most half of `maxAge`. */
  readonly cooldown?: number
  /** How long one fetch may take, to its last byte; 5 unless given. */
  readonly timeout?: number
  /** How long the answer may be; 262,144 bytes unless given. */
  readonly maxBytes?: number
  /** `globalThis.fetch` unless given. */
  readonly fetch?: typeof globalThis.fetch
}

const aboveZero: Check = [optional((value) => typeof value === 'number' && value > 0), 'a number above zero']
const checks: Readonly<Record<keyof RemoteJwksOptions, Check>> = {
  maxAge: aboveZero,
  staleIfError: [optional((value) => typeof value === 'number' && value >= 0), 'a number of seconds'],
  cooldown: aboveZero,
  timeout: aboveZero,
  maxBytes: aboveZero,
  fetch: [optional(isFunction), 'a function'],
}

/**
 * An issuer's keys at a URL (RFC 7517, section 5). Fetched when first needed and never at start-up, one fetch at a time.
 *
 * A set older than half its `maxAge` is fetched again while it is still used; an older one than `maxAge` is not used
 * before it was fetched again. An unknown `kid` makes it fetch as well, at most once in a `cooldown`, so that a rotated
 * key is found and a flood of made-up ones costs nothing. While the issuer fails it is asked ever more rarely, up to the
 * `cooldown`, and its last set is trusted for `staleIfError`; after that, and for keys that are not in it, calls are
 * refused as `keys_unavailable`: nobody is called an impostor because a server is down.
 *
 * ```ts
 * const keys = remoteJwks(new URL('https://id.example/jwks'), { cooldown: 60 })
 * ```
 *
 * @throws TypeError for a URL that is neither https nor a loopback address, or that holds a password, and for wrong options.
 */
export function remoteJwks(url: URL, options: RemoteJwksOptions = {}): KeySource {
  return new RemoteJwks(url, options)
}

class RemoteJwks implements KeySource {
  readonly #url: URL
  readonly #maxAge: number
  readonly #staleIfError: number
  readonly #cooldown: number
  readonly #timeout: number
  readonly #maxBytes: number
  readonly #fetch: typeof globalThis.fetch
  #set: JwksSet | undefined
  #fetchedAt = 0
  /** When the next fetch may begin. */
  #notBefore = Number.NEGATIVE_INFINITY
  /** Fetches that failed since the last that did not. */
  #failures = 0
  #fetching: Promise<void> | undefined

  constructor(url: URL, options: RemoteJwksOptions) {
    this.#url = checkedUrl(url)
    checkOptions('remoteJwks', options, checks)
    const { maxAge = 600, staleIfError = 3600, cooldown = 30, timeout = 5, maxBytes = 262_144, fetch } = options
    if (cooldown > maxAge / 2) throw new TypeError('remoteJwks: cooldown must be at most half of maxAge')
    this.#maxAge = maxAge * 1000
    this.#staleIfError = staleIfError * 1000
    this.#cooldown = cooldown * 1000
    this.#timeout = timeout * 1000
    this.#maxBytes = maxBytes
    this.#fetch = fetch ?? ((input, init) => globalThis.fetch(input, init))
  }

  find(query: KeyQuery, clock: Clock): Awaitable<VerificationKey | undefined> {
    return this.#usable(clock)?.find(query) ?? this.#findAnew(query, clock)
  }

  trusts(key: VerificationKey, clock: Clock): boolean {
    return this.#usable(clock)?.has(key) === true
  }

  describe(): Readonly<Record<string, unknown>> {
    return { kind: 'remote', url: this.#url.origin + this.#url.pathname, maxAge: this.#maxAge / 1000, staleIfError: this.#staleIfError / 1000 }
  }

  /** The set that may be used without waiting. Has it fetched again in time. */
  #usable(clock: Clock): JwksSet | undefined {
    if (this.#set === undefined) return undefined
    const age = clock.monotonic() - this.#fetchedAt
    if (age > this.#maxAge / 2 && this.#mayFetch(clock)) this.#refresh(clock).catch(() => {})
    return age <= this.#maxAge || (this.#failures > 0 && this.#isTolerable(clock)) ? this.#set : undefined
  }

  async #findAnew(query: KeyQuery, clock: Clock): Promise<VerificationKey | undefined> {
    if (this.#fetching === undefined && !this.#mayFetch(clock)) {
      // Asked a moment ago: the issuer either does not know this key, or did not answer.
      if (this.#failures === 0 && this.#set !== undefined) return undefined
      throw unavailable('the issuer did not answer a moment ago')
    }
    try {
      await this.#refresh(clock)
    } catch (error) {
      const stale = this.#isTolerable(clock) ? this.#set?.find(query) : undefined
      if (stale === undefined) throw unavailable('the keys could not be fetched', error)
      return stale
    }
    return this.#set?.find(query)
  }

  #isTolerable(clock: Clock): boolean {
    return clock.monotonic() - this.#fetchedAt <= this.#maxAge + this.#staleIfError
  }

  #mayFetch(clock: Clock): boolean {
    return this.#fetching === undefined && clock.monotonic() >= this.#notBefore
  }

  #refresh(clock: Clock): Promise<void> {
    this.#fetching ??= this.#load(clock).finally(() => {
      this.#fetching = undefined
    })
    return this.#fetching
  }

  async #load(clock: Clock): Promise<void> {
    const startedAt = clock.monotonic()
    try {
      const jwks = await fetchJwks(this.#url, { fetch: this.#fetch, clock, timeout: this.#timeout, maxBytes: this.#maxBytes })
      this.#set = readJwks(jwks, this.#set)
      this.#fetchedAt = startedAt
      this.#failures = 0
      this.#notBefore = startedAt + this.#cooldown
    } catch (error) {
      this.#failures++
      const delay = Math.min(this.#cooldown, 1000 * 2 ** (this.#failures - 1))
      // Instances that lost the issuer together must not come back to it together.
      this.#notBefore = clock.monotonic() + delay * (0.5 + Math.random() / 2)
      throw error
    }
  }
}

function checkedUrl(url: URL): URL {
  if (!(url instanceof URL)) throw new TypeError('remoteJwks: give a URL object')
  const isLoopback = url.hostname === 'localhost' || url.hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(url.hostname)
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback))
    throw new TypeError('remoteJwks: keys are fetched over https only, or over http from a loopback address')
  if (url.username !== '' || url.password !== '') throw new TypeError('remoteJwks: the URL must not hold a password')
  return new URL(url)
}

function unavailable(reason: string, cause?: unknown): GuardError {
  return new GuardError('keys_unavailable', { reason, cause })
}

/** How a JWK Set is fetched. */
interface JwksRequest {
  readonly fetch: typeof globalThis.fetch
  readonly clock: Clock
  /** Milliseconds, to the last byte. */
  readonly timeout: number
  readonly maxBytes: number
}

/**
 * Fetches a JSON document: one request, no redirect followed, no more bytes read than allowed. Rejects with an `Error`
 * for the operator for anything but a whole answer of status 200 in time.
 */
function fetchJwks(url: URL, { fetch, clock, timeout, maxBytes }: JwksRequest): Promise<unknown> {
  const abort = new AbortController()
  return new Promise((resolve, reject) => {
    // Not left to `fetch` alone, which may be anybody's and may not heed the signal.
    const cancel = clock.after(timeout, () => {
      reject(new Error(`no answer within ${timeout} ms`))
      abort.abort()
    })
    request(fetch, url, abort.signal, maxBytes).then(resolve, reject).finally(cancel)
  })
}

async function request(fetch: JwksRequest['fetch'], url: URL, signal: AbortSignal, maxBytes: number): Promise<unknown> {
  const response = await fetch(url, { redirect: 'manual', signal, headers: { accept: 'application/jwk-set+json, application/json' } })
  if (response.status !== 200 || response.body === null) {
    await response.body?.cancel()
    throw new Error(`the answer has status ${response.status}`)
  }
  const reader = response.body.getReader()
  const chunks: Uint8Array[] = []
  for (let length = 0; ; ) {
    const { done, value } = await reader.read()
    if (done) break
    length += value.length
    if (length > maxBytes) {
      await reader.cancel()
      throw new Error(`the answer is longer than ${maxBytes} bytes`)
    }
    chunks.push(value)
  }
  return JSON.parse(await new Blob(chunks as Uint8Array<ArrayBuffer>[]).text())
}
