import type { Awaitable } from '../guard/context.ts'
import { algorithmOfKey } from './jwks.ts'

/**
 * Whether a JWS signature verifies (RFC 7515, section 5.2; RFC 7518, section 3; RFC 8037, section 3.1): at once where the
 * runtime has native cryptography, which costs a third of WebCrypto, else by WebCrypto. False on any doubt: an unknown
 * algorithm, a key of another type, curve, hash or padding, an RSA key below 2048 bits, a secret shorter than its hash, a
 * signature of another length, an input that is not ASCII.
 *
 * @param algorithm one of `publicAlgorithms` and `secretAlgorithms`. Whether it is allowed is for the caller to know.
 * @param key a public key, or a secret for HMAC.
 * @param input the signing input: header and payload in base64url, and the dot between them.
 */
export function verifySignature(algorithm: string, key: CryptoKey | Uint8Array, input: string, signature: Uint8Array): Awaitable<boolean> {
  return verifyNatively(algorithm, key, input, signature) ?? verifyByWebCrypto(algorithm, key, input, signature)
}

/** The same by the runtime's own cryptography alone; undefined where it has none that can be used with this key. */
export function verifyNatively(algorithm: string, key: CryptoKey | Uint8Array, input: string, signature: Uint8Array): boolean | undefined {
  const duty = dutyOf(algorithm, key)
  if (duty === undefined) return false
  const data = toBeVerified(duty, input, signature)
  if (data === undefined) return false
  const crypto = nativeCrypto()
  if (crypto === undefined) return undefined
  try {
    if (key instanceof Uint8Array) return crypto.timingSafeEqual(crypto.createHmac(duty.digest, key).update(data).digest(), signature)
    const native = (duty.native ??= nativeKey(duty, key))
    if (native === 'none') return undefined
    if (native.key.type === 'secret') return crypto.timingSafeEqual(crypto.createHmac(duty.digest, native.key).update(data).digest(), signature)
    return crypto.verify(duty.digest === '' ? null : duty.digest, data, native, signature)
  } catch {
    // A runtime that cannot do it after all: WebCrypto has the last word, now and from now on.
    duty.native = 'none'
    return undefined
  }
}

/** The same by WebCrypto alone. */
export async function verifyByWebCrypto(algorithm: string, key: CryptoKey | Uint8Array, input: string, signature: Uint8Array): Promise<boolean> {
  const duty = dutyOf(algorithm, key)
  const data = duty && toBeVerified(duty, input, signature)
  if (duty === undefined || data === undefined) return false
  try {
    const hash = `SHA-${duty.digest.slice(3)}`
    const own = Uint8Array.from(signature)
    if (key instanceof Uint8Array) {
      const secret = await crypto.subtle.importKey('raw', Uint8Array.from(key), { name: 'HMAC', hash }, false, ['verify'])
      return await crypto.subtle.verify('HMAC', secret, own, data)
    }
    // For ECDSA the hash, for PSS the length of the salt, which is that of the hash (RFC 7518, section 3.5).
    return await crypto.subtle.verify({ name: key.algorithm.name, hash, saltLength: duty.saltLength }, key, own, data)
  } catch {
    return false
  }
}

/** The one thing that a key is for. */
interface Duty {
  /** A JWS algorithm, `EdDSA` for both names of Ed25519. */
  readonly algorithm: string
  /** As `node:crypto` calls it; empty for Ed25519, which hashes by itself. */
  readonly digest: string
  /** Bytes of a signature. */
  readonly length: number
  /** Bytes. */
  readonly saltLength: number
  /** Made when first used. */
  native?: NativeKey | 'none'
}

const nobody: Duty = Object.freeze({ algorithm: '', digest: '', length: 0, saltLength: 0 })

// Worked out once, also because a key's `algorithm` is an object that could be changed later.
const duties = new WeakMap<CryptoKey, Duty>()

// Of a secret in bytes, whose length alone says what it is good for.
const secretDuties: Readonly<Record<string, Duty>> = {
  HS256: dutyFor('HS256', '256', 32),
  HS384: dutyFor('HS384', '384', 48),
  HS512: dutyFor('HS512', '512', 64),
}

