import { type Check, checkOptions, hasMethods, isFunction, optional } from '../guard/check-options.ts'
import type { Awaitable, Call, Decision, Quota, Settled } from '../guard/context.ts'
import { builtIn, type Control, type Outcome, type Phases, type Step } from '../guard/control.ts'
import { GuardError } from '../guard/errors.ts'
import { abandon, isThenable } from '../guard/thenable.ts'
import type { Amounts, KeyedLimit, LimitStore, Reservation } from '../limits/limit-store.ts'
import { type Limit, limitKey, planLimit, type PlannedLimit } from '../limits/limit.ts'
import { memoryLimits } from '../limits/memory-limits.ts'
import { MeteredParts, Spending } from '../limits/spending.ts'
import { type OnStoreFailure, StoreAccess } from '../limits/store-access.ts'
import { estimateTokens, type TokenEstimate } from '../limits/token-estimate.ts'
import { autoCodec } from '../payload/auto.ts'

/** Options of `rateLimit`. */
export interface RateLimitOptions<in C extends Call = Call> {
  /** Checked together and reserved together, or not at all. At least one; names are unique. */
  readonly limits: Limit<C> | readonly Limit<C>[]
  /** Where the count is kept; `memoryLimits()` unless given. Limits of one name and unit in one store share their count. */
  readonly store?: LimitStore
  /**
   * What is done while the store fails or does not answer. `'refuse'` (the default) refuses; `{ local: 0.1 }` keeps the limits
   * in this process at a tenth of everything, and at least one. The fraction is above 0 and at most 1.
   */
  readonly onStoreFailure?: 'refuse' | { readonly local: number }
  /** How long the store may take for one answer, in milliseconds; 1,000 unless given. */
  readonly deadline?: number
  /**
   * How many tokens a call is expected to take, in all or as input and output. Unless given: a token for each four bytes of
   * the input's texts, and the most output that the request allows (1,024 an answer where it says nothing). A result that is
   * no finite number from zero up refuses the call.
   */
  readonly estimate?: (call: C, input: unknown) => number | TokenEstimate
}

type Adds = { readonly quota: Quota }

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null
const fraction = "'refuse' or { local: fraction } with a fraction above 0 and at most 1"
const checks: Readonly<Record<keyof RateLimitOptions, Check>> = {
  limits: [isObject, 'a limit, or a list of them'],
  store: [optional(hasMethods('reserve')), 'a LimitStore'],
  onStoreFailure: [optional((value) => value === 'refuse' || isObject(value)), fraction],
  deadline: [optional((value) => Number.isFinite(value) && (value as number) > 0), 'a positive number of milliseconds'],
  estimate: [optional(isFunction), 'a function'],
}
const localChecks: Readonly<Record<string, Check>> = {
  local: [(value) => typeof value === 'number' && value > 0 && value <= 1, 'a fraction above 0 and at most 1'],
}

/**
 * Bounds what callers consume: requests, tokens, calls at a time. Reserves as a call enters, meters its answer, and settles
 * once as it leaves:
 *
 * - refused by a limit: nothing is spent; refused by anything else before the function ran: one request and no tokens
 * - the function ran: the input (as the vendor reports it, else as estimated) and the larger of the output that was
 *   delivered and the output that the vendor reports; where that is unknown, what was reserved
 *
 * A stream that outruns its reservation reserves more, or ends with `limit_exceeded`. A whole answer that does is owed, and
 * later calls wait for it. Carries out the obligation `max_output_tokens` where the codec can cap a request, and ends an answer that is longer
 * all the same with `obligation_unmet`.
 *
 * ```ts
 * rateLimit({ limits: { name: 'minute', per: (call) => call.identity.key, requests: 60, window: 60 } })
 * ```
 *
 * Refuses with `limit_exceeded` (429 with `ratelimit`, `ratelimit-policy` and `retry-after`), `limits_unavailable` (503) where
 * the store does not answer, and `misconfigured` for a call that has no key. Stands behind `verifyIdentity`, and may stand once
 * more before it, by address; a limit of tokens needs the input and so the identity.
 *
 * @throws TypeError for a wrong option.
 */
export function rateLimit<C extends Call = Call>(options: RateLimitOptions<C>): Control<C, { readonly quota: Quota }> {
  checkOptions('rateLimit', options, checks)
  const { store = memoryLimits(), onStoreFailure = 'refuse', deadline = 1_000, estimate } = options
  const limits = parseLimits(options.limits)
  const onFailure = parseOnStoreFailure(onStoreFailure)
  const plans = limits.map(({ limit }) => limit)
  const countsTokens = plans.some(({ unit }) => unit === 'tokens')
  return builtIn<C, Adds>(
    'rateLimit',
    new RateLimiter<C>(limits, new StoreAccess(store, plans, onFailure, deadline), estimate),
    {
      // Before the identity is known the input is not read, and without it there are no tokens to count.
      needs: countsTokens ? ['identity'] : [],
      adds: ['quota'],
      fulfills: ['max_output_tokens'],
      describe: { limits: plans, store: store.describe?.() ?? { kind: 'own' }, onStoreFailure: onFailure, deadline },
    },
    // Who counts only calls reads no payload, and so demands no shape of it.
    countsTokens ? { codec: autoCodec } : {},
  )
}

/** A limit, and how its key is found. */
interface OwnLimit<in C> {
  readonly limit: PlannedLimit
  readonly per: (call: C) => unknown
}

