import type { Decision, Obligation } from '../../guard/context.ts'
import { mergeObligations, noObligations, parseObligation } from '../../policy/obligations.ts'
import { complain, type Place, readAnyList, readFields, readText } from '../../policy/strict-read.ts'

/** What stands in every decision. */
export interface OpaNames {
  readonly policy: Decision['policy']
  /** What the document is called that is asked: the rule that decides where none is named. */
  readonly rule: string
}

/** The answer where OPA has none: the document is undefined. */
export function undefinedOutcome({ policy }: OpaNames): Decision {
  return Object.freeze({ allowed: false, policy, reasons: Object.freeze([]), obligations: noObligations })
}

/**
 * A decision, from the document that OPA gave: `true`, `false`, or an object with `allow` (or `allowed`) and, where there are
 * any, `obligations` and `reasons`. Reasons are names of rules, or `{ rule, effect }`.
 *
 * Whatever else it holds is refused: a misspelt `obligations` would shed a duty.
 *
 * @throws TypeError that names the place and no value.
 */
export function readOutcome(value: unknown, names: OpaNames): Decision {
  if (typeof value === 'boolean') return decisionOf(value, undefined, noObligations, names)
  const { allow, allowed, obligations, reasons } = readFields(value, 'result', ['allow', 'allowed', 'obligations', 'reasons'])
  if (allow !== undefined && allowed !== undefined) complain('result', 'says allow and allowed; one is enough')
  const decided = allow ?? allowed
  if (typeof decided !== 'boolean') complain('result', 'must say allow or allowed: true or false')
  return decisionOf(decided, readReasons(reasons, decided), readObligations(obligations), names)
}

function decisionOf(
  allowed: boolean,
  given: Decision['reasons'] | undefined,
  obligations: readonly Obligation[],
  { policy, rule }: OpaNames,
): Decision {
  // A document that is defined has decided, also where it does not say why.
  const reasons = given ?? [Object.freeze({ rule, effect: effectOf(allowed) })]
  return Object.freeze({ allowed, policy, reasons: Object.freeze(reasons), obligations })
}

function readReasons(value: unknown, allowed: boolean): Decision['reasons'] | undefined {
  if (value === undefined) return undefined
  const list = readAnyList(value, 'result.reasons')
  return list.length === 0 ? undefined : list.map((reason, index) => readReason(reason, `result.reasons[${index}]`, allowed))
}

function readReason(value: unknown, place: Place, allowed: boolean): Decision['reasons'][number] {
  if (typeof value === 'string') return Object.freeze({ rule: readText(value, place), effect: effectOf(allowed) })
  const { rule, effect } = readFields(value, place, ['rule', 'effect'])
  if (effect !== 'permit' && effect !== 'forbid') complain(place, `effect must be 'permit' or 'forbid'`)
  if (allowed && effect === 'forbid') complain(place, 'a forbid is no reason to allow')
  return Object.freeze({ rule: readText(rule, place), effect })
}

function readObligations(value: unknown): readonly Obligation[] {
  if (value === undefined) return noObligations
  return mergeObligations(readAnyList(value, 'result.obligations').map((one, index) => parseObligation(one, `result.obligations[${index}]`)))
}

function effectOf(allowed: boolean): 'permit' | 'forbid' {
  return allowed ? 'permit' : 'forbid'
}
