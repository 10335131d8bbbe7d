/** Tags of the types that a certificate is made of (X.690, section 8). */
export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const

/**
 * Reads what is encoded by the distinguished rules (DER; X.690, sections 8, 10 and 11), element by element, and nothing that
 * is encoded otherwise: of two readers that allow what is forbidden, each takes something else for the content. Every method
 * throws a RangeError at what is not as it must be.
 */
export class DerReader {
  readonly #bytes: Uint8Array
  readonly #end: number
  #at: number

  constructor(bytes: Uint8Array, at = 0, end: number = bytes.length) {
    this.#bytes = bytes
    this.#at = at
    this.#end = end
  }

  /** The tag of the next element; undefined at the end. */
  get tag(): number | undefined {
    return this.#at < this.#end ? this.#bytes[this.#at] : undefined
  }

  /** What stands in the next element, which must have this tag. */
  read(tag: number): DerReader {
    if (this.tag !== tag) throw new RangeError(`an element of another type than ${tag}`)
    const start = this.#at + 1
    const [length, content] = this.#lengthAt(start)
    const end = content + length
    if (end > this.#end) throw new RangeError('an element that is longer than what it stands in')
    this.#at = end
    return new DerReader(this.#bytes, content, end)
  }

  /** The same where the next element has this tag, else nothing is read. */
  readOptional(tag: number): DerReader | undefined {
    return this.tag === tag ? this.read(tag) : undefined
  }

  /** All that is left; not a copy. */
  rest(): Uint8Array {
    const rest = this.#bytes.subarray(this.#at, this.#end)
    this.#at = this.#end
    return rest
  }

  /** There must be nothing more. */
  finish(): void {
    if (this.#at !== this.#end) throw new RangeError('bytes that belong to nothing')
  }

  // X.690, section 10.1: the definite form, in as few bytes as can be. More than two say more than anybody reads here.
  #lengthAt(at: number): readonly [length: number, content: number] {
    const first = this.#byteAt(at)
    if (first < 0x80) return [first, at + 1]
    const second = this.#byteAt(at + 1)
    if (first === 0x81 && second >= 0x80) return [second, at + 2]
    if (first === 0x82 && second !== 0) return [second * 256 + this.#byteAt(at + 2), at + 3]
    throw new RangeError('a length that is indefinite, or too large, or longer than it need be')
  }

  #byteAt(at: number): number {
    const byte = at < this.#end ? this.#bytes[at] : undefined
    if (byte === undefined) throw new RangeError('an element without an end')
    return byte
  }
}

/** Bytes in hexadecimal, two digits each. For short ones. */
export function hexOf(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0')
  return text
}

/** The content of an object identifier, in hexadecimal (X.690, section 8.19). */
export function readObjectIdentifier(reader: DerReader): string {
  const bytes = reader.read(tags.objectIdentifier).rest()
  let isFirst = true
  for (const byte of bytes) {
    if (isFirst && byte === 0x80) throw new RangeError('a part of an object identifier that is longer than it need be')
    isFirst = byte < 0x80
  }
  if (bytes.length === 0 || !isFirst) throw new RangeError('an object identifier without an end')
  return hexOf(bytes)
}

/** A BOOLEAN with the default FALSE, which is therefore only ever written where it is TRUE (X.690, sections 11.1 and 11.5). */
export function readFlag(reader: DerReader): boolean {
  const content = reader.readOptional(tags.boolean)?.rest()
  if (content === undefined) return false
  if (content.length !== 1 || content[0] !== 0xff) throw new RangeError('a flag that is not TRUE')
  return true
}

/** The content of an INTEGER, in as few bytes as can be (X.690, section 8.3.2). */
export function readInteger(reader: DerReader): Uint8Array {
  const content = reader.read(tags.integer).rest()
  const [first = 0, second = 0] = content
  const isLonger = content.length > 1 && (first === 0 ? second < 0x80 : first === 0xff && second >= 0x80)
  if (content.length === 0 || isLonger) throw new RangeError('a number that is longer than it need be')
  return content
}

/** The names of a BIT STRING that are set, by their numbers: at least one of at most 16, and no bit behind the last (X.690, section 11.2.2). */
export function readNamedBits(reader: DerReader): ReadonlySet<number> {
  const content = reader.read(tags.bitString).rest()
  const unused = content[0] ?? 8
  const last = content.length > 1 ? (content.at(-1) ?? 0) : 0
  // The last bit that is there is set, and those behind it are not.
  if (content.length > 3 || unused > 7 || last === 0 || last % 2 ** (unused + 1) !== 2 ** unused)
    throw new RangeError('names that are not in their one spelling')
  const names = new Set<number>()
  for (let bit = 0; bit < (content.length - 1) * 8; bit++) if (((content[1 + (bit >> 3)] ?? 0) & (0x80 >> (bit & 7))) !== 0) names.add(bit)
  return names
}

const times = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/

/** A time in milliseconds since 1970, in the forms of RFC 5280, section 4.1.2.5: until 2049 with two digits for the year. */
export function readTime(reader: DerReader): number {
  const isShort = reader.tag === tags.utcTime
  const content = reader.read(isShort ? tags.utcTime : tags.generalizedTime).rest()
  const text = String.fromCharCode(...content.subarray(0, 16))
  const written = isShort ? `${text < '5' ? '20' : '19'}${text}` : text
  const match = content.length <= 16 ? times.exec(written) : null
  if (match === null) throw new RangeError('a time that is no time')
  const [, year = '', month = '', day = '', hour = '', minute = '', second = ''] = match
  if (!isShort && Number(year) < 2050) throw new RangeError('a time that is longer than it need be')
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  // Of days that do not exist some readers make the next that does.
  if (Number.isNaN(time) || new Date(time).toISOString() !== `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`)
    throw new RangeError('a time that does not exist')
  return time
}
