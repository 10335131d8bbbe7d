import { hexOf } from '../identity/der.ts'
import { type CborMap, type CborValue, readCbor } from './cbor.ts'
import { isMap, readCoseSign1 } from './cose-sign1.ts'

/** What an attestation document of AWS Nitro says. Read, and not verified. */
export interface NitroDocument {
  readonly moduleId: string
  /** Milliseconds since 1970. */
  readonly timestamp: number
  /** The registers, in hexadecimal, by their numbers. */
  readonly registers: ReadonlyMap<number, string>
  readonly certificate: Uint8Array
  /** The authorities, the root first. */
  readonly authorities: readonly Uint8Array[]
  readonly publicKey: Uint8Array | undefined
  readonly userData: Uint8Array | undefined
  readonly nonce: Uint8Array | undefined
  readonly signature: Uint8Array
  /** What is signed. */
  readonly signed: Uint8Array<ArrayBuffer>
}

/** The payload has at most 16 KiB; around it stand a few bytes and the signature. */
const maxLength = 16_384 + 256
const maxData = 1024
const required: readonly string[] = ['module_id', 'timestamp', 'digest', 'pcrs', 'certificate', 'cabundle']
const optional: readonly string[] = ['public_key', 'user_data', 'nonce']
/** Bytes of a register, as its digest (SHA-384) makes them. */
const registerLength = 48
const maxRegisters = 32

/**
 * Reads an attestation document of AWS Nitro Enclaves: a COSE_Sign1 around a map, with the members and the bounds that the Nitro
 * Enclaves attestation process lays down, and no others.
 *
 * @throws RangeError for anything else.
 */
export function readNitroDocument(bytes: Uint8Array): NitroDocument {
  if (bytes.length > maxLength) throw new RangeError('a document that is too long')
  const { payload, signature, signed } = readCoseSign1(bytes)
  const members = readCbor(payload)
  if (!isMap(members)) throw new RangeError('a document that is no map')
  for (const name of members.keys())
    if (typeof name !== 'string' || !(required.includes(name) || optional.includes(name))) throw new RangeError('a member that is not known')
  const moduleId = members.get('module_id')
  const timestamp = members.get('timestamp')
  const authorities = members.get('cabundle')
  if (typeof moduleId !== 'string' || moduleId === '' || moduleId.length > 256) throw new RangeError('a module without a name')
  if (typeof timestamp !== 'number' || timestamp <= 0) throw new RangeError('a time that is none')
  if (members.get('digest') !== 'SHA384') throw new RangeError('a digest that is not known')
  if (!Array.isArray(authorities) || authorities.length === 0) throw new RangeError('a document without authorities')
  return {
    moduleId,
    timestamp,
    registers: readRegisters(members.get('pcrs')),
    certificate: readData(members.get('certificate'), 1),
    authorities: (authorities as readonly CborValue[]).map((authority) => readData(authority, 1)),
    publicKey: optionalData(members, 'public_key', 1),
    userData: optionalData(members, 'user_data', 0),
    nonce: optionalData(members, 'nonce', 0),
    signature,
    signed,
  }
}

function readRegisters(value: CborValue | undefined): ReadonlyMap<number, string> {
  if (!isMap(value) || value.size === 0 || value.size > maxRegisters) throw new RangeError('a document without registers, or with too many')
  const registers = new Map<number, string>()
  for (const [number, content] of value) {
    if (typeof number !== 'number' || number < 0 || number >= maxRegisters) throw new RangeError('a register that there is not')
    if (!(content instanceof Uint8Array) || content.length !== registerLength) throw new RangeError('a register of another length')
    registers.set(number, hexOf(content))
  }
  return registers
}

function readData(value: CborValue | undefined, least: number): Uint8Array {
  if (!(value instanceof Uint8Array) || value.length < least || value.length > maxData) throw new RangeError('a member that is no bytes, or too long')
  return value
}

// Null where it was not given: so enclaves write it, whatever the text says.
function optionalData(members: CborMap, name: string, least: number): Uint8Array | undefined {
  const value = members.get(name)
  return value === undefined || value === null ? undefined : readData(value, least)
}
