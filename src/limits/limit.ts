import { type Check, checkOptions } from '../guard/check-options.ts'
import { GuardError, isGuardError } from '../guard/errors.ts'
import { abandon } from '../guard/thenable.ts'
import { isZone } from './calendar.ts'

/**
 * What a limit counts: calls, tokens, money, calls at the same time; and against whoever copies a model: prompts that differ,
 * answers asked for, and calls that ask for the probabilities of tokens.
 */
export type LimitUnit = 'requests' | 'tokens' | 'cost' | 'concurrent' | 'prompts' | 'choices' | 'logprobs'

/** How long a limit's amount lasts: seconds, or a day or a month of the calendar. */
export type LimitWindow = number | 'day' | 'month'

/**
 * One limit: how much of one thing each key may have. Exactly one of `requests`, `tokens`, `cost`, `concurrent`, `prompts`,
 * `choices` and `logprobs` says how much.
 *
 * A limit with a window of seconds is a bucket that leaks: at any moment at most `burst` fits into it, and what is in it leaks
 * away evenly, the whole amount in one `window`. So over any stretch of `t` seconds a key gets at most
 * `burst + amount * t / window`, and an unused limit never saves up more than its burst. One with a window of the calendar is
 * a budget: the whole amount at once, and all of it back when the next day or month begins.
 *
 * ```ts
 * { name: 'minute', per: (call) => call.identity.key, requests: 60, window: 60, burst: 10 }
 * { name: 'budget', per: (call) => call.identity.tenant ?? '', cost: 50_000_000, window: 'month', zone: 'Europe/Warsaw' }
 * ```
 */
export interface Limit<in C> {
  /** Stands in header fields, quota and log; 1 to 64 printable ASCII characters without quotes and backslashes. Unique. */
  readonly name: string
  /** Whose limit it is: each key has its own. A key that is no string, empty or longer than 512 characters refuses the call. */
  readonly per: (call: C) => string
  /** Calls a window. A whole number, like all amounts. */
  readonly requests?: number
  /** Input and output tokens a window, all answers of a call together. */
  readonly tokens?: number
  /** Millionths of a unit of money a window, by the control's `prices`. */
  readonly cost?: number
  /** Calls at the same time; `window` and `burst` have no meaning here and must be left out. */
  readonly concurrent?: number
  /** Prompts a window, of seconds, that differ from those before; the same one again within the window is free. */
  readonly prompts?: number
  /** Answers asked for a window: a request's `n`. */
  readonly choices?: number
  /** Calls a window that ask for the probabilities of tokens. */
  readonly logprobs?: number
  /** Seconds, fractions allowed; or `'day'` or `'month'`: from midnight to midnight, from a first to the next. */
  readonly window?: LimitWindow
  /** Where the day or month begins: a time zone of IANA; UTC unless given. */
  readonly zone?: string
  /** How much may be had at once; the whole amount unless given. Not with a window of the calendar, whose amount may always be. */
  readonly burst?: number
  /**
   * After how many seconds comes back what a call holds that is gone: with `concurrent` its place (30 unless given), with a
   * window of the calendar what it had reserved (300 unless given). A call that runs renews it.
   */
  readonly lease?: number
  /**
   * Whether several callers spend from it together. What is left of it is then told to none of them, since it tells what the
   * others do. Unless given, a limit is taken for shared where its key is the tenant, the action, the resource or the guard.
   */
  readonly shared?: boolean
}

/** A limit, parsed: what a store needs of it. Frozen. */
export interface PlannedLimit {
  readonly name: string
  readonly unit: LimitUnit
  /** How much leaks away in one window, or may be had in one; for `concurrent`, where nothing does, how much there is. */
  readonly quantity: number
  /** Undefined for `concurrent`. */
  readonly window: LimitWindow | undefined
  readonly burst: number
  /** With a window of the calendar. */
  readonly zone?: string
  /** Seconds; with `concurrent` and with a window of the calendar. */
  readonly lease?: number
  readonly shared?: boolean
}

/** What a limit may count, in the order in which it is asked for. */
export const limitUnits: readonly LimitUnit[] = ['requests', 'tokens', 'cost', 'concurrent', 'prompts', 'choices', 'logprobs']

/** Seconds after which a place in a `concurrent` limit, or what is held of a day or month, comes back unless it is renewed. */
const usualLease = { place: 30, budget: 300 } as const

