import { beginningOf, fitsName, type NamePattern } from './names.ts'
import type { Question } from './policy-request.ts'

/** One level of the index: what stands under a name, under a beginning of names, and under all names. Most have one of the three. */
export interface Branches<T> {
  exact: Map<string, T> | undefined
  /** By length, shortest first: as many look-ups as there are lengths, not as there are prefixes. */
  prefixes: { readonly length: number; readonly map: Map<string, T> }[] | undefined
  any: T | undefined
}

/**
 * The last level. Mostly one rule stands there, or a few: these are looked at one after the other. Many are found by the
 * subject's id or by its roles.
 */
export interface Subjects<R> {
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

/** By id of the resource. */
export type Ids<R> = Branches<Subjects<R>>
/** By action, and then by type. */
export type Actions<R> = Branches<Branches<Ids<R>>>

/** A level with nothing in it. */
export function branches<T>(): Branches<T> {
  return { exact: undefined, prefixes: undefined, any: undefined }
}

/** A place with no rule. */
export function subjects<R>(): Subjects<R> {
  return { few: undefined, many: undefined }
}

/** What stands under a pattern; made where there is nothing yet. */
export function grow<T>(level: Branches<T>, pattern: NamePattern, make: () => T): T {
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

/** Puts a rule there: for these ids, or else for these roles, or else for whoever asks. */
export function settle<R>(node: Subjects<R>, rule: R, ids: readonly NamePattern[] | undefined, roles: readonly string[] | undefined): void {
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

/** Whether a candidate is for the subject. */
export function isFor<R>({ ids, roles }: Candidate<R>, question: Question): boolean {
  if (ids !== undefined) return ids.some((id) => fitsName(id, question.subjectId))
  if (roles === undefined) return true
  for (const role of question.roles) if (roles.includes(role)) return true
  return false
}

/** What stands under a name, however it is written there. */
export function pick<T>({ exact, prefixes, any }: Branches<T>, name: string, into: T[]): void {
  const node = exact?.get(name)
  if (node !== undefined) into.push(node)
  for (const { length, map } of prefixes ?? []) {
    const beginning = length > name.length ? undefined : map.get(name.slice(0, length))
    if (beginning !== undefined) into.push(beginning)
  }
  if (any !== undefined) into.push(any)
}

/** Whatever stands there, one after the other, until it is enough. */
export function someNode<T>({ exact, prefixes, any }: Branches<T>, isEnough: (node: T) => boolean): boolean {
  if (exact !== undefined) for (const node of exact.values()) if (isEnough(node)) return true
  for (const { map } of prefixes ?? []) for (const node of map.values()) if (isEnough(node)) return true
  return any !== undefined && isEnough(any)
}
