import { nearRules } from './near-rules.ts'
import { type NamePattern, nameMatcher } from './names.ts'
import type { ParsedRule } from './parse-policy.ts'
import type { Question } from './policy-request.ts'
import { type Actions, type Branches, branches, grow, type Ids, isFor, settle, type Subjects, subjects } from './rule-tree.ts'

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
   * Rules that would fit but for the subject, the id, the type or the action, and a few that miss by more. Looks at so many
   * at most, a quarter for each of these, and always at the same ones of the same rules.
   */
  around(question: Question, most: number): ReadonlySet<R>
}

/** An empty index. */
export function ruleIndex<R extends Indexed>(): RuleIndex<R> {
  const root: Actions<R> = branches()
  return {
    add(rule, scope) {
      const left = leftToTheRule(scope)
      rule.residual = residualOf(scope, left)
      const subjectIds = left.includes('subjectIds') ? undefined : scope.subjectIds
      const subjectRoles = scope.subjectIds !== undefined || left.includes('subjectRoles') ? undefined : scope.subjectRoles
      for (const action of indexed(scope, 'actions', left)) {
        const types = grow(root, action, branches<Ids<R>>)
        for (const type of indexed(scope, 'resourceTypes', left)) {
          const ids = grow(types, type, branches<Subjects<R>>)
          for (const id of indexed(scope, 'resourceIds', left)) settle(grow(ids, id, subjects<R>), rule, subjectIds, subjectRoles)
        }
      }
    },
    find(question) {
      const found: R[] = []
      visit(root, question.actionName, question, found, visitTypes)
      return found
    },
    around: (question, most) => nearRules(root, question, most),
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

function visitRules<R extends Indexed>(rules: readonly R[], question: Question, found: R[]): void {
  for (const rule of rules) if (rule.residual === undefined || rule.residual(question)) found.push(rule)
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
