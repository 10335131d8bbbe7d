import { GuardError } from '../../guard/errors.ts'
import type { PolicyRequest } from '../../policy/policy-evaluator.ts'

/** What is more than this is no question. */
const bounds = { depth: 64, values: 100_000 } as const

/**
 * A request as nothing but data, for an engine that gets it as JSON: without what it inherits, and without members that are
 * undefined. JSON by itself would run getters and turn NaN into null, which to some engines is less than every number.
 *
 * @throws GuardError `policy_unavailable` for what JSON cannot hold.
 */
export function plainRequest({ subject, action, resource, context }: PolicyRequest): PolicyRequest {
  return plain({ subject, action, resource, context }, 0, { values: 0 }) as PolicyRequest
}

function plain(value: unknown, depth: number, spent: { values: number }): unknown {
  if (++spent.values > bounds.values) refuse('holds too many values')
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      return Number.isFinite(value) ? value : refuse('holds a number that is not finite')
    case 'object':
      if (value === null) return null
      if (depth >= bounds.depth) refuse('is too deep')
      return Array.isArray(value) ? plainList(value, depth, spent) : plainRecord(value, depth, spent)
    default:
      return refuse(`holds a ${typeof value}`)
  }
}

function plainList(list: readonly unknown[], depth: number, spent: { values: number }): unknown[] {
  const own: unknown[] = []
  for (let index = 0; index < list.length; index++) own.push(plain(readOwn(list, index), depth + 1, spent))
  return own
}

function plainRecord(record: object, depth: number, spent: { values: number }): object {
  const prototype: unknown = Object.getPrototypeOf(record)
  // A prototype without a prototype is some realm's Object.prototype, or a bare object: either way only data.
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) refuse('holds an instance of a class')
  const own: Record<string, unknown> = {}
  for (const name of Object.keys(record)) {
    if (name === '__proto__') refuse('holds a member named __proto__')
    const value = readOwn(record, name)
    if (value !== undefined) own[name] = plain(value, depth + 1, spent)
  }
  return own
}

function readOwn(holder: object, key: string | number): unknown {
  const descriptor = Object.getOwnPropertyDescriptor(holder, key)
  if (descriptor !== undefined && !('value' in descriptor)) refuse('holds a getter')
  return descriptor?.value
}

function refuse(why: string): never {
  throw new GuardError('policy_unavailable', { reason: `the request ${why}` })
}
