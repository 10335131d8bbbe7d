import type { Decision } from '../guard/context.ts'
import { GuardError, reasonOf } from '../guard/errors.ts'
import { abandon } from '../guard/thenable.ts'
import { type LivePolicyOptions, type LiveSettings, liveSettings, type PolicyInForce } from './live-policy-options.ts'
import { PolicyError, type PolicyErrorCode } from './policy-error.ts'
import type { PolicyEvaluator, PolicyRequest } from './policy-evaluator.ts'
import type { PolicySet } from './policy-set.ts'
import { standsBefore } from './policy-set-behind.ts'
import { PolicyState } from './policy-state.ts'

/** A policy that can be replaced while it decides. */
export interface LivePolicy extends PolicyEvaluator {
  /** Decides by the policy that is in force. @throws GuardError `policy_unavailable` while there is none, and when it was closed. */
  evaluate(request: PolicyRequest): Decision
  /** The policy that is in force: to explain a decision, for example. */
  readonly current: PolicySet | undefined
  /** Resolves when the first policy is in force; rejects with a `PolicyError` where the first look was in vain. It is looked for all the same. */
  readonly ready: Promise<void>
  /** Looks now. True where another policy came into force by it. Rejects with a `PolicyError` where it was refused: then the last one stays. */
  refresh(): Promise<boolean>
  /** Looks for nothing any more, and refuses every decision from then on: close the guards first. */
  close(): Promise<void>
  /** The same as `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
  describe(): LivePolicyDescription
}

/** What there is to know of a live policy, now. */
export interface LivePolicyDescription {
  readonly [key: string]: unknown
  readonly kind: 'livePolicy'
  readonly source: Readonly<Record<string, unknown>>
  /** Seconds. */
  readonly every: number
  readonly signed: boolean
  readonly obliges?: readonly string[]
  /** What is in force; absent where nothing is. */
  readonly current?: PolicyInForce
  /** Why the newest look was in vain, and when that was, in milliseconds since 1970; absent where it was not. */
  readonly lastRefusal?: { readonly code: PolicyErrorCode; readonly reason: string; readonly at: number }
}

/**
 * A policy that is looked for again and again, and replaced between two decisions.
 *
 * - What does not load, is not signed as it must be, or is older than what is in force, is refused, and the last good policy stays.
 * - Older is, where signatures are required, what was signed earlier: whoever wants an old policy back signs it again. Elsewhere it
 *   is what has a lower `version`, where both are numbers such as `7` or `1.12.0`, or dates. After a restart nothing is older:
 *   `requireSignature.since` says from when on signatures count.
 * - Before the first policy is there every decision is refused as `policy_unavailable`.
 * - A source that fails is asked again after a second, then ever more rarely, but at least once a minute or every `every`.
 *
 * It looks at once, and keeps no process alive. A text is read strictly: no name twice in an object, no `__proto__`.
 *
 * ```ts
 * const policy = livePolicy({ load: new URL('https://policies.example/support.json'), onRefused: ({ message }) => console.error(message) })
 * await policy.ready
 * const decided = authorize({ evaluator: policy })
 * ```
 *
 * @throws TypeError for wrong options.
 */
export function livePolicy(options: LivePolicyOptions): LivePolicy {
  const settings = liveSettings(options)
  const watch = new PolicyWatch(settings)
  const ready = watch.start()
  const live: LivePolicy = Object.freeze({
    evaluate: (request: PolicyRequest) => watch.evaluate(request),
    get current() {
      return watch.current
    },
    ready,
    refresh: () => watch.refresh(),
    close: () => watch.close(),
    [Symbol.asyncDispose]: () => watch.close(),
    describe: () => watch.describe(),
    ...(settings.obliges !== undefined && { obliges: settings.obliges }),
  })
  standsBefore(live, () => watch.current)
  return live
}

/** Events come in swarms: so long after the last of one it is looked, in milliseconds. */
const calm = 100

class PolicyWatch {
  readonly #settings: LiveSettings
  readonly #state: PolicyState
  #lastRefusal: { readonly error: PolicyError; readonly at: number } | undefined
  /** Looks in vain since the last that was not. */
  #failures = 0
  #looking: Promise<boolean> | undefined
  #next: Promise<boolean> | undefined
  #abandon: (() => void) | undefined
  #cancelTimer: () => void = () => {}
  #cancelCalm: () => void = () => {}
  #stopWatching: (() => void) | undefined
  #closed = false

  constructor(settings: LiveSettings) {
    this.#settings = settings
    this.#state = new PolicyState(settings)
  }

  get current(): PolicySet | undefined {
    return this.#closed ? undefined : this.#state.set
  }