function dutyFor(algorithm: string, bits: string, length: number): Duty {
  return { algorithm, digest: bits === '' ? '' : `sha${bits}`, length, saltLength: Number(bits) / 8 }
}

/** What a key is for, where that is this algorithm. */
function dutyOf(algorithm: string, key: CryptoKey | Uint8Array): Duty | undefined {
  if (key instanceof Uint8Array) {
    const duty = Object.hasOwn(secretDuties, algorithm) ? secretDuties[algorithm] : undefined
    // RFC 7518, section 3.2.
    return duty !== undefined && key.length >= duty.length ? duty : undefined
  }
  let duty = duties.get(key)
  if (duty === undefined) {
    duty = readDuty(key) ?? nobody
    duties.set(key, duty)
  }
  return duty.algorithm !== '' && duty.algorithm === algorithmOfKey(algorithm) ? duty : undefined
}

interface KeyDetails extends KeyAlgorithm {
  readonly namedCurve?: string
  readonly hash?: KeyAlgorithm
  readonly modulusLength?: number
  readonly length?: number
}

function readDuty({ usages, algorithm }: CryptoKey): Duty | undefined {
  // Of a pair that is the public half.
  if (!usages.includes('verify')) return undefined
  const { name, namedCurve = '', hash, modulusLength = 0, length = 0 }: KeyDetails = algorithm
  const bits = bitsOf(hash)
  switch (name) {
    case 'ECDSA':
      return Object.hasOwn(curves, namedCurve) ? curves[namedCurve]?.() : undefined
    case 'Ed25519':
      return dutyFor('EdDSA', '', 64)
    case 'RSASSA-PKCS1-v1_5':
    case 'RSA-PSS':
      // RFC 7518, sections 3.3 and 3.5.
      if (bits === '' || modulusLength < 2048) return undefined
      return dutyFor(`${name === 'RSA-PSS' ? 'PS' : 'RS'}${bits}`, bits, Math.ceil(modulusLength / 8))
    case 'HMAC': {
      const duty = secretDuties[`HS${bits}`]
      // RFC 7518, section 3.2.
      return duty !== undefined && length >= duty.length * 8 ? { ...duty } : undefined
    }
    default:
      return undefined
  }
}

// RFC 7518, section 3.4: each curve has one hash, and each of the two numbers has the length of the curve.
const curves: Readonly<Record<string, () => Duty>> = {
  'P-256': () => dutyFor('ES256', '256', 64),
  'P-384': () => dutyFor('ES384', '384', 96),
  'P-521': () => dutyFor('ES512', '512', 132),
}

function bitsOf(hash: KeyAlgorithm | undefined): string {
  return /^SHA-(256|384|512)$/.exec(hash?.name ?? '')?.[1] ?? ''
}

const encoder = new TextEncoder()

function toBeVerified({ length }: Duty, input: string, signature: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  if (signature.length !== length) return undefined
  const data = encoder.encode(input)
  // As long in bytes as in characters: ASCII, and nothing that became something else on the way.
  return data.length === input.length ? data : undefined
}

function findCrypto() {
  return globalThis.process?.getBuiltinModule?.('node:crypto')
}

type NativeCrypto = NonNullable<ReturnType<typeof findCrypto>>

// `null` is "looked for and not there".
let found: NativeCrypto | null | undefined

function nativeCrypto(): NativeCrypto | undefined {
  if (found === undefined) found = findCrypto() ?? null
  return found ?? undefined
}

interface NativeKey {
  readonly key: ReturnType<NativeCrypto['KeyObject']['from']>
  readonly dsaEncoding: 'ieee-p1363'
  readonly padding?: number
  readonly saltLength?: number
}

function nativeKey({ algorithm, saltLength }: Duty, key: CryptoKey): NativeKey | 'none' {
  const crypto = nativeCrypto()
  // What may not be exported stays where it is.
  if (crypto === undefined || !key.extractable) return 'none'
  try {
    const own = { key: crypto.KeyObject.from(key), dsaEncoding: 'ieee-p1363' } as const
    if (algorithm.startsWith('PS')) return { ...own, padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength }
    return algorithm.startsWith('RS') ? { ...own, padding: crypto.constants.RSA_PKCS1_PADDING } : own
  } catch {
    // As in workerd, which has the module and not this part of it.
    return 'none'
  }
}
