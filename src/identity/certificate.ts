import { certificateBytes } from './certificate-thumbprint.ts'
import { DerReader, hexOf, readFlag, readInteger, readNamedBits, readObjectIdentifier, readTime, tags } from './der.ts'

/** What a certificate says (RFC 5280). Read, and not verified. */
export interface Certificate {
  /** The certificate itself, a copy. */
  readonly der: Uint8Array<ArrayBuffer>
  /** Milliseconds since 1970. */
  readonly notBefore: number
  /** Milliseconds since 1970. */
  readonly notAfter: number
  /** The alternative names of its subject (section 4.2.1.6) that are URIs, DNS names and addresses, in their order. */
  readonly uris: readonly string[]
  readonly dnsNames: readonly string[]
  readonly emailAddresses: readonly string[]
  /** Whether it is one of an authority (section 4.2.1.9): whether others may be signed with its key. */
  readonly isAuthority: boolean
  /** What its key is for (section 4.2.1.3); anything, where it does not say. */
  readonly keyUsage?: {
    readonly critical: boolean
    readonly digitalSignature: boolean
    readonly keyCertSign: boolean
    readonly cRLSign: boolean
  }
  /** Whom it may prove (section 4.2.1.12): a server, a client; anybody, where it does not say. */
  readonly extendedKeyUsage?: {
    readonly serverAuth: boolean
    readonly clientAuth: boolean
    /** Any purpose. */
    readonly any: boolean
  }
  /** How it is signed: the content of its AlgorithmIdentifier (section 4.1.1.2) in hexadecimal. */
  readonly signatureAlgorithm: string
}

/**
 * Reads a certificate of version 3 (RFC 5280), from DER or from a text of exactly one PEM block, of at most 16 KiB; undefined
 * for whatever is not exactly that: bytes behind it, another encoding than DER, an extension that stands twice, a critical one
 * that is not understood here. Never throws. No signature is verified.
 */
export function readCertificate(value: string | Uint8Array): Certificate | undefined {
  const der = certificateBytes(value)
  if (der === undefined) return undefined
  try {
    return read(der)
  } catch {
    return undefined
  }
}

// Object identifiers as they are encoded, in hexadecimal.
const extensions = { keyUsage: '551d0f', subjectAltName: '551d11', basicConstraints: '551d13', nameConstraints: '551d1e', extendedKeyUsage: '551d25' }
const purposes = { any: '551d2500', serverAuth: '2b06010505070301', clientAuth: '2b06010505070302' }

const explicit = (number: number): number => 0xa0 + number

function read(der: Uint8Array<ArrayBuffer>): Certificate {
  const file = new DerReader(der)
  const certificate = file.read(tags.sequence)
  file.finish()
  const body = certificate.read(tags.sequence)
  const signatureAlgorithm = hexOf(certificate.read(tags.sequence).rest())
  const signature = certificate.read(tags.bitString).rest()
  if (signature.length < 2 || signature[0] !== 0) throw new RangeError('a signature that is not made of whole bytes')
  certificate.finish()

  const version = body.read(explicit(0))
  if (hexOf(readInteger(version)) !== '02') throw new RangeError('a version without extensions, or one that is not known')
  version.finish()
  // Section 4.1.2.2: at most 20 octets. Some authorities fill all of them and count no sign: a zero then stands before them.
  const serial = readInteger(body)
  if (serial.length > (serial[0] === 0 ? 21 : 20)) throw new RangeError('a serial number that is too long')
  // Section 4.1.1.2: what is signed and what signs it must agree.
  if (hexOf(body.read(tags.sequence).rest()) !== signatureAlgorithm) throw new RangeError('two algorithms')
  readName(body)
  const validity = body.read(tags.sequence)
  const notBefore = readTime(validity)
  const notAfter = readTime(validity)
  validity.finish()
  const isNameless = readName(body) === 0
  readKey(body)
  const said = readExtensions(body)
  // Section 4.1.2.6: who is named nowhere else.
  if (isNameless && said.areNamesCritical !== true) throw new RangeError('a certificate of nobody')
  const { names = nameless, isAuthority = false, keyUsage, extendedKeyUsage } = said
  const [uris, dnsNames, emailAddresses] = names
  return Object.freeze({
    der,
    notBefore,
    notAfter,
    uris,
    dnsNames,
    emailAddresses,
    isAuthority,
    ...(keyUsage !== undefined && { keyUsage }),
    ...(extendedKeyUsage !== undefined && { extendedKeyUsage }),
    signatureAlgorithm,
  })
}

/** How many parts a name has (section 4.1.2.4). What they say is not looked at. */
function readName(body: DerReader): number {
  const name = body.read(tags.sequence)
  let parts = 0
  for (; name.tag !== undefined; parts++) {
    const part = name.read(tags.set)
    do {
      const attribute = part.read(tags.sequence)
      readObjectIdentifier(attribute)
      attribute.read(attribute.tag ?? 0)
      attribute.finish()
    } while (part.tag !== undefined)
  }
  return parts
}

