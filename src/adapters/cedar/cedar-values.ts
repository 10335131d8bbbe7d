import type { CedarValueJson } from '@cedar-policy/cedar-wasm'
import { GuardError } from '../../guard/errors.ts'
import { shown } from '../../policy/strict-read.ts'
import type { ValueType } from './cedar-schema.ts'

/** How deep and how many: what exceeds it is refused before Cedar must parse it. */
const bounds = { depth: 32, values: 10_000 } as const

interface Spent {
  values: number
}

/**
 * The attributes in a record, as Cedar takes them. Null is no value, so it is left out. Numbers that are not whole become
 * decimals, which have four places; where a schema says so, a number becomes a decimal, a moment (milliseconds since 1970) or a
 * duration (milliseconds), and a text the id of an entity.
 *
 * @param wanted which to take: by name, or what a schema declares.
 * @throws GuardError `policy_unavailable` for what Cedar has no value for: left out, it could not make a `forbid` fail.
 */
export function cedarAttributes(
  holder: object | undefined,
  wanted: ReadonlyMap<string, ValueType> | ((name: string) => boolean),
  place: string,
): Record<string, CedarValueJson> {
  const attributes: Record<string, CedarValueJson> = {}
  if (holder === undefined) return attributes
  const spent = { values: 0 }
  for (const name of Object.keys(holder)) {
    const type = typeof wanted === 'function' ? undefined : wanted.get(name)
    if (typeof wanted === 'function' ? !wanted(name) : type === undefined) continue
    const value = convert(readOwn(holder, name, place), type, `${place}.${shown(name)}`, 0, spent)
    if (value !== undefined) define(attributes, name, value, place)
  }
  return attributes
}

function convert(value: unknown, type: ValueType | undefined, place: string, depth: number, spent: Spent): CedarValueJson | undefined {
  if (++spent.values > bounds.values) refuse(place, 'holds too many values')
  switch (typeof value) {
    case 'string':
      return type?.kind === 'entity' ? { __entity: { type: type.type, id: value } } : value
    case 'boolean':
      return value
    case 'number':
      return numberFor(value, type, place)
    case 'object':
      if (value === null) return undefined
      if (depth >= bounds.depth) refuse(place, 'is too deep')
      return Array.isArray(value) ? setFor(value, type, place, depth, spent) : recordFor(value, type, place, depth, spent)
    default:
      return refuse(place, 'is no JSON value')
  }
}

function numberFor(value: number, type: ValueType | undefined, place: string): CedarValueJson {
  if (type?.kind === 'duration' && Number.isSafeInteger(value)) return { __extn: { fn: 'duration', arg: `${value}ms` } }
  if (type?.kind === 'datetime' && Number.isSafeInteger(value) && Math.abs(value) < 8.64e15)
    return { __extn: { fn: 'datetime', arg: new Date(value).toISOString() } }
  // `-0` is no whole number to Cedar's reader.
  if (Number.isSafeInteger(value) && type?.kind !== 'decimal') return value === 0 ? 0 : value
  const text = Number.isInteger(value) ? `${value}.0` : value.toFixed(4)
  // A decimal is a whole number of ten-thousandths, of 64 bits.
  if (!(Math.abs(value) < 9e14) || Number(text) !== value) refuse(place, 'is a number that Cedar cannot hold')
  return { __extn: { fn: 'decimal', arg: text } }
}

function setFor(value: readonly unknown[], type: ValueType | undefined, place: string, depth: number, spent: Spent): CedarValueJson[] {
  const element = type?.kind === 'set' ? type.element : undefined
  const set: CedarValueJson[] = []
  for (let index = 0; index < value.length; index++) {
    const here = `${place}[${index}]`
    const one = convert(readOwn(value, index, place), element, here, depth + 1, spent)
    if (one === undefined) return refuse(here, 'is null, which is no element of a set')
    set.push(one)
  }
  return set
}

function recordFor(
  value: object,
  type: ValueType | undefined,
  place: string,
  depth: number,
  spent: Spent,
): Record<string, CedarValueJson> | { __entity: { type: string; id: string } } {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) refuse(place, 'is no plain object')
  const record: Record<string, CedarValueJson> = {}
  const declared = type?.kind === 'record' ? type.attributes : undefined
  for (const name of Object.keys(value)) {
    // To Cedar these are no names but a way to write entities and function calls. What the application and a token say must not be either.
    if (name.startsWith('__')) refuse(place, `has a name that means something to Cedar: '${shown(name)}'`)
    const member = declared?.get(name)
    if (declared !== undefined && member === undefined) continue
    const one = convert(readOwn(value, name, place), member, `${place}.${shown(name)}`, depth + 1, spent)
    if (one !== undefined) define(record, name, one, place)
  }
  return record
}

function readOwn(holder: object, key: string | number, place: string): unknown {
  const descriptor = Object.getOwnPropertyDescriptor(holder, key)
  if (descriptor !== undefined && !('value' in descriptor)) refuse(place, `has a getter: '${shown(String(key))}'`)
  return descriptor?.value
}

function define(record: Record<string, CedarValueJson>, name: string, value: CedarValueJson, place: string): void {
  // Also at the top: nobody declares an attribute with such a name.
  if (name.startsWith('__')) refuse(place, `has a name that means something to Cedar: '${shown(name)}'`)
  record[name] = value
}

function refuse(place: string, why: string): never {
  throw new GuardError('policy_unavailable', { reason: `Cedar cannot be asked: ${place} ${why}` })
}
