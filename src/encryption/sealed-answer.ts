import { GuardError } from '../guard/errors.ts'
import type { AgreementAlgorithm } from '../keys/agreement-key.ts'
import { decodeBase64url, encodeBase64url } from '../keys/base64url.ts'
import { maxSealedLength, openCompact, readCompact, sealCompact } from './compact-jwe.ts'
import { unopened } from './request-header.ts'
import { FrameOpener, FrameSealer, frameSecretLength } from './sealed-frames.ts'
import type { ReplyKey } from './seal-request.ts'

/** Who an answer is sealed to. */
export interface Recipient {
  readonly alg: AgreementAlgorithm
  /** The caller's `reply_jwk`. */
  readonly key: CryptoKey
  /** Proves that the answer comes from who opened the request. */
  readonly proof: CryptoKey
  /** The `jti` of the request. */
  readonly request: string
}

const encoder = new TextEncoder()

/** A whole answer as a JWE in compact form, with the status that it is sent with. */
export function sealAnswer(text: string, mediaType: string, recipient: Recipient, status: number = 200): Promise<string> {
  return seal(encoder.encode(text), { typ: 'sallyport-answer', cty: mediaType, req: recipient.request, sts: status }, recipient)
}

/** An event of a streamed answer. */
export interface SealableEvent {
  readonly data: string
  /** The type that it names, where it names one. */
  readonly type?: string | undefined
}

/**
 * Events as frames (`sealed-frames.ts`) in base64url, after a JWE in compact form that brings their key, and one more that says
 * that nothing follows: so a reader sees when one was cut, repeated, moved, left out, taken from another answer, or when the end
 * is missing. When `events` throws there is no such end.
 */
export async function* sealEvents(
  events: AsyncIterable<string | SealableEvent>,
  mediaType: string,
  recipient: Recipient,
): AsyncGenerator<string, void, undefined> {
  const secret = crypto.getRandomValues(new Uint8Array(frameSecretLength))
  const start = await seal(secret, { typ: 'sallyport-stream', cty: mediaType, req: recipient.request, sts: 200 }, recipient)
  const sealer = await FrameSealer.start(secret, recipient.request, 'response')
  try {
    yield start
    for await (const event of events) {
      const { data, type = '' } = typeof event === 'string' ? { data: event } : event
      if (type.includes('\n')) throw new GuardError('payload_invalid', { reason: 'a line end in the type of an event' })
      // The type within, and not beside it in clear: there is nothing that could be renamed.
      yield encodeBase64url(await sealer.seal(encoder.encode(`${type}\n${data}`), false))
    }
    yield encodeBase64url(await sealer.seal(nothing, true))
  } finally {
    sealer.end()
  }
}

const nothing = new Uint8Array()

