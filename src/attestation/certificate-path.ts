import { isEqual } from '../keys/equal.ts'
import { type IssuedCertificate, readIssuedCertificate } from './issued-certificate.ts'

/** A path of certificates that was verified. */
export interface CertificatePath {
  /** The key of the last certificate, to verify signatures by ES384 with. */
  readonly key: CryptoKey
  /** Until when all of them are valid, in milliseconds since 1970. */
  readonly notAfter: number
}

/** More authorities than any path has. */
const maxAuthorities = 8

const curve = { name: 'ECDSA', namedCurve: 'P-384' } as const
const algorithm = { name: 'ECDSA', hash: 'SHA-384' } as const

/**
 * Verifies a path (RFC 5280, section 6.1) as it is given, from the root to whom it is about: the root is the pinned one, byte for
 * byte, and each certificate is issued and signed by the one before it, valid at this time, and for what it is used here. Nothing is
 * searched for, nothing fetched, and no revocation asked for: these certificates live for hours.
 *
 * @param isRoot whether this certificate, in DER, is the pinned root.
 * @param now milliseconds since 1970.
 * @throws RangeError, or rejects with it, where it does not hold.
 */
export async function verifyPath(
  authorities: readonly Uint8Array[],
  leaf: Uint8Array,
  isRoot: (der: Uint8Array) => Promise<boolean>,
  now: number,
): Promise<CertificatePath> {
  if (authorities.length === 0 || authorities.length > maxAuthorities) throw new RangeError('a path without authorities, or with too many')
  const [first] = authorities
  if (first === undefined || !(await isRoot(first))) throw new RangeError('the path begins at another root')
  const path = [...authorities, leaf].map((der) => {
    const certificate = readIssuedCertificate(der)
    // What is behind the certificate would be somebody else's to read.
    if (certificate === undefined || !isEqual(certificate.der, der)) throw new RangeError('a certificate that is malformed, or of another kind')
    return certificate
  })
  let issuer: IssuedCertificate | undefined
  let key: CryptoKey | undefined
  for (const [index, certificate] of path.entries()) {
    const isLeaf = index === authorities.length
    if (!(certificate.notBefore <= now && now <= certificate.notAfter)) throw new RangeError('a certificate that is not valid at this time')
    if (isLeaf) requireLeaf(certificate)
    // Itself it does not count, nor whom the path is about.
    else requireAuthority(certificate, authorities.length - 1 - index)
    // The root is trusted as it is.
    if (issuer !== undefined && key !== undefined) {
      // What issues itself below the root leads nowhere, and would not count (section 4.2.1.9).
      if (certificate.issuer === certificate.subject) throw new RangeError('a certificate that issued itself, below the root')
      if (certificate.issuer !== issuer.subject) throw new RangeError('a certificate of another issuer')
      if (!(await crypto.subtle.verify(algorithm, key, certificate.signature, certificate.signed)))
        throw new RangeError('a certificate that is not signed')
    }
    issuer = certificate
    key = await importKey(certificate.key)
  }
  if (key === undefined) throw new RangeError('a path without an end')
  return { key, notAfter: Math.min(...path.map(({ notAfter }) => notAfter)) }
}

function requireAuthority({ isAuthority, pathLength, signsCertificates }: IssuedCertificate, below: number): void {
  if (!isAuthority) throw new RangeError('a certificate that issued another, and is none of an authority')
  if (!signsCertificates) throw new RangeError('an authority whose key is not for certificates')
  if (pathLength < below) throw new RangeError('a path that is longer than an authority allows')
}

function requireLeaf({ isAuthority, pathLength, signs, signsCertificates }: IssuedCertificate): void {
  if (isAuthority || pathLength !== Number.POSITIVE_INFINITY) throw new RangeError('an authority in the place of what it vouches for')
  if (!signs || signsCertificates) throw new RangeError('a key that is not for signatures')
}

async function importKey(point: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  try {
    return await crypto.subtle.importKey('raw', point, curve, false, ['verify'])
  } catch (cause) {
    throw new RangeError('a key that is not on its curve', { cause })
  }
}

/** Whether a signature by ES384 verifies (RFC 9053, section 2.1). */
export function verifyEs384(key: CryptoKey, signature: Uint8Array, signed: Uint8Array<ArrayBuffer>): Promise<boolean> {
  return crypto.subtle.verify(algorithm, key, Uint8Array.from(signature), signed)
}
