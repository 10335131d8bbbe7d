import { compactDecrypt } from 'jose'
import { type AnswerHeader, isAuthentic } from './answer-key.ts'
import { contentEncryption, maxSealedLength, readCompact } from './compact-jwe.ts'
import { unopened } from './request-header.ts'
import type { ReplyKey } from './seal-request.ts'

interface OpenedPart {
  readonly text: string
  readonly last: boolean
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Opens a whole answer: the body of a response with `content-type: application/jose`.
 *
 * @throws GuardError `decryption_failed` for anything but the answer to this very request, whole and unchanged.
 */
export async function openAnswer(compact: string, replyKey: ReplyKey): Promise<string> {
  return (await open(compact, replyKey, 'sallyport-answer', 0)).text
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
  let seq = 0
  for await (const event of events) {
    const { text, last } = await open(event, replyKey, 'sallyport-event', seq++)
    if (last) return
    yield text
  }
  throw unopened('the answer was cut short')
}

async function open(compact: string, replyKey: ReplyKey, typ: 'sallyport-answer' | 'sallyport-event', seq: number): Promise<OpenedPart> {
  if (typeof compact !== 'string' || compact.length > maxSealedLength) throw unopened('the answer is too long')
  const { mac, ...header } = parseAnswerHeader(readCompact(compact))
  if (header.typ !== typ || header.req !== replyKey.request) throw unopened('this answers something else')
  if (header.seq !== seq) throw unopened('an event is not in its place')
  try {
    const { plaintext } = await compactDecrypt(compact, replyKey.key, {
      keyManagementAlgorithms: [replyKey.alg],
      contentEncryptionAlgorithms: [contentEncryption],
      maxDecompressedLength: 0,
    })
    if (await isAuthentic(replyKey.proof, header, plaintext, mac)) return { text: decoder.decode(plaintext), last: header.last }
  } catch {
    throw unopened('the answer does not decrypt')
  }
  throw unopened('the answer does not come from who opened the request')
}

function parseAnswerHeader(raw: Readonly<Record<string, unknown>> | undefined): AnswerHeader & { readonly mac: string } {
  const { typ, cty, req, seq, last, mac } = raw ?? {}
  const isComplete = (typ === 'sallyport-answer' || typ === 'sallyport-event') && typeof cty === 'string' && typeof req === 'string'
  if (
    !isComplete ||
    typeof seq !== 'number' ||
    !Number.isSafeInteger(seq) ||
    seq < 0 ||
    typeof last !== 'boolean' ||
    typeof mac !== 'string' ||
    mac.length !== 43
  )
    throw unopened('the answer is not sealed')
  return { typ, cty, req, seq, last, mac }
}
