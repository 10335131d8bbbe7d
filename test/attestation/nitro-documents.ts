import { type Authority, extension, issue, type Issued, keysOf, makeAuthority, usage } from '../identity/certificates.ts'
import type { Wanted } from '../identity/certificates.ts'
import { head, join, Raw, type Writable, writeCbor } from './cbor-writer.ts'

export const p384 = { name: 'ECDSA', namedCurve: 'P-384' } as const
const sha384 = { name: 'ECDSA', hash: 'SHA-384' } as const

/** What an enclave's document is signed and vouched for by. */
export interface NitroPlatform {
  readonly root: Authority
  /** The root first. */
  readonly authorities: readonly Authority[]
  readonly leaf: Issued
  readonly leafKeys: CryptoKeyPair
}

/** An authority on P-384, issued by another where one is given. */
export async function nitroAuthority(name: string, issuer?: Authority, wanted: Wanted = {}): Promise<Authority> {
  const keys = wanted.keys ?? (await keysOf(p384))
  const extensions = wanted.extensions ?? [extension.authority(), extension.uses(usage.keyCertSign | usage.cRLSign)]
  const options = { subject: name, signingAlgorithm: sha384, ...wanted, keys, extensions }
  return { ...(await issue(issuer ?? { name, keys }, options)), name, keys }
}

/** The certificate that signs documents. As AWS has it: a usage that is not critical, and no purposes. */
export async function nitroLeaf(issuer: Pick<Authority, 'name' | 'keys'>, wanted: Wanted = {}): Promise<{ leaf: Issued; leafKeys: CryptoKeyPair }> {
  const leafKeys = wanted.keys ?? (await keysOf(p384))
  const extensions = wanted.extensions ?? [extension.leaf(), extension.uses(usage.digitalSignature | usage.nonRepudiation, false)]
  return { leaf: await issue(issuer, { subject: 'CN=i-0.enc0.aws', signingAlgorithm: sha384, ...wanted, keys: leafKeys, extensions }), leafKeys }
}

/** A path as AWS has it: a root, three authorities below it, each allowing one fewer, and a leaf. */
export async function nitroPlatform(): Promise<NitroPlatform> {
  const authority = (length: number) => ({ extensions: [extension.authority(length), extension.uses(usage.keyCertSign | usage.cRLSign)] })
  const root = await nitroAuthority('CN=aws.nitro-enclaves')
  const regional = await nitroAuthority('CN=eu-west-1.aws.nitro-enclaves', root, authority(2))
  const zonal = await nitroAuthority('CN=zonal.eu-west-1.aws.nitro-enclaves', regional, authority(1))
  // Its serial number fills 20 octets, and a zero stands before them, as AWS writes it.
  const instance = await nitroAuthority('CN=i-0.eu-west-1.aws.nitro-enclaves', zonal, { ...authority(0), serialNumber: `00${'ea'.repeat(20)}` })
  return { root, authorities: [root, regional, zonal, instance], ...(await nitroLeaf(instance)) }
}

/** What a document says; undefined leaves a member out. */
export type Members = Readonly<Record<string, Writable | undefined>>

/** How it is put together: right, unless it is said otherwise. */
export interface Making {
  readonly indefinite?: boolean
  readonly header?: Uint8Array
  readonly unprotected?: Writable
  readonly tag?: number
  readonly payload?: Uint8Array
  readonly signature?: Uint8Array
  readonly signingKey?: CryptoKey
  readonly hash?: string
}

export const register = (byte: number): Uint8Array => new Uint8Array(48).fill(byte)

/** Registers as they are: those of the image, and the rest zero. */
export function registers(change: Readonly<Record<number, Uint8Array>> = {}): ReadonlyMap<number, Uint8Array> {
  const all = new Map<number, Uint8Array>()
  for (let number = 0; number < 16; number++) all.set(number, change[number] ?? register(number < 5 ? number + 1 : 0))
  return all
}

/** A document as the Nitro Security Module makes it. */
export async function nitroDocument(
  platform: NitroPlatform,
  now: number,
  members: Members = {},
  making: Making = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const own: Members = {
    module_id: 'i-0-enc0',
    digest: 'SHA384',
    timestamp: now,
    pcrs: registers(),
    certificate: platform.leaf.der,
    cabundle: platform.authorities.map(({ der }) => der),
    public_key: null,
    user_data: null,
    nonce: null,
    ...members,
  }
  const entries = Object.entries(own).filter((entry): entry is [string, Writable] => entry[1] !== undefined)
  const payload = making.payload ?? writeCbor(new Map(entries), making.indefinite)
  const header = making.header ?? writeCbor(new Map([[1, -35]]))
  const signed = writeCbor(['Signature1', header, new Uint8Array(), payload])
  const algorithm = { name: 'ECDSA', hash: making.hash ?? 'SHA-384' }
  const signature =
    making.signature ??
    new Uint8Array(await crypto.subtle.sign(algorithm, making.signingKey ?? platform.leafKeys.privateKey, Uint8Array.from(signed)))
  const message = writeCbor([header, making.unprotected ?? new Map(), payload, signature], making.indefinite)
  return making.tag === undefined ? Uint8Array.from(message) : join(head(6, making.tag), message)
}

export { Raw, makeAuthority }
