import { complain, entry, member, type Place, readFields, readMembers, readTexts, shown } from './strict-read.ts'

/** A name, or the beginning of one with a `*` behind it. Nothing else is a pattern: no other wildcard, no folding of case or escapes. */
export type NamePattern = string

/** Reads one name or a list of names; a trailing `*` makes a prefix. @throws TypeError for a `*` that stands elsewhere. */
export function parseNames(value: unknown, place: Place): readonly NamePattern[] {
  const patterns = readTexts(value, place)
  for (const pattern of patterns) {
    const star = pattern.indexOf('*')
    if (star !== -1 && star !== pattern.length - 1) complain(place, `'*' may only stand at the end of a name`)
  }
  return patterns
}

/** What names begin with that a pattern fits; undefined where it is a name. */
export function beginningOf(pattern: NamePattern): string | undefined {
  return pattern.endsWith('*') ? pattern.slice(0, -1) : undefined
}

/** Whether a pattern fits a name. */
export function fitsName(pattern: NamePattern, name: string): boolean {
  const beginning = beginningOf(pattern)
  return beginning === undefined ? pattern === name : name.startsWith(beginning)
}

/** Tells whether a name is one of these. Names are matched as they are: a `*` in one is no pattern. */
export function nameMatcher(patterns: readonly NamePattern[]): (name: string) => boolean {
  const exact = new Set<string>()
  const beginnings: string[] = []
  for (const pattern of patterns) {
    const beginning = beginningOf(pattern)
    if (beginning === undefined) exact.add(pattern)
    else beginnings.push(beginning)
  }
  return (name) => exact.has(name) || beginnings.some((beginning) => name.startsWith(beginning))
}

/** Whether a list of patterns narrows nothing. */
export function fitsEverything(patterns: readonly NamePattern[] | undefined): boolean {
  return patterns === undefined || patterns.includes('*')
}

/** For each role that inherits: itself and everything that it includes. */
export type RoleTable = ReadonlyMap<string, readonly string[]>

/** How many roles may stand in one line of inheritance, and how many inclusions a policy may have in all. */
const bounds = { depth: 64, inclusions: 1_000_000 } as const

const none: readonly string[] = Object.freeze([])

/** Reads the roles of a policy. @throws TypeError for a role that inherits itself, by whatever detour. */
export function parseRoles(value: unknown, place: Place): RoleTable {
  if (value === undefined) return new Map()
  const parents = new Map<string, readonly string[]>()
  for (const [role, definition] of readMembers(value, place)) {
    const here = entry(place, role)
    const { inherits } = readFields(definition, here, ['inherits'])
    parents.set(parseRole(role, here), inherits === undefined ? none : parseRoleNames(inherits, member(here, 'inherits')))
  }
  const table = new Map<string, readonly string[]>()
  let inclusions = 0
  const include = (role: string, line: readonly string[]): readonly string[] => {
    const known = table.get(role)
    if (known !== undefined) return known
    const here = member(entry(place, role), 'inherits')
    if (line.includes(role)) complain(here, `the roles inherit each other: ${[...line.slice(line.indexOf(role)), role].map(shown).join(' > ')}`)
    if (line.length >= bounds.depth) complain(here, `more than ${bounds.depth} roles in one line of inheritance`)
    const included = new Set([role])
    for (const parent of parents.get(role) ?? none) for (const name of include(parent, [...line, role])) included.add(name)
    inclusions += included.size
    if (inclusions > bounds.inclusions) complain(place, 'the roles include too many others')
    const all = Object.freeze([...included])
    table.set(role, all)
    return all
  }
  for (const role of parents.keys()) include(role, none)
  return table
}

/** Reads names of roles. A role is named, never matched. */
export function parseRoleNames(value: unknown, place: Place): readonly string[] {
  const roles = readTexts(value, place)
  for (const role of roles) parseRole(role, place)
  return roles
}

function parseRole(role: string, place: Place): string {
  if (role === '' || role.includes('*')) complain(place, `a role is a name without '*'`)
  return role
}

/** All roles that follow from those a subject has; undefined where what it has is no list of names. */
export function includedRoles(table: RoleTable, held: unknown): readonly string[] | undefined {
  if (held === undefined) return none
  if (!Array.isArray(held)) return undefined
  let included: string[] | undefined
  let only: readonly string[] = none
  for (let index = 0; index < held.length; index++) {
    const role: unknown = held[index]
    if (typeof role !== 'string') return undefined
    const roles = table.get(role) ?? [role]
    if (index === 0) only = roles
    else (included ??= [...only]).push(...roles)
  }
  return included === undefined ? only : [...new Set(included)]
}
