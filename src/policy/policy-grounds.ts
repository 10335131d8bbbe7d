import type { DecisionGrounds } from '../guard/decision-grounds.ts'
import type { Attribute } from './attributes.ts'
import type { CompiledPolicy, Rule } from './compiled-policy.ts'
import type { Condition } from './condition.ts'
import { type InsidePolicySet, insideOf } from './inside-policy-set.ts'
import type { RoleTable } from './names.ts'
import type { PolicyEvaluator, PolicyRequest } from './policy-evaluator.ts'
import { type Question, readQuestion } from './policy-request.ts'
import type { PolicySet } from './policy-set.ts'
import { policySetBehind } from './policy-set-behind.ts'

/**
 * What a decision on this request is made of: every attribute that the condition of a rule in scope reads, looked at or not,
 * so that it does not depend on where judging stopped. Undefined where no rule has a condition, and for engines of others, whose
 * reading is not known.
 *
 * Ask in the same turn as the decision: a live policy may be another one in the next. What it reads is worked out when somebody looks,
 * so the request must not change until then.
 *
 * @param elevated the roles among the request's that its subject has for a while only.
 */
export function policyGrounds(evaluator: PolicyEvaluator, request: PolicyRequest, elevated: readonly string[]): DecisionGrounds | undefined {
  const set = policySetBehind(evaluator)
  const reading = set === undefined ? undefined : readingOf(set)
  if (reading?.reads === true) return new PolicyGrounds(reading, request, elevated)
  return elevated.length === 0 ? undefined : { paths: nothing.paths, values: () => [], elevated }
}

class PolicyGrounds implements DecisionGrounds {
  readonly elevated: readonly string[]
  readonly #reading: PolicyReading
  readonly #request: PolicyRequest
  #read: Read | undefined

  constructor(reading: PolicyReading, request: PolicyRequest, elevated: readonly string[]) {
    this.#reading = reading
    this.#request = request
    this.elevated = elevated
  }

  get paths(): readonly string[] {
    return this.#look().paths
  }

  values(): readonly unknown[] {
    const { attributes, question } = this.#look()
    return question === undefined ? [] : attributes.map((attribute) => attribute.read(question))
  }

  #look(): Read {
    return (this.#read ??= this.#reading.of(this.#request))
  }
}

interface Attributes {
  readonly paths: readonly string[]
  readonly attributes: readonly Attribute[]
}

type Read = Attributes & { readonly question: Question | undefined }

const nothing: Attributes = Object.freeze({ paths: Object.freeze([]), attributes: Object.freeze([]) })
const unread: Read = Object.freeze({ ...nothing, question: undefined })

const readings = new WeakMap<PolicySet, PolicyReading>()

function readingOf(set: PolicySet): PolicyReading | undefined {
  let reading = readings.get(set)
  if (reading !== undefined) return reading
  const inside = insideOf(set)
  if (inside === undefined) return undefined
  readings.set(set, (reading = new PolicyReading(inside)))
  return reading
}

/** What the rules of one policy read. */
class PolicyReading {
  /** Whether any rule reads anything. */
  readonly reads: boolean
  readonly #compiled: CompiledPolicy
  readonly #roles: RoleTable
  readonly #known = new WeakMap<Condition, Attributes>()
  // Most conditions of a policy read the same few attributes.
  readonly #shared = new Map<string, Attributes>()

  constructor({ compiled, parsed }: InsidePolicySet) {
    this.reads = compiled.rules.some(({ when }) => when !== undefined)
    this.#compiled = compiled
    this.#roles = parsed.roles
  }

  of(request: PolicyRequest): Read {
    const question = readQuestion(request, this.#roles)
    if (question === undefined) return unread
    const { forbids, permits } = this.#compiled
    let found: Set<Attributes> | Attributes | undefined
    const add = ({ when }: Rule): void => {
      if (when === undefined) return
      const own = this.#attributesOf(when)
      if (found === undefined || found === own) found = own
      else if (found instanceof Set) found.add(own)
      else found = new Set([found, own])
    }
    for (const rule of forbids.find(question)) add(rule)
    for (const rule of permits.find(question)) add(rule)
    if (found === undefined) return unread
    const { paths, attributes } = found instanceof Set ? together(found) : found
    return { paths, attributes, question }
  }

  #attributesOf(when: Condition): Attributes {
    const known = this.#known.get(when)
    if (known !== undefined) return known
    const attributes = sorted(collect(when, new Map()))
    // A name may hold whatever separates names.
    const key = JSON.stringify(attributes.paths)
    const own = this.#shared.get(key) ?? attributes
    this.#shared.set(key, own)
    this.#known.set(when, own)
    return own
  }
}

function collect(condition: Condition, into: Map<string, Attribute>): Map<string, Attribute> {
  if (condition.kind !== 'test') for (const part of condition.parts) collect(part, into)
  else for (const attribute of [condition.attribute, condition.other]) if (attribute !== undefined) into.set(attribute.path, attribute)
  return into
}

function together(several: Iterable<Attributes>): Attributes {
  const all = new Map<string, Attribute>()
  for (const { attributes } of several) for (const attribute of attributes) all.set(attribute.path, attribute)
  return sorted(all)
}

function sorted(attributes: ReadonlyMap<string, Attribute>): Attributes {
  const all = [...attributes.values()].sort((one, other) => (one.path < other.path ? -1 : 1))
  return { paths: Object.freeze(all.map(({ path }) => path)), attributes: all }
}
