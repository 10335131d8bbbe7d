import { beginningOf, fitsName, type NamePattern, nameMatcher } from './names.ts'
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
  /**
   * Rules that would fit but for the subject, the id, the type or the action. Looks at so many at most, a quarter for each
   * of these, and always at the same ones of the same rules.
   */
  around(question: Question, most: number): ReadonlySet<R>
}

/** An empty index. */
export function ruleIndex<R extends Indexed>(): RuleIndex<R> {
  const root: Types<R> = branches()
  return {
    add(rule, scope) {
      const left = leftToTheRule(scope)
      rule.residual = residualOf(scope, left)
      for (const action of indexed(scope, 'actions', left)) {
        const types = grow(root, action, branches<Ids<R>>)
        for (const type of indexed(scope, 'resourceTypes', left)) {
          const ids = grow(types, type, branches<Subjects<R>>)
          for (const id of indexed(scope, 'resourceIds', left)) settle(grow(ids, id, subjects<R>), rule, scope, left)
        }
      }
    },
    find(question) {
      const found: R[] = []
      visit(root, question.actionName, question, found, visitTypes)
      return found
    },
    around: (question, most) => around(root, question, most),
  }
}

/** One level of the index: what stands under a name, under a beginning of names, and under all names. Most have one of the three. */
interface Branches<T> {
  exact: Map<string, T> | undefined
  /** By length, shortest first: as many look-ups as there are lengths, not as there are prefixes. */
  prefixes: { readonly length: number; readonly map: Map<string, T> }[] | undefined
  any: T | undefined
}

/**
 * The last level. Mostly one rule stands there, or a few: these are looked at one after the other. Many are found by the
 * subject's id or by its roles.
 */
interface Subjects<R> {
  few: Candidate<R> | undefined
  many: ManySubjects<R> | undefined
}

/** One rule, whom it is for as far as the index goes by that, and the next one at the same place. */
interface Candidate<R> {
  readonly rule: R
  readonly ids: readonly NamePattern[] | undefined
  readonly roles: readonly string[] | undefined
  readonly next: Candidate<R> | undefined
}

interface ManySubjects<R> {
  readonly ids: Branches<R[]>
  readonly roles: Map<string, R[]>
  readonly rest: R[]
}

/** How many rules and how many names of each make few. */
const few = 4

type Ids<R> = Branches<Subjects<R>>
type Types<R> = Branches<Branches<Ids<R>>>

function branches<T>(): Branches<T> {
  return { exact: undefined, prefixes: undefined, any: undefined }
}

function subjects<R>(): Subjects<R> {
  return { few: undefined, many: undefined }
}

function grow<T>(level: Branches<T>, pattern: NamePattern, make: () => T): T {
  if (pattern === '*') return (level.any ??= make())
  const beginning = beginningOf(pattern)
  const map = beginning === undefined ? (level.exact ??= new Map<string, T>()) : prefixMap(level, beginning.length)
  const name = beginning ?? pattern
  const known = map.get(name)
  if (known !== undefined) return known
  const made = make()
  map.set(name, made)
  return made
}

function prefixMap<T>(level: Branches<T>, length: number): Map<string, T> {
  const prefixes = (level.prefixes ??= [])
  const known = prefixes.find((prefix) => prefix.length === length)
  if (known !== undefined) return known.map
  const map = new Map<string, T>()
  prefixes.push({ length, map })
  prefixes.sort((one, other) => one.length - other.length)
  return map
}

function settle<R>(node: Subjects<R>, rule: R, { subjectIds, subjectRoles }: ParsedRule, left: readonly List[]): void {
  const ids = left.includes('subjectIds') ? undefined : subjectIds
  const roles = subjectIds !== undefined || left.includes('subjectRoles') ? undefined : subjectRoles
  if (node.many === undefined) {
    let count = 1
    for (let own = node.few; own !== undefined; own = own.next) count++
    const candidate = { rule, ids, roles, next: node.few }
    if (count <= few && (ids ?? roles ?? []).length <= few) {
      node.few = candidate
      return
    }
    node.many = { ids: branches(), roles: new Map(), rest: [] }
    for (let own = node.few; own !== undefined; own = own.next) settleAmongMany(node.many, own)
    node.few = undefined
  }
  settleAmongMany(node.many, { rule, ids, roles })
}

