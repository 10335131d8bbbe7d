import 'reflect-metadata'
import { createHash } from 'node:crypto'
import * as x509 from '@peculiar/x509'

/** A certificate and its key. */
export interface Issued {
  readonly der: Uint8Array<ArrayBuffer>
  readonly pem: string
  /** PKCS #8 in PEM. */
  readonly key: string
  /** SHA-256 in base64url. */
  readonly thumbprint: string
}

/** What issues certificates. */
export interface Authority extends Issued {
  readonly name: string
  readonly keys: CryptoKeyPair
}

/** What a certificate says. */
export interface Wanted {
  readonly subject?: string
  readonly notBefore?: Date
  readonly notAfter?: Date
  /** All of them, in their order. */
  readonly extensions?: Extension[]
  readonly keys?: CryptoKeyPair
  readonly signingAlgorithm?: EcdsaParams | Algorithm
  readonly serialNumber?: string
}

const curve = { name: 'ECDSA', namedCurve: 'P-256' } as const
/** What a key may be for, to be put together with `|`. */
export const usage: typeof x509.KeyUsageFlags = x509.KeyUsageFlags
export type Extension = x509.Extension
const hour = 3_600_000

/** The extensions of which ordinary certificates are made. */
export const extension = {
  authority: (pathLength?: number): Extension => new x509.BasicConstraintsExtension(true, pathLength, true),
  leaf: (): Extension => new x509.BasicConstraintsExtension(false, undefined, true),
  uses: (flags: x509.KeyUsageFlags, critical = true): Extension => new x509.KeyUsagesExtension(flags, critical),
  signs: (): Extension => new x509.KeyUsagesExtension(usage.digitalSignature, true),
  purposes: (...purposes: ('clientAuth' | 'serverAuth' | 'any' | 'codeSigning')[]): Extension =>
    new x509.ExtendedKeyUsageExtension(
      purposes.map((purpose) => purposeIds[purpose]),
      false,
    ),
  names: (names: readonly { readonly type: 'url' | 'dns' | 'email' | 'ip'; readonly value: string }[], critical = false): Extension =>
    new x509.SubjectAlternativeNameExtension([...names], critical),
  uri: (value: string): Extension => extension.names([{ type: 'url', value }]),
  /** Any, by its identifier and its value in hexadecimal. */
  raw: (id: string, critical: boolean, value: string): Extension => new x509.Extension(id, critical, Buffer.from(value, 'hex')),
}

const purposeIds = { clientAuth: '1.3.6.1.5.5.7.3.2', serverAuth: '1.3.6.1.5.5.7.3.1', any: '2.5.29.37.0', codeSigning: '1.3.6.1.5.5.7.3.3' }

/** The extensions of an X.509-SVID. */
export function svidExtensions(uri: string): Extension[] {
  return [extension.leaf(), extension.signs(), extension.purposes('clientAuth', 'serverAuth'), extension.uri(uri)]
}

/** Keys of other kinds than usual. */
export async function keysOf(algorithm: EcKeyGenParams | RsaHashedKeyGenParams | { readonly name: 'Ed25519' }): Promise<CryptoKeyPair> {
  return (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair
}

/** An authority of this name, that nobody vouches for but itself. */
export async function makeAuthority(name = 'CN=root', wanted: Wanted = {}): Promise<Authority> {
  const keys = wanted.keys ?? (await keysOf(curve))
  const extensions = [extension.authority(), extension.uses(usage.keyCertSign | usage.cRLSign)]
  return { ...(await issue({ name, keys }, { subject: name, extensions, ...wanted, keys })), name, keys }
}

/** A certificate that an authority issues. Valid from an hour ago for two hours, unless it is said otherwise. */
export async function issue(authority: Pick<Authority, 'name' | 'keys'>, wanted: Wanted = {}): Promise<Issued> {
  const { subject = 'CN=caller', notBefore = new Date(Date.now() - hour), notAfter = new Date(Date.now() + hour), serialNumber } = wanted
  const keys = wanted.keys ?? (await keysOf(curve))
  const certificate = await x509.X509CertificateGenerator.create({
    subject,
    issuer: authority.name,
    notBefore,
    notAfter,
    publicKey: keys.publicKey,
    signingKey: authority.keys.privateKey,
    signingAlgorithm: wanted.signingAlgorithm ?? { name: 'ECDSA', hash: 'SHA-256' },
    extensions: wanted.extensions ?? [extension.leaf(), extension.signs(), extension.purposes('clientAuth')],
    ...(serialNumber !== undefined && { serialNumber }),
  })
  const der = new Uint8Array(certificate.rawData)
  return {
    der,
    pem: certificate.toString('pem'),
    key: x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY'),
    thumbprint: createHash('sha256').update(der).digest('base64url'),
  }
}
