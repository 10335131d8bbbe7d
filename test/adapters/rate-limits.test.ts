import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { type TestContext, test } from 'node:test'
import express from 'express'
import OpenAI from 'openai'
import { expressGuard } from '../../src/adapters/express/express-guard.ts'
import { toNode } from '../../src/adapters/node/to-node.ts'
import { guardHandler } from '../../src/adapters/web/guard-handler.ts'
import { rateLimit } from '../../src/controls/rate-limit.ts'
import { openaiChat } from '../../src/payload/openai-chat.ts'
import type { ChatRequest } from '../../src/payload/openai-chat-request.ts'
import { type Identified, limitedGuard, type LimitedGuard } from '../controls/limited-guard.ts'
import { perCaller } from '../controls/metered-guard.ts'
import { chatRequest, chunk, completion } from './chat.ts'
import { listen } from './loopback.ts'

const operation = { action: 'chat', resource: { type: 'model', id: 'gpt-5' }, codec: openaiChat }
const path = '/v1/chat/completions'

function limited(): LimitedGuard['guard'] {
  return limitedGuard(
    rateLimit<Identified>({
      limits: [
        { name: 'minute', per: perCaller, requests: 2, window: 60 },
        { name: 'hour', per: perCaller, requests: 2, window: 3_600 },
        { name: 'tokens', per: perCaller, tokens: 1_500, window: 3_600 },
        { name: 'everybody', per: (call) => call.guard, requests: 100, window: 60 },
      ],
      headers: { vendor: true, partitionKey: new Uint8Array(32).fill(7) },
      estimate: () => ({ input: 100, output: 100 }),
    }),
  ).guard
}

// Says more than anybody may have.
function answerTo(input: ChatRequest): object {
  if (input.stream !== true) return completion('hello')
  return (async function* () {
    for (let part = 0; part < 5_000; part++) yield chunk('four')
  })()
}

type Serve = (t: TestContext) => Promise<(body: ChatRequest, key: string) => Promise<Response>>

const over =
  (listener: () => RequestListener): Serve =>
  async (t) => {
    const origin = await listen(t, listener())
    return (body, key) =>
      fetch(origin + path, { method: 'POST', headers: { 'content-type': 'application/json', 'x-api-key': key }, body: JSON.stringify(body) })
  }

const servers: Readonly<Record<string, Serve>> = {
  web: async () => {
    const handler = guardHandler(limited(), operation, (_request, { input }) => answerTo(input))
    return (body, key) =>
      handler(
        new Request(`https://api.example${path}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'x-api-key': key },
          body: JSON.stringify(body),
        }),
      )
  },
  node: over(() => toNode(guardHandler(limited(), operation, (_request, { input }) => answerTo(input)))),
  express: over(() =>
    express().post(
      path,
      expressGuard(limited(), operation, (_request, { input }) => answerTo(input) as never),
    ),
  ),
}

for (const [name, serve] of Object.entries(servers)) {
  test(`answers tell a caller its own limits and nobody else's, and refusals which were violated, over ${name}`, async (t) => {
    const ask = await serve(t)
    const first = await ask(chatRequest('hi'), 'ada')
    assert.equal(first.status, 200)
    const state = first.headers.get('ratelimit') ?? ''
    const pk = ';pk=:[A-Za-z0-9+/]{22}==:'
    assert.match(state, new RegExp(`^"minute";r=1;t=30${pk}, "hour";r=1;t=1800${pk}, "tokens";r=1300;t=480${pk}$`))
    const policy = new RegExp(`^"minute";q=2;w=60${pk}, "hour";q=2;w=3600${pk}, "tokens";q=1500;sallyport-unit="tokens";w=3600${pk}$`)
    assert.match(first.headers.get('ratelimit-policy') ?? '', policy)
    assert.equal(first.headers.get('x-ratelimit-remaining-requests'), '1')
    assert.equal(first.headers.get('x-ratelimit-limit-tokens'), '1500')
    assert.equal((await ask(chatRequest('hi'), 'ada')).status, 200)

    const third = await ask(chatRequest('hi'), 'ada')
    assert.equal(third.status, 429)
    assert.equal(third.headers.get('content-type'), 'application/problem+json')
    assert.equal(third.headers.get('cache-control'), 'no-store')
    const { error, ...problem } = (await third.json()) as Record<string, unknown>
    assert.deepEqual(problem, {
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      title: 'A limit was reached.',
      status: 429,
      code: 'limit_exceeded',
      'violated-policies': ['minute', 'hour'],
    })
    // Where clients of this protocol look for it.
    assert.deepEqual(error, { message: 'A limit was reached.', type: 'guard_error', param: null, code: 'limit_exceeded' })
    const wait = Number(third.headers.get('retry-after'))
    const times = [...(third.headers.get('ratelimit') ?? '').matchAll(/;t=(\d+)/g)].map(([, seconds]) => Number(seconds))
    assert.equal(times.length, 2)
    assert.equal(wait, Math.max(...times))
    assert.equal(wait, 1_800)
    assert.equal(third.headers.get('x-ratelimit-remaining-requests'), '0')

    // Others have their own, and the same names.
    const others = (await ask(chatRequest('hi'), 'grace')).headers.get('ratelimit') ?? ''
    assert.match(others, /^"minute";r=1;/)
    assert.notEqual(/pk=:([^:]+):/.exec(others)?.[1], /pk=:([^:]+):/.exec(state)?.[1])
  })

  test(`a stream that may not go on ends with the protocol's own error, which its client throws, over ${name}`, async (t) => {
    const ask = await serve(t)
    const client = new OpenAI({
      apiKey: 'x',
      baseURL: 'https://api.example/v1',
      maxRetries: 0,
      fetch: async (_url, init) => ask(JSON.parse(String(init?.body)) as ChatRequest, 'eve'),
    })
    let words = 0
    const read = async (): Promise<void> => {
      for await (const part of await client.chat.completions.create({
        ...chatRequest('hi'),
        stream: true,
      } as never as OpenAI.ChatCompletionCreateParamsStreaming))
        words += part.choices[0]?.delta.content === 'four' ? 1 : 0
    }
    await assert.rejects(read(), (error) => error instanceof OpenAI.APIError && error.code === 'limit_exceeded')
    // All that there was but for the input, and no token more.
    assert.equal(words, 1_400)
  })
}
