import type { Decision } from '../guard/context.ts'
import type { AttributeTest, Condition } from './condition.ts'
import type { Truth } from './operators.ts'
import type { Question } from './question.ts'

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
export function explainRule(
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
