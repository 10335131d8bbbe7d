import { DerReader, hexOf, readInteger, tags } from '../identity/der.ts'
import { importPublicKey, parsePublicKey } from '../keys/agreement-key.ts'
import { decodeBase64url, encodeBase64url } from '../keys/base64url.ts'

/** JWE algorithms by which a data key is sealed to a workload (RFC 7518, sections 4.6 and 4.3). */
export type ReleaseAlgorithm = 'ECDH-ES+A256KW' | 'RSA-OAEP-256'

/** Both, the preferred one first. */
export const releaseAlgorithms: readonly ReleaseAlgorithm[] = ['ECDH-ES+A256KW', 'RSA-OAEP-256']

/** The public key of a workload, with nothing else in it (RFC 7518, section 6; RFC 8037, section 2): P-256, X25519, or RSA. */
export interface RecipientKey {
  readonly kty: 'EC' | 'OKP' | 'RSA'
  readonly crv?: 'P-256' | 'X25519'
  readonly x?: string
  readonly y?: string
  readonly n?: string
  readonly e?: string
}

/** What a key is sealed to by. */
export function algorithmOf({ kty }: RecipientKey): ReleaseAlgorithm {
  return kty === 'RSA' ? 'RSA-OAEP-256' : 'ECDH-ES+A256KW'
}

/** 65,537: what every key of today has. */
const exponent = 'AQAB'
const bits = { least: 2048, most: 4096 } as const
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'] as const
const operations: readonly unknown[] = ['encrypt', 'wrapKey', 'deriveKey', 'deriveBits']

/**
 * The key in a JWK from outside, its other members left behind; undefined for what nothing may be sealed to: another kind or curve, a
 * weak one, one that signs, one with a private member, and one that is spelled in another way than the one.
 */
export function parseRecipientKey(value: unknown): RecipientKey | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const own: Readonly<Record<string, unknown>> = { ...value }
  const { kty, n, e, use, key_ops: duties, alg } = own
  if (use !== undefined && use !== 'enc') return undefined
  if (duties !== undefined && !(Array.isArray(duties) && duties.every((duty) => operations.includes(duty)))) return undefined
  if (kty !== 'RSA') return alg === undefined || alg === 'ECDH-ES+A256KW' ? parsePublicKey(own) : undefined
  if (alg !== undefined && alg !== 'RSA-OAEP-256') return undefined
  if (privateMembers.some((name) => own[name] !== undefined) || e !== exponent || typeof n !== 'string' || n.length > 1024) return undefined
  const modulus = decodeBase64url(n)
  return modulus !== undefined && isModulus(modulus) ? Object.freeze({ kty, n, e }) : undefined
}

function isModulus(bytes: Uint8Array): boolean {
  const [first = 0] = bytes
  const length = bytes.length * 8 - (Math.clz32(first) - 24)
  return first !== 0 && length >= bits.least && length <= bits.most && (bytes.at(-1) ?? 0) % 2 === 1
}

// The contents of the AlgorithmIdentifiers, in hexadecimal (RFC 3279, section 2.3.1; RFC 5480, section 2.1.1; RFC 8410, section 3).
const rsa = '06092a864886f70d0101010500'
const p256 = '06072a8648ce3d020106082a8648ce3d030107'
const x25519 = '06032b656e'

/** The same from a SubjectPublicKeyInfo in DER (RFC 5280, section 4.1.2.7). */
export function parseRecipientInfo(der: Uint8Array): RecipientKey | undefined {
  try {
    const file = new DerReader(der)
    const info = file.read(tags.sequence)
    file.finish()
    const kind = hexOf(info.read(tags.sequence).rest())
    const key = info.read(tags.bitString).rest()
    info.finish()
    if (key[0] !== 0) return undefined
    return parseRecipientKey(jwkOf(kind, key.subarray(1)))
  } catch {
    return undefined
  }
}

function jwkOf(kind: string, key: Uint8Array): RecipientKey | undefined {
  switch (kind) {
    case p256:
      return key.length === 65 && key[0] === 4
        ? { kty: 'EC', crv: 'P-256', x: encodeBase64url(key.subarray(1, 33)), y: encodeBase64url(key.subarray(33)) }
        : undefined
    case x25519:
      return { kty: 'OKP', crv: 'X25519', x: encodeBase64url(key) }
    case rsa: {
      const reader = new DerReader(key)
      const numbers = reader.read(tags.sequence)
      reader.finish()
      const [n, e] = [readInteger(numbers), readInteger(numbers)]
      numbers.finish()
      // A negative modulus has its first bit set; a positive one has a zero before it where it would.
      if ((n[0] ?? 0x80) > 0x7f) return undefined
      return { kty: 'RSA', n: encodeBase64url(n[0] === 0 ? n.subarray(1) : n), e: encodeBase64url(e) }
    }
    default:
      return undefined
  }
}

/** The key for WebCrypto. Rejects for a point that is not on its curve. */
export function importRecipientKey(key: RecipientKey): Promise<CryptoKey> {
  if (key.kty === 'RSA') return crypto.subtle.importKey('jwk', { ...key, ext: true }, { name: 'RSA-OAEP', hash: 'SHA-256' }, true, ['encrypt'])
  const point = parsePublicKey(key)
  if (point === undefined) return Promise.reject(new TypeError('no key that can be agreed with'))
  return importPublicKey(point)
}
