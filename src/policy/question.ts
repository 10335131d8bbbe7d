import { includedRoles, type RoleTable } from './names.ts'

/** A request as rules read it: checked once, flat, with the roles that follow from the subject's own. */
export interface Question {
  readonly subjectType: string
  readonly subjectId: string
  readonly subjectProperties: unknown
  readonly actionName: string
  readonly actionProperties: unknown
  readonly resourceType: string
  readonly resourceId: string
  readonly resourceProperties: unknown
  readonly context: unknown
  readonly roles: readonly string[]
}

/** Reads a request; undefined where it is none, so that nothing is permitted. Runs no code of the request. */
export function readQuestion(request: unknown, roles: RoleTable): Question | undefined {
  const subject = ownMember(request, 'subject')
  const action = ownMember(request, 'action')
  const resource = ownMember(request, 'resource')
  const subjectType = ownMember(subject, 'type')
  const subjectId = ownMember(subject, 'id')
  const subjectProperties = ownMember(subject, 'properties')
  const actionName = ownMember(action, 'name')
  const resourceType = ownMember(resource, 'type')
  const resourceId = ownMember(resource, 'id')
  if (!isName(subjectType) || !isName(subjectId) || !isName(actionName) || !isName(resourceType) || !isName(resourceId)) return undefined
  const held = includedRoles(roles, ownMember(subjectProperties, 'roles'))
  if (held === undefined) return undefined
  return {
    subjectType,
    subjectId,
    subjectProperties,
    actionName,
    actionProperties: ownMember(action, 'properties'),
    resourceType,
    resourceId,
    resourceProperties: ownMember(resource, 'properties'),
    context: ownMember(request, 'context'),
    roles: held,
  }
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

const unreadable: unique symbol = Symbol('unreadable')

/**
 * A member that an object holds itself, as data. What it inherits is not there; a getter is not called, and yields a
 * value that no test takes. Lists and texts have no members here, or `subject.roles.length` would be an attribute.
 */
export function ownMember(holder: unknown, key: string): unknown {
  if (typeof holder !== 'object' || holder === null || Array.isArray(holder)) return undefined
  const descriptor = Object.getOwnPropertyDescriptor(holder, key)
  if (descriptor === undefined) return undefined
  return 'value' in descriptor ? descriptor.value : unreadable
}
