import type { KeyContext } from '../keys/key-provider.ts'
import { encodeUtf8 } from '../keys/utf8.ts'

/**
 * Who and what a sealed value is for. It is not stored with the value: whoever opens must say the same, part by part. A part
 * that is named must hold something, and is refused where it is `undefined`; what is not named is not bound.
 */
export interface SealContext {
  readonly tenant?: string | undefined
  /** Whose data it is: a subject's key, as `identity.key`. */
  readonly subject?: string | undefined
  /** Who may open it. */
  readonly audience?: string | undefined
  /** Where it passes: an action, an address, a table. */
  readonly route?: string | undefined
  readonly direction?: 'request' | 'response' | undefined
  /** JSON pointer (RFC 6901) or name of the field. */
  readonly field?: string | undefined
  /** Version of the shape of what is sealed. */
  readonly schema?: string | undefined
}

/** The version of this list: of which parts there are, and how they are encoded. */
export const contextVersion = 1

/** The parts in the order of their numbers, which start at 1. Never changed: another list is another version. */
const parts = ['tenant', 'subject', 'audience', 'route', 'direction', 'field', 'schema'] as const

type Part = (typeof parts)[number]

/** What a key provider is told: who the value is for. What it is for is bound by the derivation alone, so that one data key does for all fields. */
const ofKeys: readonly Part[] = ['tenant', 'subject', 'audience']

const maxPart = 4096

/**
 * Checks a context and joins it with the parts that are the same each time.
 *
 * @throws TypeError for an unknown part, one that is there and holds nothing, one that is no well-formed text of at most 4,096
 * characters, one that both name, and for no part at all: nothing is sealed for nobody.
 */
export function joinContext(fixed: SealContext, own: SealContext): SealContext {
  const joined: { -readonly [P in Part]?: string } = {}
  let count = 0
  for (const given of [fixed, own]) {
    if (typeof given !== 'object' || given === null || Array.isArray(given)) throw new TypeError('a context must be an object')
    for (const name of Object.keys(given)) {
      if (!isPart(name)) throw new TypeError('a context has the parts tenant, subject, audience, route, direction, field, schema, and no other')
      const value: unknown = given[name]
      if (typeof value !== 'string' || value === '' || value.length > maxPart || !value.isWellFormed())
        throw new TypeError(`the part '${name}' of a context must be a text of 1 to ${maxPart} characters`)
      if (name === 'direction' && value !== 'request' && value !== 'response')
        throw new TypeError("the part 'direction' of a context must be 'request' or 'response'")
      if (joined[name] !== undefined) throw new TypeError(`the part '${name}' of a context is there twice`)
      joined[name] = value
      count++
    }
  }
  if (count === 0) throw new TypeError('a context must name at least one part')
  return joined as SealContext
}

/**
 * A context as bytes, in one way only: for each part that is there, in the order of the list, its number (1 byte), its length
 * (4 bytes, big-endian) and its text in UTF-8. So no two contexts have one encoding.
 *
 * @param before bytes that come first.
 */
export function encodeContext(context: SealContext, before: Uint8Array): Uint8Array {
  const texts: [number: number, text: Uint8Array][] = []
  let length = before.length
  for (const [index, name] of parts.entries()) {
    const value = context[name]
    if (value === undefined) continue
    const text = encodeUtf8(value)
    texts.push([index + 1, text])
    length += 5 + text.length
  }
  const bytes = new Uint8Array(length)
  const view = new DataView(bytes.buffer)
  bytes.set(before)
  let place = before.length
  for (const [number, text] of texts) {
    bytes[place] = number
    view.setUint32(place + 1, text.length)
    bytes.set(text, place + 5)
    place += 5 + text.length
  }
  return bytes
}

/** The part of a context that a key provider is told. */
export function keyContextOf(context: SealContext): KeyContext {
  const own: Record<string, string> = {}
  for (const name of ofKeys) {
    const value = context[name]
    if (value !== undefined) own[name] = value
  }
  return own
}

function isPart(name: string): name is Part {
  return (parts as readonly string[]).includes(name)
}
