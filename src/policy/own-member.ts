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
