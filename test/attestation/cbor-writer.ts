/** A text that is CBOR already. */
export class Raw {
  readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
}

export type Writable = number | bigint | string | boolean | null | Uint8Array | readonly Writable[] | ReadonlyMap<unknown, Writable> | Raw

/** Writes CBOR; with lengths that are indefinite where it is said, and byte strings then in pieces. */
export function writeCbor(value: Writable, indefinite = false): Uint8Array {
  if (value instanceof Raw) return value.bytes
  if (typeof value === 'number' || typeof value === 'bigint') return value >= 0 ? head(0, value) : head(1, -1n - BigInt(value))
  if (typeof value === 'boolean') return Uint8Array.of(value ? 0xf5 : 0xf4)
  if (value === null) return Uint8Array.of(0xf6)
  if (typeof value === 'string') {
    const bytes = new TextEncoder().encode(value)
    return join(head(3, bytes.length), bytes)
  }
  if (value instanceof Uint8Array) {
    if (!indefinite) return join(head(2, value.length), value)
    const middle = value.length >> 1
    return join(Uint8Array.of(0x5f), writeCbor(value.subarray(0, middle)), writeCbor(value.subarray(middle)), Uint8Array.of(0xff))
  }
  const isMap = value instanceof Map
  const items: readonly Writable[] = isMap ? [...value].flat() : (value as readonly Writable[])
  const written = items.map((item) => writeCbor(item, indefinite))
  const type = isMap ? 5 : 4
  if (indefinite) return join(Uint8Array.of((type << 5) | 31), ...written, Uint8Array.of(0xff))
  return join(head(type, isMap ? items.length / 2 : items.length), ...written)
}

export function head(type: number, argument: number | bigint): Uint8Array {
  const value = BigInt(argument)
  const first = type << 5
  if (value < 24n) return Uint8Array.of(first | Number(value))
  const size = value < 256n ? 1 : value < 65_536n ? 2 : value < 2n ** 32n ? 4 : 8
  const bytes = new Uint8Array(1 + size)
  bytes[0] = first | (24 + Math.log2(size))
  for (let index = 0; index < size; index++) bytes[size - index] = Number((value >> BigInt(8 * index)) & 0xffn)
  return bytes
}

export function join(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let place = 0
  for (const part of parts) {
    whole.set(part, place)
    place += part.length
  }
  return whole
}
