import { memberBelow, type Question } from './policy-request.ts'
import { complain, entry, type Place, readMembers, shown } from './strict-read.ts'

/** The types that an attribute can be declared to have. */
export type AttributeType = 'string' | 'number' | 'boolean' | 'string[]' | 'number[]'

/** Attribute paths and their types. */
export type AttributeTypes = Readonly<Record<string, AttributeType>>

/** Names of types, for a check at load. */
const attributeTypes: readonly string[] = ['string', 'number', 'boolean', 'string[]', 'number[]'] satisfies readonly AttributeType[]

/** What every request has (AuthZEN): always of this type. */
export const entityAttributes = {
  'subject.type': 'string',
  'subject.id': 'string',
  'action.name': 'string',
  'resource.type': 'string',
  'resource.id': 'string',
} as const

/**
 * What a guard states by itself, beside what every request has. `subject.*` comes from the verified identity, `action.*`
 * from the payload, `context.*` from the transport. Beside these stand `subject.claims.*`, `subject.posture.*`, and `subject.actors` (who acts
 * for the subject, nearest first) for engines that can read lists of objects.
 *
 * - `subject.key` issuer and subject together: the one name of a caller; `subject.id` alone is unique only under one issuer
 * - `subject.elevated` which of the roles it has for a while only
 * - `subject.delegated` whether somebody acts for the subject
 * - `subject.acr`, `subject.amr`, `subject.authenticatedAt` how it was authenticated; milliseconds since 1970
 * - `subject.actor` who acts for the subject now: the outermost of a delegation chain, the only one that counts
 * - `subject.device` the device that was proven (its key's or certificate's thumbprint), `subject.deviceStatus` whether its
 *   posture is `known`, `stale` or `unknown`; what is known of it stands under `subject.posture.*`
 * - `action.opaque` how many pieces of content are no text
 * - `context.time` when policy is asked: milliseconds since 1970, by the guard's clock; anew each time it is asked again
 */
export const guardAttributes = {
  'subject.key': 'string',
  'subject.issuer': 'string',
  'subject.tenant': 'string',
  'subject.roles': 'string[]',
  'subject.elevated': 'string[]',
  'subject.scopes': 'string[]',
  'subject.delegated': 'boolean',
  'subject.acr': 'string',
  'subject.amr': 'string[]',
  'subject.authenticatedAt': 'number',
  'subject.binding': 'string',
  'subject.actor': 'string',
  'subject.device': 'string',
  'subject.deviceStatus': 'string',
  'action.model': 'string',
  'action.tools': 'string[]',
  'action.stream': 'boolean',
  'action.maxOutputTokens': 'number',
  'action.choices': 'number',
  'action.opaque': 'number',
  'context.time': 'number',
  'context.secure': 'boolean',
  'context.method': 'string',
  'context.tlsVersion': 'string',
  'context.remoteAddress': 'string',
} as const

/** Where an attribute stands in a request. */
interface AttributePath {
  /** The one way to write it: without `properties` wherever that can be left out. */
  readonly text: string
  readonly root: 'subject' | 'action' | 'resource' | 'context'
  /** Whether it is a member of the entity itself, such as `subject.id`, and not of its properties. */
  readonly entity: boolean
  readonly keys: readonly string[]
}

/** Reads an attribute of a question. */
type ReadAttribute = (question: Question) => unknown

const entityMembers: Readonly<Record<AttributePath['root'], readonly string[]>> = {
  subject: ['type', 'id'],
  action: ['name'],
  resource: ['type', 'id'],
  context: [],
}

/** Reads a path such as `subject.department` or `resource.properties.owner.id`. @throws TypeError where it is none. */
function parseAttributePath(text: string, place: Place): AttributePath {
  const [root, ...rest] = text.split('.')
  if (root !== 'subject' && root !== 'action' && root !== 'resource' && root !== 'context')
    complain(place, `'${shown(text)}' is no attribute path: it begins with subject, action, resource or context`)
  const explicit = root !== 'context' && rest.length > 1 && rest[0] === 'properties'
  const keys = explicit ? rest.slice(1) : rest
  if (keys.length === 0 || keys.length > 16 || keys.some((key) => !isKey(key))) complain(place, `'${shown(text)}' is no attribute path`)
  const [first = ''] = keys
  const named = entityMembers[root].includes(first)
  const entity = named && !explicit
  if (entity && keys.length > 1) complain(place, `'${shown(text)}' leads into a text`)
  return { text: [root, ...(named && explicit ? ['properties'] : []), ...keys].join('.'), root, entity, keys }
}

