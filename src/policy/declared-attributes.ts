import { type AttributePath, attributeReader, parseAttributePath, type ReadAttribute } from './attribute-path.ts'
import { type AttributeType, type AttributeTypes, attributeTypes, entityAttributes, guardAttributes } from './attribute-types.ts'
import { complain, readMembers, shown } from './strict-read.ts'

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
  find(text: string, place: string): Attribute
  readonly count: number
}

/** Reads the declarations of a policy. @throws TypeError for an unknown type or a path that is none. */
export function parseDeclaredAttributes(value: unknown, place: string): DeclaredAttributes {
  const types = new Map(Object.entries<AttributeType>(entityAttributes))
  const declared = new Set<string>()
  const closed = new Set<string>()
  for (const [text, type] of value === undefined ? [] : readMembers(value, place)) {
    const here = `${place}['${shown(text)}']`
    const path = parseAttributePath(text, here)
    if (!isAttributeType(type)) complain(here, `must be one of ${attributeTypes.join(', ')}`)
    if (declared.has(path.text)) complain(here, 'is declared twice')
    if (path.entity && type !== 'string') complain(here, 'is always a string')
    types.set(path.text, type)
    declared.add(path.text)
    closed.add(path.root)
  }
  const typeOf = (path: AttributePath, here: string): AttributeType | undefined => {
    const type = types.get(path.text)
    if (type !== undefined || !closed.has(path.root)) return type
    if (path.root === 'subject' && path.keys[0] === 'claims') return undefined
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

function isAttributeType(value: unknown): value is AttributeType {
  return typeof value === 'string' && attributeTypes.includes(value)
}
