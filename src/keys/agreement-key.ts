/** Curves on which keys are agreed. */
export type AgreementCurve = 'P-256' | 'X25519'

/** JWE algorithms by which keys are agreed (RFC 7518, section 4.6). */
export type AgreementAlgorithm = 'ECDH-ES' | 'ECDH-ES+A256KW'

/** Both algorithms, the preferred one first. */
export const agreementAlgorithms: readonly AgreementAlgorithm[] = ['ECDH-ES+A256KW', 'ECDH-ES']

/** A public key for key agreement as a JWK (RFC 7518, section 6.2; RFC 8037, section 2), with nothing else in it. */
export interface AgreementKey {
  readonly kty: 'EC' | 'OKP'
  readonly crv: AgreementCurve
  readonly x: string
  readonly y?: string
}

const privateMembers = ['d', 'k', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'priv'] as const

// 32 bytes in base64url, the unused bits zero: one spelling for one value.
const thirtyTwoBytes = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/

// u coordinates whose order divides eight: what is agreed with them is zero, whatever the other key (RFC 7748, section 6.1).
const lowOrder: readonly string[] = [
  'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
  'AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
  '4Ot6fDtBuK4WVuP68Z_EatoJjeucMrH9hmIFFl9JuAA',
  'X5yVvKNQjCSx0LFVnIPvWwREXMRYHI6G2CJO3dCfEVc',
  '7P_______________________________________38',
]

/**
 * The public key in a JWK from outside, its other members left behind; undefined for another curve, a coordinate that is
 * not canonical, a point of low order, or a JWK with a private member. Whether a P-256 point is on its curve is found
 * when it is imported.
 */
export function parsePublicKey(value: unknown): AgreementKey | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  // Some runtimes write all members, and leave undefined what is not there.
  return privateMembers.some((name) => (value as Record<string, unknown>)[name] !== undefined) ? undefined : parsePoint(value)
}

/** The public part of a private JWK and its secret; undefined where it is not a private key on an allowed curve. */
export function parsePrivateKey(value: unknown): { readonly point: AgreementKey; readonly d: string } | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const point = parsePoint(value)
  const d = member(value, 'd')
  return point === undefined || !isCoordinate(d) ? undefined : { point, d }
}

function parsePoint(value: object): AgreementKey | undefined {
  const kty = member(value, 'kty')
  const crv = member(value, 'crv')
  const x = member(value, 'x')
  if (!isCoordinate(x)) return undefined
  if (kty === 'OKP' && crv === 'X25519') return isSafe(x) ? Object.freeze({ kty, crv, x }) : undefined
  const y = member(value, 'y')
  return kty === 'EC' && crv === 'P-256' && isCoordinate(y) ? Object.freeze({ kty, crv, x, y }) : undefined
}

function member(value: object, name: string): unknown {
  return Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined
}

function isCoordinate(value: unknown): value is string {
  return typeof value === 'string' && thirtyTwoBytes.test(value)
}

// Below 2^255 - 19 and of full order: then two keys are the same if and only if they are spelled the same.
function isSafe(x: string): boolean {
  if (lowOrder.includes(x)) return false
  const bytes = atob(x.replaceAll('-', '+').replaceAll('_', '/'))
  const top = bytes.charCodeAt(31)
  if (top > 0x7f) return false
  if (top < 0x7f || bytes.charCodeAt(0) < 0xed) return true
  for (let index = 1; index < 31; index++) if (bytes.charCodeAt(index) !== 0xff) return true
  return false
}

/**
 * Whether two public keys are one, or each other's negative: both agree on the same secret with anybody, since only the
 * x coordinate goes into it.
 */
export function isSameAgreement(one: AgreementKey, other: AgreementKey): boolean {
  return one.crv === other.crv && one.x === other.x
}

/** A public key for `deriveBits`. Rejects for a point that is not on its curve. */
export function importPublicKey(key: AgreementKey): Promise<CryptoKey> {
  return crypto.subtle.importKey('jwk', { ...key, ext: true }, parametersOf(key.crv), true, [])
}

/** A private key for `deriveBits` that cannot be exported again. Rejects where the secret does not belong to the point. */
export function importPrivateKey(key: AgreementKey, d: string): Promise<CryptoKey> {
  return crypto.subtle.importKey('jwk', { ...key, d, ext: false }, parametersOf(key.crv), false, ['deriveBits'])
}

/** A new pair. The public half can always be exported. */
export async function generateAgreementKeys(crv: AgreementCurve, extractable: boolean): Promise<CryptoKeyPair> {
  return (await crypto.subtle.generateKey(parametersOf(crv), extractable, ['deriveBits'])) as CryptoKeyPair
}

/** What WebCrypto calls a curve. */
function parametersOf(crv: AgreementCurve): EcKeyAlgorithm | { readonly name: 'X25519' } {
  return crv === 'P-256' ? { name: 'ECDH', namedCurve: 'P-256' } : { name: 'X25519' }
}
