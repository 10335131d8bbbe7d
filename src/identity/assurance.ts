import { type Check, checkOptions, optional } from '../guard/check-options.ts'
import type { Identity } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import { countFactors, isFactorCount } from './factors.ts'

/** How strongly a caller must have been authenticated. */
export interface AssuranceOptions {
  /** Authentication context classes, one of which is wanted. */
  readonly acr?: string | readonly string[]
  /** Authentication methods (RFC 8176), all of which are wanted. */
  readonly amr?: string | readonly string[]
  /** How long ago it may have been, in seconds. An unknown time is too long ago. */
  readonly maxAge?: number
  /** How many independent factors are wanted, from 1 to 3: see `requireFactors`. */
  readonly factors?: number
}

/** Parsed options. */
export interface AssuranceRules {
  readonly acr: readonly string[] | undefined
  readonly amr: readonly string[]
  /** Milliseconds. */
  readonly maxAge: number | undefined
  readonly factors: number | undefined
  /** What a challenge asks for (RFC 9470, section 3). */
  readonly wanted: Readonly<Record<string, string>>
}

/** How far the clock of whoever authenticated may be ahead, in milliseconds. */
const tolerance = 5000

const word = /^[\x21\x23-\x5b\x5d-\x7e]+$/
const areWords = (value: unknown): boolean => {
  const items: readonly unknown[] = Array.isArray(value) ? value : [value]
  return items.length > 0 && items.every((item) => typeof item === 'string' && word.test(item))
}
const words = 'a word of visible ASCII without quotes, or a list of them'
const checks: Readonly<Record<keyof AssuranceOptions, Check>> = {
  acr: [optional(areWords), words],
  amr: [optional(areWords), words],
  maxAge: [optional((value) => typeof value === 'number' && value >= 0 && Number.isFinite(value)), 'a number of seconds'],
  factors: [optional(isFactorCount), 'a whole number from 1 to 3'],
}

/** Parses and copies assurance options. @throws TypeError where they are wrong. */
export function assuranceRules(options: AssuranceOptions): AssuranceRules {
  checkOptions('assurance', options, checks)
  const { acr, amr, maxAge, factors } = options
  return rulesOf(acr === undefined ? undefined : texts(acr), amr === undefined ? [] : texts(amr), maxAge, factors)
}

/**
 * One set of rules that is met where all of several are; undefined where none can meet them, as their classes have none in
 * common. For what was parsed already.
 */
export function allAssurance(several: readonly AssuranceOptions[]): AssuranceRules | undefined {
  let classes: readonly string[] | undefined
  let methods: readonly string[] = []
  let youngest: number | undefined
  let most: number | undefined
  for (const { acr, amr, maxAge, factors } of several) {
    if (acr !== undefined) {
      const own = texts(acr)
      classes = classes === undefined ? own : classes.filter((each) => own.includes(each))
    }
    if (amr !== undefined) methods = [...methods, ...texts(amr)]
    if (maxAge !== undefined) youngest = Math.min(youngest ?? maxAge, maxAge)
    if (factors !== undefined) most = Math.max(most ?? factors, factors)
  }
  return classes?.length === 0 ? undefined : rulesOf(classes, methods, youngest, most)
}

/** The rules as plain data, `maxAge` in seconds. */
export function describeAssurance({ acr, amr, maxAge, factors }: AssuranceRules): AssuranceOptions {
  return {
    ...(acr !== undefined && { acr }),
    ...(amr.length > 0 && { amr }),
    ...(maxAge !== undefined && { maxAge: maxAge / 1000 }),
    ...(factors !== undefined && { factors }),
  }
}

/** @throws GuardError `step_up_required` where an identity was not authenticated strongly enough, or not lately enough. */
export function requireAssurance(identity: Identity, rules: AssuranceRules, now: number): void {
  const reason = lackingAssurance(identity, rules, now)
  if (reason !== undefined) throw new GuardError('step_up_required', { reason })
}

/** Why an identity was not authenticated strongly enough, or not lately enough; undefined where it was. */
export function lackingAssurance(identity: Identity, rules: AssuranceRules, now: number): string | undefined {
  const { acr, amr, authenticatedAt } = identity.assurance
  if (rules.acr !== undefined && (acr === undefined || !rules.acr.includes(acr))) return 'the acr is not one of those that are wanted'
  if (!rules.amr.every((method) => amr.includes(method))) return 'a wanted authentication method was not used'
  if (rules.factors !== undefined && countFactors(identity) < rules.factors) return 'fewer independent factors were used than are wanted'
  if (rules.maxAge === undefined) return undefined
  if (authenticatedAt === undefined) return 'when the caller was authenticated is not known'
  if (authenticatedAt > now + tolerance) return 'the caller was authenticated in the future'
  // Whatever compares with nothing, such as NaN, is too long ago.
  return now - authenticatedAt <= rules.maxAge ? undefined : 'the caller was authenticated too long ago'
}

function rulesOf(
  acr: readonly string[] | undefined,
  amr: readonly string[],
  maxAge: number | undefined,
  factors: number | undefined,
): AssuranceRules {
  return {
    acr,
    amr,
    maxAge: maxAge === undefined ? undefined : maxAge * 1000,
    factors,
    wanted: {
      ...(acr !== undefined && { acr_values: acr.join(' ') }),
      ...(maxAge !== undefined && { max_age: String(Math.floor(maxAge)) }),
    },
  }
}

function texts(value: string | readonly string[]): readonly string[] {
  return Object.freeze(typeof value === 'string' ? [value] : [...value])
}
