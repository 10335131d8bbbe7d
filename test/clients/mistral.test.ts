import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Mistral } from '@mistralai/mistralai'
import { HTTPClient } from '@mistralai/mistralai/lib/http.js'
import type * as models from '@mistralai/mistralai/models/components/index.js'
import { MistralError } from '@mistralai/mistralai/models/errors/index.js'
import { callEveryPath } from './every-path.ts'
import { type Answer, answered, asked, type Hit, type Scene, type SceneOptions, scene } from './vendor.ts'

const request: models.ChatCompletionRequest = { model: 'mistral-large-latest', messages: [{ role: 'user', content: `I am ${asked}` }] }
const masked = 'write to [EMAIL]'
const usage = { prompt_tokens: 9, completion_tokens: 12, total_tokens: 21 }
const head = { id: 'cmpl-1', model: 'mistral-large-latest', created: 1_767_225_600 }
// On the wire, with the names that the package maps its own types to.
const call = { id: 'D681PevKs', type: 'function', function: { name: 'send_mail', arguments: JSON.stringify({ to: answered }) }, index: 0 }

function completion(message: object, finish = 'stop'): object {
  return {
    ...head,
    object: 'chat.completion',
    usage,
    choices: [{ index: 0, finish_reason: finish, message: { role: 'assistant', content: '', tool_calls: null, prefix: false, ...message } }],
  }
}

function chunk(delta: object, finish: string | null = null): object {
  return { ...head, object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: finish }], ...(finish !== null && { usage }) }
}

const chunks = [
  chunk({ role: 'assistant', content: '' }),
  chunk({ content: 'write to ' }),
  chunk({ content: answered.slice(0, 5) }),
  chunk({ content: answered.slice(5) }),
  chunk({ content: '' }, 'stop'),
]

function vendor({ path, json }: Hit): Answer {
  if (path === '/v1/embeddings') return { json: { ...head, object: 'list', data: [{ object: 'embedding', index: 0, embedding: [0.25] }], usage } }
  const wantsTool = json.tools !== undefined
  if (json.stream === true) return { events: wantsTool ? [chunk({ tool_calls: [call] }, 'tool_calls')] : chunks, end: '[DONE]' }
  if (JSON.stringify(json).includes('json_schema')) return { json: completion({ content: JSON.stringify({ to: answered }) }) }
  return { json: completion(wantsTool ? { tool_calls: [call] } : { content: `write to ${answered}` }, wantsTool ? 'tool_calls' : 'stop') }
}

async function mistral(
  t: TestContext,
  answer: (hit: Hit, count: number) => Answer = vendor,
  options: SceneOptions = {},
): Promise<Scene & { readonly client: Mistral }> {
  const own = await scene(t, answer, options)
  return { ...own, client: new Mistral({ apiKey: 'vendor-key', serverURL: own.origin, httpClient: new HTTPClient({ fetcher: own.fetch }) }) }
}

test('chats: whole and streamed, and nothing protected passes either way', async (t) => {
  const { client, hits } = await mistral(t)
  assert.equal((await client.chat.complete(request)).choices[0]?.message?.content, masked)
  let text = ''
  for await (const { data } of await client.chat.stream(request)) text += String(data.choices[0]?.delta.content ?? '')
  assert.equal(text, masked)
  const { data } = await client.embeddings.create({ model: 'mistral-embed', inputs: `I am ${asked}` })
  assert.deepEqual(data[0]?.embedding, [0.25])
  for (const { body, headers } of hits) {
    assert.ok(body.includes('I am [EMAIL]') && !body.includes(asked), body)
    assert.equal(headers.authorization, 'Bearer vendor-key')
  }
})

test('tools and structured output are masked inside their JSON', async (t) => {
  const { client, hits } = await mistral(t)
  const tools = [{ type: 'function' as const, function: { name: 'send_mail', description: `Sends for ${asked}`, parameters: { type: 'object' } } }]
  const whole = await client.chat.complete({ ...request, tools, toolChoice: 'any' })
  assert.equal(whole.choices[0]?.message?.toolCalls?.[0]?.function.arguments, '{"to":"[EMAIL]"}')
  const got: unknown[] = []
  for await (const event of await client.chat.stream({ ...request, tools })) got.push(event)
  assert.match(JSON.stringify(got), /\[EMAIL\]/)
  assert.ok(!JSON.stringify(got).includes(answered), 'leaked')
  const schema = { type: 'json_schema' as const, jsonSchema: { name: 'mail', schemaDefinition: { type: 'object' }, strict: true } }
  const { choices } = await client.chat.complete({ ...request, responseFormat: schema })
  assert.equal(choices[0]?.message?.content, '{"to":"[EMAIL]"}')
  const answer = whole.choices[0]?.message
  assert.ok(answer !== undefined, 'a message')
  const again = [
    ...request.messages,
    { ...answer, role: 'assistant' as const },
    { role: 'tool' as const, name: 'send_mail', toolCallId: 'D681PevKs', content: asked },
  ]
  assert.equal((await client.chat.complete({ ...request, messages: again })).choices[0]?.message?.content, masked)
  for (const { body } of hits) assert.ok(!body.includes(asked) && !body.includes(answered), body)
})

