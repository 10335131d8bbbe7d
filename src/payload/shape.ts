import type { Text } from '../guard/codec.ts'
import { type Shape, type Walk, isPlainName, speak } from './walk.ts'

/** A JSON object, and no list and no bytes. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
}

/** A text that is whole in itself. */
export const text: Shape = (value, walk) => walk.text(textIn(value, walk), 'text')

/**
 * A name from the application or the vendor, such as a model's or a tool's: no spaces, so no prose, and no e-mail address. A
 * key or a card's number could stand there all the same, so it is shown to whoever looks at texts.
 */
export const identifier: Shape = (value, walk) => {
  if (!isIdentifier(value)) throw walk.invalid('no identifier')
  walk.fixed(value)
  return value
}

/** An identifier that a vendor writes; whatever does not look like one is a text. */
export const label: Shape = (value, walk) => {
  if (!isIdentifier(value)) return walk.text(textIn(value, walk), 'text')
  walk.fixed(value)
  return value
}

export const boolean: Shape = (value, walk) => {
  if (typeof value !== 'boolean') throw walk.invalid('no boolean')
  return value
}

export const number: Shape = (value, walk) => {
  if (typeof value !== 'number') throw walk.invalid('no number')
  // By its digits and not by its size: a point in a card's number hides nothing.
  const digits = String(value)
  if (digits.length >= leastDigits && digits.replace(/\D/g, '').length >= leastDigits) walk.fixed(digits)
  return value
}

// Shorter ones are amounts, times and bounds; from twelve digits on a number can be that of a card.
const leastDigits = 12

/** A whole number within bounds. */
/* @__NO_SIDE_EFFECTS__ */
export function integer(least: number, most: number): Shape {
  return (value, walk) => {
    if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most)
      throw walk.invalid(`no whole number from ${least} to ${most}`)
    return number(value, walk)
  }
}

/** A whole number above zero. */
export const positive: Shape = integer(1, 9_007_199_254_740_991)

/** One of a few words. Another one may be known to the vendor, but not here. */
/* @__NO_SIDE_EFFECTS__ */
export function word(...words: readonly string[]): Shape {
  return (value, walk) => {
    if (typeof value !== 'string') throw walk.invalid('no string')
    if (!words.includes(value)) throw walk.unsupported('an unknown word')
    return value
  }
}

/* @__NO_SIDE_EFFECTS__ */
export function nullable(shape: Shape): Shape {
  return (value, walk) => (value === null ? null : shape(value, walk))
}

/** Nothing but the values that ask for nothing: anything else is refused, for the reason given. */
/* @__NO_SIDE_EFFECTS__ */
export function refused(reason: string, ...allowed: readonly unknown[]): Shape {
  return (value, walk) => {
    if (value !== null && !allowed.includes(value)) throw walk.unsupported(reason)
    return value
  }
}

/** What is not let through: whatever a vendor sends here becomes null. */
export const dropped: Shape = () => null

/** The same for what must be a list: it becomes an empty one. */
export const emptied: Shape = (value) => (Array.isArray(value) && value.length === 0 ? value : empty)

const empty: readonly unknown[] = Object.freeze([])

/** A list of values of one shape. */
/* @__NO_SIDE_EFFECTS__ */
export function list(shape: Shape): Shape {
  return (value, walk) => {
    if (!Array.isArray(value)) throw walk.invalid('no list')
    let own: unknown[] | undefined
    for (let index = 0; index < value.length; index++) {
      const before: unknown = value[index]
      const after = walk.into(index, before, shape)
      if (after === before) continue
      own ??= [...value]
      own[index] = after
    }
    return own === undefined ? value : Object.freeze(own)
  }
}

/** What an object may hold beside its members' shapes. */
export interface MemberRules {
  readonly required?: readonly string[]
  /** The shape of members that are not named here but whose names are plain ones. Without it an unknown member is refused. */
  readonly others?: Shape
}

const unknownMember: Shape = (_value, walk) => {
  throw walk.unsupported('an unknown member')
}

/** An object with these members, and no others. */
/* @__NO_SIDE_EFFECTS__ */
export function members(known: Readonly<Record<string, Shape>>, rules: MemberRules = {}): Shape {
  const { required = [], others = unknownMember } = rules
  // Made when it is first needed: most programs read the payloads of one vendor.
  let shapes: Map<string, Shape> | undefined
  return (value, walk) => {
    if (!isRecord(value)) throw walk.invalid('no object')
    shapes ??= spokenMap(known)
    let own: Record<string, unknown> | undefined
    for (const name of Object.keys(value)) {
      const before = value[name]
      const shape = shapes.get(name)
      if (shape === undefined) walk.name(name)
      const after = walk.into(name, before, shape ?? (isPlainName(name) ? others : unknownMember))
      if (after !== before) (own ??= { ...value })[name] = after
    }
    for (const name of required) if (!Object.hasOwn(value, name)) throw walk.invalid(`no member '${name}'`)
    return own === undefined ? value : Object.freeze(own)
  }
}

function spokenMap(known: Readonly<Record<string, Shape>>): Map<string, Shape> {
  const shapes = new Map(Object.entries(known))
  speak(shapes.keys())
  return shapes
}

