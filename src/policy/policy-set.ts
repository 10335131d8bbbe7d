import type { AttributeTypes } from './attributes.ts'
import type { Policy, Undeclared } from './policy.ts'
import type { Decision, Obligation } from '../guard/context.ts'
import { mergeObligations, noObligations } from './obligations.ts'
import type { Truth } from './operators.ts'
import { type ParsedPolicy, type ParsedRule, parsePolicy } from './parse-policy.ts'
import type { PolicyEvaluator, PolicyRequest } from './policy-evaluator.ts'
import { type Question, readQuestion } from './policy-request.ts'
import { type RuleIndex, ruleIndex } from './rule-index.ts'
import { complain } from './strict-read.ts'
import type { AttributeTest, Condition } from './condition.ts'

/** A policy, compiled. */
export interface PolicySet extends PolicyEvaluator {
  /**
   * Decides, at once and without side effects. Denies what no rule permits, what a rule forbids, and what is no request.
   * `reasons` are the rules that decided, by id; a denial for want of a permit has none.
   */
  evaluate(request: PolicyRequest): Decision
  /** Why: every rule whose scope fits, and which of its conditions did not hold. For operators, never for callers. */
  explain(request: PolicyRequest, options?: ExplainOptions): Explanation
  readonly obliges: readonly string[]
  describe(): PolicyDescription
}

/** What there is to know of a policy without reading it. */
export interface PolicyDescription {
  readonly [key: string]: unknown
  readonly kind: 'policySet'
  readonly id: string
  readonly version: string
  readonly rules: number
  readonly permits: number
  readonly forbids: number
  /** Rules that are narrowed neither by action nor by resource nor by subject, and so are asked about every call. */
  readonly unscoped: number
  /** Declared attributes. */
  readonly attributes: number
  readonly obligations: readonly string[]
}

/**
 * The embedded policy engine: roles and attributes as data, compiled.
 *
 * - Default deny: what no rule permits is denied.
 * - A `forbid` overrides every permit; the order of rules never matters.
 * - `all`, `any` and `not` follow Kleene's three values. A missing attribute, one of another type and NaN are *unknown*,
 *   not false; nothing is converted. `exists` asks whether there is a value; null is none.
 * - Only *true* permits. An unknown `forbid` denies. An unknown permit is passed over, unless it carries obligations:
 *   then the request is denied, or leaving an attribute out would shed a duty.
 * - The obligations are those of all permits that matched; numbers take the strictest.
 * - Attributes are own data members: nothing inherited, no getter.
 *
 * The policy is copied: what is done to the object afterwards changes nothing.
 *
 * ```ts
 * const policy = policySet({
 *   id: 'support',
 *   version: '7',
 *   roles: { analyst: { inherits: ['reader'] } },
 *   rules: [{ id: 'readers-chat', effect: 'permit', subject: { roles: 'reader' }, action: 'chat', resource: { type: 'model', id: 'gpt-*' } }],
 * })
 * ```
 *
 * @throws TypeError that names the place, for anything that is not exactly a policy: see `Policy` for its form.
 */
export function policySet(policy: unknown, options: Readonly<Record<string, never>> = {}): PolicySet {
  for (const option of Object.keys(options)) complain('policySet', `'${option}' is no option`)
  const parsed = parsePolicy(policy)
  const compiled = compile(parsed)
  const obliges = Object.freeze([...new Set(parsed.rules.flatMap((rule) => rule.obligations.map(({ type }) => type)))].sort())
  const description: PolicyDescription = Object.freeze({
    kind: 'policySet',
    id: parsed.id,
    version: parsed.version,
    rules: parsed.rules.length,
    permits: parsed.rules.filter(({ effect }) => effect === 'permit').length,
    forbids: parsed.rules.filter(({ effect }) => effect === 'forbid').length,
    unscoped: parsed.rules.filter(isUnscoped).length,
    attributes: parsed.attributes.count,
    obligations: obliges,
  })
  const set: PolicySet = Object.freeze({
    evaluate(request: PolicyRequest): Decision {
      const question = readQuestion(request, parsed.roles)
      return question === undefined ? compiled.nothing : decide(compiled, question)
    },
    explain(request: PolicyRequest, { values = false }: ExplainOptions = {}): Explanation {
      const question = readQuestion(request, parsed.roles)
      if (question === undefined) return { decision: compiled.nothing, rules: [] }
      const rules = byRank([...compiled.forbids.find(question), ...compiled.permits.find(question)])
      return { decision: decide(compiled, question), rules: rules.map((rule) => explainRule(rule, question, values)) }
    },
    obliges,
    describe: () => description,
  })
  genuine.add(set)
  return set
}

