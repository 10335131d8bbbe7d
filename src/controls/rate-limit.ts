import { type Check, checkOptions, hasMethods, isBoolean, isFunction, oneOf, optional } from '../guard/check-options.ts'
import type { Call, Quota } from '../guard/context.ts'
import { builtIn, type Control } from '../guard/control.ts'
import { DistinctPrompts } from '../limits/distinct-prompts.ts'
import { Counters, type LimitCounters } from '../limits/limit-counters.ts'
import { type LimitsOption, planLimits, PlansByCall, readsPayload } from '../limits/limit-plans.ts'
import type { LimitStore } from '../limits/limit-store.ts'
import { memoryLimits } from '../limits/memory-limits.ts'
import { OutputHistory } from '../limits/output-history.ts'
import { partitionKeys } from '../limits/partition-key.ts'
import { planPrices, type Prices } from '../limits/prices.ts'
import { RateLimiter } from '../limits/rate-limiter.ts'
import { type OnStoreFailure, StoreAccess } from '../limits/store-access.ts'
import type { TokenEstimate } from '../limits/token-estimate.ts'
import { autoCodec } from '../payload/auto.ts'

/** Options of `rateLimit`. */
export interface RateLimitOptions<in C extends Call = Call> {
  /**
   * Checked together and reserved together, or not at all. At least one; names are unique. Or a function that gives those of a
   * call, such as `cachedLimits()`: what it gave before is not parsed again, so it changes a plan by giving other objects.
   * A function needs the identity.
   */
  readonly limits: LimitsOption<C>
  /** Where the count is kept; `memoryLimits()` unless given. Limits of one name, unit and window in one store share their count. */
  readonly store?: LimitStore
  /**
   * What is done while the store fails or does not answer. `'refuse'` (the default) refuses; `{ local: 0.1 }` keeps the limits
   * in this process at a tenth of everything, and at least one. The fraction is above 0 and at most 1.
   */
  readonly onStoreFailure?: 'refuse' | { readonly local: number }
  /** How long the store, or a function that gives limits, may take for one answer, in milliseconds; 1,000 unless given. */
  readonly deadline?: number
  /**
   * How many tokens a call is expected to take, in all or as input and output. Unless given: a token for each four bytes of
   * the input's texts; and of output the most that the request allows, or, for a stream and where the request says nothing,
   * what three in four answers of this caller and model did not exceed (1,024 an answer until that is known). A result that is
   * no finite number from zero up refuses the call.
   */
  readonly estimate?: (call: C, input: unknown) => number | TokenEstimate
  /** What tokens cost, by model: needed for limits of `cost`. A call whose model has no price is refused. */
  readonly prices?: Prices
  /**
   * What becomes of a stream that outruns what it reserved and cannot reserve more: `'cut'` (the default) ends it with
   * `limit_exceeded`; `'debt'` lets it go on, and later calls wait for what it owes.
   */
  readonly onOverrun?: 'cut' | 'debt'
  /** What else answers tell of limits. */
  readonly headers?: {
    /** Whether `x-ratelimit-limit-requests` and the like, as model vendors write them, stand beside the standard fields. False unless given. */
    readonly vendor?: boolean
    /** At least 32 bytes, copied: the standard fields then name the partition by a hash of its key under this secret (`pk`). */
    readonly partitionKey?: Uint8Array
  }
  /** Where to count what happens under each limit: `limitCounters()`. */
  readonly counters?: LimitCounters
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null
const fraction = "'refuse' or { local: fraction } with a fraction above 0 and at most 1"
const checks: Readonly<Record<keyof RateLimitOptions, Check>> = {
  limits: [(value) => isObject(value) || isFunction(value), 'a limit, a list of them, or a function that gives them'],
  store: [optional(hasMethods('reserve')), 'a LimitStore'],
  onStoreFailure: [optional((value) => value === 'refuse' || isObject(value)), fraction],
  deadline: [optional((value) => Number.isFinite(value) && (value as number) > 0), 'a positive number of milliseconds'],
  estimate: [optional(isFunction), 'a function'],
  prices: [optional(isObject), 'prices by model'],
  onOverrun: [optional(oneOf('cut', 'debt')[0]), "'cut' or 'debt'"],
  headers: [optional(isObject), 'an object with vendor or partitionKey'],
  counters: [optional((value) => value instanceof Counters), 'limitCounters()'],
}
const localChecks: Readonly<Record<string, Check>> = {
  local: [(value) => typeof value === 'number' && value > 0 && value <= 1, 'a fraction above 0 and at most 1'],
}
const headerChecks: Readonly<Record<string, Check>> = {
  vendor: [optional(isBoolean), 'a boolean'],
  partitionKey: [optional((value) => value instanceof Uint8Array), 'a Uint8Array of at least 32 bytes'],
}

/**
 * Bounds what callers consume: requests, tokens, money, calls at a time, and what serves to copy a model. Reserves as a call
 * enters, meters its answer, and settles once as it leaves:
 *
 * - refused by a limit: nothing is spent; refused by anything else before the function ran: one request and nothing more
 * - the function ran: the input (as the vendor reports it, else as estimated) and the larger of the output that was
 *   delivered and the output that the vendor reports; where that is unknown, what was reserved
 *
 * A stream that outruns its reservation reserves more, or ends with `limit_exceeded`. A whole answer that does is owed, and
 * later calls wait for it. A place among concurrent calls is renewed while the call runs.
 *
 * Carries out the obligations `max_output_tokens`, where the codec can cap a request (an answer that is longer all the same
 * ends with `obligation_unmet`), and `limit`: a limit that policy sets beside these, with the members of a `Limit` and `per`
 * (`subject`, `tenant`, `actor`, `resource` or `action`), counted under the name `policy:` and its own.
 *
 * ```ts
 * rateLimit({ limits: { name: 'minute', per: (call) => call.identity.key, requests: 60, window: 60 } })
 * ```
 *
 * Refuses with `limit_exceeded` (429 with `ratelimit`, `ratelimit-policy` and `retry-after`), `limits_unavailable` (503) where
 * the store does not answer or a model has no price, and `misconfigured` for a call that has no key. Stands behind
 * `verifyIdentity`, and may stand once more before it, by address: see `byAddress`. What looks at the payload (everything but
 * requests and concurrent calls) needs the input and so the identity.
 *
 * @throws TypeError for a wrong option.
 */
export function rateLimit<C extends Call = Call>(options: RateLimitOptions<C>): Control<C, { readonly quota: Quota }> {
  checkOptions('rateLimit', options, checks)
  const { store = memoryLimits(), onStoreFailure = 'refuse', deadline = 1_000, estimate, onOverrun = 'cut', headers = {} } = options
  const counters = options.counters instanceof Counters ? options.counters : new Counters()
  const { limits } = options
  const plans = typeof limits === 'function' ? new PlansByCall<C>(limits, counters) : planLimits<C>(limits, 'rateLimit', counters)
  const prices = options.prices === undefined ? undefined : planPrices(options.prices, 'rateLimit: prices')
  if (!(plans instanceof PlansByCall) && plans.units.has('cost') && prices === undefined)
    throw new TypeError('rateLimit: prices: must be given where cost is limited')
  const onFailure = parseOnStoreFailure(onStoreFailure)
  checkOptions('rateLimit: headers', headers, headerChecks)
  const { vendor = false, partitionKey } = headers
  // Before the identity is known the input is not read. What a function will want to count nobody knows.
  const reads = plans instanceof PlansByCall || readsPayload(plans.units)
  return builtIn<C, { readonly quota: Quota }>(
    'rateLimit',
    new RateLimiter<C>({
      plans,
      rules: { access: new StoreAccess(store, onFailure, deadline), onOverrun, vendor },
      sources: { estimate, prices, history: new OutputHistory(), prompts: new DistinctPrompts() },
      counters,
      partitionOf: partitionKey === undefined ? undefined : partitionKeys(partitionKey),
      deadline,
    }),
    {
      needs: reads ? ['identity'] : [],
      adds: ['quota'],
      fulfills: ['max_output_tokens', 'limit'],
      describe: {
        limits: plans instanceof PlansByCall ? 'by call' : plans.limits.map(({ limit }) => limit),
        store: store.describe?.() ?? { kind: 'own' },
        onStoreFailure: onFailure,
        deadline,
        onOverrun,
        ...(prices !== undefined && { priced: [...prices.keys()] }),
      },
    },
    // Who counts only calls reads no payload, and so demands no shape of it.
    reads ? { codec: autoCodec } : {},
  )
}

function parseOnStoreFailure(value: OnStoreFailure): OnStoreFailure {
  if (value === 'refuse') return 'refuse'
  checkOptions('rateLimit: onStoreFailure', value, localChecks)
  return Object.freeze({ local: value.local })
}
