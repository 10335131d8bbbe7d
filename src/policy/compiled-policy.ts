import type { Decision, Obligation } from '../guard/context.ts'
import { type Condition, judge } from './condition.ts'
import { fitsEverything } from './names.ts'
import { mergeDenials } from './denial-duties.ts'
import { mergeObligations, noObligations } from './obligations.ts'
import type { Truth } from './operators.ts'
import type { ParsedPolicy, ParsedRule } from './parse-policy.ts'
import type { Question } from './policy-request.ts'
import { type RuleIndex, ruleIndex } from './rule-index.ts'

/** A policy that was made ready to decide. */
export interface CompiledPolicy {
  readonly policy: Decision['policy']
  /** All of them, by id. */
  readonly rules: readonly Rule[]
  readonly permits: RuleIndex<Rule>
  readonly forbids: RuleIndex<Rule>
  /** The answer where no rule decides. */
  readonly nothing: Decision
}

/** A rule that was made ready to decide. */
export interface Rule {
  readonly parsed: ParsedRule
  /** What a decision looks at, in one place: among many rules, each look elsewhere costs as much as the rest of it. */
  readonly when: Condition | undefined
  readonly hasDuties: boolean
  /** Its place among all rules by id, so that an answer does not depend on how they were listed. */
  readonly rank: number
  /** The answer where this rule alone decides; made when it first does. */
  alone: Decision | undefined
  residual: ((question: Question) => boolean) | undefined
}

/** Makes a policy ready. @param policy what decisions call it. */
export function compilePolicy({ rules }: ParsedPolicy, policy: Decision['policy']): CompiledPolicy {
  const sorted = [...rules].sort((one, other) => (one.id < other.id ? -1 : 1))
  const ranked = sorted.map(
    (parsed, rank): Rule => ({
      parsed,
      when: parsed.when,
      hasDuties: parsed.obligations.length > 0,
      rank,
      alone: undefined,
      residual: undefined,
    }),
  )
  const [permits, forbids] = [ruleIndex<Rule>(), ruleIndex<Rule>()]
  for (const rule of ranked) (rule.parsed.effect === 'permit' ? permits : forbids).add(rule, rule.parsed)
  return { policy, rules: ranked, permits, forbids, nothing: decisionOf(policy, false, [], noObligations) }
}

/** Decides. */
export function decide({ policy, permits, forbids, nothing }: CompiledPolicy, question: Question): Decision {
  let forbidding: Rule[] | undefined
  for (const rule of forbids.find(question)) if (truthOf(rule, question) !== false) (forbidding ??= []).push(rule)
  if (forbidding !== undefined) return together(policy, false, forbidding)
  let permitting: Rule[] | undefined
  let undecided: Rule[] | undefined
  for (const rule of permits.find(question)) {
    const truth = truthOf(rule, question)
    if (truth === true) (permitting ??= []).push(rule)
    else if (truth === undefined && rule.hasDuties) (undecided ??= []).push(rule)
  }
  if (undecided !== undefined) return decisionOf(policy, false, byRank(undecided), noObligations)
  return permitting === undefined ? nothing : together(policy, true, permitting)
}

/** What a rule's condition is; true where it has none. */
export function truthOf({ when }: Rule, question: Question): Truth {
  return when === undefined ? true : judge(when, question)
}

function together(policy: Decision['policy'], allowed: boolean, rules: Rule[]): Decision {
  const distinct = rules.length === 1 ? rules : byRank(rules)
  const [first] = distinct
  if (distinct.length === 1 && first !== undefined) return (first.alone ??= decisionOf(policy, allowed, distinct, first.parsed.obligations))
  const merge = allowed ? mergeObligations : mergeDenials
  return decisionOf(policy, allowed, distinct, merge(...distinct.map(({ parsed }) => parsed.obligations)))
}

/** In order and each once: a rule is found under each of its names that fits. */
export function byRank(rules: Rule[]): readonly Rule[] {
  rules.sort((one, other) => one.rank - other.rank)
  return rules.filter((rule, index) => rule !== rules[index - 1])
}

function decisionOf(policy: Decision['policy'], allowed: boolean, rules: readonly Rule[], obligations: readonly Obligation[]): Decision {
  const reasons = Object.freeze(rules.map(({ parsed: { id, effect } }) => Object.freeze({ rule: id, effect })))
  return Object.freeze({ allowed, policy, reasons, obligations })
}

/** Whether every question finds a rule, so that it costs something at each. */
export function isUnscoped({ actions, resourceTypes, resourceIds, subjectIds, subjectRoles }: ParsedRule): boolean {
  if (!fitsEverything(actions) || !fitsEverything(resourceTypes) || !fitsEverything(resourceIds)) return false
  return subjectIds === undefined ? subjectRoles === undefined : fitsEverything(subjectIds)
}
