import { type Check, checkOptions, hasMethods, isBoolean, optional } from '../guard/check-options.ts'
import { publicAlgorithms } from '../keys/jwks.ts'
import { memoryState } from '../state/memory-state.ts'
import type { StateStore } from '../state/state-store.ts'

/** How proofs of possession are judged (RFC 9449). Durations are seconds. */
export interface DpopOptions {
  /**
   * Where used proofs are remembered until they are too old; a memory of its own unless given. Instances that serve the
   * same addresses share one, or a proof works once at each of them.
   */
  readonly store?: StateStore
  /** How old a proof may be; 60 unless given, at most 600. */
  readonly maxAge?: number
  /** How far a client's clock may be ahead, and the clocks of instances apart; 5 unless given, at most 300. */
  readonly tolerance?: number
  /** Allowed `alg`s of proofs, all asymmetric; every one that is known unless given. A list may be given as one value. */
  readonly algorithms?: string | readonly string[]
  /** Whether a proof must hold a nonce of this server (RFC 9449, section 9); none unless given. */
  readonly nonces?: boolean | DpopNonceOptions
}

/** Nonces that need no memory: anybody with the secret can tell which are good. */
export interface DpopNonceOptions {
  /** At least 32 random bytes, the same for all instances; random unless given. */
  readonly secret?: Uint8Array
  /** How many seconds one nonce is handed out; 120 unless given, 1 to 3600. It is accepted as long again. */
  readonly period?: number
}

/** Parsed options. */
export interface DpopSettings {
  readonly store: StateStore
  /** Milliseconds. */
  readonly maxAge: number
  /** Milliseconds. */
  readonly tolerance: number
  readonly algorithms: readonly string[]
  readonly nonces: DpopNonceSettings | undefined
  /** Plain data for `guard.describe()`. Never a secret. */
  readonly details: Readonly<Record<string, unknown>>
}

/** Parsed options of nonces. */
export interface DpopNonceSettings {
  /** A random one is made when it is first needed: some runtimes have no randomness while modules load. */
  readonly secret: Uint8Array<ArrayBuffer> | undefined
  /** Milliseconds. */
  readonly period: number
}

const between = (low: number, high: number): Check => [
  optional((value) => typeof value === 'number' && value >= low && value <= high),
  `${low} to ${high} seconds`,
]
const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null
const checks: Readonly<Record<keyof DpopOptions, Check>> = {
  store: [optional(hasMethods('add', 'describe')), 'a StateStore'],
  maxAge: between(1, 600),
  tolerance: between(0, 300),
  algorithms: [
    optional((value) => textsIn(value).every((name) => publicAlgorithms.includes(name)) && textsIn(value).length > 0),
    'asymmetric algorithms that are verified here',
  ],
  nonces: [optional((value) => isBoolean(value) || isObject(value)), 'true, false, or an object'],
}
const nonceChecks: Readonly<Record<keyof DpopNonceOptions, Check>> = {
  secret: [optional((value) => value instanceof Uint8Array && value.length >= 32), 'at least 32 bytes'],
  period: between(1, 3600),
}

/** Parses and copies the options of proofs. @throws TypeError where they are wrong. */
export function dpopSettings(options: DpopOptions = {}): DpopSettings {
  checkOptions('dpop', options, checks)
  const { store = memoryState(), maxAge = 60, tolerance = 5, nonces = false } = options
  const algorithms = Object.freeze(options.algorithms === undefined ? [...publicAlgorithms] : textsIn(options.algorithms))
  const rules = nonces === false ? undefined : nonceSettings(nonces === true ? {} : nonces)
  return {
    store,
    maxAge: maxAge * 1000,
    tolerance: tolerance * 1000,
    algorithms,
    nonces: rules,
    details: Object.freeze({
      maxAge,
      tolerance,
      algorithms,
      nonces: rules !== undefined && { period: rules.period / 1000, shared: rules.secret !== undefined },
      store: store.describe(),
    }),
  }
}

function nonceSettings(options: DpopNonceOptions): DpopNonceSettings {
  checkOptions('dpop: nonces', options, nonceChecks)
  const { secret, period = 120 } = options
  return { secret: secret && Uint8Array.from(secret), period: period * 1000 }
}

// What is no text is in no list of algorithms.
function textsIn(value: unknown): readonly string[] {
  return (Array.isArray(value) ? value : [value]).map((item) => (typeof item === 'string' ? item : ''))
}