// Its answers are known to be whole, prompt and frozen, so that they need not be checked again at each call.
const genuine = new WeakSet<object>()

/** Whether an evaluator was made by `policySet`. */
export function isPolicySet(evaluator: PolicyEvaluator): evaluator is PolicySet {
  return genuine.has(evaluator)
}

interface Rule {
  readonly id: string
  readonly effect: 'permit' | 'forbid'
  readonly when: ParsedRule['when']
  readonly obligations: readonly Obligation[]
  /** Its place among all rules by id, so that an answer does not depend on how they were listed. */
  readonly rank: number
  /** The answer where this rule alone decides. */
  readonly alone: Decision
  residual: ((question: Question) => boolean) | undefined
}

interface Compiled {
  readonly policy: Decision['policy']
  readonly permits: RuleIndex<Rule>
  readonly forbids: RuleIndex<Rule>
  /** The answer where no rule decides. */
  readonly nothing: Decision
}

function compile(parsed: ParsedPolicy): Compiled {
  const policy = Object.freeze({ id: parsed.id, version: parsed.version })
  const compiled = { policy, permits: ruleIndex<Rule>(), forbids: ruleIndex<Rule>(), nothing: decisionOf(policy, false, [], noObligations) }
  const sorted = [...parsed.rules].sort((one, other) => (one.id < other.id ? -1 : 1))
  for (const [rank, scope] of sorted.entries()) {
    const { id, effect, when, obligations } = scope
    const alone = decisionOf(policy, effect === 'permit', [{ id, effect }], obligations)
    const rule: Rule = { id, effect, when, obligations, rank, alone, residual: undefined }
    ;(effect === 'permit' ? compiled.permits : compiled.forbids).add(rule, scope)
  }
  return compiled
}

function decide({ policy, permits, forbids, nothing }: Compiled, question: Question): Decision {
  let forbidding: Rule[] | undefined
  for (const rule of forbids.find(question)) if (truthOf(rule, question) !== false) (forbidding ??= []).push(rule)
  if (forbidding !== undefined) return together(policy, false, forbidding)
  let permitting: Rule[] | undefined
  let undecided: Rule[] | undefined
  for (const rule of permits.find(question)) {
    const truth = truthOf(rule, question)
    if (truth === true) (permitting ??= []).push(rule)
    else if (truth === undefined && rule.obligations.length > 0) (undecided ??= []).push(rule)
  }
  if (undecided !== undefined) return decisionOf(policy, false, byRank(undecided), noObligations)
  return permitting === undefined ? nothing : together(policy, true, permitting)
}

/** What a rule's condition is; true where it has none. */
function truthOf({ when }: Rule, question: Question): Truth {
  return when === undefined ? true : when.decide(question)
}

function together(policy: Decision['policy'], allowed: boolean, rules: Rule[]): Decision {
  const [first] = rules
  if (rules.length === 1 && first !== undefined) return first.alone
  const distinct = byRank(rules)
  const [only] = distinct
  if (distinct.length === 1 && only !== undefined) return only.alone
  return decisionOf(policy, allowed, distinct, mergeObligations(...distinct.map(({ obligations }) => obligations)))
}

// In order and each once: a rule is found under each of its names that fits.
function byRank(rules: Rule[]): readonly Rule[] {
  rules.sort((one, other) => one.rank - other.rank)
  return rules.filter((rule, index) => rule !== rules[index - 1])
}

