/** What the reader knows of CBOR (RFC 8949): no floating point numbers and no other simple values than these. */
export type CborValue = number | bigint | string | boolean | null | Uint8Array | readonly CborValue[] | CborMap | CborTag

/** A map whose keys are whole numbers and texts, none of them twice. */
export type CborMap = ReadonlyMap<number | bigint | string, CborValue>

/** A tagged item (section 3.4). */
export class CborTag {
  readonly tag: number
  readonly value: CborValue

  constructor(tag: number, value: CborValue) {
    this.tag = tag
    this.value = value
  }
}

/** How deep items may stand in each other. */
const maxDepth = 8

const major = { unsigned: 0, negative: 1, bytes: 2, text: 3, array: 4, map: 5, tag: 6 } as const
/** The additional information that says that there is no length, and the byte that ends such an item (section 3.2.1). */
const indefinite = 31
const endOfItem = 0xff

/**
 * Reads one item of CBOR (RFC 8949), strictly: of two readers that allow what is ambiguous, each takes something else for the
 * content. Lengths may be definite or indefinite; every other number is in its shortest form (section 4.2.1), texts are UTF-8, no
 * key stands twice in a map, nothing stands behind the item, and items stand at most eight deep in each other. Bytes are not copied
 * unless they come in pieces. The work grows with the input and no faster: an item costs at least a byte.
 *
 * @throws RangeError for anything else.
 */
export function readCbor(bytes: Uint8Array): CborValue {
  const reader = new CborReader(bytes)
  const value = reader.read(0)
  if (!reader.isAtEnd) throw new RangeError('bytes that belong to nothing')
  return value
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

class CborReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  read(depth: number): CborValue {
    if (depth > maxDepth) throw new RangeError('items that stand too deep in each other')
    const first = this.#next()
    const type = first >> 5
    const info = first & 0x1f
    switch (type) {
      case major.unsigned:
        return this.#argument(info)
      case major.negative: {
        const argument = this.#argument(info)
        return typeof argument === 'number' && argument < Number.MAX_SAFE_INTEGER ? -1 - argument : -1n - BigInt(argument)
      }
      case major.bytes:
        return info === indefinite ? this.#pieces(major.bytes) : this.#take(this.#length(info))
      case major.text:
        return decode(info === indefinite ? this.#pieces(major.text) : this.#take(this.#length(info)))
      case major.array:
        return this.#array(info, depth)
      case major.map:
        return this.#map(info, depth)
      case major.tag: {
        const tag = this.#length(info)
        return new CborTag(tag, this.read(depth + 1))
      }
      default:
        return simple(info)
    }
  }

  #array(info: number, depth: number): readonly CborValue[] {
    const items: CborValue[] = []
    for (const more = this.#counter(info); more(); ) items.push(this.read(depth + 1))
    return items
  }

  #map(info: number, depth: number): CborMap {
    const entries = new Map<number | bigint | string, CborValue>()
    for (const more = this.#counter(info); more(); ) {
      const key = this.read(depth + 1)
      if (typeof key !== 'number' && typeof key !== 'bigint' && typeof key !== 'string') throw new RangeError('a key that is neither number nor text')
      if (entries.has(key)) throw new RangeError('a key that stands twice')
      entries.set(key, this.read(depth + 1))
    }
    return entries
  }

  /** Whether there is another item: by their number, or until the end is marked. */
  #counter(info: number): () => boolean {
    if (info === indefinite) return () => !this.#ends()
    let left = this.#length(info)
    return () => left-- > 0
  }

  // Section 3.2.3: pieces of the same type, each with its length.
  #pieces(type: number): Uint8Array {
    const pieces: Uint8Array[] = []
    let length = 0
    while (!this.#ends()) {
      const first = this.#next()
      if (first >> 5 !== type || (first & 0x1f) === indefinite) throw new RangeError('a piece of another type')
      const piece = this.#take(this.#length(first & 0x1f))
      // Each of them is a text by itself.
      if (type === major.text) decode(piece)
      pieces.push(piece)
      length += piece.length
    }
    const whole = new Uint8Array(length)
    let place = 0
    for (const piece of pieces) {
      whole.set(piece, place)
      place += piece.length
    }
    return whole
  }

  #ends(): boolean {
    if (this.#bytes[this.#at] !== endOfItem) return false
    this.#at++
    return true
  }

  /** Section 3: the number that stands in the first byte or behind it. */
  #argument(info: number): number | bigint {
    if (info < 24) return info
    if (info > 27) throw new RangeError('a number of a form that there is not')
    const size = 2 ** (info - 24)
    const bytes = this.#take(size)
    const view = new DataView(bytes.buffer, bytes.byteOffset, size)
    if (size === 8) {
      const value = view.getBigUint64(0)
      if (value <= 0xffff_ffffn) throw new RangeError('a number that is longer than it need be')
      return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value
    }
    const value = size === 1 ? view.getUint8(0) : size === 2 ? view.getUint16(0) : view.getUint32(0)
    if (value < (size === 1 ? 24 : 2 ** (4 * size))) throw new RangeError('a number that is longer than it need be')
    return value
  }

  #length(info: number): number {
    const length = this.#argument(info)
    if (typeof length !== 'number') throw new RangeError('a length beyond all input')
    return length
  }

  #take(length: number): Uint8Array {
    const end = this.#at + length
    if (end > this.#bytes.length) throw new RangeError('an item without an end')
    const bytes = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return bytes
  }

  #next(): number {
    const byte = this.#bytes[this.#at]
    if (byte === undefined) throw new RangeError('an item without an end')
    this.#at++
    return byte
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw new RangeError('a text that is not UTF-8')
  }
}

function simple(info: number): boolean | null {
  if (info === 20 || info === 21) return info === 21
  if (info === 22) return null
  throw new RangeError('a value of a kind that is not read here')
}
