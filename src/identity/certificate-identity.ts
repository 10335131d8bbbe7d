import type { Identity } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import { abandon, isThenable } from '../guard/thenable.ts'
import { type Certificate, readCertificate } from './certificate.ts'
import type { CertificateRoots } from './certificate-roots.ts'
import { makeIdentity } from './make-identity.ts'
import { parseSpiffeId } from './spiffe-id.ts'

/** What certificates must say, and what becomes of them. */
export interface CertificateRules {
  /** Where it is given, certificates are X.509-SVIDs of it. */
  readonly trustDomain: string | undefined
  readonly issuer: string
  readonly subject: ((certificate: Certificate) => string | undefined) | undefined
  readonly kind: Identity['kind']
  readonly tenant: string | ((certificate: Certificate) => string | undefined) | undefined
  readonly roles: readonly string[] | ((certificate: Certificate) => readonly string[])
  readonly scopes: readonly string[] | ((certificate: Certificate) => readonly string[])
  readonly roots: CertificateRoots | undefined
}

/** A certificate that was accepted, whatever time it is. */
export interface AcceptedCertificate {
  readonly identity: Identity
  /** Milliseconds since 1970. */
  readonly notBefore: number
}

/**
 * Whose certificate it is, by everything but the time.
 *
 * @throws GuardError `identity_invalid` for one that is malformed, was issued by nobody who may, or is not for a caller.
 */
export function acceptCertificate(der: Uint8Array, thumbprint: string, rules: CertificateRules): AcceptedCertificate {
  const certificate = readCertificate(der)
  if (certificate === undefined) throw invalid('the certificate is malformed, or says what is not understood here')
  const root = rules.roots?.issuerOf(certificate)
  if (rules.roots !== undefined && root === undefined) throw invalid('no authority that is trusted here issued the certificate')
  const subject = rules.trustDomain === undefined ? subjectOf(certificate, thumbprint, rules) : workloadOf(certificate, rules.trustDomain)
  const tenant = given('tenant', rules.tenant, certificate)
  // Not longer than its issuer's own certificate.
  const notBefore = Math.max(certificate.notBefore, root?.notBefore ?? Number.NEGATIVE_INFINITY)
  const expiresAt = Math.min(certificate.notAfter, root?.notAfter ?? Number.POSITIVE_INFINITY)
  const identity = makeIdentity(
    {
      subject,
      issuer: rules.issuer,
      kind: rules.kind,
      ...(tenant !== undefined && { tenant }),
      roles: given('roles', rules.roles, certificate),
      scopes: given('scopes', rules.scopes, certificate),
      // For a revocation of what was issued before some time. Most authorities write an earlier one than it is.
      claims: { iat: certificate.notBefore / 1000 },
      binding: 'mtls',
      expiresAt,
      tokenId: thumbprint,
      device: { id: thumbprint, status: 'unknown', posture: {} },
    },
    { keyId: root?.thumbprint },
  )
  return { identity, notBefore }
}

/** The SPIFFE ID of an X.509-SVID (X509-SVID, section 5.2), which is the subject. */
function workloadOf(certificate: Certificate, trustDomain: string): string {
  const { uris, isAuthority, keyUsage, extendedKeyUsage } = certificate
  // Section 2.
  const [uri, second] = uris
  if (uri === undefined || second !== undefined) throw invalid('the certificate has no URI, or more than one')
  const id = parseSpiffeId(uri)
  if (id === undefined) throw invalid('the URI of the certificate is no SPIFFE ID')
  if (id.trustDomain !== trustDomain) throw invalid('the SPIFFE ID is of another trust domain')
  // Section 3.1.
  if (id.path === '') throw invalid('the SPIFFE ID names no workload')
  // Section 4.1.
  if (isAuthority) throw invalid('the certificate is one of an authority')
  // Section 4.3.
  if (keyUsage === undefined || !keyUsage.critical) throw invalid('the certificate does not say critically what its key is for')
  if (!keyUsage.digitalSignature) throw invalid('the key is not for signatures')
  if (keyUsage.keyCertSign || keyUsage.cRLSign) throw invalid('the key is one of an authority')
  // Section 4.4.
  if (extendedKeyUsage !== undefined && !(extendedKeyUsage.clientAuth && extendedKeyUsage.serverAuth))
    throw invalid('the certificate is not for both ends of a connection')
  return uri
}

/** The subject of any other certificate: what the application makes of it, else its thumbprint. */
function subjectOf(certificate: Certificate, thumbprint: string, rules: CertificateRules): string {
  const { isAuthority, keyUsage, extendedKeyUsage } = certificate
  if (isAuthority) throw invalid('the certificate is one of an authority')
  // RFC 8446, section 4.4.2.2.
  if (keyUsage?.digitalSignature === false) throw invalid('the key is not for signatures')
  if (extendedKeyUsage !== undefined && !extendedKeyUsage.clientAuth && !extendedKeyUsage.any) throw invalid('the certificate is not for a client')
  if (rules.subject === undefined) return thumbprint
  const subject = given('subject', rules.subject, certificate)
  if (subject === undefined) throw invalid('the application knows nobody of this certificate')
  return subject
}

/** An option's value, for this certificate where it is a function of one. */
function given<T>(name: string, option: T | ((certificate: Certificate) => T), certificate: Certificate): T {
  if (typeof option !== 'function') return option
  const value = (option as (certificate: Certificate) => T)(certificate)
  if (!isThenable(value)) return value
  // Nobody waits for it.
  abandon(value)
  throw new TypeError(`clientCertificate: ${name}: must not be asynchronous`)
}

function invalid(reason: string): GuardError {
  return new GuardError('identity_invalid', { reason })
}
