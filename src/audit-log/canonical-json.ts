/** How much of a value `looseJson` keeps. */
export interface JsonBounds {
  /** The longest text, in UTF-16 units. */
  readonly characters: number
  /** The most items of a list, and members of an object inside another. */
  readonly items: number
}

const maxDepth = 64
/** How many values a loose text is made of at most: a value that is in many places, or in itself, must not grow without end. */
const maxValues = 100_000
const unbounded: JsonBounds = { characters: Infinity, items: Infinity }

interface Spending extends JsonBounds {
  left: number
}

/**
 * A value as canonical JSON (RFC 8785, the JSON Canonicalization Scheme): one text for one value, whatever the order in
 * which its members were set. Bytes stand in it as a text in base64.
 *
 * @throws TypeError for what I-JSON cannot hold: numbers that are not finite, lone surrogates, functions, BigInt,
 * instances of classes, and more than 64 levels.
 */
export function canonicalJson(value: unknown): string {
  if (isCanonical(value, 0, { left: Infinity })) return JSON.stringify(value)
  return serialize(value, 0, undefined)
}

/**
 * The same, but it always gives a text: what JSON cannot hold is replaced. A lone surrogate becomes U+FFFD, a number that
 * is not finite null, a BigInt its digits, a member that throws, is too deep, or comes after 100,000 others null.
 *
 * @throws RangeError, without bounds alone, where the text would be longer than a text can be.
 */
export function looseJson(value: unknown, bounds: JsonBounds = unbounded): string {
  try {
    if (bounds === unbounded && isCanonical(value, 0, { left: maxValues })) return JSON.stringify(value)
  } catch {
    // A getter or a proxy threw: the careful way reads member by member.
  }
  try {
    return serialize(value, 0, { ...bounds, left: maxValues })
  } catch (error) {
    if (isTooLong(error, bounds)) throw error
    return 'null'
  }
}

// Whether `JSON.stringify` alone writes the canonical form: it writes numbers and texts as RFC 8785 wants them, so only
// the order of members and what JSON cannot hold are to be looked at.
function isCanonical(value: unknown, depth: number, spending: { left: number }): boolean {
  if (--spending.left < 0) return false
  switch (typeof value) {
    case 'string':
      return value.isWellFormed()
    case 'number':
      return Number.isFinite(value)
    case 'boolean':
      return true
    case 'object':
      return value === null || isCanonicalObject(value, depth + 1, spending)
    default:
      return false
  }
}

function isCanonicalObject(value: object, depth: number, spending: { left: number }): boolean {
  if (depth > maxDepth) return false
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) if (!isCanonical(value[index], depth, spending)) return false
    return !('toJSON' in value)
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return false
  let previous = ''
  for (const key in value) {
    // A comparison of strings compares UTF-16 units, which is the order of RFC 8785, section 3.2.3.
    if (key <= previous && !(key === '' && previous === '')) return false
    previous = key
    const member: unknown = (value as Record<string, unknown>)[key]
    if (member !== undefined && !isCanonical(member, depth, spending)) return false
    if (!key.isWellFormed()) return false
  }
  return true
}

// Strict where `bounds` is undefined.
function serialize(value: unknown, depth: number, bounds: Spending | undefined): string {
  if (bounds !== undefined && --bounds.left < 0) return 'null'
  switch (typeof value) {
    case 'string':
      return text(value, bounds)
    case 'number':
      if (Number.isFinite(value)) return JSON.stringify(value)
      return bounds === undefined ? refuse('a number that is not finite') : 'null'
    case 'boolean':
      return value ? 'true' : 'false'
    case 'bigint':
      return bounds === undefined ? refuse('a BigInt') : `"${value}"`
    case 'object':
      if (value === null) return 'null'
      if (depth >= maxDepth) return bounds === undefined ? refuse(`more than ${maxDepth} levels`) : 'null'
      if (value instanceof Uint8Array) return text(base64(value), bounds)
      return Array.isArray(value) ? list(value, depth, bounds) : members(value, depth, bounds)
    default:
      return bounds === undefined ? refuse(`a value of type ${typeof value}`) : 'null'
  }
}

function text(value: string, bounds: Spending | undefined): string {
  if (bounds === undefined) return value.isWellFormed() ? JSON.stringify(value) : refuse('a lone surrogate')
  const kept = value.length > bounds.characters ? `${value.slice(0, bounds.characters)}…` : value
  return JSON.stringify(kept.toWellFormed())
}

function list(value: readonly unknown[], depth: number, bounds: Spending | undefined): string {
  const items: string[] = []
  const length = Math.min(value.length, bounds?.items ?? Infinity)
  for (let index = 0; index < length; index++) items.push(member(value, index, depth, bounds))
  return `[${items.join(',')}]`
}

function members(value: object, depth: number, bounds: Spending | undefined): string {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (bounds === undefined && prototype !== null && Object.getPrototypeOf(prototype) !== null) refuse('an instance of a class')
  const source = value as Record<string, unknown>
  const written: string[] = []
  let keys: string[] = []
  try {
    keys = Object.keys(value).sort()
  } catch (error) {
    if (bounds === undefined) throw error
  }
  const seen = new Set<string>()
  for (const key of keys) {
    // The outermost members are a record's own and few; whoever serializes chooses them.
    if (bounds !== undefined && depth > 0 && written.length >= bounds.items) break
    const name = text(key, bounds)
    // Two names can become one when they are mended; duplicates are no I-JSON.
    if (seen.has(name)) continue
    const content = member(source, key, depth, bounds, true)
    if (content === '') continue
    seen.add(name)
    written.push(`${name}:${content}`)
  }
  return `{${written.join(',')}}`
}

// The JSON of one member, read once; an empty text where it must be left out.
function member(holder: object, key: string | number, depth: number, bounds: Spending | undefined, optional = false): string {
  try {
    const value: unknown = (holder as Record<string | number, unknown>)[key]
    if (optional && (value === undefined || (bounds !== undefined && typeof value === 'function'))) return ''
    return serialize(value, depth + 1, bounds)
  } catch (error) {
    if (bounds === undefined || isTooLong(error, bounds)) throw error
    return 'null'
  }
}

function isTooLong(error: unknown, bounds: JsonBounds): boolean {
  return error instanceof RangeError && bounds.characters === Infinity
}

function base64(bytes: Uint8Array): string {
  let encoded = ''
  // A multiple of three, and few enough for each to be an argument.
  for (let at = 0; at < bytes.length; at += 12_288) encoded += btoa(String.fromCharCode(...bytes.subarray(at, at + 12_288)))
  return encoded
}

function refuse(what: string): never {
  throw new TypeError(`canonicalJson: ${what} has no canonical JSON`)
}