function decisionOf(
  policy: Decision['policy'],
  allowed: boolean,
  rules: readonly Pick<Rule, 'id' | 'effect'>[],
  obligations: readonly Obligation[],
): Decision {
  const reasons = Object.freeze(rules.map(({ id, effect }) => Object.freeze({ rule: id, effect })))
  return Object.freeze({ allowed, policy, reasons, obligations })
}

function isUnscoped(rule: ParsedRule): boolean {
  const { actions, resourceTypes, resourceIds, subjectIds, subjectRoles } = rule
  return (
    [actions, resourceTypes, resourceIds, subjectIds].every((list) => list === undefined || list.some(isEverything)) && subjectRoles === undefined
  )
}

function isEverything({ text, prefix }: { readonly text: string; readonly prefix: boolean }): boolean {
  return prefix && text === ''
}

/** Why a policy decided as it did. It names rules and attributes: for operators and tests, never for a caller. */
export interface Explanation {
  readonly decision: Decision
  /** Every rule whose subject, action and resource fit, by id. */
  readonly rules: readonly ExplainedRule[]
}

/** One rule whose scope fits. */
export interface ExplainedRule {
  readonly rule: string
  readonly effect: 'permit' | 'forbid'
  readonly outcome: ExplainedTruth
  /** What made it so where it is not true: the tests that were false, or unknown. */
  readonly conditions: readonly ExplainedCondition[]
}

/** One test that kept a rule from matching. */
export interface ExplainedCondition {
  /** Where it stands in the policy. */
  readonly place: string
  readonly path: string
  readonly operator: string
  /** What it was itself; `true` where it stands under a `not`. */
  readonly outcome: ExplainedTruth
  /** What was found there: a type, never a value. */
  readonly found: string
  /** The attribute's value; only where `values` was asked for. */
  readonly value?: unknown
}

/** One of Kleene's values, as a word. */
export type ExplainedTruth = 'true' | 'false' | 'unknown'

/** How to explain. */
export interface ExplainOptions {
  /** Whether to show the values of attributes. They are left out unless asked for. */
  readonly values?: boolean
}

/** Explains one rule. */
function explainRule(
  { id, effect, when }: { readonly id: string; readonly effect: 'permit' | 'forbid'; readonly when: Condition | undefined },
  question: Question,
  values: boolean,
): ExplainedRule {
  const truth = when === undefined ? true : when.decide(question)
  const tests = when === undefined || truth === true ? [] : responsible(when, truth, question)
  return { rule: id, effect, outcome: word(truth), conditions: tests.map((test) => explainTest(test, question, values)) }
}

// The tests without which the condition would not be what it is.
function responsible(condition: Condition, truth: Truth, question: Question): readonly AttributeTest[] {
  if (condition.kind === 'test') return [condition]
  return condition.parts.flatMap((part) => {
    const own = part.decide(question)
    const wanted = condition.kind === 'not' || own === truth
    return wanted ? responsible(part, own, question) : []
  })
}

function explainTest(test: AttributeTest, question: Question, values: boolean): ExplainedCondition {
  const value = test.read(question)
  const { place, path, operator } = test
  return { place, path, operator, outcome: word(test.decide(question)), found: typeName(value), ...(values && { value }) }
}

function word(truth: Truth): ExplainedTruth {
  return truth === undefined ? 'unknown' : truth ? 'true' : 'false'
}

function typeName(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'list'
  if (typeof value === 'number' && !Number.isFinite(value)) return 'no finite number'
  return typeof value === 'symbol' ? 'getter' : typeof value
}

/**
 * A policy whose attribute paths and operators the compiler checks against what `attributes` declares. Returns the very
 * object: it is read, checked and copied by `policySet`.
 *
 * ```ts
 * const policy = definePolicy({
 *   id: 'support',
 *   version: '7',
 *   attributes: { 'context.risk': 'number' },
 *   rules: [{ id: 'analysts-chat', effect: 'permit', subject: { roles: 'analyst' }, action: 'chat', when: { 'context.risk': { lt: 0.7 } } }],
 * })
 * ```
 */
export function definePolicy<const A extends AttributeTypes = Undeclared>(policy: Policy<A>): Policy<A> {
  return policy
}