// With an ephemeral key of its own each time, so that what was sealed stays sealed when the service's key is lost.
async function seal(plaintext: Uint8Array, header: AnswerHeader, { alg, key, proof }: Recipient): Promise<string> {
  const mac = await authenticate(proof, header, plaintext)
  return sealCompact(plaintext, key, { alg, ...header, mac })
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Opens a whole answer: the body of a response with `content-type: application/jose`.
 *
 * @throws GuardError `decryption_failed` for anything but the answer to this very request, whole and unchanged, and for a refusal,
 * which `openReply` opens.
 */
export async function openAnswer(compact: string, replyKey: ReplyKey): Promise<string> {
  const { status, text } = await openReply(compact, replyKey)
  if (status >= 300) throw unopened(`the service answered with status ${status}: openReply says why`)
  return text
}

/** What a service answered. */
export interface Reply {
  /** The status that was sealed. The one beside it on the wire is anybody's. */
  readonly status: number
  readonly mediaType: string
  readonly text: string
}

/** As `openAnswer`, with status and media type: also a refusal, which is an RFC 9457 problem. */
export async function openReply(compact: string, replyKey: ReplyKey): Promise<Reply> {
  const { plaintext, header } = await open(compact, replyKey, 'sallyport-answer')
  return Object.freeze({ status: header.sts, mediaType: header.cty, text: asText(plaintext) })
}

/**
 * Opens a streamed answer: takes the data of its server-sent events and gives the data that was sealed in them.
 *
 * ```ts
 * for await (const data of openAnswers(events, replyKey)) show(JSON.parse(data))
 * ```
 *
 * @throws GuardError `decryption_failed` at the first event that was changed, repeated, moved, left out, taken from another
 * answer or sent in clear, and where the events end before the answer does. What was given out before that is genuine,
 * and only whole once this ends without a throw.
 */
export async function* openAnswers(events: AsyncIterable<string>, replyKey: ReplyKey): AsyncGenerator<string, void, undefined> {
  for await (const { data } of openEvents(events, replyKey)) yield data
}

/** The same, with the types that the events named. */
export async function* openEvents(events: AsyncIterable<string>, replyKey: ReplyKey): AsyncGenerator<SealableEvent, void, undefined> {
  let opener: FrameOpener | undefined
  try {
    for await (const event of events) {
      if (opener === undefined) {
        opener = await FrameOpener.start((await open(event, replyKey, 'sallyport-stream')).plaintext, replyKey.request, 'response')
        continue
      }
      const { text, isLast } = await opener.open(frameIn(event))
      if (isLast) return
      const said = asText(text)
      const end = said.indexOf('\n')
      if (end === -1) throw unreadable()
      yield end === 0 ? { data: said.slice(1) } : { data: said.slice(end + 1), type: said.slice(0, end) }
    }
  } finally {
    opener?.end()
  }
  throw unopened('the answer was cut short')
}

function frameIn(event: string): Uint8Array {
  if (typeof event !== 'string' || event.length > maxSealedLength) throw unopened('the answer is too long')
  const frame = decodeBase64url(event)
  if (frame === undefined) throw unreadable()
  return frame
}

function unreadable(): GuardError {
  return unopened('the answer is not sealed')
}

function asText(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch {
    throw unopened('the answer is no text')
  }
}

interface OpenedAnswer {
  readonly plaintext: Uint8Array
  readonly header: AnswerHeader
}

async function open(compact: string, replyKey: ReplyKey, typ: AnswerHeader['typ']): Promise<OpenedAnswer> {
  if (typeof compact !== 'string' || compact.length > maxSealedLength) throw unopened('the answer is too long')
  const { mac, ...header } = parseAnswerHeader(readCompact(compact))
  if (header.typ !== typ || header.req !== replyKey.request) throw unopened('this answers something else')
  try {
    const plaintext = await openCompact(compact, replyKey.key, replyKey.alg)
    if (await isAuthentic(replyKey.proof, header, plaintext, mac)) return { plaintext, header }
  } catch {
    throw unopened('the answer does not decrypt')
  }
  throw unopened('the answer does not come from who opened the request')
}

function parseAnswerHeader(raw: Readonly<Record<string, unknown>> | undefined): AnswerHeader & { readonly mac: string } {
  const { typ, cty, req, sts, mac } = raw ?? {}
  const isComplete = (typ === 'sallyport-answer' || typ === 'sallyport-stream') && typeof cty === 'string' && typeof req === 'string' && isStatus(sts)
  if (!isComplete || typeof mac !== 'string' || mac.length !== 43) throw unopened('the answer is not sealed')
  return { typ, cty, req, sts, mac }
}

function isStatus(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 200 && value <= 599
}

/** What is said of a sealed answer in its protected header. */
interface AnswerHeader {
  /** A whole answer, or the secret of the frames of a streamed one. */
  readonly typ: 'sallyport-answer' | 'sallyport-stream'
  /** Media type of what is sealed. */
  readonly cty: string
  /** The `jti` of the request that is answered. */
  readonly req: string
  /** The status of the response. */
  readonly sts: number
}

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
async function authenticate(key: CryptoKey, header: AnswerHeader, plaintext: Uint8Array): Promise<string> {
  return encodeBase64url(new Uint8Array(await crypto.subtle.sign('HMAC', key, message(header, plaintext))))
}

/** Whether an authentication code fits. In constant time. */
async function isAuthentic(key: CryptoKey, header: AnswerHeader, plaintext: Uint8Array, code: string): Promise<boolean> {
  const bytes = decodeBase64url(code)
  return bytes !== undefined && crypto.subtle.verify('HMAC', key, bytes, message(header, plaintext))
}

// JSON holds no line break, so that where the text begins cannot be moved.
function message(header: AnswerHeader, plaintext: Uint8Array): Uint8Array<ArrayBuffer> {
  const head = encoder.encode(`${JSON.stringify([header.typ, header.cty, header.req, header.sts])}\n`)
  const bytes = new Uint8Array(head.length + plaintext.length)
  bytes.set(head)
  bytes.set(plaintext, head.length)
  return bytes
}
