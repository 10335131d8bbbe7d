import type { Attribute } from './attributes.ts'
import { type Operator, opposite, type Truth } from './operators.ts'
import type { Question } from './policy-request.ts'
import type { PlaceWithin } from './strict-read.ts'

/**
 * A condition, read: a tree of plain data, so that it can be explained, and so that ten thousand of them are not twice as
 * many closures. What several rules say alike is one and the same.
 */
export type Condition = Combination | AttributeTest

/** `all` and `any` of several conditions, or `not` of one. */
export interface Combination {
  readonly kind: 'all' | 'any' | 'not'
  readonly parts: readonly Condition[]
  /** Zero where nothing like it will be looked for. */
  readonly id: number
}

/** One attribute and one operator. */
export interface AttributeTest {
  readonly kind: 'test'
  readonly operator: Operator
  readonly attribute: Attribute
  /** What it is compared with: another attribute, or what the operator made of a literal. */
  readonly other: Attribute | undefined
  readonly operand: unknown
  /** Where it stands in its rule. The last step is the operator's name, or `expires`. */
  readonly place: PlaceWithin
  readonly id: number
}

/** Whether a condition is true. */
export function judge(condition: Condition, question: Question): Truth {
  switch (condition.kind) {
    case 'test':
      return judgeTest(condition, question)
    case 'not':
      return opposite(together(condition.parts, question, false))
    default:
      return together(condition.parts, question, condition.kind === 'any')
  }
}

function judgeTest({ operator, attribute, other, operand }: AttributeTest, question: Question): Truth {
  const value = attribute.read(question)
  return other === undefined ? operator.judge(value, operand) : operator.compare?.(value, other.read(question))
}

// `settling` is the value that settles it, whatever the others are.
function together(parts: readonly Condition[], question: Question, settling: boolean): Truth {
  let truth: Truth = !settling
  for (const part of parts) {
    const own = part.kind === 'test' ? judgeTest(part, question) : judge(part, question)
    if (own === settling) return settling
    if (own === undefined) truth = undefined
  }
  return truth
}
