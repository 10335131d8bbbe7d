/** No deeper than any honest token. */
const maxDepth = 32

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * The JSON object in a part of a token; undefined for what is not one in the strict form in which two readers cannot
 * disagree (RFC 7493): UTF-8 without errors, no name twice in an object (RFC 7515, section 4; RFC 7519, section 4), no
 * `__proto__`, a bounded depth. For short texts.
 */
export function parseTokenPart(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const text = utf8.decode(bytes)
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    // A name that stands twice in an object leaves one member for two colons.
    return countMembers(value, 0) === countColons(text) ? (value as Readonly<Record<string, unknown>>) : undefined
  } catch {
    return undefined
  }
}

function countMembers(value: unknown, depth: number): number {
  if (typeof value !== 'object' || value === null) return 0
  if (depth === maxDepth) throw new RangeError('too deep')
  let members = 0
  if (Array.isArray(value)) for (const item of value) members += countMembers(item, depth + 1)
  else
    for (const [name, member] of Object.entries(value)) {
      if (name === '__proto__') throw new RangeError('not a name')
      members += 1 + countMembers(member, depth + 1)
    }
  return members
}

// Of a text that is JSON: the colons outside strings.
function countColons(text: string): number {
  let colons = 0
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code === 0x3a) colons++
    else if (code === 0x22) index = endOfString(text, index)
  }
  return colons
}

function endOfString(text: string, start: number): number {
  let index = start + 1
  // A backslash takes the next character with it.
  for (let code = text.charCodeAt(index); code !== 0x22; code = text.charCodeAt(index)) index += code === 0x5c ? 2 : 1
  return index
}
