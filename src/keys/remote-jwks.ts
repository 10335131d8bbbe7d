import { type Check, checkOptions, isFunction, optional } from '../guard/check-options.ts'
import { type Clock, within } from '../guard/clock.ts'
import type { Awaitable } from '../guard/context.ts'
import { GuardError, isGuardError } from '../guard/errors.ts'
import { type JwksSet, readJwks } from './jwks.ts'
import type { KeyQuery, KeySource, VerificationKey } from './key-source.ts'
import { secureUrl } from './secure-url.ts'

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
  /** How long the answer may be; 262,144 bytes unless given. It may hold 100 keys. */
  readonly maxBytes?: number
  /** `globalThis.fetch` unless given. */
  readonly fetch?: typeof globalThis.fetch
}

const aboveZero: Check = [optional((value) => Number.isFinite(value) && (value as number) > 0), 'a number above zero']

/** The checks of the options that all sources of fetched keys have. */
export const remoteChecks: Readonly<Record<keyof RemoteJwksOptions, Check>> = {
  maxAge: aboveZero,
  staleIfError: [optional((value) => Number.isFinite(value) && (value as number) >= 0), 'a number of seconds'],
  cooldown: aboveZero,
  timeout: aboveZero,
  maxBytes: [optional((value) => Number.isSafeInteger(value) && (value as number) > 0), 'a whole number above zero'],
  fetch: [optional(isFunction), 'a function'],
}

/** Parsed options. Durations are milliseconds. */
export type RemoteSettings = Readonly<Required<RemoteJwksOptions>>

/** Copies checked options. @throws TypeError for a cool-down that is too long. */
export function remoteSettings(factory: string, options: RemoteJwksOptions): RemoteSettings {
  const { maxAge = 600, staleIfError = 3600, cooldown = 30, timeout = 5, maxBytes = 262_144, fetch } = options
  if (cooldown > maxAge / 2) throw new TypeError(`${factory}: cooldown: must be at most half of maxAge`)
  return {
    maxAge: maxAge * 1000,
    staleIfError: staleIfError * 1000,
    cooldown: cooldown * 1000,
    timeout: timeout * 1000,
    maxBytes,
    fetch: fetch ?? ((input, init) => globalThis.fetch(input, init)),
  }
}

/** Reads a fetched document. Throws for what is none. */
export type SetReader = (
  document: unknown,
  before: JwksSet | undefined,
) => {
  readonly set: JwksSet
  /** Milliseconds after which the document says it is to be fetched again. */
  readonly refreshAfter?: number
}

/**
 * An issuer's keys at a URL (RFC 7517, section 5). Fetched when first needed and never at start-up, one fetch at a time, from
 * https alone (or http at a loopback address); a redirect is not followed.
 *
 * A set older than half its `maxAge` is fetched again while it is still used; an older one than `maxAge` is not used
 * before it was fetched again. An unknown `kid` makes it fetch as well, at most once in a `cooldown`, so that a rotated
 * key is found. What the issuer did not have just now is refused without a fetch until the `cooldown` is over, whatever its
 * `kid`: a flood of made-up ones costs one fetch, no room, and no rotated key its time.
 *
 * While the issuer fails it is asked ever more rarely, up to the `cooldown`, and its last set is trusted for `staleIfError`;
 * after that, and for keys that are not in it, calls are refused as `keys_unavailable`: nobody is called an impostor because
 * a server is down.
 *
 * ```ts
 * const keys = remoteJwks(new URL('https://id.example/jwks'), { cooldown: 60 })
 * ```
 *
 * @throws TypeError for a URL that is neither https nor a loopback address, or that holds a password, and for wrong options.
 */
export function remoteJwks(url: URL, options: RemoteJwksOptions = {}): KeySource {
  const location = secureUrl('remoteJwks: url', url)
  checkOptions('remoteJwks', options, remoteChecks)
  const settings = remoteSettings('remoteJwks', options)
  return new RemoteKeys({ kind: 'remote', url: location.origin + location.pathname }, settings, 1, async () =>
    (await import('./fetched-keys.ts')).keysAt(location, settings, (document, before) => ({ set: readJwks(document, before) })),
  )
}

/** What keys are asked of. */
export type KeysAsked = Pick<KeySource, 'find' | 'trusts'>

/** A source of fetched keys whose code is loaded when the first key is looked for, not while the process starts. */
export class RemoteKeys implements KeySource {
  readonly #details: Readonly<Record<string, unknown>>
  readonly #firstTimeout: number
  readonly #load: () => Promise<KeysAsked>
  #loading: Promise<KeysAsked> | undefined
  #keys: KeysAsked | undefined

  /** `fetches` is how many the first look-up may have to wait for. */
  constructor(details: Readonly<Record<string, unknown>>, settings: RemoteSettings, fetches: number, load: () => Promise<KeysAsked>) {
    const { maxAge, staleIfError, timeout } = settings
    this.#details = Object.freeze({ ...details, maxAge: maxAge / 1000, staleIfError: staleIfError / 1000 })
    this.#firstTimeout = fetches * timeout
    this.#load = load
  }

  find(query: KeyQuery, clock: Clock): Awaitable<VerificationKey | undefined> {
    return this.#keys === undefined ? this.#findFirst(query, clock) : this.#keys.find(query, clock)
  }

  trusts(key: VerificationKey, clock: Clock): boolean {
    return this.#keys?.trusts(key, clock) === true
  }

  describe(): Readonly<Record<string, unknown>> {
    return this.#details
  }

  async #findFirst(query: KeyQuery, clock: Clock): Promise<VerificationKey | undefined> {
    try {
      // From now, and not from when the code is there.
      return await within(clock, this.#firstTimeout, 'the issuer', this.#findLoaded(query, clock))
    } catch (error) {
      throw isGuardError(error) ? error : new GuardError('keys_unavailable', { reason: 'the keys could not be fetched', cause: error })
    }
  }

  async #findLoaded(query: KeyQuery, clock: Clock): Promise<VerificationKey | undefined> {
    this.#loading ??= this.#load().catch((error: unknown) => {
      this.#loading = undefined
      throw error
    })
    this.#keys = await this.#loading
    return this.#keys.find(query, clock)
  }
}
