import type { DecisionGrounds } from '../guard/decision-grounds.ts'
import type { Attribute } from './attributes.ts'
import type { Condition } from './condition.ts'
import type { ParsedPolicy } from './parse-policy.ts'
import { parsedPolicyOf } from './parsed-policy-of.ts'
import type { PolicyEvaluator, PolicyRequest } from './policy-evaluator.ts'
import { type Question, readQuestion } from './policy-request.ts'
import type { PolicySet } from './policy-set.ts'
import { policySetBehind } from './policy-set-behind.ts'
import { type RuleIndex, ruleIndex } from './rule-index.ts'

/**
 * What a decision on this request is made of: every attribute that the condition of a rule in scope reads, looked at or not,
 * so that it does not depend on where judging stopped. Undefined where nothing is read, and for engines of others, whose
 * reading is not known. Ask in the same turn as the decision: a live policy may be another one in the next.
 *
 * @param elevated the roles among the request's that its subject has for a while only.
 */
export function policyGrounds(evaluator: PolicyEvaluator, request: PolicyRequest, elevated: readonly string[]): DecisionGrounds | undefined {
  const set = policySetBehind(evaluator)
  const read = set === undefined ? undefined : readingOf(set)?.attributes(request)
  if (read === undefined) return elevated.length === 0 ? undefined : { paths: nothing.paths, values: () => [], elevated }
  const { paths, attributes, question } = read
  return { paths, values: () => attributes.map((attribute) => attribute.read(question)), elevated }
}

/** What rules read, of one policy. */
interface Reading {
  attributes(request: PolicyRequest): (Attributes & { readonly question: Question }) | undefined
}

interface Attributes {
  readonly paths: readonly string[]
  readonly attributes: readonly Attribute[]
}

/** A rule with a condition, by what it reads. */
interface ReadingRule extends Attributes {
  residual: ((question: Question) => boolean) | undefined
}

const nothing: Attributes = Object.freeze({ paths: Object.freeze([]), attributes: Object.freeze([]) })
const readings = new WeakMap<PolicySet, Reading>()

function readingOf(set: PolicySet): Reading | undefined {
  const known = readings.get(set)
  if (known !== undefined) return known
  const parsed = parsedPolicyOf(set)
  if (parsed === undefined) return undefined
  const reading = makeReading(parsed)
  readings.set(set, reading)
  return reading
}

function makeReading({ rules, roles }: ParsedPolicy): Reading {
  const index: RuleIndex<ReadingRule> = ruleIndex()
  // Most conditions of a policy read the same few attributes.
  const shared = new Map<string, Attributes>()
  let any = false
  for (const rule of rules) {
    if (rule.when === undefined) continue
    any = true
    const { paths, attributes } = share(sorted(collect(rule.when, new Map())), shared)
    index.add({ paths, attributes, residual: undefined }, rule)
  }
  return {
    attributes(request) {
      const question = any ? readQuestion(request, roles) : undefined
      if (question === undefined) return undefined
      const found = index.find(question)
      const [first] = found
      if (first === undefined) return undefined
      const { paths, attributes } = found.every((rule) => rule.paths === first.paths) ? first : together(found)
      return { paths, attributes, question }
    },
  }
}

function collect(condition: Condition, into: Map<string, Attribute>): Map<string, Attribute> {
  if (condition.kind !== 'test') for (const part of condition.parts) collect(part, into)
  else for (const attribute of [condition.attribute, condition.other]) if (attribute !== undefined) into.set(attribute.path, attribute)
  return into
}

function together(rules: readonly ReadingRule[]): Attributes {
  const all = new Map<string, Attribute>()
  for (const { attributes } of rules) for (const attribute of attributes) all.set(attribute.path, attribute)
  return sorted(all)
}

function sorted(attributes: ReadonlyMap<string, Attribute>): Attributes {
  const all = [...attributes.values()].sort((one, other) => (one.path < other.path ? -1 : 1))
  return { paths: Object.freeze(all.map(({ path }) => path)), attributes: all }
}

function share(attributes: Attributes, shared: Map<string, Attributes>): Attributes {
  const key = attributes.paths.join('\n')
  const known = shared.get(key)
  if (known !== undefined) return known
  shared.set(key, attributes)
  return attributes
}
