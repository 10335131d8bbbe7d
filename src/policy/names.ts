import { complain, readFields, readMembers, readTexts, shown } from './strict-read.ts'

/** A name, or the beginning of one. Nothing else is a pattern: no other wildcard, no folding of case or escapes. */
export interface NamePattern {
  readonly text: string
  readonly prefix: boolean
}

/** Reads one name or a list of names; a trailing `*` makes a prefix. @throws TypeError for a `*` that stands elsewhere. */
export function parseNames(value: unknown, place: string): readonly NamePattern[] {
  return readTexts(value, place).map((text) => {
    const star = text.indexOf('*')
    if (star !== -1 && star !== text.length - 1) complain(place, `'*' may only stand at the end of a name`)
    return star === -1 ? { text, prefix: false } : { text: text.slice(0, -1), prefix: true }
  })
}

/** Tells whether a name is one of these. */
export function nameMatcher(patterns: readonly NamePattern[]): (name: string) => boolean {
  const exact = new Set(patterns.filter(({ prefix }) => !prefix).map(({ text }) => text))
  const beginnings = patterns.filter(({ prefix }) => prefix).map(({ text }) => text)
  return (name) => exact.has(name) || beginnings.some((beginning) => name.startsWith(beginning))
}

/** For each role that inherits: itself and everything that it includes. */
export type RoleTable = ReadonlyMap<string, readonly string[]>

/** How many roles may stand in one line of inheritance, and how many inclusions a policy may have in all. */
const bounds = { depth: 64, inclusions: 1_000_000 } as const

const none: readonly string[] = Object.freeze([])

/** Reads the roles of a policy. @throws TypeError for a role that inherits itself, by whatever detour. */
export function parseRoles(value: unknown, place: string): RoleTable {
  if (value === undefined) return new Map()
  const parents = new Map<string, readonly string[]>()
  for (const [role, definition] of readMembers(value, place)) {
    const here = `${place}['${shown(role)}']`
    const { inherits } = readFields(definition, here, ['inherits'])
    parents.set(parseRole(role, here), inherits === undefined ? none : parseRoleNames(inherits, `${here}.inherits`))
  }
  const table = new Map<string, readonly string[]>()
  let inclusions = 0
  const include = (role: string, line: readonly string[]): readonly string[] => {
    const known = table.get(role)
    if (known !== undefined) return known
    const here = `${place}['${shown(role)}'].inherits`
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
export function parseRoleNames(value: unknown, place: string): readonly string[] {
  return readTexts(value, place).map((role) => parseRole(role, place))
}

function parseRole(role: string, place: string): string {
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
