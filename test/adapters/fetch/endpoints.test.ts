import assert from 'node:assert/strict'
import { test } from 'node:test'
import { guardFetch } from '../../../src/adapters/fetch/guard-fetch.ts'
import type { Codec } from '../../../src/guard/codec.ts'
import { anthropicMessages } from '../../../src/payload/anthropic-messages.ts'
import { geminiContent } from '../../../src/payload/gemini-content.ts'
import { openaiEmbeddings } from '../../../src/payload/openai-embeddings.ts'
import { openaiResponses } from '../../../src/payload/openai-responses.ts'
import { eventParser } from '../../../src/payload/server-sent-events.ts'
import { fullMessage, messageEvents } from '../../payload/anthropic-payloads.ts'
import { fullGenerated, generated } from '../../payload/gemini-payloads.ts'
import { fullResponse, responseEvents } from '../../payload/responses-payloads.ts'
import { door } from '../door.ts'

const credentials = () => ({ authorization: 'Bearer ada' })
const init = (body: unknown): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', 'x-api-key': 'vendor-key' },
  body: JSON.stringify(body),
})

interface Case {
  readonly url: string
  readonly body: object
  readonly action: string
  readonly model: string
  readonly whole: object
  readonly parts: readonly unknown[]
  readonly codec: Pick<Codec<never>, 'answer' | 'wire'>
}

const cases: readonly Case[] = [
  {
    url: 'https://vendor.test/v1/messages?beta=true',
    body: { model: 'claude-sonnet-5', max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] },
    action: 'chat',
    model: 'claude-sonnet-5',
    whole: fullMessage(),
    parts: messageEvents({ thinking: ['a'], text: ['b'], calls: [['{}']] }),
    codec: anthropicMessages,
  },
  {
    url: 'https://vendor.test/v1/responses',
    body: { model: 'gpt-5', input: 'hi' },
    action: 'chat',
    model: 'gpt-5',
    whole: fullResponse(),
    parts: responseEvents({ summary: ['a'], text: ['b'], refusal: ['c'], args: ['{}'], input: ['d'] }),
    codec: openaiResponses,
  },
  {
    url: 'https://vendor.test/v1/embeddings',
    body: { model: 'text-embedding-3-small', input: 'hi' },
    action: 'embeddings',
    model: 'text-embedding-3-small',
    whole: { object: 'list', model: 'm', data: [{ object: 'embedding', index: 0, embedding: [0.5] }], usage: { prompt_tokens: 1, total_tokens: 1 } },
    parts: [],
    codec: openaiEmbeddings,
  },
  {
    url: 'https://vendor.test/v1beta/models/gemini-3-flash:streamGenerateContent?alt=sse',
    body: { contents: [{ role: 'user', parts: [{ text: 'hi' }] }] },
    action: 'generate_content',
    model: 'gemini-3-flash',
    whole: fullGenerated(),
    parts: [generated([{ text: 'a' }]), generated([{ text: 'b' }], { finishReason: 'STOP' })],
    codec: geminiContent,
  },
]

function eventsIn(text: string): { readonly type: string | undefined; readonly data: unknown }[] {
  return eventParser()
    .push(new TextEncoder().encode(text))
    .map(({ data, event }) => ({ type: event, data: JSON.parse(data) }))
}

