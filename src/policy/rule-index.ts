import { nameMatcher, type NamePattern } from './names.ts'
import type { ParsedRule } from './parse-policy.ts'
import type { Question } from './policy-request.ts'

/** What the index holds. `residual` is what of the scope the index itself does not answer. */
interface Indexed {
  residual: ((question: Question) => boolean) | undefined
}

/** Rules by action, type, id and subject, so that a decision costs what its candidates cost, however many rules there are. */
export interface RuleIndex<R extends Indexed> {
  /** Puts a rule where questions that it may apply to will find it. */
  add(rule: R, scope: ParsedRule): void
  /** Every rule whose scope fits, at least once, in no certain order. */
  find(question: Question): readonly R[]
}

/** An empty index. */
export function ruleIndex<R extends Indexed>(): RuleIndex<R> {
  const root = branches<Branches<Branches<Subjects<R>>>>()
  return {
    add(rule, scope) {
      const plan = planOf(scope)
      rule.residual = plan.residual
      for (const action of plan.actions) {
        for (const type of plan.types) {
          for (const id of plan.ids) {
            const types = grow(root, action, branches<Branches<Subjects<R>>>)
            const ids = grow(types, type, branches<Subjects<R>>)
            settle(grow(ids, id, subjects<R>), rule, plan)
          }
        }
      }
    },
    find(question) {
      const found: R[] = []
      visit(root, question.actionName, question, found, visitTypes)
      return found
    },
  }
}

/** One level of the index: what stands under a name, under a beginning of names, and under all names. */
interface Branches<T> {
  readonly exact: Map<string, T>
  /** By length, shortest first: as many look-ups as there are lengths, not as there are prefixes. */
  readonly prefixes: { readonly length: number; readonly map: Map<string, T> }[]
  any: T | undefined
}

/** The last level: by the subject's id or by its roles. */
interface Subjects<R> {
  readonly ids: Branches<R[]>
  readonly roles: Map<string, R[]>
  readonly rest: R[]
}

type Visit<T, R> = (node: T, question: Question, found: R[]) => void

function branches<T>(): Branches<T> {
  return { exact: new Map(), prefixes: [], any: undefined }
}

function subjects<R extends Indexed>(): Subjects<R> {
  return { ids: branches(), roles: new Map(), rest: [] }
}

function grow<T>(level: Branches<T>, pattern: NamePattern | undefined, make: () => T): T {
  if (pattern === undefined || (pattern.prefix && pattern.text === '')) return (level.any ??= make())
  const map = pattern.prefix ? prefixMap(level, pattern.text.length) : level.exact
  const known = map.get(pattern.text)
  if (known !== undefined) return known
  const made = make()
  map.set(pattern.text, made)
  return made
}

function prefixMap<T>({ prefixes }: Branches<T>, length: number): Map<string, T> {
  const known = prefixes.find((prefix) => prefix.length === length)
  if (known !== undefined) return known.map
  const map = new Map<string, T>()
  prefixes.push({ length, map })
  prefixes.sort((one, other) => one.length - other.length)
  return map
}

function settle<R extends Indexed>(node: Subjects<R>, rule: R, { subjectIds, roles }: Plan): void {
  if (subjectIds !== undefined) for (const id of subjectIds) grow(node.ids, id, (): R[] => []).push(rule)
  else if (roles !== undefined) {
    for (const role of roles) {
      const rules = node.roles.get(role)
      if (rules === undefined) node.roles.set(role, [rule])
      else rules.push(rule)
    }
  } else node.rest.push(rule)
}

function visit<T, R>(level: Branches<T>, name: string, question: Question, found: R[], next: Visit<T, R>): void {
  const exact = level.exact.get(name)
  if (exact !== undefined) next(exact, question, found)
  for (const { length, map } of level.prefixes) {
    if (length > name.length) break
    const node = map.get(name.slice(0, length))
    if (node !== undefined) next(node, question, found)
  }
  if (level.any !== undefined) next(level.any, question, found)
}

