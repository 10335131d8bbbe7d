import { GuardError } from '../guard/errors.ts'
import { decodeBase64url, encodeBase64url, isCanonical } from '../keys/base64url.ts'
import { keyLength } from '../keys/input-key.ts'
import { encodeKeyContext, isWrappedKey, type KeyContext, type WrappedKey } from '../keys/key-provider.ts'
import { jwkThumbprint } from '../keys/thumbprint.ts'
import { algorithmOf, importRecipientKey, type RecipientKey, type ReleaseAlgorithm } from './recipient-key.ts'

/** The data key that a workload asks for, as it stands in the header of what was sealed with it. */
export interface KeyRequest {
  readonly wrapped: WrappedKey
  /** What the data key was wrapped for. At most 32 names and 8,192 characters. */
  readonly context: KeyContext
}

const separation = 'sallyport attested release v1'
const encryption = 'A256GCM'
const mediaType = 'sallyport-released-key'
const maxNames = 32
const maxContext = 8192

/**
 * A copy of what was asked for, that nobody can change while it is answered.
 *
 * @throws GuardError `payload_invalid` where it is no wrapped key with a context.
 */
export function copyRequest(asked: KeyRequest): KeyRequest {
  // What comes from outside may be nothing at all.
  if (typeof asked !== 'object' || asked === null) throw malformed()
  const { wrapped, context } = asked
  if (typeof wrapped !== 'object' || wrapped === null || !isWrappedKey(wrapped) || typeof context !== 'object' || context === null) throw malformed()
  // Without a prototype, so that no name means more than another.
  const own: Record<string, string> = Object.create(null)
  let size = 0
  const entries: readonly (readonly [string, unknown])[] = Object.entries(context)
  for (const [name, value] of entries) {
    if (typeof value !== 'string' || !value.isWellFormed() || !name.isWellFormed()) throw malformed()
    size += name.length + value.length
    own[name] = value
  }
  if (entries.length > maxNames || size > maxContext) throw malformed()
  const { id, version, bytes } = wrapped
  return Object.freeze({ wrapped: Object.freeze({ id, version, bytes: Uint8Array.from(bytes) }), context: Object.freeze(own) })
}

function malformed(): GuardError {
  return new GuardError('payload_invalid', { reason: 'what is asked for is no wrapped key with a context' })
}

/** The SHA-256 of what was asked for: what nonce and answer are bound to. */
export async function requestDigest({ wrapped, context }: KeyRequest): Promise<Uint8Array<ArrayBuffer>> {
  const text = encodeKeyContext(context, separation, wrapped.id, wrapped.version, encodeBase64url(wrapped.bytes))
  return new Uint8Array(await crypto.subtle.digest('SHA-256', Uint8Array.from(text)))
}

/** What a released key answers. */
export interface ReleaseTerms {
  readonly nonce: string
  /** `requestDigest` of what was asked for. */
  readonly digest: Uint8Array
}

/** The data key as a JWE in compact form (RFC 7516), to the one key that was attested. */
export async function sealReleasedKey(dataKey: Uint8Array, recipient: RecipientKey, { nonce, digest }: ReleaseTerms): Promise<string> {
  const { CompactEncrypt } = await import('jose/jwe/compact/encrypt')
  const header = {
    alg: algorithmOf(recipient),
    enc: encryption,
    typ: mediaType,
    kid: await jwkThumbprint(recipient),
    nonce,
    asked: encodeBase64url(digest),
  }
  return new CompactEncrypt(dataKey).setProtectedHeader(header).encrypt(await importRecipientKey(recipient))
}

/** Whose key opens what was released. */
export interface Opener {
  readonly algorithm: ReleaseAlgorithm
  /** The thumbprint of the public key. */
  readonly kid: string
  readonly privateKey: CryptoKey
}

const maxLength = 4096
const compact = /^[\w-]+\.[\w-]+\.[\w-]+\.[\w-]+\.[\w-]+$/
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * The data key in such a JWE, if it was made for this key, this nonce and this request, with these algorithms and no others.
 *
 * @throws GuardError `decryption_failed`
 */
export async function openReleasedKey(jwe: string, opener: Opener, { nonce, digest }: ReleaseTerms): Promise<Uint8Array> {
  const header = readHeader(jwe)
  const wanted: Readonly<Record<string, string>> = {
    alg: opener.algorithm,
    enc: encryption,
    typ: mediaType,
    kid: opener.kid,
    nonce,
    asked: encodeBase64url(digest),
  }
  const names = opener.algorithm === 'RSA-OAEP-256' ? [] : ['epk']
  for (const [name, value] of Object.entries(wanted)) if (header[name] !== value) throw unopened(`its ${name} is another one`)
  // Whatever else it says would have to be understood.
  if (Object.keys(header).some((name) => !Object.hasOwn(wanted, name) && !names.includes(name))) throw unopened('it says what is not understood')
  const { compactDecrypt } = await import('jose/jwe/compact/decrypt')
  let plaintext: Uint8Array
  try {
    const options = { keyManagementAlgorithms: [opener.algorithm], contentEncryptionAlgorithms: [encryption], maxDecompressedLength: 0 }
    plaintext = (await compactDecrypt(jwe, opener.privateKey, options)).plaintext
  } catch {
    throw unopened('it does not decrypt')
  }
  if (plaintext.length !== keyLength) throw unopened('it holds no data key')
  return plaintext
}

function readHeader(jwe: unknown): Readonly<Record<string, unknown>> {
  const segments = typeof jwe === 'string' && jwe.length <= maxLength && compact.test(jwe) ? jwe.split('.') : []
  // One spelling for one message: decoders forgive what stands in bits that nobody reads.
  const bytes = segments.every(isCanonical) ? decodeBase64url(segments[0] ?? '') : undefined
  try {
    const value: unknown = bytes && JSON.parse(decoder.decode(bytes))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  } catch {
    // As below.
  }
  throw unopened('it is no JWE in compact form')
}

function unopened(reason: string): GuardError {
  return new GuardError('decryption_failed', { reason: `the released key cannot be opened: ${reason}` })
}