// What they must be hangs on one another, and is checked below.
const anything: Check = [() => true, 'there']
const checks: Readonly<Record<keyof Limit<never>, Check>> = {
  name: anything,
  per: anything,
  requests: anything,
  tokens: anything,
  cost: anything,
  concurrent: anything,
  prompts: anything,
  choices: anything,
  logprobs: anything,
  window: anything,
  zone: anything,
  burst: anything,
  lease: anything,
  shared: anything,
}

/** Parses and copies a limit. @throws TypeError where it is wrong; `what` says in the message where it stands. */
export function planLimit(limit: Omit<Limit<never>, 'per'>, what = 'limit'): PlannedLimit {
  checkOptions(what, limit, checks)
  const { name, window, burst, zone, lease, shared } = limit
  if (typeof name !== 'string' || !isPlainName(name))
    throw new TypeError(`${what}.name: must be 1 to 64 printable ASCII characters without quotes and backslashes`)
  const given = limitUnits.map((unit) => ({ unit, quantity: limit[unit] })).filter(({ quantity }) => quantity !== undefined)
  const [amount] = given
  if (amount?.quantity === undefined || given.length > 1) throw new TypeError(`${what}: give exactly one of ${limitUnits.join(', ')}`)
  const { unit, quantity } = amount
  wholeNumber(quantity, `${what}.${unit}`)
  if (shared !== undefined && typeof shared !== 'boolean') throw new TypeError(`${what}.shared: must be a boolean`)
  if (lease !== undefined) positive(lease, `${what}.lease: must be a positive number of seconds`)
  const common = { name, unit, quantity, ...(shared !== undefined && { shared }) }
  if (unit === 'concurrent') {
    if (window !== undefined || burst !== undefined || zone !== undefined)
      throw new TypeError(`${what}: window, zone and burst have no meaning beside concurrent`)
    return Object.freeze({ ...common, window: undefined, burst: quantity, lease: lease ?? usualLease.place })
  }
  if (window === 'day' || window === 'month') {
    if (burst !== undefined) throw new TypeError(`${what}.burst: has no meaning beside a window of the calendar`)
    if (unit === 'prompts') throw new TypeError(`${what}.window: must be seconds beside prompts, which are remembered for so long`)
    if (zone !== undefined && !isZone(zone)) throw new TypeError(`${what}.zone: must be a time zone of IANA, such as 'Europe/Warsaw'`)
    return Object.freeze({ ...common, window, burst: quantity, zone: zone ?? 'UTC', lease: lease ?? usualLease.budget })
  }
  if (lease !== undefined) throw new TypeError(`${what}.lease: has no meaning without concurrent or a window of the calendar`)
  if (zone !== undefined) throw new TypeError(`${what}.zone: has no meaning without a window of the calendar`)
  positive(window, `${what}.window: must be a positive number of seconds, 'day' or 'month'`)
  if (burst !== undefined) wholeNumber(burst, `${what}.burst`)
  return Object.freeze({ ...common, window, burst: burst ?? quantity })
}

/** The limit with only a part of everything, and at least one. */
export function scaledLimit(limit: PlannedLimit, fraction: number): PlannedLimit {
  const scaled = (amount: number): number => Math.max(1, Math.floor(amount * fraction))
  return Object.freeze({ ...limit, quantity: scaled(limit.quantity), burst: scaled(limit.burst) })
}

function positive(value: unknown, complaint: string): asserts value is number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0) throw new TypeError(complaint)
}

// What a structured field can carry as a string without escapes (RFC 9651, section 3.3.3).
function isPlainName(name: string): boolean {
  return /^[ !#-[\]-~]{1,64}$/.test(name)
}

function wholeNumber(value: unknown, what: string): void {
  if (!Number.isSafeInteger(value) || (value as number) < 1) throw new TypeError(`${what}: must be a whole number above zero`)
}

/** Characters that a key may have: strangers may choose them. */
const maxKeyLength = 512

/**
 * The key that `per` yields for this call.
 *
 * @throws GuardError `misconfigured` where it yields nothing, throws, or yields what cannot be a key: whoever has no key of
 * its own must not share one with others.
 */
export function limitKey<C>(name: string, per: (call: C) => unknown, call: C): string {
  let key: unknown
  try {
    key = per(call)
  } catch (error) {
    if (isGuardError(error)) throw error
    throw new GuardError('misconfigured', { reason: `limit '${name}': its key could not be worked out`, cause: error })
  }
  abandon(key)
  if (typeof key !== 'string' || key === '') throw new GuardError('misconfigured', { reason: `limit '${name}': the call has no key` })
  if (key.length > maxKeyLength)
    throw new GuardError('misconfigured', { reason: `limit '${name}': the call's key is longer than ${maxKeyLength} characters` })
  return key
}
