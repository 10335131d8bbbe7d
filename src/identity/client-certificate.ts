import { type Check, checkOptions, hasMethods, isFunction, oneOf, optional } from '../guard/check-options.ts'
import { type Clock, systemClock } from '../guard/clock.ts'
import type { Awaitable, Identity } from '../guard/context.ts'
import { GuardError, isGuardError } from '../guard/errors.ts'
import type { Certificate } from './certificate.ts'
import type { AcceptedCertificate, CertificateRules } from './certificate-identity.ts'
import { certificateRoots } from './certificate-roots.ts'
import { certificateBytes, certificateThumbprint } from './certificate-thumbprint.ts'
import type { Presented } from './presented.ts'
import { isTrustDomain } from './spiffe-id.ts'
import { DirectVerifier, type Route, type Verifier } from './verifier.ts'

/** Options of `clientCertificate`. */
export interface ClientCertificateOptions {
  /**
   * A SPIFFE trust domain, such as `example.org`: certificates are X.509-SVIDs of it, and the subject is the SPIFFE ID. Unless it
   * is given any client's certificate will do.
   */
  readonly trustDomain?: string
  /**
   * Certificates of authorities, in PEM (also several in one text) or DER: one of them must have issued the caller's itself. Where
   * the server trusts other authorities too, and where the transport did not verify. Needs `node:crypto`.
   */
  readonly roots?: string | Uint8Array | readonly (string | Uint8Array)[]
  /**
   * Who it is, by its certificate; undefined refuses. The certificate's thumbprint (RFC 8705, section 3.1) unless given: a name
   * that changes with every renewal. Not together with `trustDomain`. Must not wait.
   */
  readonly subject?: (certificate: Certificate) => string | undefined
  /** Who vouches for subjects: `urn:sallyport:client-certificate` unless given, `spiffe://` and the name of a `trustDomain`. */
  readonly issuer?: string
  /** What subjects are; `service` unless given. */
  readonly kind?: Identity['kind']
  /** The same for every certificate, or by each; none unless given. Must not wait. */
  readonly tenant?: string | ((certificate: Certificate) => string | undefined)
  /** The same for every certificate, or by each; none unless given. Must not wait. */
  readonly roles?: readonly string[] | ((certificate: Certificate) => readonly string[])
  /** The same for every certificate, or by each; none unless given. Must not wait. */
  readonly scopes?: readonly string[] | ((certificate: Certificate) => readonly string[])
  /** For `verify` outside a guard, which brings its own; the system's unless given. */
  readonly clock?: Clock
}

/** How many certificates are remembered. Only those that were accepted are. */
const maxAccepted = 1000

const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''
const isTexts = (value: unknown): boolean => isFunction(value) || (Array.isArray(value) && value.every(isText))
const [isKind, kinds] = oneOf('user', 'service', 'agent', 'device')
const checks: Readonly<Record<keyof ClientCertificateOptions, Check>> = {
  trustDomain: [optional(isTrustDomain), 'the name of a trust domain, such as example.org'],
  roots: [optional((value) => isText(value) || (typeof value === 'object' && value !== null)), 'certificates in PEM or DER'],
  subject: [optional(isFunction), 'a function of the certificate'],
  // The names that verifiers of this package use are theirs alone.
  issuer: [optional((value) => isText(value) && !String(value).startsWith('urn:sallyport:')), 'a text that does not begin with urn:sallyport:'],
  kind: [optional(isKind), kinds],
  tenant: [optional((value) => isText(value) || isFunction(value)), 'a text, or a function of the certificate'],
  roles: [optional(isTexts), 'a list of texts, or a function of the certificate'],
  scopes: [optional(isTexts), 'a list of texts, or a function of the certificate'],
  clock: [optional(hasMethods('now', 'monotonic', 'after')), 'a Clock'],
}

/**
 * Verifies callers by the certificate that they made their connection with (mutual TLS), where it is their only credential.
 * The certificate is what the transport states in `channel.peerCertificate`, never anything that a caller writes; the connection
 * must be secure.
 *
 * Whether the caller has the certificate's key, and whether it was issued by somebody whom the server trusts, the transport
 * has verified: `toNode` and the adapter for Express state a certificate only where that is so. `roots` verifies the issuer
 * here as well. Certificates that were revoked are known by the transport and by `revocation`: `token` is the thumbprint, `key`
 * that of the root.
 *
 * With `trustDomain` the certificate must be an X.509-SVID (X509-SVID, sections 2 to 5) of a workload of that domain. Without,
 * it must not be an authority's, and be for clients and for signatures where it says what it is for (RFC 5280, section 4.2.1).
 * The identity has `binding: 'mtls'`, expires with the certificate (or with the root's, where that is earlier), and is
 * remembered for as long.
 *
 * ```ts
 * const verifier = clientCertificate({ trustDomain: 'example.org', roots: bundle })
 * ```
 *
 * Refuses with `identity_missing`, `identity_invalid` and `identity_expired`.
 *
 * @throws TypeError for wrong options, and for `roots` on a runtime without `node:crypto`.
 */