  evaluate(request: PolicyRequest): Decision {
    const { current } = this
    if (current !== undefined) return current.evaluate(request)
    const why = this.#lastRefusal === undefined ? '' : `: ${this.#lastRefusal.error.message}`
    throw new GuardError('policy_unavailable', { reason: this.#closed ? 'the live policy was closed' : `no policy is in force yet${why}` })
  }

  start(): Promise<void> {
    const ready = this.refresh().then(() => {})
    // Who does not wait for it learns from the refusals.
    ready.catch(() => {})
    try {
      this.#stopWatching = this.#settings.source.watch?.(() => this.#lookSoon())
    } catch {
      // Then it is looked for every so often.
    }
    return ready
  }

  refresh(): Promise<boolean> {
    if (this.#closed) return Promise.reject(closed())
    if (this.#looking === undefined) {
      this.#looking = this.#look().finally(() => {
        this.#looking = undefined
        this.#arm()
      })
      return this.#looking
    }
    // What is being read may be older than what whoever asks now means.
    this.#next ??= this.#looking
      .catch(() => {})
      .then(() => {
        this.#next = undefined
        return this.refresh()
      })
    return this.#next
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#cancelTimer()
    this.#cancelCalm()
    this.#stopWatching?.()
    this.#stopWatching = undefined
    this.#abandon?.()
    await this.#looking?.catch(() => {})
  }

  describe(): LivePolicyDescription {
    const { source, every, signature, obliges } = this.#settings
    const refused = this.#lastRefusal
    const { inForce } = this.#state
    return {
      kind: 'livePolicy',
      source: source.describe(),
      every: every / 1000,
      signed: signature !== undefined,
      ...(obliges !== undefined && { obliges }),
      ...(inForce !== undefined && { current: inForce }),
      ...(refused !== undefined && { lastRefusal: { code: refused.error.code, reason: refused.error.message, at: refused.at } }),
    }
  }

  #lookSoon(): void {
    if (this.#closed) return
    this.#cancelCalm()
    this.#cancelCalm = this.#settings.clock.after(calm, () => this.#lookUnwatched())
  }

  #lookUnwatched(): void {
    // Whoever is told is told by `onRefused`.
    this.refresh().catch(() => {})
  }

  #arm(): void {
    this.#cancelTimer()
    const delay = this.#delay()
    if (!this.#closed && Number.isFinite(delay)) this.#cancelTimer = this.#settings.clock.after(delay, () => this.#lookUnwatched())
  }

  #delay(): number {
    const { every } = this.#settings
    if (this.#lastRefusal?.error.code !== 'unavailable' || every === Number.POSITIVE_INFINITY) return every
    const delay = Math.min(Math.max(every, 60_000), 1_000 * 2 ** Math.min(this.#failures - 1, 30))
    // Instances that lost the source together must not come back to it together.
    return delay * (0.5 + Math.random() / 2)
  }

  async #look(): Promise<boolean> {
    try {
      const change = await this.#state.take(await this.#load())
      if (this.#closed) throw closed()
      this.#failures = 0
      this.#lastRefusal = undefined
      if (change !== undefined) tell(this.#settings.onChange, change)
      return change !== undefined
    } catch (error) {
      throw this.#refuse(error)
    }
  }

  /** What the source gives, unless it takes too long. */
  #load(): Promise<unknown> {
    const { source, timeout, maxLength, clock } = this.#settings
    const abort = new AbortController()
    return new Promise<unknown>((resolve, reject) => {
      const give = (error: PolicyError): void => {
        reject(error)
        abort.abort()
      }
      const cancel = clock.after(timeout, () => give(new PolicyError('unavailable', `it did not come within ${timeout} ms`)))
      this.#abandon = () => give(closed())
      new Promise<unknown>((loaded) => loaded(source.load({ signal: abort.signal, maxLength, clock }))).then(resolve, reject).finally(cancel)
    })
  }

  #refuse(thrown: unknown): PolicyError {
    if (this.#closed) return closed()
    this.#failures++
    const error = thrown instanceof PolicyError ? thrown : new PolicyError('unavailable', `the source failed: ${reasonOf(thrown)}`, { cause: thrown })
    const before = this.#lastRefusal?.error
    this.#lastRefusal = { error, at: this.#settings.clock.now() }
    if (before?.code !== error.code || before.message !== error.message) tell(this.#settings.onRefused, error)
    return error
  }
}

function closed(): PolicyError {
  return new PolicyError('unavailable', 'the live policy was closed')
}

// What it makes of it is its own business, and must not keep a policy from coming into force.
function tell<T>(listener: ((news: T) => unknown) | undefined, news: T): void {
  try {
    abandon(listener?.(news))
  } catch {
    // As above.
  }
}
