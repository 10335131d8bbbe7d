const maxDepth = 4
const maxNodes = 10_000

/**
 * Whether a value carries a stream somewhere inside, past every control: a member that is one, or an accessor that makes
 * one, as in `Response.body` and in result objects of model SDKs. Accessors are judged by name and never called. It finds
 * an oversight near the surface; who means to hide a stream from the own guard writes the guarded function anyway.
 */
export function hidesStream(value: unknown): boolean {
  return hides(value, 0, { nodes: 0 })
}

/** Whether a value is a stream by itself. */
export function isStream(value: unknown): value is AsyncIterable<unknown> | ReadableStream<unknown> {
  if (typeof value !== 'object' || value === null) return false
  return isReadable(value) || (Symbol.asyncIterator in value && typeof value[Symbol.asyncIterator] === 'function')
}

/** Whether a value is a web stream that can be read. */
export function isReadable(value: unknown): value is ReadableStream<unknown> {
  return typeof ReadableStream === 'function' && value instanceof ReadableStream
}

function hides(value: unknown, depth: number, spent: { nodes: number }): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (isStream(value)) return true
  if (depth >= maxDepth || ArrayBuffer.isView(value) || ++spent.nodes > maxNodes) return false
  const prototype: object | null = Object.getPrototypeOf(value)
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null && !Array.isArray(value) && offersStream(value)) return true
  for (const property of Object.values(Object.getOwnPropertyDescriptors(value)))
    if ('value' in property && hides(property.value, depth + 1, spent)) return true
  return false
}

// An instance of a class: its accessors stand on its prototypes.
function offersStream(value: object): boolean {
  for (let holder = Object.getPrototypeOf(value); holder !== null && holder !== Object.prototype; holder = Object.getPrototypeOf(holder))
    for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(holder)))
      if (property.get !== undefined && (name === 'body' || /stream/i.test(name))) return true
  return false
}
