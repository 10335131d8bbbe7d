import type { Certificate } from './certificate.ts'
import { certificateBytes } from './certificate-thumbprint.ts'

/** An authority that callers' certificates may be issued by. */
interface CertificateRoot {
  /** The SHA-256 of its certificate in base64url. */
  readonly thumbprint: string
  /** Milliseconds since 1970. */
  readonly notBefore: number
  /** Milliseconds since 1970. */
  readonly notAfter: number
}

/** Authorities, and what tells which of them issued a certificate. */
export interface CertificateRoots {
  readonly all: readonly CertificateRoot[]
  /** The one whose key a certificate is signed with; undefined where it is signed by none, or not strongly enough. */
  issuerOf(certificate: Certificate): CertificateRoot | undefined
}

const maxRoots = 100
const betweenBlocks = /\s+(?=-----BEGIN CERTIFICATE-----)/

/**
 * Authorities by their certificates. A certificate must be issued by one of them itself: no path is built, so an intermediate
 * authority is given as one of them. The runtime's own X.509 verifies.
 *
 * @throws TypeError for what is no certificate of an authority with a key that is strong enough, or of one whose certificate
 * constrains names, which nobody here would obey; and where the runtime has no X.509.
 */
export function certificateRoots(given: string | Uint8Array | readonly (string | Uint8Array)[]): CertificateRoots {
  const native = globalThis.process?.getBuiltinModule?.('node:crypto')
  if (typeof native?.X509Certificate !== 'function') throw new TypeError('clientCertificate: roots need a runtime with node:crypto')
  const roots = bytesOfRoots(given).map((der) => {
    try {
      const certificate = new native.X509Certificate(der)
      const { publicKey: key, ca, validFrom, validTo } = certificate
      if (!ca || !isStrong(key) || constrainsNames(der)) throw new TypeError('of no authority that can be taken')
      const thumbprint = native.createHash('sha256').update(der).digest('base64url')
      const about: CertificateRoot = Object.freeze({ thumbprint, notBefore: timeOf(validFrom), notAfter: timeOf(validTo) })
      return { certificate, key, about }
    } catch (cause) {
      throw new TypeError('clientCertificate: roots: must be certificates of authorities with strong keys and without constraints on names', {
        cause,
      })
    }
  })
  return {
    all: Object.freeze(roots.map(({ about }) => about)),
    issuerOf({ der, signatureAlgorithm }) {
      if (!signatures.includes(signatureAlgorithm)) return undefined
      try {
        const certificate = new native.X509Certificate(der)
        if (!isStrong(certificate.publicKey)) return undefined
        return roots.find((root) => certificate.checkIssued(root.certificate) && certificate.verify(root.key))?.about
      } catch {
        return undefined
      }
    },
  }
}

function bytesOfRoots(given: string | Uint8Array | readonly (string | Uint8Array)[]): readonly Uint8Array[] {
  const items: readonly unknown[] = Array.isArray(given) ? given : [given]
  // One file often holds several.
  const all = items.flatMap((item): readonly unknown[] => (typeof item === 'string' ? item.trim().split(betweenBlocks) : [item]))
  if (all.length === 0 || all.length > maxRoots) throw new TypeError(`clientCertificate: roots: must be 1 to ${maxRoots} certificates`)
  return all.map((item) => {
    const bytes = typeof item === 'string' || item instanceof Uint8Array ? certificateBytes(item) : undefined
    if (bytes === undefined) throw new TypeError('clientCertificate: roots: must be certificates in PEM or DER, with nothing between them')
    return bytes
  })
}

/** Of a public key, as the runtime describes it. */
interface KeyKind {
  readonly asymmetricKeyType?: string | undefined
  readonly asymmetricKeyDetails?: { modulusLength?: number; publicExponent?: bigint; namedCurve?: string } | undefined
}

const curves: readonly unknown[] = ['prime256v1', 'secp384r1', 'secp521r1']

function isStrong({ asymmetricKeyType, asymmetricKeyDetails: { modulusLength = 0, publicExponent = 0n, namedCurve } = {} }: KeyKind): boolean {
  switch (asymmetricKeyType) {
    case 'rsa':
    case 'rsa-pss':
      return modulusLength >= 2048 && publicExponent >= 65537n
    case 'ec':
      return curves.includes(namedCurve)
    default:
      return asymmetricKeyType === 'ed25519' || asymmetricKeyType === 'ed448'
  }
}

// The contents of the AlgorithmIdentifiers that are taken, parameters included: none with SHA-1 or MD5.
const hashes = ['608648016503040201', '608648016503040202', '608648016503040203']
// RFC 4055, sections 2.1 and 3.1: a hash is written with an empty parameter or without one; the salt is as long as it is.
const pss = (hash: string, salt: string): readonly string[] => [
  `06092a864886f70d01010a3034a00f300d0609${hash}0500a11c301a06092a864886f70d010108300d0609${hash}0500a2030201${salt}`,
  `06092a864886f70d01010a3030a00d300b0609${hash}a11a301806092a864886f70d010108300b0609${hash}a2030201${salt}`,
]
const signatures: readonly string[] = [
  // ECDSA with SHA-256, SHA-384, SHA-512 (RFC 5758, section 3.2).
  ...['02', '03', '04'].map((last) => `06082a8648ce3d0403${last}`),
  // RSA (RFC 4055, sections 5 and 3.1).
  ...['0b', '0c', '0d'].map((last) => `06092a864886f70d0101${last}0500`),
  ...hashes.flatMap((hash, index) => pss(hash, ['20', '30', '40'][index] ?? '')),
  // Ed25519 and Ed448 (RFC 8410, section 3).
  '06032b6570',
  '06032b6571',
]

// Nothing here obeys constraints on names (RFC 5280, section 4.2.1.10): whose authority is narrowed is not taken for whole.
function constrainsNames(der: Uint8Array): boolean {
  const text = Array.from(der, (byte) => String.fromCharCode(byte)).join('')
  return text.includes('\x06\x03\x55\x1d\x1e')
}

function timeOf(text: string): number {
  const time = Date.parse(text)
  if (Number.isNaN(time)) throw new TypeError('a time that cannot be read')
  return time
}
