/** Where something stands in a policy. Put together without being written out: only whoever must be told needs the words. */
export type Place = string | PlaceWithin

/** A place in another. */
export interface PlaceWithin {
  /** Changes where one place is in many others, one after the other. */
  within: Place
  /** A number in a list, a name of the format, or a key of the author's own choice. */
  readonly step: number | string
  readonly own: boolean
}

/** The place of a named member, or of an element of a list. */
export function member(within: Place, step: string | number): Place {
  return { within, step, own: false }
}

/** The place under a key that the author chose, such as a role's name. */
export function entry(within: Place, step: string): Place {
  return { within, step, own: true }
}

/** A place in words, such as `policy.rules[3].when['context.risk'].lt`. */
export function placeText(place: Place): string {
  if (typeof place === 'string') return place
  const { within, step, own } = place
  const here = typeof step === 'number' ? `[${step}]` : own ? `['${shown(step)}']` : `.${shown(step)}`
  return `${placeText(within)}${here}`
}

/** Refuses a policy: says where in it, and what is wrong there. */
export function complain(place: Place, complaint: string): never {
  throw new TypeError(`${placeText(place)}: ${complaint}`)
}

// They mean something to JavaScript, so a policy that holds them was made to do something else than it says.
const refusedKeys: readonly string[] = ['__proto__', 'constructor', 'prototype']

/** The members of a plain object, each read once and without running anything of it. @throws TypeError for anything but data. */
export function readMembers(value: unknown, place: Place): readonly (readonly [key: string, value: unknown])[] {
  return readKeys(value, place).map((key) => [key, readOwn(value, key, place)] as const)
}

/** The members of a plain object that may have these keys only. */
export function readFields<K extends string>(value: unknown, place: Place, keys: readonly K[]): Partial<Record<K, unknown>> {
  const fields: Partial<Record<string, unknown>> = {}
  for (const key of readKeys(value, place)) {
    if (!(keys as readonly string[]).includes(key)) complain(place, `has an unknown key '${shown(key)}'; the keys are ${keys.join(', ')}`)
    fields[key] = readOwn(value, key, place)
  }
  return fields as Partial<Record<K, unknown>>
}

/** The keys of a plain object. Its members are then read with `readOwn`. */
export function readKeys(value: unknown, place: Place): readonly string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) complain(place, 'must be an object')
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && prototype !== Object.prototype && Object.getPrototypeOf(prototype) !== null) complain(place, 'must be a plain object')
  // Together what `Reflect.ownKeys` gives, at a third of its cost: a policy may have a hundred thousand objects.
  const keys = Object.getOwnPropertyNames(value)
  if (Object.getOwnPropertySymbols(value).length > 0) complain(place, 'must not have a symbol as a key')
  for (const key of keys) if (refusedKeys.includes(key)) complain(place, `must not have the key '${key}'`)
  return keys
}

/** A member that is data, and is there. */
export function readOwn(holder: unknown, key: string, place: Place): unknown {
  const own = readData(holder as object, key, place)
  // Taken for absent, a slip such as `when: conditions.offce` would lift a condition.
  if (own === undefined) complain(place, `'${shown(key)}' is undefined; leave it out instead`)
  return own
}

/** The elements of a list that has at least one. */
export function readList(value: unknown, place: Place): readonly unknown[] {
  const list = readAnyList(value, place)
  if (list.length === 0) complain(place, 'must not be empty')
  return list
}

/** The elements of a list. */
export function readAnyList(value: unknown, place: Place): readonly unknown[] {
  if (!Array.isArray(value)) complain(place, 'must be a list')
  // As long as it must be from the beginning: most of a policy is short lists, and there are many of them.
  const list = new Array<unknown>(value.length)
  for (let index = 0; index < list.length; index++) list[index] = readData(value, index, place)
  return list
}

/** A text that is not empty. */
export function readText(value: unknown, place: Place): string {
  if (!isText(value)) complain(place, notText)
  return value
}

const notText = 'must be a text that is not empty'

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

/** One text or a list of them, none empty, none twice. */
export function readTexts(value: unknown, place: Place): readonly string[] {
  if (typeof value === 'string') return [readText(value, place)]
  if (!Array.isArray(value)) complain(place, 'must be a text or a list of texts')
  const texts = readList(value, place)
  for (let index = 0; index < texts.length; index++) if (!isText(texts[index])) complain(member(place, index), notText)
  if (texts.length > 1 && new Set(texts).size !== texts.length) complain(place, 'must not name anything twice')
  return texts as readonly string[]
}

/** A piece of a policy that is safe to show in a message. */
export function shown(text: string): string {
  return text.length > 64 ? `${text.slice(0, 64)}…` : text
}

function readData(holder: object, key: string | number, place: Place): unknown {
  const descriptor = Object.getOwnPropertyDescriptor(holder, key)
  if (descriptor === undefined) return undefined
  if (!('value' in descriptor)) complain(place, `'${shown(String(key))}' must be a value, not a getter`)
  return descriptor.value
}
