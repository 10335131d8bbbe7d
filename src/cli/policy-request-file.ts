import type { PolicyRequest } from '../policy/policy-evaluator.ts'
import { ContentError } from './json-file.ts'

/**
 * A request as JSON (AuthZEN): exactly `subject`, `action`, `resource` and perhaps `context`, so that a slip is noticed and
 * not taken for a missing attribute.
 *
 * @throws ContentError that names the place.
 */
export function requestIn(value: unknown, place: string): PolicyRequest {
  const { subject, action, resource, context } = membersOf(value, place, ['subject', 'action', 'resource'], ['context'])
  entityIn(subject, `${place}.subject`, ['type', 'id'])
  entityIn(action, `${place}.action`, ['name'])
  entityIn(resource, `${place}.resource`, ['type', 'id'])
  if (context !== undefined) objectIn(context, `${place}.context`)
  return value as PolicyRequest
}

function entityIn(value: unknown, place: string, names: readonly string[]): void {
  const members = membersOf(value, place, names, ['properties'])
  for (const name of names)
    if (typeof members[name] !== 'string' || members[name] === '') fail(`${place}.${name}`, 'must be a text that is not empty')
  if (members.properties !== undefined) objectIn(members.properties, `${place}.properties`)
}

/** The members of an object that must have these and may have those. @throws ContentError */
export function membersOf(value: unknown, place: string, wanted: readonly string[], allowed: readonly string[]): Readonly<Record<string, unknown>> {
  const members = objectIn(value, place)
  const missing = wanted.find((name) => !Object.hasOwn(members, name))
  if (missing !== undefined) fail(place, `has no ${missing}`)
  const unknown = Object.keys(members).find((name) => !wanted.includes(name) && !allowed.includes(name))
  if (unknown !== undefined) fail(place, `has an unknown member '${unknown}'; the members are ${[...wanted, ...allowed].join(', ')}`)
  return members
}

function objectIn(value: unknown, place: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) fail(place, 'must be an object')
  return value as Readonly<Record<string, unknown>>
}

/** Refuses what a file holds. */
export function fail(place: string, complaint: string): never {
  throw new ContentError(`${place}: ${complaint}`)
}