const oneCall: Amounts = Object.freeze({ requests: 1, concurrent: 1 })

class RateLimiter<C extends Call> implements Phases<C, Adds> {
  readonly #limits: readonly OwnLimit<C>[]
  readonly #access: StoreAccess
  readonly #estimate: RateLimitOptions<C>['estimate']
  readonly #spendings = new WeakMap<Step, Spending>()
  readonly #countsTokens: boolean
  /** The most tokens that every limit could grant at once. */
  readonly #room: number

  constructor(limits: readonly OwnLimit<C>[], access: StoreAccess, estimate: RateLimitOptions<C>['estimate']) {
    this.#limits = limits
    this.#access = access
    this.#estimate = estimate
    const bursts = limits.filter(({ limit }) => limit.unit === 'tokens').map(({ limit }) => limit.burst)
    this.#countsTokens = bursts.length > 0
    this.#room = Math.min(...bursts)
  }

  enter(call: C, step: Step): Awaitable<Adds> {
    const keyed: KeyedLimit[] = []
    for (const { limit, per } of this.#limits) keyed.push({ limit, key: limitKey(limit.name, per, call) })
    const spending = new Spending(this.#access, keyed, this.#countsTokens, step.clock, step.codec)
    this.#spendings.set(step, spending)
    let reserving: Awaitable<Reservation>
    if (this.#countsTokens) {
      const { input, output } = this.#expect(call, step)
      reserving = spending.reserve({ requests: 1, concurrent: 1, tokens: input + output }, input)
    } else reserving = spending.reserve(oneCall, 0)
    return isThenable(reserving) ? reserving.then((reservation) => quotaOf(call, reservation)) : quotaOf(call, reserving)
  }

  request(input: unknown, _context: C & Adds, call: Settled, step: Step): unknown {
    const most = maxOutputTokens(call.decision)
    const { codec } = step
    if (most === undefined || codec?.cap === undefined) return undefined
    const asked = codec.facts(input).maxOutputTokens
    const capped = asked !== undefined && asked <= most ? input : codec.cap(input, most)
    const facts = codec.facts(capped)
    // A codec that cannot say it has not said it, and the duty stays open.
    if (facts.maxOutputTokens === undefined || facts.maxOutputTokens > most) return undefined
    const spending = this.#spendings.get(step)
    if (spending !== undefined) spending.cap = most * facts.choices
    step.fulfill('max_output_tokens')
    return capped
  }

  response(parts: AsyncIterable<unknown>, _context: C & Adds, _call: Settled, step: Step): AsyncIterable<unknown> {
    const spending = this.#spendings.get(step)
    if (spending === undefined || !(spending.countsTokens || spending.cap !== undefined)) return parts
    return new MeteredParts(parts, spending, step)
  }

  leave(outcome: Outcome, _context: unknown, _call: Settled, step: Step): Awaitable<void> {
    const spending = this.#spendings.get(step)
    // A table of the living is small; one of the dead is work for the garbage collector.
    this.#spendings.delete(step)
    return spending?.leave(outcome)
  }

  #expect(call: C, step: Step): TokenEstimate {
    const { codec, input } = step
    const estimated = estimateTokens(codec, input, this.#room)
    if (this.#estimate === undefined) return estimated
    const own = this.#estimate(call, input)
    if (isAmount(own)) {
      const ofInput = Math.min(own, estimated.input)
      return { input: ofInput, output: own - ofInput }
    }
    if (isThenable<unknown>(own)) abandon(own)
    else if (typeof own === 'object' && own !== null) {
      const { input: ofInput, output } = own
      if (isAmount(ofInput) && isAmount(output)) return { input: ofInput, output }
    }
    throw new GuardError('misconfigured', { reason: 'rateLimit: estimate gave no finite numbers from zero up' })
  }
}

// What an earlier rateLimit() of the chain found stays.
function quotaOf(call: Settled, reservation: Reservation): Adds {
  const { limits } = reservation
  return { quota: Object.freeze({ limits: call.quota === undefined ? limits : [...call.quota.limits, ...limits] }) }
}

/** The strictest bound that policy sets; undefined where it sets none, or one that is no bound. */
function maxOutputTokens(decision: Decision | undefined): number | undefined {
  let most: number | undefined
  for (const { type, value } of decision?.obligations ?? []) {
    if (type !== 'max_output_tokens') continue
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1) return undefined
    most = most === undefined ? value : Math.min(most, value)
  }
  return most
}

function parseLimits<C>(value: Limit<C> | readonly Limit<C>[]): readonly OwnLimit<C>[] {
  const list: readonly Limit<C>[] = isList(value) ? [...value] : [value]
  if (list.length === 0) throw new TypeError('rateLimit: give at least one limit')
  const limits = list.map((limit, index) => {
    const what = `rateLimit: limits[${index}]`
    const planned = planLimit(limit, what)
    const { per } = limit
    if (typeof per !== 'function') throw new TypeError(`${what}.per: must be a function that gives the key`)
    return { limit: planned, per }
  })
  if (new Set(limits.map(({ limit }) => limit.name)).size < limits.length) throw new TypeError('rateLimit: two limits have the same name')
  return limits
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value)
}

function parseOnStoreFailure(value: OnStoreFailure): OnStoreFailure {
  if (value === 'refuse') return 'refuse'
  checkOptions('rateLimit: onStoreFailure', value, localChecks)
  return Object.freeze({ local: value.local })
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}