function visitTypes<R extends Indexed>(level: Branches<Branches<Subjects<R>>>, question: Question, found: R[]): void {
  visit(level, question.resourceType, question, found, visitIds)
}

function visitIds<R extends Indexed>(level: Branches<Subjects<R>>, question: Question, found: R[]): void {
  visit(level, question.resourceId, question, found, visitSubjects)
}

function visitSubjects<R extends Indexed>({ ids, roles, rest }: Subjects<R>, question: Question, found: R[]): void {
  visit(ids, question.subjectId, question, found, visitRules)
  if (roles.size > 0) {
    for (const role of question.roles) {
      const rules = roles.get(role)
      if (rules !== undefined) visitRules(rules, question, found)
    }
  }
  if (rest.length > 0) visitRules(rest, question, found)
}

function visitRules<R extends Indexed>(rules: readonly R[], question: Question, found: R[]): void {
  for (const rule of rules) if (rule.residual === undefined || rule.residual(question)) found.push(rule)
}

interface Plan {
  readonly actions: readonly (NamePattern | undefined)[]
  readonly types: readonly (NamePattern | undefined)[]
  readonly ids: readonly (NamePattern | undefined)[]
  readonly subjectIds: readonly NamePattern[] | undefined
  readonly roles: readonly string[] | undefined
  readonly residual: ((question: Question) => boolean) | undefined
}

const everything: readonly undefined[] = [undefined]

/**
 * Under which names a rule stands. A rule with several long lists would stand under each combination of them; where that
 * would be much more than the lists themselves, the longest list is looked at when the rule is asked, not by the index.
 */
function planOf(scope: ParsedRule): Plan {
  const { actions, resourceTypes, resourceIds, subjectIds, subjectRoles, subjectTypes } = scope
  const lists = { actions, resourceTypes, resourceIds, subjectIds, subjectRoles: subjectIds === undefined ? subjectRoles : undefined }
  type Name = keyof typeof lists
  const names = Object.keys(lists) as Name[]
  const sizes = names.map((name) => lists[name]?.length ?? 1)
  const affordable = 16 + 4 * sizes.reduce((sum, size) => sum + size, 0)
  const left = new Set<Name>()
  while (sizes.reduce((product, size) => product * size, 1) > affordable) {
    const longest = sizes.indexOf(Math.max(...sizes))
    sizes[longest] = 1
    left.add(names[longest] ?? 'actions')
  }
  const indexed = <T>(name: Name, list: readonly T[] | undefined): readonly T[] | undefined => (left.has(name) ? undefined : list)
  const checks: ((question: Question) => boolean)[] = []
  const check = (patterns: readonly NamePattern[] | undefined, nameIn: (question: Question) => string): void => {
    if (patterns === undefined) return
    const matches = nameMatcher(patterns)
    checks.push((question) => matches(nameIn(question)))
  }
  check(subjectTypes, (question) => question.subjectType)
  if (left.has('actions')) check(actions, (question) => question.actionName)
  if (left.has('resourceTypes')) check(resourceTypes, (question) => question.resourceType)
  if (left.has('resourceIds')) check(resourceIds, (question) => question.resourceId)
  if (left.has('subjectIds')) check(subjectIds, (question) => question.subjectId)
  if (subjectRoles !== undefined && (subjectIds !== undefined || left.has('subjectRoles'))) {
    const wanted = new Set(subjectRoles)
    checks.push((question) => question.roles.some((role) => wanted.has(role)))
  }
  const [only] = checks
  return {
    actions: indexed('actions', actions) ?? everything,
    types: indexed('resourceTypes', resourceTypes) ?? everything,
    ids: indexed('resourceIds', resourceIds) ?? everything,
    subjectIds: indexed('subjectIds', subjectIds),
    roles: subjectIds === undefined ? indexed('subjectRoles', subjectRoles) : undefined,
    residual: checks.length <= 1 ? only : (question) => checks.every((fits) => fits(question)),
  }
}
