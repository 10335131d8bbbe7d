import { type Check, checkOptions } from '../guard/check-options.ts'
import { GuardError, isGuardError } from '../guard/errors.ts'
import { abandon } from '../guard/thenable.ts'

/** What a limit counts. */
export type LimitUnit = 'requests' | 'tokens' | 'concurrent'

/**
 * One limit: how much of one thing each key may have. Exactly one of `requests`, `tokens` and `concurrent` says how much.
 *
 * A limit is a bucket that leaks: at any moment at most `burst` fits into it, and what is in it leaks away evenly, the
 * whole amount in one `window`. So over any stretch of `t` seconds a key gets at most `burst + amount * t / window`, and an
 * unused limit never saves up more than its burst.
 *
 * ```ts
 * { name: 'minute', per: (call) => call.identity.key, requests: 60, window: 60, burst: 10 }
 * ```
 */
export interface Limit<in C> {
  /** Stands in header fields, quota and log; 1 to 64 printable ASCII characters without quotes and backslashes. Unique. */
  readonly name: string
  /** Whose limit it is: each key has its own. A key that is no string, empty or longer than 512 characters refuses the call. */
  readonly per: (call: C) => string
  /** Calls a window. A whole number. */
  readonly requests?: number
  /** Input and output tokens a window, all answers of a call together. A whole number. */
  readonly tokens?: number
  /** Calls at the same time. A whole number; `window` and `burst` have no meaning here and must be left out. */
  readonly concurrent?: number
  /** Seconds, fractions allowed. */
  readonly window?: number
  /** How much may be had at once; the whole amount unless given. A whole number. */
  readonly burst?: number
}

/** A limit, parsed: what a store needs of it. Frozen. */
export interface PlannedLimit {
  readonly name: string
  readonly unit: LimitUnit
  /** How much leaks away in one window; for `concurrent`, where nothing does, how much there is. */
  readonly quantity: number
  /** Seconds; undefined for `concurrent`. */
  readonly window: number | undefined
  readonly burst: number
}

const units = ['requests', 'tokens', 'concurrent'] as const

// What they must be hangs on one another, and is checked below.
const anything: Check = [() => true, 'there']
const checks: Readonly<Record<keyof Limit<never>, Check>> = {
  name: anything,
  per: anything,
  requests: anything,
  tokens: anything,
  concurrent: anything,
  window: anything,
  burst: anything,
}

/** Parses and copies a limit. @throws TypeError where it is wrong; `what` says in the message where it stands. */
export function planLimit(limit: Omit<Limit<never>, 'per'>, what = 'limit'): PlannedLimit {
  checkOptions(what, limit, checks)
  const { name, window, burst } = limit
  if (typeof name !== 'string' || !isPlainName(name))
    throw new TypeError(`${what}.name: must be 1 to 64 printable ASCII characters without quotes and backslashes`)
  const given = units.map((unit) => ({ unit, quantity: limit[unit] })).filter(({ quantity }) => quantity !== undefined)
  const [amount] = given
  if (amount?.quantity === undefined || given.length > 1) throw new TypeError(`${what}: give exactly one of ${units.join(', ')}`)
  const { unit, quantity } = amount
  wholeNumber(quantity, `${what}.${unit}`)
  if (unit === 'concurrent') {
    if (window !== undefined || burst !== undefined) throw new TypeError(`${what}: window and burst have no meaning beside concurrent`)
    return Object.freeze({ name, unit, quantity, window: undefined, burst: quantity })
  }
  if (typeof window !== 'number' || !Number.isFinite(window) || window <= 0)
    throw new TypeError(`${what}.window: must be a positive number of seconds`)
  if (burst !== undefined) wholeNumber(burst, `${what}.burst`)
  return Object.freeze({ name, unit, quantity, window, burst: burst ?? quantity })
}

/** The limit with only a part of everything, and at least one. */
export function scaledLimit(limit: PlannedLimit, fraction: number): PlannedLimit {
  const scaled = (amount: number): number => Math.max(1, Math.floor(amount * fraction))
  return Object.freeze({ ...limit, quantity: scaled(limit.quantity), burst: scaled(limit.burst) })
}

// What a structured field can carry as a string without escapes (RFC 9651, section 3.3.3).
function isPlainName(name: string): boolean {
  return /^[ !#-[\]-~]{1,64}$/.test(name)
}

function wholeNumber(value: unknown, what: string): void {
  if (!Number.isSafeInteger(value) || (value as number) < 1) throw new TypeError(`${what}: must be a whole number above zero`)
}

/** Characters that a key may have: a store holds many of them, and strangers may choose them. */
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
