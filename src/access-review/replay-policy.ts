import { canonicalJson } from '../audit-log/canonical-json.ts'
import { includedRoles } from '../policy/names.ts'
import { type ParsedPolicy, type ParsedRule, parsePolicy } from '../policy/parse-policy.ts'
import { pathsIn } from './possible-truth.ts'
import { ruleFinder } from './rule-finder.ts'

/** A policy as JSON, with nothing of it read yet but that it is one. */
export interface PolicyJson {
  readonly [key: string]: unknown
  readonly rules: readonly RuleJson[]
}

/** A rule as JSON. */
export interface RuleJson {
  readonly [key: string]: unknown
  readonly id: string
}

/** A rule, made ready to be replayed. */
export interface ReplayRule {
  readonly parsed: ParsedRule
  readonly source: RuleJson
  /** Which of the policy's rules it is, from 0. */
  readonly place: number
  /** Whether it carries obligations: then it restricts as well as permits. */
  readonly hasDuties: boolean
  /** What its condition says, as a text: two rules with one text have one truth. Undefined where it has none. */
  readonly condition: string | undefined
  readonly paths: ReadonlySet<string>
}

/** What was done to what. */
export interface Target {
  readonly action: string
  readonly resourceType: string
  readonly resourceId: string
}

/** The roles of a caller with those that they include. */
export interface HeldRoles {
  readonly names: readonly string[]
  has(role: string): boolean
}

/** A policy, made ready to be replayed. */
export interface ReplayPolicy {
  readonly id: string
  readonly version: string
  readonly source: PolicyJson
  readonly rules: readonly ReplayRule[]
  readonly byId: ReadonlyMap<string, ReplayRule>
  readonly parsed: ParsedPolicy
  rolesOf(held: readonly string[]): HeldRoles
  /** The rules whose scope fits, in the policy's order. Costs what its candidates cost, however many rules there are. */
  inScope(target: Target, type: string, id: string, roles: HeldRoles): readonly ReplayRule[]
}

/** Reads and copies a policy. @throws TypeError that names the place, for anything that is not exactly a policy. */
export function replayPolicy(policy: unknown): ReplayPolicy {
  // First as it is, so that what is no JSON is refused in the words of the policy.
  parsePolicy(policy)
  // In the order in which its author wrote it.
  const source = JSON.parse(JSON.stringify(policy)) as PolicyJson
  const parsed = parsePolicy(source)
  const rules = parsed.rules.map((rule, place) => replayRule(rule, source.rules[place] ?? { id: rule.id }, place, parsed))
  const find = ruleFinder(rules, {})
  return {
    id: parsed.id,
    version: parsed.version,
    source,
    rules,
    byId: new Map(rules.map((rule) => [rule.parsed.id, rule])),
    parsed,
    rolesOf(held) {
      const names = includedRoles(parsed.roles, held) ?? []
      const all = new Set(names)
      return { names, has: (role) => all.has(role) }
    },
    inScope: (target, type, id, { names }) => find({ ...target, type, id, roles: names }),
  }
}

function replayRule(parsed: ParsedRule, source: RuleJson, place: number, { attributes }: ParsedPolicy): ReplayRule {
  const { when } = parsed
  const paths = pathsIn(when)
  // The same operators mean something else for an attribute that is declared to be of another type.
  const types = [...paths].sort().map((path) => attributes.find(path, 'policy').type ?? null)
  return {
    parsed,
    source,
    place,
    hasDuties: parsed.obligations.length > 0,
    condition: when === undefined ? undefined : canonicalJson([source.when ?? null, parsed.expires ?? null, types]),
    paths,
  }
}