function isKey(key: string): boolean {
  return key !== '' && !key.includes('*') && !['__proto__', 'constructor', 'prototype'].includes(key)
}

/** What reads an attribute, made once. It yields `undefined` for what is missing, and a symbol where nobody can tell. */
function attributeReader({ root, entity, keys }: AttributePath): ReadAttribute {
  const [first = '', ...deeper] = keys
  if (entity) return entityReaders[`${root}.${first}`] ?? (() => undefined)
  const properties = propertyReaders[root]
  if (deeper.length === 0) return (question) => memberBelow(properties(question), first)
  return (question) => {
    let value = memberBelow(properties(question), first)
    for (const key of deeper) value = memberBelow(value, key)
    return value
  }
}

const entityReaders: Readonly<Record<string, ReadAttribute>> = {
  'subject.type': (question) => question.subjectType,
  'subject.id': (question) => question.subjectId,
  'action.name': (question) => question.actionName,
  'resource.type': (question) => question.resourceType,
  'resource.id': (question) => question.resourceId,
}

const propertyReaders: Readonly<Record<AttributePath['root'], ReadAttribute>> = {
  subject: (question) => question.subjectProperties,
  action: (question) => question.actionProperties,
  resource: (question) => question.resourceProperties,
  context: (question) => question.context,
}

/** An attribute that a policy uses. */
export interface Attribute {
  readonly path: string
  /** Undefined where any will do. */
  readonly type: AttributeType | undefined
  readonly read: ReadAttribute
}

/** Which attributes a policy may use. */
export interface DeclaredAttributes {
  /** The attribute of that path. @throws TypeError for what is no path, and for one that should have been declared. */
  find(text: string, place: Place): Attribute
  readonly count: number
}

/** Reads the declarations of a policy. @throws TypeError for an unknown type or a path that is none. */
export function parseDeclaredAttributes(value: unknown, place: Place): DeclaredAttributes {
  const types = new Map(Object.entries<AttributeType>(entityAttributes))
  const declared = new Set<string>()
  const closed = new Set<string>()
  for (const [text, type] of value === undefined ? [] : readMembers(value, place)) {
    const here = entry(place, text)
    const path = parseAttributePath(text, here)
    if (!isAttributeType(type)) complain(here, `must be one of ${attributeTypes.join(', ')}`)
    if (declared.has(path.text)) complain(here, 'is declared twice')
    const fixed = fixedType(path)
    if (fixed !== undefined && type !== fixed) complain(here, `is always a ${fixed}`)
    types.set(path.text, type)
    declared.add(path.text)
    closed.add(path.root)
  }
  const typeOf = (path: AttributePath, here: Place): AttributeType | undefined => {
    const type = types.get(path.text)
    if (type !== undefined || !closed.has(path.root)) return type
    if (path.root === 'subject' && (path.keys[0] === 'claims' || path.keys[0] === 'posture')) return undefined
    if (Object.hasOwn(standard, path.text)) return standard[path.text]
    return complain(here, `'${shown(path.text)}' is not declared in attributes`)
  }
  const found = new Map<string, Attribute>()
  return {
    count: declared.size,
    find(text, here) {
      const known = found.get(text)
      if (known !== undefined) return known
      const path = parseAttributePath(text, here)
      const attribute = { path: path.text, type: typeOf(path, here), read: attributeReader(path) }
      found.set(text, attribute)
      return attribute
    },
  }
}

const standard: AttributeTypes = guardAttributes

function fixedType({ text, entity }: AttributePath): AttributeType | undefined {
  if (entity) return 'string'
  return Object.hasOwn(standard, text) ? standard[text] : undefined
}

function isAttributeType(value: unknown): value is AttributeType {
  return typeof value === 'string' && attributeTypes.includes(value)
}
