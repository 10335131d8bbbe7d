import type { Attribute } from './attributes.ts'
import type { Question } from './policy-request.ts'

/** No longer key is remembered, so that what strangers put into requests takes a bounded room. */
const maxLength = 1024
const maxElements = 64

/**
 * Everything that a decision can depend on, as one text: names, roles and attributes, each in a form that says where it ends
 * and of what type it is, in a fixed order. So no two questions that could be told apart have one key. Undefined where an
 * attribute is no plain data, or the text would be long.
 */
export function cacheKey(question: Question, attributes: readonly Attribute[]): string | undefined {
  const { subjectType, subjectId, actionName, resourceType, resourceId, roles } = question
  let key = textKey(subjectType) + textKey(subjectId) + textKey(actionName) + textKey(resourceType) + textKey(resourceId)
  if (roles.length > maxElements) return undefined
  key += `${roles.length};`
  for (const role of roles) key += textKey(role)
  for (const { read } of attributes) {
    const part = valueKey(read(question))
    if (part === undefined) return undefined
    key += part
  }
  return key.length > maxLength ? undefined : key
}

function textKey(text: string): string {
  return `${text.length}:${text}`
}

function valueKey(value: unknown): string | undefined {
  return Array.isArray(value) ? listKey(value) : scalarKey(value)
}

function scalarKey(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return `s${textKey(value)}`
    case 'number':
      return `n${value};`
    case 'boolean':
      return value ? 't' : 'f'
    case 'undefined':
      return 'u'
    default:
      return value === null ? '0' : undefined
  }
}

function listKey(list: readonly unknown[]): string | undefined {
  if (list.length > maxElements) return undefined
  let key = `a${list.length};`
  for (let index = 0; index < list.length; index++) {
    const part = scalarKey(list[index])
    if (part === undefined) return undefined
    key += part
  }
  return key
}
