import type { Attributes, Call, Channel, Identity, Json, Known } from '../guard/context.ts'
import type { Step } from '../guard/control.ts'
import { GuardError } from '../guard/errors.ts'
import type { PolicyRequest } from './policy-evaluator.ts'
import { type RoleTable, includedRoles } from './names.ts'

/**
 * The question that a call puts to policy. Names and types are listed in `attributes.ts`.
 *
 * - `subject` is the verified identity: `type` is its kind, `id` its subject. Nothing of the input becomes one of its attributes.
 * - `action.properties` is what the payload says, as its codec reads it; empty where there is no codec.
 * - `resource` is the operation's.
 * - `context` is what the application states, what the transport saw, and `time` by the guard's clock: now, so that asking
 *   again asks about a later moment. None overrides another.
 *
 * @throws GuardError `misconfigured` where the application states something else than what the transport saw, or a time.
 */
export function policyRequest(call: Call & Pick<Known, 'identity'>, step: Pick<Step, 'clock' | 'codec' | 'input'>): PolicyRequest {
  const { identity, resource, channel, attributes } = call
  return {
    subject: { type: identity.kind, id: identity.subject, properties: subjectProperties(identity) },
    action: { name: call.action, properties: actionProperties(step) },
    resource: { type: resource.type, id: resource.id, properties: resource.properties ?? none },
    context: contextOf(attributes, channel, step.clock.now()),
  }
}

/** The same question, so that an engine that is asked cannot change it for the next, or the caller for later calls. */
export function freezeRequest(request: PolicyRequest): PolicyRequest {
  freezeDeep(request)
  return request
}

function freezeDeep(value: unknown): void {
  // Bytes cannot be frozen.
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return
  Object.freeze(value)
  for (const member of Object.values(value)) freezeDeep(member)
}

const none: Attributes = Object.freeze({})

function subjectProperties(identity: Identity): Attributes {
  const { key, issuer, tenant, roles, scopes, claims, actors, assurance, binding, device } = identity
  const { acr, amr, authenticatedAt } = assurance
  const properties: Record<string, Json> = { key, issuer, roles, scopes, claims, amr, delegated: actors.length > 0 }
  const [actor] = actors
  if (actor !== undefined) properties.actor = actor.subject
  if (actors.length > 0) properties.actors = actors.map(({ subject, issuer: by }) => (by === undefined ? { subject } : { subject, issuer: by }))
  if (tenant !== undefined) properties.tenant = tenant
  if (acr !== undefined) properties.acr = acr
  if (authenticatedAt !== undefined) properties.authenticatedAt = authenticatedAt
  if (binding !== undefined) properties.binding = binding
  if (device !== undefined) {
    properties.device = device.id
    properties.deviceStatus = device.status
    properties.posture = device.posture
  }
  return properties
}

function actionProperties({ codec, input }: Pick<Step, 'codec' | 'input'>): Attributes {
  if (codec === undefined || input === undefined) return none
  const { model, tools, stream, maxOutputTokens, choices, opaque } = codec.facts(input)
  const properties: Record<string, Json> = { tools, stream, choices, opaque: opaque.length }
  if (model !== undefined) properties.model = model
  if (maxOutputTokens !== undefined) properties.maxOutputTokens = maxOutputTokens
  return properties
}

// The URL is left out: it is the caller's to choose, and what it means is already the action and the resource.
function contextOf(attributes: Attributes, channel: Channel | undefined, time: number): Attributes {
  if (attributes.time !== undefined) refuse('time', "is the guard's own to state")
  return channel === undefined ? { ...attributes, time } : withTransport(attributes, channel, time)
}

function withTransport(attributes: Attributes, channel: Channel, time: number): Attributes {
  const { secure, method, tlsVersion, remoteAddress } = channel
  if (contradicts(attributes.secure, secure)) refuse('secure')
  if (contradicts(attributes.method, method)) refuse('method')
  if (contradicts(attributes.tlsVersion, tlsVersion)) refuse('tlsVersion')
  if (contradicts(attributes.remoteAddress, remoteAddress)) refuse('remoteAddress')
  const context: Record<string, Json> = { ...attributes, time, secure }
  if (method !== undefined) context.method = method
  if (tlsVersion !== undefined) context.tlsVersion = tlsVersion
  if (remoteAddress !== undefined) context.remoteAddress = remoteAddress
  return context
}

function contradicts(stated: Json | undefined, seen: Json | undefined): boolean {
  return stated !== undefined && seen !== undefined && stated !== seen
}

function refuse(name: string, why = 'contradicts what the transport saw'): never {
  throw new GuardError('misconfigured', { reason: `the attribute '${name}' ${why}` })
}

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

/** What keeps a value from being a request. It holds no value. */
export function whatIsMalformed(request: unknown): string {
  const names = ['subject.type', 'subject.id', 'action.name', 'resource.type', 'resource.id'] as const
  const missing = names.filter((path) => {
    const [entity = '', key = ''] = path.split('.')
    return !isName(ownMember(ownMember(request, entity), key))
  })
  return missing.length === 0 ? 'subject.properties.roles must be a list of names' : `${missing.join(', ')} must be a text that is not empty`
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

/**
 * The same on the way to an attribute, where a text or a list in place of an object is a value of another type: whether
 * there is something below it nobody can tell, and least of all that there is nothing.
 */
export function memberBelow(holder: unknown, key: string): unknown {
  if (holder === undefined || holder === null) return undefined
  return typeof holder !== 'object' || Array.isArray(holder) ? unreadable : ownMember(holder, key)
}
