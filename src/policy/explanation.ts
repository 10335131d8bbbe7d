import type { Decision } from '../guard/context.ts'
import { byRank, type CompiledPolicy, decide, type Rule, truthOf } from './compiled-policy.ts'
import type { Attribute } from './attributes.ts'
import { type AttributeTest, type Condition, judge } from './condition.ts'
import { fitsName, type NamePattern } from './names.ts'
import type { Truth } from './operators.ts'
import type { ParsedRule } from './parse-policy.ts'
import type { Question } from './policy-request.ts'
import { placeText } from './strict-read.ts'

/** Why a policy decided as it did. It names rules and attributes: for operators, logs and tests, never for a caller. */
export interface Explanation {
  readonly decision: Decision
  /** Every rule whose subject, action and resource fit, by id. */
  readonly rules: readonly ExplainedRule[]
  /** Where nothing permits: the permits that came nearest to it, nearest first. */
  readonly nearest: readonly ExplainedRule[]
  /** What is wrong with a question that is no request; then nothing was asked. */
  readonly malformed?: string
}

/** One rule, and what kept it from matching. */
export interface ExplainedRule {
  readonly rule: string
  readonly effect: 'permit' | 'forbid'
  readonly outcome: ExplainedTruth
  /** The tests that made its condition false or unknown. */
  readonly conditions: readonly ExplainedCondition[]
  /** The parts of its scope that do not fit. Absent where all of them do. */
  readonly scope?: readonly ExplainedScope[]
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
  /** Where it was compared with another attribute: which, and what was found there. */
  readonly other?: { readonly path: string; readonly found: string; readonly value?: unknown }
}

/** One part of a rule's scope that does not fit. */
export interface ExplainedScope {
  readonly part: 'subject.type' | 'subject.id' | 'subject.roles' | 'action' | 'resource.type' | 'resource.id'
  /** What the rule is for; the first 16. */
  readonly wanted: readonly string[]
  /** What was asked for; only where `values` was asked for. Of roles: those that were held, and what they include. */
  readonly value?: unknown
}

/** One of Kleene's values, as a word. */
export type ExplainedTruth = 'true' | 'false' | 'unknown'

/** How to explain. */
export interface ExplainOptions {
  /** Whether to show the values of attributes and names of the request. They are left out unless asked for. */
  readonly values?: boolean
  /** How many of the nearest permits to name; 3 unless given. */
  readonly nearest?: number
  /**
   * Whether to look for them among all rules. Otherwise it is looked only where rules stand that fit but for the subject, the
   * id, the type or the action, and at so many at most that it costs microseconds, however many rules there are.
   */
  readonly thorough?: boolean
}

/** How many rules are looked at for each that may be named. */
const looksForEach = 8

/** How many of the names that a rule is for are shown. */
const mostWanted = 16

/** Explains a decision. */
export function explain(
  compiled: CompiledPolicy,
  question: Question,
  { values = false, nearest = 3, thorough = false }: ExplainOptions,
): Explanation {
  const decision = decide(compiled, question)
  const fitting = byRank([...compiled.forbids.find(question), ...compiled.permits.find(question)])
  const rules = fitting.map((rule) => explainRule(rule, question, values, undefined))
  const permitted = rules.some(({ effect, outcome }) => effect === 'permit' && outcome === 'true')
  return { decision, rules, nearest: permitted || nearest === 0 ? [] : nearestOf(compiled, question, rules, { values, nearest, thorough }) }
}

function nearestOf(
  { rules, permits }: CompiledPolicy,
  question: Question,
  fitting: readonly ExplainedRule[],
  { values, nearest, thorough }: Required<ExplainOptions>,
): readonly ExplainedRule[] {
  const misses: { readonly rule: Rule; readonly scope: readonly ExplainedScope[] }[] = []
  for (const rule of thorough ? rules : permits.around(question, nearest * looksForEach)) {
    const scope = rule.parsed.effect === 'permit' ? scopeOf(rule.parsed, question, values) : []
    if (scope.length > 0) misses.push({ rule, scope })
  }
  misses.sort((one, other) => one.scope.length - other.scope.length || one.rule.rank - other.rule.rank)
  const explained = fitting.filter(({ effect }) => effect === 'permit')
  for (const { rule, scope } of misses.slice(0, nearest)) explained.push(explainRule(rule, question, values, scope))
  return explained.sort((one, other) => distance(one) - distance(other)).slice(0, nearest)
}

function distance({ scope, conditions }: ExplainedRule): number {
  return (scope?.length ?? 0) + conditions.length
}

// The parts that do not fit.
function scopeOf(parsed: ParsedRule, question: Question, values: boolean): readonly ExplainedScope[] {
  const scope: ExplainedScope[] = []
  const check = (part: ExplainedScope['part'], patterns: readonly NamePattern[] | undefined, asked: string): void => {
    if (patterns !== undefined && !patterns.some((pattern) => fitsName(pattern, asked))) scope.push(miss(part, patterns, values, asked))
  }
  check('action', parsed.actions, question.actionName)
  check('resource.type', parsed.resourceTypes, question.resourceType)
  check('resource.id', parsed.resourceIds, question.resourceId)
  check('subject.type', parsed.subjectTypes, question.subjectType)
  check('subject.id', parsed.subjectIds, question.subjectId)
  const { subjectRoles: roles } = parsed
  if (roles !== undefined && !question.roles.some((role) => roles.includes(role))) scope.push(miss('subject.roles', roles, values, question.roles))
  return scope
}

function miss(part: ExplainedScope['part'], wanted: readonly string[], values: boolean, value: unknown): ExplainedScope {
  return values ? { part, wanted: wanted.slice(0, mostWanted), value } : { part, wanted: wanted.slice(0, mostWanted) }
}

function explainRule(rule: Rule, question: Question, values: boolean, scope: readonly ExplainedScope[] | undefined): ExplainedRule {
  const { id, effect, when } = rule.parsed
  const truth = truthOf(rule, question)
  const tests: AttributeTest[] = []
  if (when !== undefined && truth !== true) collect(when, truth, question, tests)
  const conditions = tests.map((test) => explainTest(rule, test, question, values))
  return { rule: id, effect, outcome: scope === undefined ? word(truth) : 'false', conditions, ...(scope && { scope }) }
}

// The tests without which the condition would not be what it is.
function collect(condition: Condition, truth: Truth, question: Question, tests: AttributeTest[]): void {
  if (condition.kind === 'test') {
    tests.push(condition)
    return
  }
  for (const part of condition.parts) {
    const own = judge(part, question)
    if (condition.kind === 'not' || own === truth) collect(part, own, question, tests)
  }
}

function explainTest({ parsed }: Rule, test: AttributeTest, question: Question, values: boolean): ExplainedCondition {
  const { place, attribute, other } = test
  const value = attribute.read(question)
  return {
    place: placeText(parsed.place) + placeText(place),
    path: attribute.path,
    operator: place.step === 'expires' ? 'before' : String(place.step),
    outcome: word(judge(test, question)),
    found: typeName(value),
    ...(values && { value: shownValue(value) }),
    ...(other && { other: explainOther(other, question, values) }),
  }
}

function explainOther({ path, read }: Attribute, question: Question, values: boolean): NonNullable<ExplainedCondition['other']> {
  const value = read(question)
  return { path, found: typeName(value), ...(values && { value: shownValue(value) }) }
}

// What only code could yield is no value to show.
function shownValue(value: unknown): unknown {
  return typeof value === 'symbol' ? undefined : value
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
