import { type Check, checkOptions, hasMethods, isBoolean, isFunction, optional } from '../guard/check-options.ts'
import { type Clock, systemClock } from '../guard/clock.ts'
import { secureUrl } from '../keys/secure-url.ts'
import { type PolicySignature, type SignatureSettings, signatureSettings } from './open-policy.ts'
import type { PolicyError } from './policy-error.ts'
import type { LoadRequest, PolicySource } from './policy-source.ts'
import { maxPolicyLength } from './policy-text.ts'
import { PolicyAtUrl } from './policy-url.ts'

/** Options of `livePolicy`. Durations are seconds. */
export interface LivePolicyOptions {
  /**
   * Where the policy comes from: a URL of https (or http at a loopback address), what `policyFile` of `sallyport/file` gives, or a
   * function that returns the policy, or its text (JSON, or signed), or undefined for the same as before.
   */
  readonly load: URL | PolicySource | ((request: LoadRequest) => unknown)
  /** How often it is looked for; 60 for a URL, 5 for a file and 30 for a function unless given. `Infinity`: when `refresh` is called. */
  readonly every?: number
  /** By whose signature it counts. Then nothing unsigned does. */
  readonly requireSignature?: PolicySignature | undefined
  /** Its `id`. Unless given, it is that of the first one that was loaded. */
  readonly id?: string
  /**
   * The types of obligations that it may carry: a chain that cannot carry these out is refused when it is made, and a policy
   * with others when it comes.
   */
  readonly obliges?: readonly string[]
  /** Whether an older policy may replace a newer one; not unless given. */
  readonly allowRollback?: boolean
  /** How long one look may take; 10 unless given. */
  readonly timeout?: number
  /** How long its text may be, in bytes, or in characters as it comes; 8 MiB unless given. */
  readonly maxLength?: number
  /** Told when another policy has come into force. */
  readonly onChange?: (change: PolicyChange) => void
  /** Told why a policy was not put into force, or could not be had: once, until something else happens. */
  readonly onRefused?: (error: PolicyError) => void
  /** For a URL; `globalThis.fetch` unless given. */
  readonly fetch?: typeof globalThis.fetch
  /** The system's unless given. */
  readonly clock?: Clock
}

/** A policy that is in force. */
export interface PolicyInForce {
  readonly id: string
  readonly version: string
  readonly digest: string
  /** When it came into force, in milliseconds since 1970. */
  readonly loadedAt: number
  /** When it was signed, in milliseconds since 1970. */
  readonly signedAt?: number
}

/** Another policy has come into force. */
export interface PolicyChange {
  readonly current: PolicyInForce
  /** What was in force before; undefined for the first. */
  readonly previous: PolicyInForce | undefined
}

const isPositive = (value: unknown): value is number => typeof value === 'number' && value > 0
const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''
const isSource = hasMethods('load', 'describe')
const checks: Readonly<Record<keyof LivePolicyOptions, Check>> = {
  load: [(value) => value instanceof URL || isFunction(value) || isSource(value), 'a URL object, a function, or what policyFile() gives'],
  every: [optional(isPositive), 'a positive number of seconds'],
  requireSignature: [optional((value) => typeof value === 'object' && value !== null), 'an object with keys'],
  id: [optional(isText), 'a non-empty text'],
  obliges: [optional((value) => Array.isArray(value) && value.every(isText)), 'a list of types'],
  allowRollback: [optional(isBoolean), 'true or false'],
  timeout: [optional((value) => isPositive(value) && Number.isFinite(value)), 'a positive number of seconds'],
  maxLength: [optional((value) => Number.isSafeInteger(value) && isPositive(value)), 'a whole number above zero'],
  onChange: [optional(isFunction), 'a function'],
  onRefused: [optional(isFunction), 'a function'],
  fetch: [optional(isFunction), 'a function'],
  clock: [optional(hasMethods('now', 'monotonic', 'after')), 'a Clock'],
}

/** Parsed options. Durations are milliseconds. */
export interface LiveSettings {
  readonly source: PolicySource
  readonly every: number
  readonly signature: SignatureSettings | undefined
  readonly id: string | undefined
  readonly obliges: readonly string[] | undefined
  readonly allowRollback: boolean
  readonly timeout: number
  readonly maxLength: number
  readonly onChange: LivePolicyOptions['onChange']
  readonly onRefused: LivePolicyOptions['onRefused']
  readonly clock: Clock
}

/** Checks and copies. @throws TypeError */
export function liveSettings(options: LivePolicyOptions): LiveSettings {
  checkOptions('livePolicy', options, checks)
  const { load, requireSignature, id, obliges, allowRollback = false, timeout = 10, maxLength = maxPolicyLength } = options
  const { every, onChange, onRefused, fetch, clock = systemClock } = options
  if (fetch !== undefined && !(load instanceof URL)) throw new TypeError('livePolicy: fetch: is for a URL')
  const source = sourceOf(load, fetch)
  return {
    source,
    every: (every ?? (isPositive(source.every) ? source.every : undefined) ?? 30) * 1000,
    signature: requireSignature && signatureSettings('livePolicy: requireSignature', requireSignature),
    id,
    obliges: obliges && Object.freeze([...obliges].sort()),
    allowRollback,
    timeout: timeout * 1000,
    maxLength,
    onChange,
    onRefused,
    clock,
  }
}

function sourceOf(load: LivePolicyOptions['load'], fetch: typeof globalThis.fetch | undefined): PolicySource {
  if (load instanceof URL) return new PolicyAtUrl(secureUrl('livePolicy: load', load), fetch ?? ((input, init) => globalThis.fetch(input, init)))
  return typeof load === 'function' ? { load, describe: () => ({ kind: 'function' }) } : load
}