function settleAmongMany<R>(many: ManySubjects<R>, { rule, ids, roles }: Omit<Candidate<R>, 'next'>): void {
  if (ids !== undefined) for (const id of ids) grow(many.ids, id, (): R[] => []).push(rule)
  else if (roles === undefined) many.rest.push(rule)
  else {
    for (const role of roles) {
      const rules = many.roles.get(role)
      if (rules === undefined) many.roles.set(role, [rule])
      else rules.push(rule)
    }
  }
}

type Visit<T, R> = (node: T, question: Question, found: R[]) => void

function visit<T, R>({ exact, prefixes, any }: Branches<T>, name: string, question: Question, found: R[], next: Visit<T, R>): void {
  const node = exact?.get(name)
  if (node !== undefined) next(node, question, found)
  if (prefixes !== undefined) {
    for (const { length, map } of prefixes) {
      if (length > name.length) break
      const beginning = map.get(name.slice(0, length))
      if (beginning !== undefined) next(beginning, question, found)
    }
  }
  if (any !== undefined) next(any, question, found)
}

function visitTypes<R extends Indexed>(level: Branches<Ids<R>>, question: Question, found: R[]): void {
  visit(level, question.resourceType, question, found, visitIds)
}

function visitIds<R extends Indexed>(level: Ids<R>, question: Question, found: R[]): void {
  visit(level, question.resourceId, question, found, visitSubjects)
}

function visitSubjects<R extends Indexed>({ few, many }: Subjects<R>, question: Question, found: R[]): void {
  for (let own = few; own !== undefined; own = own.next) {
    const { rule } = own
    if (isFor(own, question) && (rule.residual === undefined || rule.residual(question))) found.push(rule)
  }
  if (many === undefined) return
  visit(many.ids, question.subjectId, question, found, visitRules)
  for (const role of question.roles) {
    const rules = many.roles.get(role)
    if (rules !== undefined) visitRules(rules, question, found)
  }
  visitRules(many.rest, question, found)
}

function isFor<R>({ ids, roles }: Candidate<R>, question: Question): boolean {
  if (ids !== undefined) return ids.some((id) => fitsName(id, question.subjectId))
  if (roles === undefined) return true
  for (const role of question.roles) if (roles.includes(role)) return true
  return false
}

function visitRules<R extends Indexed>(rules: readonly R[], question: Question, found: R[]): void {
  for (const rule of rules) if (rule.residual === undefined || rule.residual(question)) found.push(rule)
}

function around<R extends Indexed>(root: Types<R>, question: Question, most: number): ReadonlySet<R> {
  const seen = new Set<R>()
  let left = 0
  const see = (rules: Iterable<R>): void => {
    for (const rule of rules)
      if (left-- > 0) seen.add(rule)
      else return
  }
  const seeFitting = (nodes: Iterable<Subjects<R>>): void => {
    for (const node of nodes) {
      if (left-- <= 0) return
      const found: R[] = []
      visitSubjects(node, question, found)
      see(found)
    }
  }
  const { actionName, resourceType, resourceId } = question
  const atAction = fitting(root, actionName)
  const atType = atAction.flatMap((types) => fitting(types, resourceType))
  const quarter = Math.ceil(most / 4)
  left = quarter
  for (const node of atType.flatMap((ids) => fitting(ids, resourceId))) see(rulesOf(node))
  left = quarter
  for (const ids of atType) seeFitting(nodesOf(ids))
  left = quarter
  for (const types of atAction) {
    for (const ids of nodesOf(types)) {
      if (left-- <= 0) break
      seeFitting(fitting(ids, resourceId))
    }
  }
  left = quarter
  for (const types of nodesOf(root)) {
    if (left-- <= 0) break
    seeFitting(fitting(types, resourceType).flatMap((ids) => fitting(ids, resourceId)))
  }
  return seen
}

