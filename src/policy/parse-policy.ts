import type { Obligation } from '../guard/context.ts'
import { type DeclaredAttributes, parseDeclaredAttributes } from './attributes.ts'
import { type Condition, parseCondition } from './condition.ts'
import { type NamePattern, parseNames, parseRoleNames, parseRoles, type RoleTable } from './names.ts'
import { mergeObligations, noObligations, parseObligation } from './obligations.ts'
import { complain, readAnyList, readFields, readList, readText, shown } from './strict-read.ts'

/** A policy that was checked and copied. */
export interface ParsedPolicy {
  readonly id: string
  readonly version: string
  readonly attributes: DeclaredAttributes
  readonly roles: RoleTable
  readonly rules: readonly ParsedRule[]
}

/** One rule. What is undefined does not narrow it. */
export interface ParsedRule {
  readonly id: string
  readonly effect: 'permit' | 'forbid'
  readonly subjectTypes: readonly NamePattern[] | undefined
  readonly subjectIds: readonly NamePattern[] | undefined
  readonly subjectRoles: readonly string[] | undefined
  readonly actions: readonly NamePattern[] | undefined
  readonly resourceTypes: readonly NamePattern[] | undefined
  readonly resourceIds: readonly NamePattern[] | undefined
  readonly when: Condition | undefined
  readonly obligations: readonly Obligation[]
}

/** Reads a policy strictly. @throws TypeError that names the place, for anything that is not exactly a policy. */
export function parsePolicy(value: unknown): ParsedPolicy {
  const fields = readFields(value, 'policy', ['id', 'version', 'attributes', 'roles', 'rules'])
  const attributes = parseDeclaredAttributes(fields.attributes, 'policy.attributes')
  const places = new Map<string, string>()
  const rules = readAnyList(fields.rules, 'policy.rules').map((rule, index) => {
    const place = `policy.rules[${index}]`
    const parsed = parseRule(rule, place, attributes)
    const other = places.get(parsed.id)
    if (other !== undefined) complain(`${place}.id`, `'${shown(parsed.id)}' is the id of ${other} as well`)
    places.set(parsed.id, place)
    return parsed
  })
  return {
    id: readText(fields.id, 'policy.id'),
    version: fields.version === undefined ? 'unversioned' : readText(fields.version, 'policy.version'),
    attributes,
    roles: parseRoles(fields.roles, 'policy.roles'),
    rules,
  }
}

function parseRule(value: unknown, place: string, attributes: DeclaredAttributes): ParsedRule {
  const fields = readFields(value, place, ['id', 'effect', 'subject', 'action', 'resource', 'when', 'obligations'])
  const { effect } = fields
  if (effect !== 'permit' && effect !== 'forbid') complain(`${place}.effect`, `must be 'permit' or 'forbid'`)
  if (effect === 'forbid' && fields.obligations !== undefined) complain(`${place}.obligations`, 'a forbid carries no obligations')
  const subject = fields.subject === undefined ? {} : readScope(fields.subject, `${place}.subject`, ['type', 'id', 'roles'])
  const resource = fields.resource === undefined ? {} : readScope(fields.resource, `${place}.resource`, ['type', 'id'])
  const names = (scope: unknown, where: string): readonly NamePattern[] | undefined =>
    scope === undefined ? undefined : parseNames(scope, `${place}.${where}`)
  return {
    id: readText(fields.id, `${place}.id`),
    effect,
    subjectTypes: names(subject.type, 'subject.type'),
    subjectIds: names(subject.id, 'subject.id'),
    subjectRoles: subject.roles === undefined ? undefined : parseRoleNames(subject.roles, `${place}.subject.roles`),
    actions: names(fields.action, 'action'),
    resourceTypes: names(resource.type, 'resource.type'),
    resourceIds: names(resource.id, 'resource.id'),
    when: fields.when === undefined ? undefined : parseCondition(fields.when, `${place}.when`, attributes),
    obligations: fields.obligations === undefined ? noObligations : parseObligations(fields.obligations, `${place}.obligations`),
  }
}

// An empty scope would be no scope at all, and whoever wrote it meant some.
function readScope<K extends string>(value: unknown, place: string, keys: readonly K[]): Partial<Record<K, unknown>> {
  const scope = readFields(value, place, keys)
  if (Object.keys(scope).length === 0) complain(place, 'must not be empty; leave it out where it is not meant to narrow')
  return scope
}

function parseObligations(value: unknown, place: string): readonly Obligation[] {
  return mergeObligations(readList(value, place).map((obligation, index) => parseObligation(obligation, `${place}[${index}]`)))
}
