import { canonicalJson } from '../audit-log/canonical-json.ts'
import { nameMatcher } from '../policy/names.ts'
import { type ParsedPolicy, type ParsedRule, parsePolicy } from '../policy/parse-policy.ts'
import { type Question, readQuestion } from '../policy/policy-request.ts'
import { includedRoles } from '../policy/names.ts'
import { ruleIndex } from '../policy/rule-index.ts'
import { pathsIn } from './possible-truth.ts'

/** A policy as JSON, with nothing of it read yet but that it is one. */
export interface PolicySource {
  readonly [key: string]: unknown
  readonly rules: readonly RuleSource[]
}

/** A rule as JSON. */
export interface RuleSource {
  readonly [key: string]: unknown
  readonly id: string
}

/** A rule, made ready to be replayed. */
export interface ReplayRule {
  readonly parsed: ParsedRule
  readonly source: RuleSource
  /** Whether it carries obligations: then it restricts as well as permits. */
  readonly hasDuties: boolean
  /** What its condition says, as a text: two rules with one text have one truth. Undefined where it has none. */
  readonly condition: string | undefined
  readonly paths: ReadonlySet<string>
  /** Whether it is for a caller of that type, with that id and those roles. */
  fitsSubject(type: string, id: string, roles: ReadonlySet<string>): boolean
}

/** A policy, made ready to be replayed. */
export interface ReplayPolicy {
  readonly id: string
  readonly version: string
  readonly source: PolicySource
  readonly rules: readonly ReplayRule[]
  readonly byId: ReadonlyMap<string, ReplayRule>
  readonly parsed: ParsedPolicy
  /** The roles of a caller with those that they include. */
  rolesOf(held: readonly string[]): ReadonlySet<string>
  /** The rules whose action and resource fit, whoever asks. */
  about(action: string, resourceType: string, resourceId: string): readonly ReplayRule[]
}

/** Reads and copies a policy. @throws TypeError that names the place, for anything that is not exactly a policy. */
export function replayPolicy(policy: unknown): ReplayPolicy {
  // First as it is, so that what is no JSON is refused in the words of the policy.
  parsePolicy(policy)
  // In the order in which its author wrote it.
  const source = JSON.parse(JSON.stringify(policy)) as PolicySource
  const parsed = parsePolicy(source)
  const rules = parsed.rules.map((rule, index) => replayRule(rule, source.rules[index] ?? { id: rule.id }, parsed))
  const index = ruleIndex<Indexed>()
  for (const rule of rules) {
    const scope = { ...rule.parsed, subjectTypes: undefined, subjectIds: undefined, subjectRoles: undefined }
    index.add({ rule, residual: undefined }, scope)
  }
  return {
    id: parsed.id,
    version: parsed.version,
    source,
    rules,
    byId: new Map(rules.map((rule) => [rule.parsed.id, rule])),
    parsed,
    rolesOf: (held) => new Set(includedRoles(parsed.roles, held)),
    about(action, type, id) {
      const question = readQuestion({ subject: { type: '-', id: '-' }, action: { name: action }, resource: { type, id } }, parsed.roles)
      return question === undefined ? [] : [...new Set(index.find(question).map(({ rule }) => rule))]
    },
  }
}

interface Indexed {
  readonly rule: ReplayRule
  residual: ((question: Question) => boolean) | undefined
}

function replayRule(parsed: ParsedRule, source: RuleSource, { attributes }: ParsedPolicy): ReplayRule {
  const { subjectTypes, subjectIds, subjectRoles, when } = parsed
  const fitsType = subjectTypes === undefined ? undefined : nameMatcher(subjectTypes)
  const fitsId = subjectIds === undefined ? undefined : nameMatcher(subjectIds)
  const paths = pathsIn(when)
  // The same operators mean something else for an attribute that is declared to be of another type.
  const types = [...paths].sort().map((path) => attributes.find(path, 'policy').type ?? null)
  return {
    parsed,
    source,
    hasDuties: parsed.obligations.length > 0,
    condition: when === undefined ? undefined : canonicalJson([source.when ?? null, parsed.expires ?? null, types]),
    paths,
    fitsSubject: (type, id, roles) =>
      (fitsType === undefined || fitsType(type)) &&
      (fitsId === undefined || fitsId(id)) &&
      (subjectRoles === undefined || subjectRoles.some((role) => roles.has(role))),
  }
}
