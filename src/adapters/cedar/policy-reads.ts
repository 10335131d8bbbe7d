import type { CedarUid } from './cedar-module.ts'

/** What a policy's conditions look at. */
export interface PolicyReads {
  /** The names of attributes, whosesoever they are. */
  readonly attributes: ReadonlySet<string>
  /** Whether the context is used as a whole, and not only its members. */
  readonly wholeContext: boolean
  /** Entities that are named: what is known of them must be at hand. */
  readonly entities: readonly CedarUid[]
}

/** Finds what conditions look at, in Cedar's JSON form. Finds too much rather than too little. */
export function readsOf(conditions: unknown): PolicyReads {
  const found = { attributes: new Set<string>(), wholeContext: false, entities: [] as CedarUid[] }
  visit(conditions, found)
  return found
}

interface Found {
  readonly attributes: Set<string>
  wholeContext: boolean
  readonly entities: CedarUid[]
}

function visit(node: unknown, found: Found): void {
  if (Array.isArray(node)) {
    for (const element of node) visit(element, found)
    return
  }
  if (!isObject(node)) return
  for (const [key, part] of Object.entries(node)) {
    if (key === 'Value') visitValue(part, found)
    else if (key === 'Var') found.wholeContext ||= part === 'context'
    else if ((key === '.' || key === 'has') && isObject(part) && 'attr' in part) visitAttribute(part, found)
    else visit(part, found)
  }
}

function visitAttribute({ left, attr }: Readonly<Record<string, unknown>>, found: Found): void {
  for (const name of Array.isArray(attr) ? attr : [attr]) if (typeof name === 'string') found.attributes.add(name)
  const isVariable = isObject(left) && typeof left.Var === 'string'
  if (!isVariable) visit(left, found)
}

// A literal: nothing in it is an expression.
function visitValue(value: unknown, found: Found): void {
  if (Array.isArray(value)) for (const element of value) visitValue(element, found)
  else if (isObject(value)) {
    const uid = uidIn(value)
    if (uid !== undefined) found.entities.push(uid)
    else for (const member of Object.values(value)) visitValue(member, found)
  }
}

/** The entity that a value in Cedar's JSON form refers to; undefined where it refers to none. */
export function uidIn(value: unknown): CedarUid | undefined {
  if (!isObject(value)) return undefined
  const named = '__entity' in value ? value.__entity : value
  if (!isObject(named) || Object.keys(named).length !== 2) return undefined
  const { type, id } = named
  return typeof type === 'string' && typeof id === 'string' ? { type, id } : undefined
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
