import type { Attribute, DeclaredAttributes } from './attributes.ts'
import type { AttributeTest, Combination, Condition } from './condition.ts'
import { before, containsText, elementType, type Operator, operators } from './operators.ts'
import { complain, type Place, type PlaceWithin, readFields, readKeys, readList, readOwn, readText } from './strict-read.ts'
import type { TimeZones } from './time-window.ts'

/** What the conditions of one policy have in common. */
export interface Vocabulary {
  readonly attributes: DeclaredAttributes
  readonly zones: TimeZones
  /** The condition of a rule, and its end. They stand within the rule that is being read, and within none afterwards. */
  readonly when: Slot
  readonly expires: Slot
  /** How many conditions there are that may be found again. */
  known: number
}

/**
 * A place in conditions, the same for all rules, and what was found there. Policies say the same over and over: held once it
 * is read once, and what a decision looks at stays close at hand, however many rules there are.
 */
interface Slot {
  readonly place: PlaceWithin
  readonly below: Map<string | number, Slot>
  /** By the literal, the other attribute's path, or the conditions that it combines. */
  readonly held: Map<unknown, Condition>
}

/** What conditions are read with. */
export function vocabularyOf(attributes: DeclaredAttributes): Vocabulary {
  return { attributes, zones: new Map(), when: slotAt({ ...rootless, step: 'when' }), expires: slotAt({ ...rootless, step: 'expires' }), known: 0 }
}

const rootless = { within: '', own: false }

/** From here on it is about that rule; about none with an empty text. */
export function readWithin(vocabulary: Vocabulary, rule: Place): void {
  vocabulary.when.place.within = rule
  vocabulary.expires.place.within = rule
}

function slotAt(place: PlaceWithin): Slot {
  return { place, below: new Map(), held: new Map() }
}

function slotBelow(slot: Slot, step: string | number, own = false): Slot {
  const known = slot.below.get(step)
  if (known !== undefined) return known
  const { place } = slot
  const made = slotAt({ within: place, step, own })
  slot.below.set(step, made)
  return made
}

/** How deep conditions may nest. */
const maxDepth = 32

/**
 * Reads a condition: an object whose every entry must be true. Unknown where what decides is unknown (Kleene).
 *
 * @throws TypeError for an unknown operator, an operand of the wrong type, and a condition that says nothing.
 */
export function parseCondition(value: unknown, slot: Slot, vocabulary: Vocabulary, depth = 0): Condition {
  const { place } = slot
  if (depth > maxDepth) complain(place, `conditions may nest ${maxDepth} deep`)
  const parts: Condition[] = []
  for (const key of readKeys(value, place)) {
    const own = readOwn(value, key, place)
    if (key === 'all' || key === 'any') {
      const here = slotBelow(slot, key)
      const list = readList(own, here.place)
      const nested = list.map((part, index) => parseCondition(part, slotBelow(here, index), vocabulary, depth + 1))
      parts.push(combine(key, nested, here, vocabulary))
    } else if (key === 'not') {
      const here = slotBelow(slot, key)
      parts.push(combine(key, [parseCondition(own, here, vocabulary, depth + 1)], here, vocabulary))
    } else parseTests(key, own, slotBelow(slot, key, true), vocabulary, parts)
  }
  if (parts.length === 0) complain(place, 'must not be empty: it would always be true')
  return combine('all', parts, slot, vocabulary)
}

/** What a rule that expires comes to: its condition, and that the moment has not come. Not to know the time is not to know. */
export function untilMoment(expires: number, condition: Condition | undefined, vocabulary: Vocabulary): Condition {
  const { expires: slot, attributes } = vocabulary
  const attribute = attributes.find('context.time', slot.place)
  const test = slot.held.get(expires) ?? hold(slot, expires, testOf(slot, before, attribute, undefined, expires, vocabulary))
  return condition === undefined ? test : combine('all', [test, condition], slot, vocabulary)
}

function combine(kind: Combination['kind'], parts: readonly Condition[], { held }: Slot, vocabulary: Vocabulary): Condition {
  const [only] = parts
  if (only !== undefined && parts.length === 1 && kind !== 'not') return only
  const ids = parts.map(({ id }) => id)
  if (ids.includes(0)) return { kind, parts: [...parts], id: 0 }
  const key = `${kind} ${ids.join(' ')}`
  const known = held.get(key)
  if (known !== undefined) return known
  const made = { kind, parts: [...parts], id: ++vocabulary.known }
  held.set(key, made)
  return made
}

function parseTests(text: string, tests: unknown, slot: Slot, vocabulary: Vocabulary, into: Condition[]): void {
  const attribute = vocabulary.attributes.find(text, slot.place)
  const named = readKeys(tests, slot.place)
  if (named.length === 0) complain(slot.place, 'must hold an operator')
  for (const operator of named) into.push(parseTest(attribute, operator, readOwn(tests, operator, slot.place), slotBelow(slot, operator), vocabulary))
}

function parseTest(attribute: Attribute, name: string, operand: unknown, slot: Slot, vocabulary: Vocabulary): Condition {
  const known = slot.held.get(operand)
  if (known !== undefined) return known
  const { type } = attribute
  const { place } = slot
  const listed = operators.get(name)
  if (listed === undefined) complain(place, `is no operator; the operators are ${[...operators.keys()].join(', ')}`)
  const operator = name === 'contains' && type === 'string' ? containsText : listed
  if (type !== undefined && !operator.types.includes(type)) complain(place, `does not fit the attribute, which is a ${type}`)
  if (operator.structured !== true && typeof operand === 'object' && operand !== null && !Array.isArray(operand))
    return parseComparison(attribute, operator, operand, slot, vocabulary)
  const read = operator.read(operand, place, type, vocabulary.zones)
  if (typeof operand === 'object') return testOf(slot, operator, attribute, undefined, read)
  return hold(slot, operand, testOf(slot, operator, attribute, undefined, read, vocabulary))
}

function parseComparison(attribute: Attribute, operator: Operator, operand: object, slot: Slot, vocabulary: Vocabulary): Condition {
  const { place } = slot
  const { compare, list } = operator
  if (compare === undefined) complain(place, 'takes a value, not another attribute')
  const { path } = readFields(operand, place, ['path'])
  const there = slotBelow(slot, 'path')
  const known = there.held.get(path)
  if (known !== undefined) return known
  const { type } = attribute
  const other = vocabulary.attributes.find(readText(path, there.place), there.place)
  if (other.type !== undefined && other.type.endsWith('[]') !== list)
    complain(there.place, `leads to a ${other.type}, which does not fit '${String(place.step)}'`)
  if (type !== undefined && other.type !== undefined && elementType(type) !== elementType(other.type))
    complain(there.place, `leads to a ${other.type}, which cannot be compared with a ${type}`)
  return hold(there, path, testOf(slot, operator, attribute, other, undefined, vocabulary))
}

function testOf(
  { place }: Slot,
  operator: Operator,
  attribute: Attribute,
  other: Attribute | undefined,
  operand: unknown,
  vocabulary?: Vocabulary,
): AttributeTest {
  return { kind: 'test', operator, attribute, other, operand, place, id: vocabulary === undefined ? 0 : ++vocabulary.known }
}

function hold(slot: Slot, key: unknown, condition: Condition): Condition {
  slot.held.set(key, condition)
  return condition
}
