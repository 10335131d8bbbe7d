import { type Check, checkOptions, isFunction, optional } from '../../guard/check-options.ts'
import { GuardError } from '../../guard/errors.ts'
import { type SealableEvent, openEvents, openReply } from '../../encryption/sealed-answer.ts'
import { type ReplyKey, sealRequest, type SealRequestOptions } from '../../encryption/seal-request.ts'
import { eventParser, serializeEvent } from '../../payload/server-sent-events.ts'
import { mediaTypeOf, readBounded } from '../web/request-body.ts'
import type { Fetch } from './exchange.ts'

/** Options of `sealingFetch`. */
export interface SealingFetchOptions {
  /** The service's public key, with its `kid`, as it publishes it; or a function that gives the one to seal to now. */
  readonly publicKey: SealRequestOptions['publicKey'] | (() => SealRequestOptions['publicKey'] | Promise<SealRequestOptions['publicKey']>)
  /** The token or API key that a request is sent with; what stands in its `Authorization` or `x-api-key` field unless given. */
  readonly credential?: () => string
  /** What sends the requests; the runtime's own `fetch`, as it is now, unless given. */
  readonly fetch?: Fetch
  /** The most bytes of a sealed answer that is not a stream; 16 MiB unless given. */
  readonly maxAnswer?: number
}

const checks: Readonly<Record<keyof SealingFetchOptions, Check>> = {
  publicKey: [(value) => isFunction(value) || (typeof value === 'object' && value !== null), 'a public JWK, or a function that gives one'],
  credential: [optional(isFunction), 'a function'],
  fetch: [optional(isFunction), 'a function'],
  maxAnswer: [optional((value) => Number.isSafeInteger(value) && Number(value) > 0), 'a whole number of bytes above zero'],
}

const sealedMediaType = 'application/jose'

/**
 * A `fetch` that seals the body of every request to a service behind `encryptPayload`, and opens its answers, whole and streamed.
 * Any client that takes a `fetch` works with it: what it writes and reads is in clear, what goes over the wire is not.
 *
 * ```ts
 * const client = new OpenAI({ apiKey: token, baseURL: 'https://api.example/v1', fetch: sealingFetch({ publicKey }) })
 * ```
 *
 * The address and the header fields are not sealed. Answers are, refusals with their status included; what arrives in clear may be
 * anybody's, and is refused unread: also the refusal of a service that could not open the request, or does not know the caller.
 * Where a sealed stream ends before its end, reading it fails. A request is sealed once for each time that it is sent, so that
 * retries of a client work.
 *
 * Rejects with a `GuardError`: `decryption_failed` for an answer that is not the genuine one to this very request,
 * `payload_unsupported` for a request without a body, `payload_too_large`; with a `TypeError` where there is no credential to bind to.
 *
 * @throws TypeError for wrong options.
 */
export function sealingFetch(options: SealingFetchOptions): Fetch {
  checkOptions('sealingFetch', options, checks)
  const { publicKey, credential, fetch: send, maxAnswer = 16 * 1024 * 1024 } = options
  return async (input, init) => {
    const request = new Request(input, init)
    if (request.body === null) throw new GuardError('payload_unsupported', { reason: 'a request without a body cannot be sealed' })
    const body = new Uint8Array(await request.arrayBuffer())
    const { body: sealed, replyKey } = await sealRequest(body, {
      publicKey: typeof publicKey === 'function' ? await publicKey() : publicKey,
      credential: credential === undefined ? credentialOf(request.headers) : credential(),
      url: request.url,
      contentType: request.headers.get('content-type') ?? 'application/json',
    })
    const headers = new Headers(request.headers)
    headers.delete('content-length')
    headers.set('content-type', sealedMediaType)
    const response = await (send ?? globalThis.fetch)(request.url, {
      method: request.method,
      headers,
      body: sealed,
      // What is sealed is sealed to one address.
      redirect: 'error',
      signal: request.signal,
    })
    return open(response, replyKey, maxAnswer)
  }
}

function credentialOf(headers: Headers): string {
  const authorization = headers.get('authorization')
  const token = authorization === null ? headers.get('x-api-key') : authorization.slice(authorization.indexOf(' ') + 1)
  if (token === null || token === '') throw new TypeError('sealingFetch: the request has no credential that it could be bound to')
  return token
}

async function open(response: Response, replyKey: ReplyKey, maxAnswer: number): Promise<Response> {
  const { body, status } = response
  const type = mediaTypeOf(response.headers.get('content-type')).essence
  const isStream = type === 'text/event-stream' && response.ok
  if (body === null || (type !== sealedMediaType && !isStream)) {
    await body?.cancel()
    throw new GuardError('decryption_failed', { reason: `the answer is not sealed, and may be anybody's; it came with status ${status}` })
  }
  const headers = new Headers(response.headers)
  headers.delete('content-length')
  headers.delete('content-encoding')
  if (isStream) return new Response(opened(body, replyKey), { headers })
  const text = new TextDecoder().decode(await readBounded(body.getReader(), maxAnswer))
  const answer = await openReply(text, replyKey)
  headers.set('content-type', answer.mediaType)
  return new Response(answer.text === '' ? null : answer.text, { status: answer.status, headers })
}

const encoder = new TextEncoder()

/** The events of a sealed stream as the bytes of a stream in clear. */
function opened(body: ReadableStream<Uint8Array>, replyKey: ReplyKey): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  const events: AsyncGenerator<SealableEvent, void, undefined> = openEvents(dataOf(reader), replyKey)
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await events.next()
        if (done === true) return controller.close()
        const { data, type } = value
        controller.enqueue(encoder.encode(serializeEvent(type === undefined ? { data } : { data, event: type })))
      },
      async cancel(reason) {
        // First the wire: the events end no sooner than what they wait for, and have nothing to end before they began.
        await reader.cancel(reason)
        await events.return()
      },
    },
    { highWaterMark: 0 },
  )
}

async function* dataOf(reader: ReadableStreamDefaultReader<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const parser = eventParser()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      for (const { data } of parser.push(value)) yield data
    }
  } finally {
    await reader.cancel()
  }
}
