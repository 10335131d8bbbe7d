import { type Possible, truth } from './possible-truth.ts'
import type { RecordedCall } from './recorded-call.ts'
import type { ReplayPolicy, ReplayRule } from './replay-policy.ts'

/**
 * What a record says of the conditions of the policy that decided, by the rules that it names: a permit that decided was
 * true, a forbid that did not was false. So a log can be replayed, as far as conditions stay what they were, without a
 * single attribute.
 *
 * @param scope the rules of that policy whose scope the request fits.
 * @returns by condition; undefined where the record cannot be of this policy, whatever its name says.
 */
export function recordedTruths(call: RecordedCall, policy: ReplayPolicy, scope: ReadonlySet<ReplayRule>): Map<string, Possible> | undefined {
  const decided = new Set<ReplayRule>()
  for (const { rule: id, effect } of call.rules) {
    const rule = policy.byId.get(id)
    if (rule === undefined || rule.parsed.effect !== effect || !scope.has(rule)) return undefined
    decided.add(rule)
  }
  const isForbidden = call.rules.some(({ effect }) => effect === 'forbid')
  if (call.permitted && (isForbidden || decided.size === 0)) return undefined
  const said = call.permitted ? permitted : isForbidden ? forbidden : decided.size > 0 ? undecided : unmatched
  const truths = new Map<string, Possible>()
  for (const rule of scope) {
    const possible = said(rule, decided.has(rule))
    const all = rule.condition === undefined ? truth.true & possible : (truths.get(rule.condition) ?? truth.any) & possible
    if (all === 0) return undefined
    if (rule.condition !== undefined) truths.set(rule.condition, all)
  }
  return truths
}

type Said = (rule: ReplayRule, hasDecided: boolean) => Possible

const permitted: Said = ({ parsed, hasDuties }, hasDecided) => {
  if (parsed.effect === 'forbid') return truth.false
  if (hasDecided) return truth.true
  return hasDuties ? truth.false : truth.false | truth.unknown
}

const forbidden: Said = ({ parsed }, hasDecided) => {
  if (parsed.effect === 'permit') return truth.any
  return hasDecided ? truth.true | truth.unknown : truth.false
}

// Denied since nobody knows whether the duties of a permit apply.
const undecided: Said = ({ parsed, hasDuties }, hasDecided) => {
  if (parsed.effect === 'forbid') return truth.false
  if (hasDecided) return hasDuties ? truth.unknown : 0
  return hasDuties ? truth.false | truth.true : truth.any
}

const unmatched: Said = ({ parsed, hasDuties }) => {
  if (parsed.effect === 'forbid' || hasDuties) return truth.false
  return truth.false | truth.unknown
}
