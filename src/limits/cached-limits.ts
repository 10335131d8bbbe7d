import type { LRUCache } from 'lru-cache'
import { type Check, checkOptions, isFunction, optional } from '../guard/check-options.ts'
import type { Awaitable, Call } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import { limitKey, type Limit } from './limit.ts'

/** Options of `cachedLimits`. */
export interface CachedLimitsOptions<C extends Call> {
  /** Whose plan it is, such as the tenant. What it yields is refused as a limit's key is. */
  readonly per: (call: C) => string
  /** The limits of that plan, from wherever they are kept. What it throws refuses the call. */
  readonly load: (key: string) => Awaitable<Limit<C> | readonly Limit<C>[]>
  /** For how many seconds a plan holds; 60 unless given. */
  readonly every?: number
  /** For how many more seconds the last known plan holds where it cannot be loaded; 0 unless given. */
  readonly stale?: number
  /** How many plans are kept; 10,000 unless given. */
  readonly maxPlans?: number
}

/** Limits by plan, for `rateLimit({ limits })`. */
export interface CachedLimits<C extends Call> {
  (call: C): Awaitable<Limit<C> | readonly Limit<C>[]>
  /** Loads a plan anew with the next call; all of them where none is named. */
  reload(key?: string): void
}

type Limits<C> = Limit<C> | readonly Limit<C>[]

interface Kept<C> {
  readonly limits: Limits<C>
  /** Milliseconds since 1970. */
  readonly loadedAt: number
}

interface Loading<C> {
  readonly limits: Promise<Limits<C>>
  /** Milliseconds since 1970. */
  readonly begunAt: number
}

/** Seconds after which a plan that has not come is asked for again. */
const patience = 10

const isSeconds = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value) && value >= 0
const checks: Readonly<Record<keyof CachedLimitsOptions<Call>, Check>> = {
  per: [isFunction, 'a function that gives the key of a plan'],
  load: [isFunction, 'a function that gives the limits of a plan'],
  every: [optional((value) => isSeconds(value) && value !== 0), 'a positive number of seconds'],
  stale: [optional(isSeconds), 'a number of seconds from zero up'],
  maxPlans: [optional((value) => Number.isSafeInteger(value) && (value as number) >= 1), 'a whole number above zero'],
}

/**
 * Limits from plan data: each plan is loaded once, however many calls ask for it at the same time, and holds for a while.
 *
 * ```ts
 * const plans = cachedLimits({ per: (call) => call.identity.tenant ?? '', load: (tenant) => limitsOf(tenant), every: 30 })
 * rateLimit({ limits: plans })
 * plans.reload('acme')   // it has just paid
 * ```
 *
 * @throws TypeError for wrong options.
 */
export function cachedLimits<C extends Call>(options: CachedLimitsOptions<C>): CachedLimits<C> {
  checkOptions('cachedLimits', options, checks)
  const { per, load, every = 60, stale = 0, maxPlans = 10_000 } = options
  // Made with the first plan, as lru-cache is loaded then.
  let kept: LRUCache<string, Kept<C>> | undefined
  const loading = new Map<string, Loading<C>>()
  let turn = 0

  const begin = (key: string, now: number, last: Kept<C> | undefined): Promise<Limits<C>> => {
    const begun = turn
    const running: Promise<Limits<C>> = Promise.all([import('lru-cache'), Promise.resolve(key).then(load)]).then(
      ([cache, limits]) => {
        kept ??= new cache.LRUCache<string, Kept<C>>({ max: maxPlans })
        // What was loaded before a reload may be what it was before.
        if (begun === turn) kept.set(key, { limits, loadedAt: now })
        return limits
      },
      (error: unknown) => {
        if (last !== undefined && begun === turn && age(last.loadedAt, now) < every + stale) return last.limits
        throw error
      },
    )
    const end = (): void => {
      if (loading.get(key)?.limits === running) loading.delete(key)
    }
    running.then(end, end)
    loading.set(key, { limits: running, begunAt: now })
    return running
  }

  const limitsOf = (call: C): Awaitable<Limits<C>> => {
    const key = limitKey('plan', per, call)
    const now = call.startedAt
    const last = kept?.get(key)
    if (last !== undefined && age(last.loadedAt, now) < every) return last.limits
    const pending = loading.get(key)
    if (pending !== undefined && age(pending.begunAt, now) < patience) return pending.limits
    if (pending === undefined && loading.size >= maxPlans)
      throw new GuardError('limits_unavailable', { reason: `cachedLimits: ${maxPlans} plans are being loaded` })
    return begin(key, now, last)
  }
  return Object.assign(limitsOf, {
    reload(key?: string): void {
      turn++
      loading.clear()
      if (key === undefined) kept?.clear()
      else kept?.delete(key)
    },
  })
}

// In seconds. A clock that steps back does not make a plan last.
function age(loadedAt: number, now: number): number {
  return Math.abs(now - loadedAt) / 1000
}
