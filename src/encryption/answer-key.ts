import { base64url } from 'jose'

/** What is said of a sealed answer, or of one event of it, in its protected header. */
export interface AnswerHeader {
  /** A whole answer, or one event of a streamed one. */
  readonly typ: 'sallyport-answer' | 'sallyport-event'
  /** Media type of what is sealed. */
  readonly cty: string
  /** The `jti` of the request that is answered. */
  readonly req: string
  /** The place among the events, from 0. */
  readonly seq: number
  /** Whether nothing follows. A streamed answer ends with an empty event that says so. */
  readonly last: boolean
}

const encoder = new TextEncoder()
const hmac = { name: 'HMAC', hash: 'SHA-256' } as const

/**
 * The key that proves that an answer comes from whoever could open the request. It is needed because anybody can seal to
 * `reply_jwk`, which stands in the request for all to read. It comes from the key agreement of the request itself, by the
 * derivation of RFC 7518, section 4.6.2, under an algorithm name of its own.
 *
 * @param privateKey the service's key, or the caller's ephemeral one.
 * @param publicKey the other's public half.
 */
export async function deriveAnswerKey(privateKey: CryptoKey, publicKey: CryptoKey): Promise<CryptoKey> {
  const shared = new Uint8Array(await crypto.subtle.deriveBits({ name: privateKey.algorithm.name, public: publicKey }, privateKey, 256))
  const name = encoder.encode('sallyport-answer')
  const input = new Uint8Array(4 + 32 + 4 + name.length + 4 + 4 + 4)
  const view = new DataView(input.buffer)
  view.setUint32(0, 1)
  input.set(shared, 4)
  view.setUint32(36, name.length)
  input.set(name, 40)
  // PartyUInfo and PartyVInfo are empty; then the length of the key in bits.
  view.setUint32(input.length - 4, 256)
  const key = await crypto.subtle.digest('SHA-256', input)
  shared.fill(0)
  input.fill(0)
  return crypto.subtle.importKey('raw', key, hmac, false, ['sign', 'verify'])
}

/** The authentication code of an answer: HMAC-SHA-256 in base64url over what is said of it and over its text. */
export async function authenticate(key: CryptoKey, header: AnswerHeader, plaintext: Uint8Array): Promise<string> {
  return base64url.encode(new Uint8Array(await crypto.subtle.sign('HMAC', key, message(header, plaintext))))
}

/** Whether an authentication code fits. In constant time. */
export async function isAuthentic(key: CryptoKey, header: AnswerHeader, plaintext: Uint8Array, code: string): Promise<boolean> {
  return crypto.subtle.verify('HMAC', key, new Uint8Array(base64url.decode(code)), message(header, plaintext))
}

// JSON holds no line break, so that where the text begins cannot be moved.
function message(header: AnswerHeader, plaintext: Uint8Array): Uint8Array<ArrayBuffer> {
  const head = encoder.encode(`${JSON.stringify([header.typ, header.cty, header.req, header.seq, header.last])}\n`)
  const bytes = new Uint8Array(head.length + plaintext.length)
  bytes.set(head)
  bytes.set(plaintext, head.length)
  return bytes
}
