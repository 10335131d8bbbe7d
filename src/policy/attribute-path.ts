import { ownMember } from './own-member.ts'
import type { Question } from './question.ts'
import { complain, shown } from './strict-read.ts'

/** Where an attribute stands in a request. */
export interface AttributePath {
  /** The one way to write it: without `properties` wherever that can be left out. */
  readonly text: string
  readonly root: 'subject' | 'action' | 'resource' | 'context'
  /** Whether it is a member of the entity itself, such as `subject.id`, and not of its properties. */
  readonly entity: boolean
  readonly keys: readonly string[]
}

/** Reads an attribute of a question. */
export type ReadAttribute = (question: Question) => unknown

const entityMembers: Readonly<Record<AttributePath['root'], readonly string[]>> = {
  subject: ['type', 'id'],
  action: ['name'],
  resource: ['type', 'id'],
  context: [],
}

/** Reads a path such as `subject.department` or `resource.properties.owner.id`. @throws TypeError where it is none. */
export function parseAttributePath(text: string, place: string): AttributePath {
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

/** What reads an attribute, made once. It yields `undefined` for what is missing, and a symbol for what only code could yield. */
export function attributeReader({ root, entity, keys }: AttributePath): ReadAttribute {
  const [first = '', ...deeper] = keys
  if (entity) return entityReaders[`${root}.${first}`] ?? (() => undefined)
  const properties = propertyReaders[root]
  if (deeper.length === 0) return (question) => ownMember(properties(question), first)
  return (question) => {
    let value = ownMember(properties(question), first)
    for (const key of deeper) value = ownMember(value, key)
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
