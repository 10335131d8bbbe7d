/** Refuses a policy: says where in it, and what is wrong there. */
export function complain(place: string, complaint: string): never {
  throw new TypeError(`${place}: ${complaint}`)
}

// They mean something to JavaScript, so a policy that holds them was made to do something else than it says.
const refusedKeys: readonly string[] = ['__proto__', 'constructor', 'prototype']

/** The members of a plain object, each read once and without running anything of it. @throws TypeError for anything but data. */
export function readMembers(value: unknown, place: string): readonly (readonly [key: string, value: unknown])[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) complain(place, 'must be an object')
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) complain(place, 'must be a plain object')
  const members: (readonly [string, unknown])[] = []
  for (const key of Reflect.ownKeys(value)) {
    if (typeof key === 'symbol') complain(place, 'must not have a symbol as a key')
    if (refusedKeys.includes(key)) complain(place, `must not have the key '${key}'`)
    const member = readOwn(value, key, place)
    // Taken for absent, a slip such as `when: conditions.offce` would lift a condition.
    if (member === undefined) complain(place, `'${shown(key)}' is undefined; leave it out instead`)
    members.push([key, member])
  }
  return members
}

/** The members of a plain object that may have these keys only. */
export function readFields<K extends string>(value: unknown, place: string, keys: readonly K[]): Partial<Record<K, unknown>> {
  const fields: Partial<Record<string, unknown>> = {}
  for (const [key, member] of readMembers(value, place)) {
    if (!(keys as readonly string[]).includes(key)) complain(place, `has an unknown key '${shown(key)}'; the keys are ${keys.join(', ')}`)
    fields[key] = member
  }
  return fields as Partial<Record<K, unknown>>
}

/** The elements of a list that has at least one. */
export function readList(value: unknown, place: string): readonly unknown[] {
  const list = readAnyList(value, place)
  if (list.length === 0) complain(place, 'must not be empty')
  return list
}

/** The elements of a list. */
export function readAnyList(value: unknown, place: string): readonly unknown[] {
  if (!Array.isArray(value)) complain(place, 'must be a list')
  const list: unknown[] = []
  for (let index = 0; index < value.length; index++) list.push(readOwn(value, index, place))
  return list
}

/** A text that is not empty. */
export function readText(value: unknown, place: string): string {
  if (typeof value !== 'string' || value === '') complain(place, 'must be a text that is not empty')
  return value
}

/** One text or a list of them, none empty, none twice. */
export function readTexts(value: unknown, place: string): readonly string[] {
  if (typeof value === 'string') return [readText(value, place)]
  if (!Array.isArray(value)) complain(place, 'must be a text or a list of texts')
  const texts = readList(value, place).map((text, index) => readText(text, `${place}[${index}]`))
  if (new Set(texts).size !== texts.length) complain(place, 'must not name anything twice')
  return texts
}

/** A piece of a policy that is safe to show in a message. */
export function shown(text: string): string {
  return text.length > 64 ? `${text.slice(0, 64)}…` : text
}

function readOwn(holder: object, key: string | number, place: string): unknown {
  const descriptor = Object.getOwnPropertyDescriptor(holder, key)
  if (descriptor === undefined) return undefined
  if (!('value' in descriptor)) complain(place, `'${shown(String(key))}' must be a value, not a getter`)
  return descriptor.value
}