/** The form of a key (section 4.1.2.7). Whether it is one, whoever verifies with it says. */
function readKey(body: DerReader): void {
  const key = body.read(tags.sequence)
  readObjectIdentifier(key.read(tags.sequence))
  const bits = key.read(tags.bitString).rest()
  if (bits.length < 2 || bits[0] !== 0) throw new RangeError('a key that is not made of whole bytes')
  key.finish()
}

type Names = readonly [uris: readonly string[], dnsNames: readonly string[], emailAddresses: readonly string[]]

const nameless: Names = Object.freeze([Object.freeze([]), Object.freeze([]), Object.freeze([])])

interface Extensions {
  names?: Names
  areNamesCritical?: boolean
  isAuthority?: boolean
  keyUsage?: NonNullable<Certificate['keyUsage']>
  extendedKeyUsage?: NonNullable<Certificate['extendedKeyUsage']>
}

/** Section 4.1.2.9. There are some: who has none is not of version 3. */
function readExtensions(body: DerReader): Extensions {
  const outer = body.read(explicit(3))
  body.finish()
  const list = outer.read(tags.sequence)
  outer.finish()
  const said: Extensions = {}
  const seen = new Set<string>()
  do {
    const extension = list.read(tags.sequence)
    const id = readObjectIdentifier(extension)
    const critical = readFlag(extension)
    const value = extension.read(tags.octetString)
    extension.finish()
    // Section 4.2: none twice.
    if (seen.has(id)) throw new RangeError('an extension that stands twice')
    seen.add(id)
    readExtension(said, id, critical, value)
  } while (list.tag !== undefined)
  return said
}

function readExtension(said: Extensions, id: string, critical: boolean, value: DerReader): void {
  switch (id) {
    case extensions.subjectAltName:
      said.names = readNames(value)
      said.areNamesCritical = critical
      break
    case extensions.basicConstraints:
      said.isAuthority = readBasicConstraints(value)
      break
    case extensions.keyUsage: {
      const bits = readNamedBits(value)
      said.keyUsage = Object.freeze({ critical, digitalSignature: bits.has(0), keyCertSign: bits.has(5), cRLSign: bits.has(6) })
      break
    }
    case extensions.extendedKeyUsage:
      said.extendedKeyUsage = readPurposes(value)
      break
    default:
      // Constraints on names must be critical, and must not be overlooked where they are not (section 4.2.1.10).
      if (critical || id === extensions.nameConstraints) throw new RangeError('an extension that is not understood and must be')
      return
  }
  value.finish()
}

/** Section 4.2.1.9. How long a path may be is said of authorities alone. */
function readBasicConstraints(value: DerReader): boolean {
  const constraints = value.read(tags.sequence)
  const isAuthority = readFlag(constraints)
  if (isAuthority && constraints.tag === tags.integer) readInteger(constraints)
  constraints.finish()
  return isAuthority
}

/** Section 4.2.1.12. */
function readPurposes(value: DerReader): NonNullable<Certificate['extendedKeyUsage']> {
  const list = value.read(tags.sequence)
  const found = new Set<string>()
  do found.add(readObjectIdentifier(list))
  while (list.tag !== undefined)
  return Object.freeze({ serverAuth: found.has(purposes.serverAuth), clientAuth: found.has(purposes.clientAuth), any: found.has(purposes.any) })
}

const context = (number: number): number => 0x80 + number
const mail = context(1)
const dns = context(2)
const uri = context(6)
/** The other kinds of GeneralName: other names, X.400, directory, EDI, IP, registered. */
const otherNames: readonly number[] = [explicit(0), explicit(3), explicit(4), explicit(5), context(7), context(8)]

/** Section 4.2.1.6. */
function readNames(value: DerReader): Names {
  const list = value.read(tags.sequence)
  const uris: string[] = []
  const dnsNames: string[] = []
  const emailAddresses: string[] = []
  do {
    const { tag = 0 } = list
    const content = list.read(tag)
    if (tag === uri) uris.push(readText(content))
    else if (tag === dns) dnsNames.push(readText(content))
    else if (tag === mail) emailAddresses.push(readText(content))
    else if (!otherNames.includes(tag)) throw new RangeError('a name of a kind that there is not')
  } while (list.tag !== undefined)
  return Object.freeze([Object.freeze(uris), Object.freeze(dnsNames), Object.freeze(emailAddresses)] as const)
}

// An IA5String, of visible characters: a NUL within a name is one name to one reader and another to the next.
function readText(reader: DerReader): string {
  const bytes = reader.rest()
  if (bytes.length === 0 || !bytes.every((byte) => byte > 0x20 && byte < 0x7f)) throw new RangeError('a name of other than visible characters')
  return String.fromCharCode(...bytes)
}
