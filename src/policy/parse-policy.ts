import type { Obligation } from '../guard/context.ts'
import { type DeclaredAttributes, parseDeclaredAttributes } from './attributes.ts'
import type { Condition } from './condition.ts'
import { parseCondition, readWithin, untilMoment, type Vocabulary, vocabularyOf } from './parse-condition.ts'
import { type NamePattern, parseNames, parseRoleNames, parseRoles, type RoleTable } from './names.ts'
import { parseDenialObligation } from './denial-duties.ts'
import { mergeObligations, noObligations, parseObligation } from './obligations.ts'
import { complain, member, type Place, placeText, readAnyList, readFields, readList, readText, shown } from './strict-read.ts'
import { parseMoment } from './time-window.ts'

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
  /** Where it stands in the policy. */
  readonly place: Place
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
  /** When it ends: milliseconds since 1970. It is part of `when` already. */
  readonly expires: number | undefined
}

/** Reads a policy strictly. @throws TypeError that names the place, for anything that is not exactly a policy. */
export function parsePolicy(value: unknown): ParsedPolicy {
  const fields = readFields(value, 'policy', ['$schema', 'id', 'version', 'attributes', 'roles', 'rules'])
  // For the author's editor; it says nothing here.
  if (fields.$schema !== undefined) readText(fields.$schema, 'policy.$schema')
  const attributes = parseDeclaredAttributes(fields.attributes, 'policy.attributes')
  const vocabulary = vocabularyOf(attributes)
  const places = new Map<string, Place>()
  const singles: Singles = new Map()
  const rules = readAnyList(fields.rules, 'policy.rules').map((rule, index) => {
    const place = member('policy.rules', index)
    const parsed = parseRule(rule, place, vocabulary, singles)
    const other = places.get(parsed.id)
    if (other !== undefined) complain(member(place, 'id'), `'${shown(parsed.id)}' is the id of ${placeText(other)} as well`)
    places.set(parsed.id, place)
    return parsed
  })
  readWithin(vocabulary, '')
  return {
    id: readText(fields.id, 'policy.id'),
    version: fields.version === undefined ? 'unversioned' : readText(fields.version, 'policy.version'),
    attributes,
    roles: parseRoles(fields.roles, 'policy.roles'),
    rules,
  }
}

const ruleKeys = ['id', 'effect', 'subject', 'action', 'resource', 'when', 'obligations', 'expires'] as const

/** Lists of one name. Few names of roles, types and actions stand in many rules, and need not be held by each of them. */
type Singles = Map<string, readonly string[]>

function single(singles: Singles, list: readonly string[] | undefined): readonly string[] | undefined {
  const [only] = list ?? []
  if (list === undefined || only === undefined || list.length > 1) return list
  const known = singles.get(only)
  if (known === undefined) singles.set(only, list)
  return known ?? list
}

function parseRule(value: unknown, place: Place, vocabulary: Vocabulary, singles: Singles): ParsedRule {
  const fields = readFields(value, place, ruleKeys)
  readWithin(vocabulary, place)
  const { effect } = fields
  if (effect !== 'permit' && effect !== 'forbid') complain(member(place, 'effect'), `must be 'permit' or 'forbid'`)
  const subject = readScope(fields.subject, place, 'subject', ['type', 'id', 'roles'])
  const resource = readScope(fields.resource, place, 'resource', ['type', 'id'])
  const when = fields.when === undefined ? undefined : parseCondition(fields.when, vocabulary.when, vocabulary)
  const expires = fields.expires === undefined ? undefined : parseMoment(fields.expires, member(place, 'expires'))
  const roles = subject?.roles === undefined ? undefined : parseRoleNames(subject.roles, member(member(place, 'subject'), 'roles'))
  return {
    place,
    id: readText(fields.id, member(place, 'id')),
    effect,
    subjectTypes: single(singles, namesIn(subject?.type, place, 'subject', 'type')),
    subjectIds: namesIn(subject?.id, place, 'subject', 'id'),
    subjectRoles: single(singles, roles),
    actions: single(singles, fields.action === undefined ? undefined : parseNames(fields.action, member(place, 'action'))),
    resourceTypes: single(singles, namesIn(resource?.type, place, 'resource', 'type')),
    resourceIds: namesIn(resource?.id, place, 'resource', 'id'),
    when: expires === undefined ? when : untilMoment(expires, when, vocabulary),
    obligations: fields.obligations === undefined ? noObligations : parseObligations(fields.obligations, member(place, 'obligations'), effect),
    expires,
  }
}

// An empty scope would be no scope at all, and whoever wrote it meant some.
function readScope<K extends string>(value: unknown, rule: Place, name: string, keys: readonly K[]): Partial<Record<K, unknown>> | undefined {
  if (value === undefined) return undefined
  const place = member(rule, name)
  const scope = readFields(value, place, keys)
  for (const key of keys) if (scope[key] !== undefined) return scope
  return complain(place, 'must not be empty; leave it out where it is not meant to narrow')
}

function namesIn(value: unknown, rule: Place, scope: string, name: string): readonly NamePattern[] | undefined {
  return value === undefined ? undefined : parseNames(value, member(member(rule, scope), name))
}

function parseObligations(value: unknown, place: Place, effect: ParsedRule['effect']): readonly Obligation[] {
  const list = readList(value, place)
  const parse = effect === 'permit' ? parseObligation : parseDenialObligation
  const parsed = list.map((obligation, index) => parse(obligation, placeText(member(place, index))))
  // One alone has nothing to be merged with.
  return parsed.length === 1 ? Object.freeze(parsed) : mergeObligations(parsed)
}
