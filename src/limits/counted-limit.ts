import type { Awaitable, Quota, Settled } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import { limitFields, seconds, type ToldLimit, vendorFields } from '../guard/quota-headers.ts'
import type { Counter } from './limit-counters.ts'
import type { KeyedLimit, LimitState, Refusal, Violation } from './limit-store.ts'
import type { LimitUnit, PlannedLimit } from './limit.ts'
import type { PartitionKeys } from './partition-key.ts'

/** A limit of a call: whose, where it is counted, and what may be told of it. */
export interface CountedLimit extends KeyedLimit {
  readonly counter: Counter
  readonly shared: boolean
  partition?: string
}

/** A limit of a call, made ready. */
export function countedLimit(limit: PlannedLimit, key: string, counter: Counter, call: Settled): CountedLimit {
  return { limit, key, counter, shared: limit.shared ?? isShared(key, call) }
}

/** Whether a key is one that other callers have as well, as far as can be told from the call. */
function isShared(key: string, call: Settled): boolean {
  return key === call.identity?.tenant || key === call.action || key === call.resource.id || key === call.guard
}

/** Finds the partition keys of limits, where they are told. Undefined where nothing must be waited for. */
export function addPartitions(limits: readonly CountedLimit[], partitionOf: PartitionKeys): Promise<unknown> | undefined {
  const pending: Promise<unknown>[] = []
  for (const counted of limits) {
    if (counted.shared) continue
    const partition: Awaitable<string> = partitionOf(counted.limit.name, counted.key)
    if (typeof partition === 'string') counted.partition = partition
    else pending.push(partition.then((found) => (counted.partition = found)))
  }
  return pending.length === 0 ? undefined : Promise.all(pending)
}

/** Where limits stand, with what may be told of each. The states are in the order of the limits. */
export function told(limits: readonly CountedLimit[], states: readonly LimitState[]): readonly (LimitState & ToldLimit)[] {
  for (const counted of limits) if (counted.shared || counted.partition !== undefined) return states.map((state, index) => tell(state, limits[index]))
  return states
}

function tell<S extends LimitState>(state: S, counted: CountedLimit | undefined): S & ToldLimit {
  if (counted === undefined || (!counted.shared && counted.partition === undefined)) return state
  return { ...state, ...(counted.shared && { shared: true }), ...(counted.partition !== undefined && { partition: counted.partition }) }
}

type SpentSoFar = Pick<Quota, 'spent'> & { readonly degraded: boolean }

/** The quota of a call: what earlier limiters of the chain found stays. */
export class CallQuota implements Quota {
  readonly limits: Quota['limits']
  readonly carries: boolean
  readonly #spending: SpentSoFar
  readonly #before: Quota | undefined

  constructor(limits: Quota['limits'], spending: SpentSoFar, carries: boolean, before: Quota | undefined) {
    this.limits = before === undefined ? limits : [...before.limits, ...limits]
    this.carries = carries
    this.#spending = spending
    this.#before = before
    Object.freeze(this)
  }

  /** Whether by now anything was granted while the store was not there, by one in memory with a part of the limits. */
  get degraded(): boolean {
    return this.#spending.degraded || this.#before?.degraded === true
  }

  /** What the call has spent of each limit, once it was settled. */
  get spent(): Quota['spent'] {
    const [before, own] = [this.#before?.spent, this.#spending.spent]
    return before === undefined || own === undefined ? (own ?? before) : [...before, ...own]
  }

  /** Of each unit, what is left of the limit of which least is left. */
  get remaining(): Readonly<Record<string, number>> {
    const remaining: Record<string, number> = {}
    for (const { unit = 'requests', remaining: left } of this.limits) remaining[unit] = Math.min(remaining[unit] ?? Number.POSITIVE_INFINITY, left)
    return remaining
  }
}

/** Refusals under these tell more of a caller than that it is in a hurry. */
const unusual: readonly LimitUnit[] = ['prompts', 'choices', 'logprobs']

// Section 4 of draft-ietf-httpapi-ratelimit-headers-10.
const problemTypes = 'https://iana.org/assignments/http-problem-types#'

/** What else a refusal says. */
export interface RefusalStyle {
  /** Whether vendors' fields stand beside the draft's. */
  readonly vendor: boolean
  /** Whether the store was not there, and less than the limits is granted. */
  readonly isLocal: boolean
}

/** The refusal of a call that a limit is in the way of, with the header fields that say which, and when to come back. */
export function limitExceeded(refusal: Refusal, limits: readonly CountedLimit[] = [], style?: RefusalStyle): GuardError {
  const violated = refusal.violated.map((one) =>
    tell(
      one,
      limits.find(({ limit }) => limit.name === one.name),
    ),
  )
  const names = violated.map(({ name }) => name)
  const never = violated.filter(({ retryAfter }) => retryAfter === Number.POSITIVE_INFINITY).map(({ name }) => `'${name}'`)
  const isUnusual = violated.every(({ unit }) => unusual.includes(unit))
  const type = style?.isLocal ? 'temporary-reduced-capacity' : isUnusual ? 'abnormal-usage-detected' : 'quota-exceeded'
  const details = {
    reason: `over ${names.map((name) => `'${name}'`).join(', ')}${never.length > 0 ? `; more than ${never.join(', ')} ever grants at once` : ''}`,
    headers: {
      ...(style?.vendor && vendorFields(violated, waitOf)),
      ...limitFields(violated, waitOf),
      'retry-after': String(Math.max(1, ...violated.map(waitOf))),
    },
    problem: { type: `${problemTypes}${type}`, 'violated-policies': names },
  }
  return new GuardError('limit_exceeded', details)
}

// A caller that asks for more than there ever is must ask for less; a window is as good a time as any.
function waitOf({ retryAfter, window = 1 }: Pick<Violation, 'retryAfter' | 'window'>): number {
  return Math.max(1, seconds(retryAfter === Number.POSITIVE_INFINITY ? window : retryAfter))
}