/** An object whose shape one of its members names, such as `type` or `role`. */
/* @__NO_SIDE_EFFECTS__ */
export function variants(name: string, shapes: Readonly<Record<string, Shape>>): Shape {
  let known: Map<string, Shape> | undefined
  return (value, walk) => {
    if (!isRecord(value)) throw walk.invalid('no object')
    known ??= new Map(Object.entries(shapes))
    const tag = Object.hasOwn(value, name) ? value[name] : undefined
    if (typeof tag !== 'string') throw walk.invalid(`no member '${name}'`)
    const shape = known.get(tag)
    if (shape === undefined) throw walk.unsupported(`an unknown '${name}'`)
    return shape(value, walk)
  }
}

/** A shape for each of these names. */
/* @__NO_SIDE_EFFECTS__ */
export function each(names: readonly string[], shapeOf: (name: string) => Shape): Readonly<Record<string, Shape>> {
  return Object.fromEntries(names.map((name) => [name, shapeOf(name)]))
}

/**
 * The members of all of these; the later one where two have a name. Said as a call and not by spreading: a bundler takes a spread
 * for something that may do more than it shows, and would keep every codec for whoever uses one.
 */
/* @__NO_SIDE_EFFECTS__ */
export function all(...shapes: readonly Readonly<Record<string, Shape>>[]): Readonly<Record<string, Shape>> {
  return Object.assign({}, ...shapes) as Readonly<Record<string, Shape>>
}

/** The same shape, written by this speaker. */
/* @__NO_SIDE_EFFECTS__ */
export function by(role: Text['role'], shape: Shape): Shape {
  return (value, walk) => {
    const before = walk.role
    walk.role = role
    const result = shape(value, walk)
    walk.role = before
    return result
  }
}

/** A member whose value the shape of its object has looked at already. */
export const tag: Shape = (value) => value

/** Numbers, switches and objects of them: what can hold no text. No lists, since a list of numbers can spell one. */
export const figures: Shape = (value, walk) => {
  if (isRecord(value)) {
    for (const name of Object.keys(value)) {
      if (!isPlainName(name)) throw walk.unsupported('an unknown member')
      walk.name(name)
      walk.into(name, value[name], figures)
    }
  } else if (typeof value === 'number') number(value, walk)
  else if (value !== null && typeof value !== 'boolean') throw walk.unsupported('an unknown member')
  return value
}

/**
 * Any JSON: every string in it is a text of this kind, and every member's name that is not a plain one. Two names that become
 * the same one are refused, since one of the members would be lost.
 */
/* @__NO_SIDE_EFFECTS__ */
export function jsonOf(kind: Text['kind'], numeric: Shape = number): Shape {
  const name: Shape = (value, walk) => walk.text(textIn(value, walk), kind, '~name')
  const any: Shape = (value, walk) => {
    if (typeof value === 'string') return walk.text(value, kind)
    if (typeof value === 'number') return numeric(value, walk)
    if (Array.isArray(value)) return anyList(value, walk)
    if (isRecord(value)) return anyRecord(value, walk)
    if (typeof value === 'object' && value !== null) throw walk.invalid('bytes')
    return value
  }
  const anyList = list(any)
  const anyRecord = (value: Readonly<Record<string, unknown>>, walk: Walk): unknown => {
    const own: Record<string, unknown> = {}
    let changed = false
    for (const before of Object.keys(value)) {
      const isPlain = isPlainName(before)
      if (isPlain) walk.name(before)
      const renamed = isPlain ? before : String(walk.into(before, before, name))
      if (renamed === '__proto__' || Object.hasOwn(own, renamed)) throw walk.invalid('two members that have become one')
      const member = walk.into(before, value[before], any)
      own[renamed] = member
      if (renamed !== before || member !== value[before]) changed = true
    }
    return changed ? Object.freeze(own) : value
  }
  return any
}

/** Any JSON, in which every string is a text. */
export const anyJson: Shape = jsonOf('text')

/** Any JSON object. */
export const anyObject: Shape = objectOf(anyJson)

/** The same shape, of objects alone. */
/* @__NO_SIDE_EFFECTS__ */
export function objectOf(shape: Shape): Shape {
  return (value, walk) => {
    if (!isRecord(value)) throw walk.invalid('no object')
    return shape(value, walk)
  }
}

/** A text, or a list of pieces of content of these types. */
/* @__NO_SIDE_EFFECTS__ */
export function textOr(pieces: Shape): Shape {
  const several = list(pieces)
  return (value, walk) => (Array.isArray(value) ? several(value, walk) : text(value, walk))
}

/** A text that later parts of a stream continue, in the channel of this name. */
/* @__NO_SIDE_EFFECTS__ */
export function running(name: string): Shape {
  return (value, walk) => walk.running(textIn(value, walk), name)
}

/** The value as a string. @throws GuardError `payload_invalid` where it is none. */
export function textIn(value: unknown, walk: Walk): string {
  if (typeof value !== 'string') throw walk.invalid('no string')
  return value
}

function isIdentifier(value: unknown): value is string {
  return typeof value === 'string' && /^@?[\w.:/+-]{1,256}$/.test(value)
}
