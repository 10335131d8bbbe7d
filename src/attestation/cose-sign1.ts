import { type CborMap, CborTag, type CborValue, readCbor } from './cbor.ts'

/** A message with one signature (COSE_Sign1; RFC 9052, section 4.2). Read, and not verified. */
export interface CoseSign1 {
  readonly payload: Uint8Array
  readonly signature: Uint8Array
  /** What is signed: the Sig_structure of section 4.4. */
  readonly signed: Uint8Array<ArrayBuffer>
}

/** The tag of such a message, which may be left out. */
const tag = 18
/** The label of the algorithm (section 3.1), and ECDSA with SHA-384 (RFC 9053, section 2.1). */
const algorithmLabel = 1
const es384 = -35
const signatureLength = 96

/**
 * Reads a message that is signed by ES384 and says nothing else: the algorithm alone in its protected header, and nothing in the
 * other, which nobody signs.
 *
 * @throws RangeError for anything else.
 */
export function readCoseSign1(bytes: Uint8Array): CoseSign1 {
  const read = readCbor(bytes)
  if (read instanceof CborTag && read.tag !== tag) throw new RangeError('a message of another kind')
  const parts = read instanceof CborTag ? read.value : read
  if (!Array.isArray(parts) || parts.length !== 4) throw new RangeError('no message of four parts')
  const [header, unprotected, payload, signature] = parts as readonly CborValue[]
  if (!(header instanceof Uint8Array) || !(payload instanceof Uint8Array) || !(signature instanceof Uint8Array))
    throw new RangeError('a message of other parts')
  const said = readCbor(header)
  if (!isMap(said) || said.size !== 1 || said.get(algorithmLabel) !== es384) throw new RangeError('another algorithm, or more than one')
  if (!isMap(unprotected) || unprotected.size !== 0) throw new RangeError('a header that nobody signs')
  if (signature.length !== signatureLength) throw new RangeError('a signature of another length')
  return { payload, signature, signed: signedPart(header, payload) }
}

export function isMap(value: CborValue | undefined): value is CborMap {
  return value instanceof Map
}

// [ "Signature1", protected, external_aad, payload ], where nothing is given from outside.
const start = Uint8Array.from([0x84, 0x6a, ...new TextEncoder().encode('Signature1')])

function signedPart(header: Uint8Array, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const parts = [start, byteStringHead(header.length), header, byteStringHead(0), byteStringHead(payload.length), payload]
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let place = 0
  for (const part of parts) {
    whole.set(part, place)
    place += part.length
  }
  return whole
}

function byteStringHead(length: number): Uint8Array {
  if (length < 24) return Uint8Array.of(0x40 | length)
  if (length < 256) return Uint8Array.of(0x58, length)
  if (length < 65_536) return Uint8Array.of(0x59, length >> 8, length & 0xff)
  throw new RangeError('a payload that is too long')
}