for (const { url, body, action, model, whole, parts, codec } of cases) {
  const { pathname } = new URL(url)

  test(`${pathname}: knows what is done there, sends what it was given, and hands on what came back`, async () => {
    const { guard: base, seen } = door()
    const sent: unknown[] = []
    const guarded = guardFetch(base, {
      credentials,
      fetch: async (_url, given) => {
        sent.push(JSON.parse(String(given?.body)))
        return Response.json(whole)
      },
    })
    const response = await guarded(url, init(body))
    assert.equal(response.status, 200)
    assert.deepEqual(await response.json(), whole)
    assert.deepEqual(sent, [body])
    assert.equal(seen[0]?.action, action)
    assert.equal(seen[0]?.resource, model)
  })

  if (parts.length > 0)
    test(`${pathname}: hands on a stream as its clients read it, and tells them in their own protocol that it failed`, async () => {
      const { guard: base } = door()
      const wire = codec.wire
      const event = (part: unknown): string => {
        const type = wire?.eventType?.(part)
        return `${type === undefined ? '' : `event: ${type}\n`}data: ${JSON.stringify(part)}\n\n`
      }
      const stream = parts.map(event).join('')
      const guarded = guardFetch(base, { credentials, fetch: async () => new Response(stream, { headers: { 'content-type': 'text/event-stream' } }) })
      assert.equal(await (await guarded(url, init(body))).text(), stream)

      const breaks = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(new TextEncoder().encode(event(parts[0])))
          controller.enqueue(new TextEncoder().encode('data: {"unknown":"shape"}\n\n'))
          controller.close()
        },
      })
      const broken = guardFetch(base, { credentials, fetch: async () => new Response(breaks, { headers: { 'content-type': 'text/event-stream' } }) })
      const told = eventsIn(await (await broken(url, init(body))).text())
      assert.equal(told.length, 2)
      assert.equal(told[1]?.type, wire?.errorEventType)
      assert.ok(JSON.stringify(told[1]?.data).includes('payload_unsupported'))
    })

  test(`${pathname}: a refusal is one of its clients' own errors`, async () => {
    const { guard: base } = door()
    const response = await guardFetch(base, { fetch: async () => assert.fail('nothing may be sent') })(url, init(body))
    assert.equal(response.status, 401)
    const refusal = (await response.json()) as { code: string; error: { message: string } }
    assert.equal(refusal.code, 'identity_missing')
    assert.equal(refusal.error.message.length > 0, true)
  })
}

test('A15: paths that lead elsewhere, or to another model than the payload says, are refused', async () => {
  const { guard: base } = door()
  const guarded = guardFetch(base, { credentials, fetch: async () => assert.fail('nothing may be sent') })
  const [messages, responses, , gemini] = cases
  const refused: readonly (readonly [string, object | undefined])[] = [
    ['https://vendor.test/v1/messages/batches', messages?.body],
    ['https://vendor.test/v1/messages/count_tokens', messages?.body],
    ['https://vendor.test/v1/threads/t1/messages', messages?.body],
    ['https://vendor.test/v1/Messages', messages?.body],
    ['https://vendor.test/v1/responses/resp_1/cancel', responses?.body],
    ['https://vendor.test/openai/deployments/other/responses', responses?.body],
    ['https://vendor.test/v1beta/models/gemini-3-flash:countTokens', gemini?.body],
    ['https://vendor.test/v1beta/models/gemini-3-flash:batchGenerateContent', gemini?.body],
    ['https://vendor.test/v1beta/models/gemini-3-flash%3AgenerateContent', gemini?.body],
    ['https://vendor.test/v1beta/tunedModels/x:generateContent', gemini?.body],
    ['https://vendor.test/models/a/models/b:generateContent', gemini?.body],
    ['https://vendor.test/v1beta/models/other:generateContent', { ...gemini?.body, model: 'gemini-3-flash' }],
    ['https://vendor.test/v1beta/cachedContents', gemini?.body],
  ]
  for (const [url, body] of refused) assert.equal((await guarded(url, init(body))).status, 400, url)
})

test('a body that names the model of its path is taken, and what the path says is not written into it', async () => {
  const { guard: base, seen } = door()
  const sent: unknown[] = []
  const fetch = async (_url: unknown, given?: RequestInit): Promise<Response> => {
    sent.push(JSON.parse(String(given?.body)))
    return Response.json(fullGenerated())
  }
  const contents = [{ role: 'user', parts: [{ text: 'hi' }] }]
  const url = 'https://vendor.test/v1/projects/p/locations/eu/publishers/google/models/gemini-3-flash:generateContent'
  assert.equal((await guardFetch(base, { credentials, fetch })(url, init({ contents, model: 'models/gemini-3-flash', stream: true }))).status, 200)
  assert.deepEqual(sent, [{ contents }])
  assert.equal(seen[0]?.resource, 'gemini-3-flash')
})

test('one codec takes its own endpoints alone', async () => {
  const { guard: base } = door()
  const guarded = guardFetch(base, { credentials, codec: anthropicMessages, fetch: async () => Response.json(fullMessage()) })
  assert.equal((await guarded(cases[0]?.url ?? '', init(cases[0]?.body))).status, 200)
  assert.equal((await guarded(cases[1]?.url ?? '', init(cases[1]?.body))).status, 400)
})