// What stands under a name, however it is written there.
function fitting<T>({ exact, prefixes, any }: Branches<T>, name: string): T[] {
  const nodes = [
    exact?.get(name),
    ...(prefixes ?? []).map(({ length, map }) => (length > name.length ? undefined : map.get(name.slice(0, length)))),
    any,
  ]
  return nodes.filter((node): node is T & {} => node !== undefined)
}

function* nodesOf<T>({ exact, prefixes, any }: Branches<T>): Generator<T, void> {
  if (exact !== undefined) yield* exact.values()
  for (const { map } of prefixes ?? []) yield* map.values()
  if (any !== undefined) yield any
}

function* rulesOf<R>({ few, many }: Subjects<R>): Generator<R, void> {
  for (let own = few; own !== undefined; own = own.next) yield own.rule
  if (many === undefined) return
  for (const rules of nodesOf(many.ids)) yield* rules
  for (const rules of many.roles.values()) yield* rules
  yield* many.rest
}

/** The lists of a scope that the index can go by. */
type List = 'actions' | 'resourceTypes' | 'resourceIds' | 'subjectIds' | 'subjectRoles'

const lists: readonly List[] = ['actions', 'resourceTypes', 'resourceIds', 'subjectIds', 'subjectRoles']
const everything: readonly NamePattern[] = ['*']
const nothing: readonly List[] = []

function indexed(scope: ParsedRule, list: List, left: readonly List[]): readonly NamePattern[] {
  return left.includes(list) ? everything : (scope[list] ?? everything)
}

/**
 * Which lists the index does not go by. A rule with several long ones would stand under each combination of them; where
 * that would be much more than the lists themselves, the longest is looked at when the rule is asked.
 */
function leftToTheRule(scope: ParsedRule): readonly List[] {
  const left: List[] = []
  for (;;) {
    let combinations = 1
    let names = 16
    let longest: List = 'actions'
    for (const list of lists) {
      const length = lengthOf(scope, list, left)
      combinations *= length
      names += 4 * length
      if (length > lengthOf(scope, longest, left)) longest = list
    }
    if (combinations <= names) return left.length === 0 ? nothing : left
    left.push(longest)
  }
}

function lengthOf(scope: ParsedRule, list: List, left: readonly List[]): number {
  // Where ids of subjects are given, the index goes by those.
  if (left.includes(list) || (list === 'subjectRoles' && scope.subjectIds !== undefined)) return 1
  return scope[list]?.length ?? 1
}

function residualOf(scope: ParsedRule, left: readonly List[]): ((question: Question) => boolean) | undefined {
  const { actions, resourceTypes, resourceIds, subjectIds, subjectRoles, subjectTypes } = scope
  const rolesAsWell = subjectRoles !== undefined && (subjectIds !== undefined || left.includes('subjectRoles'))
  if (subjectTypes === undefined && !rolesAsWell && left.length === 0) return undefined
  const checks: ((question: Question) => boolean)[] = []
  const check = (patterns: readonly NamePattern[] | undefined, nameIn: (question: Question) => string): void => {
    if (patterns === undefined) return
    const matches = nameMatcher(patterns)
    checks.push((question) => matches(nameIn(question)))
  }
  check(subjectTypes, (question) => question.subjectType)
  if (left.includes('actions')) check(actions, (question) => question.actionName)
  if (left.includes('resourceTypes')) check(resourceTypes, (question) => question.resourceType)
  if (left.includes('resourceIds')) check(resourceIds, (question) => question.resourceId)
  if (left.includes('subjectIds')) check(subjectIds, (question) => question.subjectId)
  if (rolesAsWell) {
    const wanted = new Set(subjectRoles)
    checks.push((question) => question.roles.some((role) => wanted.has(role)))
  }
  const [only] = checks
  return checks.length === 1 ? only : (question) => checks.every((fits) => fits(question))
}
