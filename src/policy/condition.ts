import type { Attribute, DeclaredAttributes } from './attributes.ts'
import { containsText, elementType, operators, opposite, type Truth } from './operators.ts'
import type { Question } from './policy-request.ts'
import { complain, readFields, readList, readMembers, readText, shown } from './strict-read.ts'

/** A condition, read and made ready: a tree, so that it can be explained. */
export type Condition = Combination | AttributeTest

/** `all` and `any` of several conditions, or `not` of one. */
interface Combination {
  readonly kind: 'all' | 'any' | 'not'
  readonly parts: readonly Condition[]
  readonly decide: (question: Question) => Truth
}

/** One attribute and one operator. */
export interface AttributeTest {
  readonly kind: 'test'
  /** Where it stands in the policy. */
  readonly place: string
  readonly path: string
  readonly operator: string
  /** The path that it is compared with, where that is not a literal. */
  readonly otherPath?: string
  readonly read: (question: Question) => unknown
  readonly decide: (question: Question) => Truth
}

/** How deep conditions may nest. */
const maxDepth = 32

/**
 * Reads a condition: an object whose every entry must be true. Unknown where what decides is unknown (Kleene).
 *
 * @throws TypeError for an unknown operator, an operand of the wrong type, and a condition that says nothing.
 */
export function parseCondition(value: unknown, place: string, attributes: DeclaredAttributes, depth = 0): Condition {
  if (depth > maxDepth) complain(place, `conditions may nest ${maxDepth} deep`)
  const parts: Condition[] = []
  for (const [key, member] of readMembers(value, place)) {
    const here = key === 'all' || key === 'any' || key === 'not' ? `${place}.${key}` : `${place}['${shown(key)}']`
    const nested = (part: unknown, where: string): Condition => parseCondition(part, where, attributes, depth + 1)
    if (key === 'all' || key === 'any') {
      const list = readList(member, here)
      parts.push(
        combine(
          key,
          list.map((part, index) => nested(part, `${here}[${index}]`)),
        ),
      )
    } else if (key === 'not') parts.push(negate(nested(member, here)))
    else parts.push(...parseTests(key, member, here, attributes))
  }
  if (parts.length === 0) complain(place, 'must not be empty: it would always be true')
  return combine('all', parts)
}

function combine(kind: 'all' | 'any', parts: readonly Condition[]): Condition {
  const [only] = parts
  if (parts.length === 1 && only !== undefined) return only
  const decides = parts.map((part) => part.decide)
  // The value that settles it, whatever the others are.
  const settling = kind === 'any'
  return {
    kind,
    parts,
    decide(question) {
      let truth: Truth = !settling
      for (const decide of decides) {
        const part = decide(question)
        if (part === settling) return settling
        if (part === undefined) truth = undefined
      }
      return truth
    },
  }
}

function negate(part: Condition): Condition {
  return { kind: 'not', parts: [part], decide: (question) => opposite(part.decide(question)) }
}

function parseTests(text: string, tests: unknown, place: string, attributes: DeclaredAttributes): readonly AttributeTest[] {
  const attribute = attributes.find(text, place)
  const members = readMembers(tests, place)
  if (members.length === 0) complain(place, 'must hold an operator')
  return members.map(([operator, operand]) => parseTest(attribute, operator, operand, `${place}.${shown(operator)}`, attributes))
}

function parseTest({ path, type, read }: Attribute, name: string, operand: unknown, place: string, attributes: DeclaredAttributes): AttributeTest {
  const listed = operators.get(name)
  if (listed === undefined) complain(place, `is no operator; the operators are ${[...operators.keys()].join(', ')}`)
  const operator = name === 'contains' && type === 'string' ? containsText : listed
  if (type !== undefined && !operator.types.includes(type)) complain(place, `does not fit the attribute, which is a ${type}`)
  const test = { kind: 'test', place, path, operator: name, read } as const
  if (typeof operand !== 'object' || operand === null || Array.isArray(operand)) {
    const judge = operator.prepare(operand, place, type)
    return { ...test, decide: (question) => judge(read(question)) }
  }
  const { compare, list } = operator
  if (compare === undefined) complain(place, 'takes a value, not another attribute')
  const here = `${place}.path`
  const other = attributes.find(readText(readFields(operand, place, ['path']).path, here), here)
  if (other.type !== undefined && other.type.endsWith('[]') !== list) complain(here, `leads to a ${other.type}, which does not fit '${name}'`)
  if (type !== undefined && other.type !== undefined && elementType(type) !== elementType(other.type))
    complain(here, `leads to a ${other.type}, which cannot be compared with a ${type}`)
  const readOther = other.read
  return { ...test, otherPath: other.path, decide: (question) => compare(read(question), readOther(question)) }
}
