import { CompactEncrypt } from 'jose'
import type { AgreementAlgorithm } from '../keys/agreement-key.ts'
import { type AnswerHeader, authenticate } from './answer-key.ts'
import { contentEncryption } from './compact-jwe.ts'

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

/** A whole answer as a JWE in compact form. */
export function sealAnswer(text: string, mediaType: string, recipient: Recipient): Promise<string> {
  return seal(text, { typ: 'sallyport-answer', cty: mediaType, req: recipient.request, seq: 0, last: true }, recipient)
}

/**
 * Events as JWEs in compact form, numbered, and one more that says that nothing follows: so a reader sees when one was cut,
 * repeated, moved, left out, taken from another answer, or when the end is missing. When `events` throws there is no such
 * end.
 */
export async function* sealEvents(events: AsyncIterable<string>, mediaType: string, recipient: Recipient): AsyncGenerator<string, void, undefined> {
  let seq = 0
  const header = (last: boolean): AnswerHeader => ({ typ: 'sallyport-event', cty: mediaType, req: recipient.request, seq: seq++, last })
  for await (const event of events) yield await seal(event, header(false), recipient)
  yield await seal('', header(true), recipient)
}

// With an ephemeral key of its own each time, so that what was sealed stays sealed when the service's key is lost.
async function seal(text: string, header: AnswerHeader, { alg, key, proof }: Recipient): Promise<string> {
  const plaintext = encoder.encode(text)
  const mac = await authenticate(proof, header, plaintext)
  return new CompactEncrypt(plaintext).setProtectedHeader({ alg, enc: contentEncryption, ...header, mac }).encrypt(key)
}
