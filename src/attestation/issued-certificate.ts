import { readCertificate } from '../identity/certificate.ts'
import { DerReader, hexOf, readFlag, readInteger, readObjectIdentifier, tags } from '../identity/der.ts'

/** What a path is verified by (RFC 5280, section 6). Read, and not verified. */
export interface IssuedCertificate {
  readonly der: Uint8Array<ArrayBuffer>
  /** Milliseconds since 1970. */
  readonly notBefore: number
  /** Milliseconds since 1970. */
  readonly notAfter: number
  /** The contents of the names, in hexadecimal: compared byte by byte, as every authority here copies its own. */
  readonly issuer: string
  readonly subject: string
  /** Whether others may be signed with its key: said critically (section 4.2.1.9). */
  readonly isAuthority: boolean
  /** How many authorities may stand below it; any number, where it does not say. */
  readonly pathLength: number
  readonly signs: boolean
  readonly signsCertificates: boolean
  /** The point of its key on P-384. */
  readonly key: Uint8Array<ArrayBuffer>
  /** What is signed, and by ECDSA with SHA-384: both numbers one after the other. */
  readonly signed: Uint8Array<ArrayBuffer>
  readonly signature: Uint8Array<ArrayBuffer>
}

// Object identifiers and algorithms as they are encoded, in hexadecimal.
const ecdsaWithSha384 = '06082a8648ce3d040303'
const keyOnP384 = '06072a8648ce3d020106052b81040022'
const basicConstraints = '551d13'

const pointLength = 97
const numberLength = 48
const explicit = (number: number): number => 0xa0 + number

/**
 * Reads a certificate whose key is on P-384 and that is signed by ECDSA with SHA-384, which are all that there are in this kind of
 * path; undefined for whatever is not exactly that. Never throws.
 */
export function readIssuedCertificate(bytes: Uint8Array): IssuedCertificate | undefined {
  // Whatever else must hold of a certificate is seen to there, unknown critical extensions and doubled ones among it.
  const certificate = readCertificate(bytes)
  if (certificate?.signatureAlgorithm !== ecdsaWithSha384) return undefined
  const { der, notBefore, notAfter, keyUsage: usage } = certificate
  try {
    const file = new DerReader(der).read(tags.sequence)
    const content = file.read(tags.sequence).rest()
    const signed = upTo(der, content)
    file.read(tags.sequence)
    const signature = readSignature(file.read(tags.bitString).rest())

    const body = new DerReader(content)
    body.read(explicit(0))
    readInteger(body)
    body.read(tags.sequence)
    const issuer = hexOf(body.read(tags.sequence).rest())
    body.read(tags.sequence)
    const subject = hexOf(body.read(tags.sequence).rest())
    const key = readPoint(body.read(tags.sequence))
    const constraints = readConstraints(body.read(explicit(3)).read(tags.sequence))
    return {
      der,
      notBefore,
      notAfter,
      issuer,
      subject,
      key,
      signed,
      signature,
      ...constraints,
      signs: usage?.digitalSignature === true,
      signsCertificates: usage?.keyCertSign === true,
    }
  } catch {
    return undefined
  }
}

// With the bytes that stand before it and say what it is, which are signed as well.
function upTo(der: Uint8Array<ArrayBuffer>, content: Uint8Array): Uint8Array<ArrayBuffer> {
  const end = content.byteOffset - der.byteOffset + content.length
  const outer = new DerReader(der).read(tags.sequence).rest()
  return der.slice(outer.byteOffset - der.byteOffset, end)
}

/** ECDSA-Sig-Value (RFC 3279, section 2.2.3) as two numbers of a fixed length. */
function readSignature(bits: Uint8Array): Uint8Array<ArrayBuffer> {
  const value = new DerReader(bits, 1)
  const numbers = value.read(tags.sequence)
  value.finish()
  const signature = new Uint8Array(2 * numberLength)
  for (const end of [numberLength, 2 * numberLength]) {
    const number = readInteger(numbers)
    const bytes = number[0] === 0 ? number.subarray(1) : number
    if (number[0] === undefined || number[0] > 0x7f || bytes.length > numberLength) throw new RangeError('a number that is none of a signature')
    signature.set(bytes, end - bytes.length)
  }
  numbers.finish()
  return signature
}

function readPoint(info: DerReader): Uint8Array<ArrayBuffer> {
  if (hexOf(info.read(tags.sequence).rest()) !== keyOnP384) throw new RangeError('a key of another kind')
  const bits = info.read(tags.bitString).rest()
  const point = Uint8Array.from(bits.subarray(1))
  // Uncompressed (RFC 5480, section 2.2).
  if (point.length !== pointLength || point[0] !== 4) throw new RangeError('a point of another form')
  return point
}

interface Constraints {
  readonly isAuthority: boolean
  readonly pathLength: number
}

function readConstraints(extensions: DerReader): Constraints {
  let found: Constraints = { isAuthority: false, pathLength: Number.POSITIVE_INFINITY }
  while (extensions.tag !== undefined) {
    const extension = extensions.read(tags.sequence)
    const id = readObjectIdentifier(extension)
    const critical = readFlag(extension)
    if (id === basicConstraints) {
      const constraints = extension.read(tags.octetString).read(tags.sequence)
      const isAuthority = readFlag(constraints)
      // Section 4.2.1.9: it must be critical where it makes an authority.
      if (isAuthority && !critical) throw new RangeError('an authority that does not say so critically')
      const length = constraints.tag === undefined ? undefined : readInteger(constraints)
      if (length !== undefined && (length.length > 1 || (length[0] ?? 0x80) > 0x7f)) throw new RangeError('a length of a path that is none')
      found = { isAuthority, pathLength: length?.[0] ?? Number.POSITIVE_INFINITY }
    }
  }
  return found
}
