import type { Json, Obligation } from '../guard/context.ts'

/** No duty. */
export const noObligations: readonly Obligation[] = Object.freeze([])

/**
 * All duties together: the union. Where two differ only in a number, the stricter one stays (`max_…` the smaller, `min_…`
 * the greater); lists of allowed tools are intersected; what is said twice counts once. In an order that does not depend
 * on the order of the lists. Frozen.
 */
export function mergeObligations(...lists: readonly (readonly Obligation[])[]): readonly Obligation[] {
  const merged = new Map<string, Obligation>()
  for (const list of lists) {
    for (const obligation of list) {
      const key = mergeKey(obligation)
      const known = merged.get(key)
      merged.set(key, known === undefined ? obligation : stricter(known, obligation))
    }
  }
  if (merged.size === 0) return noObligations
  const sorted = [...merged.entries()].sort(([one], [other]) => (one < other ? -1 : 1))
  return Object.freeze(sorted.map(([, obligation]) => obligation))
}

/** Whether two merged lists say the same. */
export function sameObligations(one: readonly Obligation[], other: readonly Obligation[]): boolean {
  return one === other || stableText(one) === stableText(other)
}

// Obligations with one key are merged into one.
function mergeKey(obligation: Obligation): string {
  if (obligation.type === 'allow_tools') return 'allow_tools'
  const { value, ...others } = obligation
  return typeof value === 'number' && direction(obligation.type) !== undefined ? stableText(others) : stableText(obligation)
}

function stricter(one: Obligation, other: Obligation): Obligation {
  if (one.type === 'allow_tools') {
    const allowed = new Set(namesIn(other.value))
    return Object.freeze({ type: one.type, value: Object.freeze(namesIn(one.value).filter((name) => allowed.has(name))) })
  }
  const [a, b] = [one.value, other.value]
  if (typeof a !== 'number' || typeof b !== 'number') return one
  return (direction(one.type) === 'least' ? a <= b : a >= b) ? one : other
}

function direction(type: string): 'least' | 'most' | undefined {
  return type.startsWith('max_') ? 'least' : type.startsWith('min_') ? 'most' : undefined
}

/** The names in a parameter that is one name or a list of them. */
export function namesIn(value: Json | undefined): readonly string[] {
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? value.filter((name): name is string => typeof name === 'string') : []
}

// One text for one value, whatever the order of its members.
function stableText(value: Json): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(stableText).join(',')}]`
  const members = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1))
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${stableText(member)}`).join(',')}}`
}
