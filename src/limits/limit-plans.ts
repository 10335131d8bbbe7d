import type { Awaitable } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import { isThenable } from '../guard/thenable.ts'
import type { Counter, Counters } from './limit-counters.ts'
import { type Limit, type LimitUnit, planLimit, type PlannedLimit } from './limit.ts'

/** A limit, how its key is found, and where it is counted. */
interface OwnLimit<in C> {
  readonly limit: PlannedLimit
  readonly per: (call: C) => unknown
  readonly counter: Counter
}

/** The limits of a call, parsed. */
export interface LimitPlan<in C> {
  readonly limits: readonly OwnLimit<C>[]
  readonly units: ReadonlySet<LimitUnit>
  /** The most tokens that every limit could grant at once. */
  readonly room: number
}

/** Limits as they are given: some, or what gives those of a call. */
export type LimitsOption<C> = Limit<C> | readonly Limit<C>[] | ((call: C) => Awaitable<Limit<C> | readonly Limit<C>[]>)

/** Whether counting that needs the payload. */
export function readsPayload(units: Iterable<LimitUnit>): boolean {
  for (const unit of units) if (unit !== 'requests' && unit !== 'concurrent') return true
  return false
}

/** Parses and copies limits. @throws TypeError where they are wrong; `what` says in the message where they stand. */
export function planLimits<C>(value: Limit<C> | readonly Limit<C>[], what: string, counters: Counters): LimitPlan<C> {
  const list: readonly Limit<C>[] = isList(value) ? [...value] : [value]
  if (list.length === 0) throw new TypeError(`${what}: give at least one limit`)
  const limits = list.map((limit, index) => {
    const place = `${what}: limits[${index}]`
    const planned = planLimit(limit, place)
    const { per } = limit
    if (typeof per !== 'function') throw new TypeError(`${place}.per: must be a function that gives the key`)
    return { limit: planned, per, counter: counters.of(planned) }
  })
  if (new Set(limits.map(({ limit }) => limit.name)).size < limits.length) throw new TypeError(`${what}: two limits have the same name`)
  const bursts = limits.filter(({ limit }) => limit.unit === 'tokens').map(({ limit }) => limit.burst)
  return Object.freeze({ limits, units: new Set(limits.map(({ limit }) => limit.unit)), room: Math.min(...bursts) })
}

/**
 * The plans that a function gives for calls: what it gave before is not parsed again. So a plan is changed by giving other
 * objects, and not by changing those that were given.
 */
export class PlansByCall<C> {
  readonly #limits: (call: C) => Awaitable<Limit<C> | readonly Limit<C>[]>
  readonly #counters: Counters
  readonly #known = new WeakMap<object, LimitPlan<C>>()

  constructor(limits: (call: C) => Awaitable<Limit<C> | readonly Limit<C>[]>, counters: Counters) {
    this.#limits = limits
    this.#counters = counters
  }

  /** The plan of a call. @throws GuardError `misconfigured` where it is none. */
  of(call: C): Awaitable<LimitPlan<C>> {
    const given = this.#limits(call)
    return isThenable(given) ? given.then((value) => this.#plan(value)) : this.#plan(given)
  }

  #plan(value: Limit<C> | readonly Limit<C>[]): LimitPlan<C> {
    if (typeof value !== 'object' || value === null) throw new GuardError('misconfigured', { reason: 'rateLimit: limits gave none for a call' })
    const known = this.#known.get(value)
    if (known !== undefined) return known
    try {
      const plan = planLimits(value, 'rateLimit', this.#counters)
      this.#known.set(value, plan)
      return plan
    } catch (error) {
      throw new GuardError('misconfigured', { reason: 'rateLimit: limits gave wrong ones for a call', cause: error })
    }
  }
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value)
}