export function clientCertificate(options: ClientCertificateOptions = {}): Verifier {
  return new ClientCertificateVerifier(options)
}

class ClientCertificateVerifier extends DirectVerifier {
  readonly scheme = 'Certificate'
  readonly route: Route = { kind: 'certificate' }
  readonly #rules: CertificateRules
  /** By thumbprint, the longest unused first. */
  readonly #accepted = new Map<string, AcceptedCertificate>()

  constructor(options: ClientCertificateOptions) {
    checkOptions('clientCertificate', options, checks)
    const { trustDomain, roots, subject, issuer, kind = 'service', tenant, roles = [], scopes = [], clock = systemClock } = options
    if (trustDomain !== undefined && (subject !== undefined || issuer !== undefined))
      throw new TypeError('clientCertificate: with a trustDomain subject and issuer are those of SPIFFE')
    super(clock)
    this.#rules = Object.freeze({
      trustDomain,
      issuer: trustDomain === undefined ? (issuer ?? 'urn:sallyport:client-certificate') : `spiffe://${trustDomain}`,
      subject,
      kind,
      tenant,
      roles: typeof roles === 'function' ? roles : Object.freeze([...roles]),
      scopes: typeof scopes === 'function' ? scopes : Object.freeze([...scopes]),
      roots: roots === undefined ? undefined : certificateRoots(roots),
    })
  }

  describe(): Readonly<Record<string, unknown>> {
    const { trustDomain, issuer, roots } = this.#rules
    return {
      kind: 'clientCertificate',
      issuer,
      ...(trustDomain !== undefined && { trustDomain }),
      roots: roots === undefined ? false : roots.all.map(({ thumbprint }) => thumbprint),
    }
  }

  takes({ scheme, channel }: Presented): boolean {
    return scheme === 'none' && channel?.peerCertificate !== undefined
  }

  check({ channel }: Presented, clock: Clock): Awaitable<Identity> {
    if (channel?.secure !== true) throw invalid('a certificate came over a connection that is not secure')
    const der = channel.peerCertificate === undefined ? undefined : certificateBytes(channel.peerCertificate)
    if (der === undefined) throw invalid('the certificate is not one alone, in PEM or DER, or is too long')
    const thumbprint = certificateThumbprint(der)
    return typeof thumbprint === 'string' ? this.#find(der, thumbprint, clock) : thumbprint.then((found) => this.#find(der, found, clock))
  }

  #find(der: Uint8Array, thumbprint: string, clock: Clock): Awaitable<Identity> {
    const before = this.#accepted.get(thumbprint)
    if (before === undefined) return this.#accept(der, thumbprint, clock)
    // To the end, where what is used stands.
    this.#accepted.delete(thumbprint)
    const identity = requireTime(before, clock.now())
    this.#accepted.set(thumbprint, before)
    return identity
  }

  async #accept(der: Uint8Array, thumbprint: string, clock: Clock): Promise<Identity> {
    // With the first certificate, and not while the process starts.
    const { acceptCertificate } = await import('./certificate-identity.ts')
    let accepted: AcceptedCertificate
    try {
      accepted = acceptCertificate(der, thumbprint, this.#rules)
    } catch (error) {
      throw isGuardError(error)
        ? error
        : new GuardError('misconfigured', { reason: 'what the application makes of a certificate failed', cause: error })
    }
    const identity = requireTime(accepted, clock.now())
    this.#accepted.set(thumbprint, accepted)
    const [oldest] = this.#accepted.size > maxAccepted ? this.#accepted.keys() : []
    if (oldest !== undefined) this.#accepted.delete(oldest)
    return identity
  }
}

function requireTime({ identity, notBefore }: AcceptedCertificate, now: number): Identity {
  if (!(notBefore <= now)) throw invalid('the certificate is not valid yet')
  if (!(identity.expiresAt > now)) throw new GuardError('identity_expired', { reason: 'the certificate has expired' })
  return identity
}

function invalid(reason: string): GuardError {
  return new GuardError('identity_invalid', { reason })
}
