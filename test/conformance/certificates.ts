import 'reflect-metadata'
import * as x509 from '@peculiar/x509'

/** A certificate that an authority here has issued. */
export interface Issued {
  readonly der: Uint8Array<ArrayBuffer>
  readonly pem: string
  /** Its SHA-256 in base64url: the `x5t#S256` of a token that is bound to it (RFC 8705, section 3.1). */
  readonly thumbprint: string
}

/** What a certificate says: of a client, valid for an hour before and after, unless told otherwise. */
export interface Wanted {
  readonly now: number
  /** Milliseconds since 1970. */
  readonly notBefore?: number
  readonly notAfter?: number
  /** A SPIFFE ID: it is an X.509-SVID then. */
  readonly uri?: string
  readonly isAuthority?: boolean
  readonly purpose?: 'clientAuth' | 'serverAuth'
  /** Whether its key is for signatures. */
  readonly signs?: boolean
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const purposes = { serverAuth: '1.3.6.1.5.5.7.3.1', clientAuth: '1.3.6.1.5.5.7.3.2' } as const
const hour = 3_600_000

/** An authority: its own certificate, and what issues others. */
export interface Authority extends Issued {
  issue(wanted: Wanted): Promise<Issued>
}

/** Makes an authority that nobody vouches for but itself. */
export async function certificateAuthority(now: number, name = 'CN=authority'): Promise<Authority> {
  const keys = await pair()
  const own = await certificate(name, name, keys.publicKey, keys.privateKey, { now, isAuthority: true })
  return {
    ...own,
    issue: async (wanted) => certificate('CN=caller', name, (await pair()).publicKey, keys.privateKey, wanted),
  }
}

async function pair(): Promise<CryptoKeyPair> {
  return (await crypto.subtle.generateKey(algorithm, false, ['sign', 'verify'])) as CryptoKeyPair
}

async function certificate(subject: string, issuer: string, publicKey: CryptoKey, signingKey: CryptoKey, wanted: Wanted): Promise<Issued> {
  const { now, notBefore = now - hour, notAfter = now + hour } = wanted
  const made = await x509.X509CertificateGenerator.create({
    subject,
    issuer,
    notBefore: new Date(notBefore),
    notAfter: new Date(notAfter),
    publicKey,
    signingKey,
    signingAlgorithm: algorithm,
    extensions: extensionsOf(wanted),
  })
  const der = new Uint8Array(made.rawData)
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', der))
  return { der, pem: made.toString('pem'), thumbprint: Buffer.from(digest).toString('base64url') }
}

function extensionsOf({ uri, isAuthority = false, purpose, signs = true }: Wanted): x509.Extension[] {
  const { keyCertSign, cRLSign, digitalSignature, keyEncipherment } = x509.KeyUsageFlags
  const uses = isAuthority ? keyCertSign | cRLSign : signs ? digitalSignature : keyEncipherment
  const named = purpose !== undefined ? [purposes[purpose]] : uri === undefined ? [purposes.clientAuth] : Object.values(purposes)
  return [
    new x509.BasicConstraintsExtension(isAuthority, undefined, true),
    new x509.KeyUsagesExtension(uses, true),
    ...(isAuthority ? [] : [new x509.ExtendedKeyUsageExtension(named, false)]),
    ...(uri === undefined ? [] : [new x509.SubjectAlternativeNameExtension([{ type: 'url', value: uri }], false)]),
  ]
}
