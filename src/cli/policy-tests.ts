import type { PolicyRequest } from '../policy/policy-evaluator.ts'
import type { Explanation, PolicySet } from '../policy/policy-set.ts'
import { fail, membersOf, requestIn } from './policy-request-file.ts'

/** One test of a policy, as data. */
export interface PolicyTest {
  readonly name: string
  readonly request: PolicyRequest
  readonly expect: 'allow' | 'deny'
  /** The rules that must decide: these and no others. */
  readonly rules: readonly string[] | undefined
  /** The obligations that must come with the decision: these and no others, by type or whole. */
  readonly obligations: readonly unknown[] | undefined
}

/** How a test went. */
export interface PolicyTestResult {
  readonly name: string
  readonly ok: boolean
  /** What was expected and what was found; empty where it went well. */
  readonly problems: readonly string[]
  readonly explanation: Explanation
}

/** Reads tests: a list of `{ name, request, expect, rules?, obligations? }`. @throws ContentError that names the place. */
export function policyTestsIn(value: unknown, place: string): readonly PolicyTest[] {
  if (!Array.isArray(value)) fail(place, 'must be a list of tests')
  if (value.length === 0) fail(place, 'holds no test')
  const names = new Set<string>()
  return value.map((own: unknown, index) => {
    const here = `${place}[${index}]`
    const { name, request, expect, rules, obligations } = membersOf(own, here, ['name', 'request', 'expect'], ['rules', 'obligations'])
    if (typeof name !== 'string' || name === '') fail(`${here}.name`, 'must be a text that is not empty')
    if (names.has(name)) fail(`${here}.name`, `'${name}' is the name of another test`)
    names.add(name)
    if (expect !== 'allow' && expect !== 'deny') fail(`${here}.expect`, `must be 'allow' or 'deny'`)
    if (rules !== undefined && !(Array.isArray(rules) && rules.every((rule) => typeof rule === 'string')))
      fail(`${here}.rules`, 'must be a list of ids')
    if (obligations !== undefined && !(Array.isArray(obligations) && obligations.every(isObligation)))
      fail(`${here}.obligations`, 'must be a list of types, or of obligations')
    return { name, request: requestIn(request, `${here}.request`), expect, rules, obligations }
  })
}

function isObligation(value: unknown): boolean {
  return typeof value === 'string' || (typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string')
}

/** Runs a test. */
export function runPolicyTest(set: PolicySet, { name, request, expect, rules, obligations }: PolicyTest): PolicyTestResult {
  const explanation = set.explain(request, { nearest: 3, thorough: true })
  const { allowed, reasons, obligations: found } = explanation.decision
  const problems: string[] = []
  if (allowed !== (expect === 'allow')) problems.push(`it must ${expect === 'allow' ? 'be permitted' : 'be denied'}, and it is not`)
  if (rules !== undefined) {
    const decided = reasons.map(({ rule }) => rule)
    if (!isSameSet(decided, rules)) problems.push(`${named(rules)} must decide, and ${named(decided)} does`)
  }
  if (obligations !== undefined && allowed === (expect === 'allow')) {
    // Written by type alone, or whole: then every parameter counts.
    const unmet = obligations.filter((wanted) => !found.some((own) => isThat(own, wanted)))
    const unwanted = found.filter((own) => !obligations.some((wanted) => isThat(own, wanted)))
    if (unmet.length > 0) problems.push(`the duty ${unmet.map((one) => JSON.stringify(one)).join(', ')} must come with it, and does not`)
    if (unwanted.length > 0) problems.push(`the duty ${unwanted.map((one) => JSON.stringify(one)).join(', ')} comes with it, and must not`)
  }
  return { name, ok: problems.length === 0, problems, explanation }
}

function isSameSet(one: readonly string[], other: readonly string[]): boolean {
  return new Set(one).size === new Set(other).size && one.every((name) => other.includes(name))
}

function named(rules: readonly string[]): string {
  return rules.length === 0 ? 'no rule' : rules.map((rule) => `'${rule}'`).join(', ')
}

function isThat(own: { readonly type: string }, wanted: unknown): boolean {
  return typeof wanted === 'string' ? own.type === wanted : stable(own) === stable(wanted)
}

// One text for one value, whatever the order of its members.
function stable(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(stable).join(',')}]`
  return `{${Object.entries(value)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${stable(member)}`)
    .join(',')}}`
}
