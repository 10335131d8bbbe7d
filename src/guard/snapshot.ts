import { GuardError } from './errors.ts'

/** Bounds of a snapshot. What exceeds them is refused, so that no input can exhaust the process. */
const bounds = { depth: 64, nodes: 500_000, characters: 8 * 1024 * 1024, name: 1_024 } as const

interface Spent {
  nodes: number
  characters: number
  readonly plain: PlainForm | undefined
}

/** What stands for an instance of a class in a copy; undefined where nothing does, and the instance is refused. */
export type PlainForm = (instance: object) => unknown

/**
 * The engine's own, deeply frozen copy of a JSON value (byte arrays are allowed as well, copied but not frozen, since
 * JavaScript cannot freeze them). Every property is read exactly once, so a getter or a Proxy cannot show one thing to
 * the check and another to the function.
 *
 * @throws GuardError `payload_invalid` for anything that JSON cannot hold (functions, symbols, BigInt, class instances,
 * cycles, NaN, lone surrogates, a `__proto__` key) and `payload_too_large` beyond the bounds.
 *
 * @param plain gives what stands for instances of classes, which are refused without it.
 */
export function snapshotJson(value: unknown, plain?: PlainForm): unknown {
  try {
    return copy(value, 0, { nodes: 0, characters: 0, plain })
  } catch (error) {
    if (error instanceof GuardError) throw error
    throw new GuardError('payload_invalid', { reason: 'the payload threw while it was read', cause: error })
  }
}

function copy(value: unknown, depth: number, spent: Spent): unknown {
  if (++spent.nodes > bounds.nodes) throw new GuardError('payload_too_large', { reason: 'too many values' })
  switch (typeof value) {
    case 'string':
      return text(value, spent)
    case 'boolean':
      return value
    case 'number':
      if (!Number.isFinite(value)) throw invalid('a number that is not finite')
      return value
    case 'object':
      if (value === null) return null
      if (depth >= bounds.depth) throw invalid(`deeper than ${bounds.depth} levels, or a cycle`)
      if (Array.isArray(value)) return list(value, depth, spent)
      if (value instanceof Uint8Array) return bytes(value, spent)
      return record(value, depth, spent)
    default:
      throw invalid(`a ${typeof value}`)
  }
}

function text(value: string, spent: Spent): string {
  spent.characters += value.length
  if (spent.characters > bounds.characters) throw new GuardError('payload_too_large', { reason: 'too many characters' })
  if (!value.isWellFormed()) throw invalid('a lone surrogate')
  return value
}

function bytes(value: Uint8Array, spent: Spent): Uint8Array {
  spent.characters += value.length
  if (!(spent.characters <= bounds.characters)) throw new GuardError('payload_too_large', { reason: 'too many bytes' })
  // Not `slice`, which lets a subclass choose what it gives.
  const own = new Uint8Array(value)
  if (own.length > bounds.characters) throw new GuardError('payload_too_large', { reason: 'too many bytes' })
  return own
}

function list(value: readonly unknown[], depth: number, spent: Spent): readonly unknown[] {
  const length = value.length
  if (spent.nodes + length > bounds.nodes) throw new GuardError('payload_too_large', { reason: 'too many values' })
  const own: unknown[] = []
  for (let index = 0; index < length; index++) own.push(copy(value[index], depth + 1, spent))
  return Object.freeze(own)
}

function record(value: object, depth: number, spent: Spent): unknown {
  const prototype: unknown = Object.getPrototypeOf(value)
  // A prototype without a prototype is some realm's Object.prototype, or a bare object: either way only data.
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    const form = spent.plain?.(value)
    if (form === undefined) throw invalid('an instance of a class')
    // A level deeper, so that forms of forms end.
    return copy(form, depth + 1, spent)
  }
  if (Object.getOwnPropertySymbols(value).length > 0) throw invalid('a symbol as a key')
  const own: Record<string, unknown> = {}
  for (const key of Object.keys(value)) {
    if (key === '__proto__') throw invalid('a key named __proto__')
    // Names are repeated in the pointers of all that stands below them.
    if (key.length > bounds.name) throw new GuardError('payload_too_large', { reason: `a key of more than ${bounds.name} characters` })
    const member: unknown = (value as Record<string, unknown>)[key]
    // As in JSON: a member that is undefined is a member that is not there.
    if (member === undefined) continue
    own[text(key, spent)] = copy(member, depth + 1, spent)
  }
  return Object.freeze(own)
}

function invalid(what: string): GuardError {
  return new GuardError('payload_invalid', { reason: `the payload holds ${what}` })
}
