// Answers of a vendor in this process, and a guard with all controls before it.
import {
  audit,
  authorize,
  detectors,
  guard,
  guardFetch,
  jwt,
  maskData,
  memoryLog,
  policySet,
  rateLimit,
  verifyIdentity,
  type Fetch,
} from '../../../dist/index.js'
import { testIssuer } from '../../../dist/testing/index.js'

const issuer = await testIssuer()
const token = await issuer.mint({ sub: 'ada', roles: ['staff'] })

const policy = policySet({
  id: 'bench',
  version: '1',
  rules: [{ id: 'staff-chat', effect: 'permit', subject: { roles: ['staff'] }, action: ['chat'], resource: { type: 'model', id: ['small-*'] } }],
})

/** A `fetch` behind all controls. */
export function controls(send: Fetch): Fetch {
  const base = guard({ name: 'bench' })
    .use(audit({ log: memoryLog() }))
    .use(verifyIdentity({ verifiers: [jwt({ issuer: issuer.issuer, audience: issuer.audience, keys: issuer.jwks })] }))
    .use(
      rateLimit({
        limits: [
          { name: 'requests', per: (call: { identity: { key: string } }) => call.identity.key, requests: 1e9, window: 60 },
          { name: 'tokens', per: (call: { identity: { key: string } }) => call.identity.key, tokens: 1e12, window: 60 },
        ],
      }),
    )
    .use(authorize({ evaluator: policy }))
    .use(maskData({ detect: detectors.all, mode: 'redact', direction: 'both' }))
  return guardFetch(base as never, { fetch: send, credentials: () => ({ authorization: `Bearer ${token}` }), maxAnswerBytes: 16e6 })
}

const prose = 'The quarterly report shows that revenue grew in every region but one, and that costs fell as planned in most of them. '

/** 1 MB of prose with an address now and then. */
export const megabyte: string = `${prose.repeat(84)}Ask ada@example.org. `.repeat(100).slice(0, 1_000_000)

export function chunk(content: string): object {
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1_767_225_600,
    model: 'small-1',
    choices: [{ index: 0, delta: { content }, finish_reason: null, logprobs: null }],
  }
}

export function completion(content: string): object {
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1_767_225_600,
    model: 'small-1',
    choices: [{ index: 0, message: { role: 'assistant', content, refusal: null }, logprobs: null, finish_reason: 'stop' }],
    usage: { prompt_tokens: 9, completion_tokens: 250_000, total_tokens: 250_009 },
  }
}

/** Server-sent events with these parts, in pieces of about 16 kB as sockets give them. */
export function bodyOf(parts: readonly object[]): readonly Uint8Array[] {
  const bytes = new TextEncoder().encode(`${parts.map((part) => `data: ${JSON.stringify(part)}\n\n`).join('')}data: [DONE]\n\n`)
  const pieces: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += 16_384) pieces.push(bytes.subarray(at, at + 16_384))
  return pieces
}

/** A vendor that answers with these pieces. */
export function vendor(pieces: () => Iterable<Uint8Array>): Fetch {
  return async () => {
    const source = pieces()[Symbol.iterator]()
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          const { done, value } = source.next()
          if (done === true) controller.close()
          else controller.enqueue(value)
        },
      },
      { highWaterMark: 0 },
    )
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
  }
}