test('a refusal is an error of its own, after one attempt', async (t) => {
  const denied = await mistral(t, vendor, { deny: true })
  for (const run of ['complete', 'stream'] as const)
    await assert.rejects(denied.client.chat[run](request), (error) => {
      assert.ok(error instanceof MistralError, String(error))
      assert.equal(error.statusCode, 403)
      assert.match(error.body, /"denied"/)
      return true
    })
  assert.equal(denied.attempts(), 2)
  const limited = await mistral(t, vendor, { requests: 1 })
  await limited.client.chat.complete(request)
  await assert.rejects(limited.client.chat.complete(request), (error) => error instanceof MistralError && error.statusCode === 429)
  for (const run of [
    () => limited.client.files.list(),
    () => limited.client.models.list(),
    () => limited.client.fim.complete({ model: 'm', prompt: asked }),
    () => limited.client.agents.complete({ agentId: 'a', messages: request.messages }),
  ])
    await assert.rejects(run(), (error) => error instanceof MistralError && error.statusCode === 400)
  assert.deepEqual([limited.attempts(), limited.hits.length], [6, 1])
})

test("the vendor's own errors arrive, and retries of one request count once where they act for one call", async (t) => {
  const flaky = (hit: Hit, count: number): Answer =>
    count < 3 ? { status: 500, json: { object: 'error', message: `no room for ${answered}`, type: 'x', param: null, code: '3500' } } : vendor(hit)
  const { client, guarded, base, hits } = await mistral(t, flaky, { requests: 2 })
  const retries = {
    strategy: 'backoff' as const,
    backoff: { initialInterval: 1, maxInterval: 2, exponent: 1, maxElapsedTime: 10_000 },
    retryConnectionErrors: false,
  }
  const task = base.protect(
    async (_input: string, acting) =>
      (await client.chat.complete(request, { retries, retryCodes: ['5XX'], fetchOptions: { headers: guarded.through(acting) } })).id,
    { action: 'invoke_agent', resource: { type: 'agent', id: 'a' } },
  )
  assert.equal(await task('x', { credentials: { authorization: 'Bearer ada' } }), 'cmpl-1')
  assert.equal(hits.length, 3)
  for (const { headers } of hits) assert.ok(!JSON.stringify(headers).includes('sallyport'), 'the handle')
})

test('giving up reaches the vendor', async (t) => {
  const { client, hits } = await mistral(t, () => ({ events: chunks.slice(0, 3), endless: true }))
  for await (const _ of await client.chat.stream(request)) break
  await hits[0]?.closed
})

const paths = {
  // Plumbing, and what speaks over a socket of its own.
  leaveOut: /(?:^|\.)(?:httpClient|logger|fetcher|sleep|realtime)$/,
  argumentLists: [
    [{ ...request, agentId: 'a', inputs: asked, prompt: asked, file: new Blob([asked]), conversationId: 'c', fileId: 'f', libraryId: 'l' }, {}],
    [request],
    [{ model: 'mistral-embed', inputs: `I am ${asked}` }],
  ],
}

test('A14: no request leaves under a denial, on any path', async (t) => {
  const { client, hits, attempts } = await mistral(t, vendor, { deny: true })
  const names = await callEveryPath(client, paths)
  assert.ok(names.size > 60, String(names.size))
  assert.ok(attempts() > 40, String(attempts()))
  for (const path of ['chat.stream', 'fim.complete', 'files.upload', 'batch.jobs.create', 'ocr.process', 'embeddings.create'])
    assert.ok(names.has(path), `${path} of ${[...names].join()}`)
  assert.deepEqual(hits, [])
})

test('A14: under a permit nothing leaves but what was read', async (t) => {
  const { client, hits } = await mistral(t)
  await callEveryPath(client, paths)
  assert.ok(hits.length > 1, String(hits.length))
  for (const { path, body, method } of hits) {
    assert.match(path, /^\/v1\/(?:chat\/completions|embeddings)(?:#stream)?$/)
    assert.equal(method, 'POST')
    assert.ok(!body.includes(asked), body)
  }
})
