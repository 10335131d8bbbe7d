import type { CedarValueJson, EntityJson } from '@cedar-policy/cedar-wasm'
import { GuardError } from '../../guard/errors.ts'
import type { PolicyEntity, PolicyRequest } from '../../policy/policy-evaluator.ts'
import { type CedarUid, isTypeName, uidKey } from './cedar-module.ts'
import type { LoadedPolicy } from './cedar-policies.ts'
import type { LoadedSchema } from './cedar-schema.ts'
import { cedarAttributes } from './cedar-values.ts'

/** A question in Cedar's terms. */
export interface CedarQuestion {
  readonly principal: CedarUid
  readonly action: CedarUid
  readonly resource: CedarUid
  readonly context?: Readonly<Record<string, CedarValueJson>>
  /** What is known of entities for this question: the principal's and the resource's attributes, and what they are in. */
  readonly entities?: readonly EntityJson[]
}

/** Puts a request in Cedar's terms; undefined where Cedar has none for it, so that nothing is permitted. */
export type CedarMapping = (request: PolicyRequest) => CedarQuestion | undefined

/** How names are written in Cedar. */
export interface CedarNames {
  /** What stands before every type, such as `Acme`. */
  readonly namespace: string | undefined
  /** What types of subjects and resources are called, such as `{ user: 'User' }`. */
  readonly types: ReadonlyMap<string, string>
}

/**
 * The usual mapping. The principal is the subject and is in a `Role` for each of its roles; action and resource have the names
 * that they have; `context` is the context, with what the payload says as `context.action`. Attributes that no policy looks at
 * stay behind, and with a schema those that it does not declare.
 */
export function usualMapping(names: CedarNames, policies: readonly LoadedPolicy[], schema: LoadedSchema | undefined): CedarMapping {
  const read = new Set(policies.flatMap(({ reads }) => [...reads.attributes]))
  const wholeContext = policies.some(({ reads }) => reads.wholeContext)
  const isRead = (name: string): boolean => read.has(name)
  const everything = (): boolean => true
  const roleType = nameIn(names, 'Role')
  const actionType = nameIn(names, 'Action')

  const entityOf = ({ type, id, properties }: PolicyEntity, place: string, parents: readonly CedarUid[]): EntityJson | undefined => {
    const cedarType = nameIn(names, names.types.get(type) ?? type)
    if (!isTypeName(cedarType) || typeof id !== 'string') return undefined
    const declared = schema?.entities.get(cedarType)
    if (schema !== undefined && declared === undefined) return undefined
    return {
      uid: { type: cedarType, id },
      attrs: cedarAttributes(properties, declared?.attributes ?? isRead, place),
      parents: declared === undefined || declared.memberOf.has(roleType) ? [...parents] : [],
    }
  }

  return (request) => {
    const { subject, action, resource, context = {} } = request
    const roles = rolesOf(subject).map((id) => ({ type: roleType, id }))
    const principal = entityOf(subject, 'subject', roles)
    const target = entityOf(resource, 'resource', [])
    const uid = { type: actionType, id: action.name }
    const declared = schema?.actions.get(uidKey(uid))
    if (principal === undefined || target === undefined || typeof uid.id !== 'string') return undefined
    if (schema !== undefined && declared === undefined) return undefined
    if (Object.hasOwn(context, 'action'))
      throw new GuardError('misconfigured', { reason: "the attribute 'action' of the context would be taken for the payload's" })
    const stated = action.properties === undefined ? context : { ...context, action: action.properties }
    return {
      principal: principal.uid as CedarUid,
      action: uid,
      resource: target.uid as CedarUid,
      context: cedarAttributes(stated, declared?.context ?? (wholeContext ? everything : isRead), 'context'),
      entities: [principal, target],
    }
  }
}

function nameIn({ namespace }: CedarNames, type: string): string {
  return namespace === undefined || type.includes('::') ? type : `${namespace}::${type}`
}

function rolesOf({ properties }: PolicyEntity): readonly string[] {
  const roles = properties !== undefined && Object.hasOwn(properties, 'roles') ? properties.roles : undefined
  if (roles === undefined) return []
  if (Array.isArray(roles) && roles.every((role) => typeof role === 'string')) return roles as readonly string[]
  throw new GuardError('policy_unavailable', { reason: 'Cedar cannot be asked: subject.roles is no list of names' })
}
