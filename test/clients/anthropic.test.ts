import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import Anthropic from '@anthropic-ai/sdk'
import { betaZodTool } from '@anthropic-ai/sdk/helpers/beta/zod'
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod'
import { z } from 'zod'
import { events, failure, message, said, text, toolEvents, toolUse } from './anthropic-fixtures.ts'
import { callEveryPath } from './every-path.ts'
import { type Answer, answered, asked, type Hit, type Scene, type SceneOptions, scene } from './vendor.ts'

const request = { model: 'claude-sonnet-5', max_tokens: 100, messages: [{ role: 'user' as const, content: `I am ${asked}` }] }
const masked = 'write to [EMAIL]'

function vendor({ json }: Hit): Answer {
  const messages = json.messages as { content: unknown }[]
  const wantsTool = json.tools !== undefined && !JSON.stringify(messages.at(-1)).includes('tool_result')
  if (json.stream === true) return { events: wantsTool ? toolEvents : events }
  if (JSON.stringify(json).includes('json_schema')) return { json: message([text(JSON.stringify({ to: answered }))]) }
  return { json: wantsTool ? message([toolUse], 'tool_use') : message([text(said)]) }
}

async function anthropic(
  t: TestContext,
  answer: (hit: Hit, count: number) => Answer = vendor,
  options: SceneOptions = {},
): Promise<Scene & { readonly client: Anthropic }> {
  const own = await scene(t, answer, options)
  return { ...own, client: new Anthropic({ apiKey: 'vendor-key', baseURL: own.origin, fetch: own.fetch }) }
}

test('messages: whole, streamed, raw, and nothing protected passes either way', async (t) => {
  const { client, hits } = await anthropic(t)
  assert.deepEqual((await client.messages.create(request)).content, [text(masked)])
  const got: unknown[] = []
  for await (const event of await client.messages.create({ ...request, stream: true })) got.push(event)
  assert.ok(!JSON.stringify(got).includes(answered.slice(0, 6)), 'leaked')
  const final = await client.messages.stream(request).finalMessage()
  assert.deepEqual(
    final.content.map((block) => (block.type === 'thinking' ? block.thinking : block.type === 'text' ? block.text : undefined)),
    ['[EMAIL]', masked],
  )
  assert.equal(await client.beta.messages.stream(request).finalText(), masked)
  assert.match(await (await client.messages.create(request).asResponse()).text(), /write to \[EMAIL\]/)
  assert.equal((await client.messages.create(request).withResponse()).data.id, 'msg_1')
  for (const { body, headers } of hits) {
    assert.ok(body.includes('I am [EMAIL]') && !body.includes(asked))
    assert.equal(headers.authorization, 'Bearer vendor-key')
  }
})

test('runs tools, whole and streamed, and shows what they are given masked', async (t) => {
  const { client, hits } = await anthropic(t)
  for (const stream of [false, true]) {
    const given: unknown[] = []
    const tool = betaZodTool({
      name: 'send_mail',
      description: 'Sends',
      inputSchema: z.object({ to: z.string() }),
      run: (input) => `${given.push(input)} sent to ${asked}`,
    })
    const runner = client.beta.messages.toolRunner({ ...request, tools: [tool], stream, thread: false })
    const final = await runner.runUntilDone()
    assert.match(JSON.stringify(final.content), /write to \[EMAIL\]/)
    assert.deepEqual(given, [{ to: '[EMAIL]' }])
  }
  assert.equal(hits.length, 4)
  for (const { body } of hits) assert.ok(!body.includes(asked) && !body.includes(answered), body)
})

test('parses structured output, which is masked inside its JSON', async (t) => {
  const { client } = await anthropic(t)
  const format = zodOutputFormat(z.object({ to: z.string() }))
  const { parsed_output: parsed } = await client.messages.parse({ ...request, output_config: { format } })
  assert.deepEqual(parsed, { to: '[EMAIL]' })
})

test('a refusal is an error of its own, after one attempt', async (t) => {
  const denied = await anthropic(t, vendor, { deny: true })
  for (const stream of [false, true])
    await assert.rejects(denied.client.messages.create({ ...request, stream }), (error) => {
      assert.ok(error instanceof Anthropic.PermissionDeniedError, String(error))
      assert.match(JSON.stringify(error.error), /"denied"/)
      return true
    })
  assert.equal(denied.attempts(), 2)
  const limited = await anthropic(t, vendor, { requests: 1 })
  await limited.client.messages.create(request)
  await assert.rejects(limited.client.messages.create(request), Anthropic.RateLimitError)
  assert.deepEqual([limited.attempts(), limited.hits.length], [2, 1])
  await assert.rejects(limited.client.messages.batches.create({ requests: [{ custom_id: '1', params: request }] }), Anthropic.BadRequestError)
  await assert.rejects(limited.client.messages.countTokens(request), Anthropic.BadRequestError)
  assert.equal(limited.hits.length, 1)
})

test("the vendor's own errors arrive, masked, also in mid-stream", async (t) => {
  const { client } = await anthropic(t, ({ json }) =>
    json.stream === true
      ? { events: [...events.slice(0, 3), failure('overloaded_error', `no room for ${answered}`)] }
      : { status: 401, json: failure('authentication_error', `no key for ${answered}`) },
  )
  await assert.rejects(client.messages.create(request), (error) => {
    assert.ok(error instanceof Anthropic.AuthenticationError, String(error))
    assert.match(error.message, /no key for \[EMAIL\]/)
    return true
  })
  await assert.rejects(client.messages.stream(request).finalMessage(), (error) => {
    assert.ok(error instanceof Anthropic.APIError, String(error))
    assert.match(error.message, /no room for \[EMAIL\]/)
    return true
  })
})

test('retries of one request count once where they act for one call', async (t) => {
  const flaky = (hit: Hit, count: number): Answer =>
    count < 3 ? { status: 529, headers: { 'retry-after-ms': '1' }, json: failure('overloaded_error', 'again') } : vendor(hit)
  const { client, guarded, base, hits } = await anthropic(t, flaky, { requests: 2 })
  const task = base.protect(async (_input: string, call) => (await client.messages.create(request, { headers: guarded.through(call) })).id, {
    action: 'invoke_agent',
    resource: { type: 'agent', id: 'a' },
  })
  assert.equal(await task('x'), 'msg_1')
  assert.equal(hits.length, 3)
  for (const { headers } of hits) assert.ok(!JSON.stringify(headers).includes('sallyport'))
})

test('giving up reaches the vendor', async (t) => {
  const { client, hits, log } = await anthropic(t, () => ({ events: [...events.slice(0, 8), events[7]], endless: true }))
  for await (const _ of await client.messages.create({ ...request, stream: true })) break
  await hits[0]?.closed
  const stream = client.messages.stream(request)
  stream.on('streamEvent', () => stream.abort())
  await assert.rejects(stream.finalMessage(), Anthropic.APIUserAbortError)
  await hits[1]?.closed
  while (log.entries.length < 4) await new Promise((resolve) => setTimeout(resolve, 1))
})

const everything = { ...request, requests: [{ custom_id: '1', params: request }], file: new File([asked], 'x.txt'), betas: ['x-2026-01-01'] }
const paths = {
  // What the client is made with, and plumbing that waits.
  leaveOut: /(?:^|\.)(?:logger|fetch|fetchWith\w*|sleep)$/,
  argumentLists: [
    [everything, everything],
    ['id_1', everything, everything],
    ['/v1/messages', { body: request }],
    [{ ...request, stream: true }],
    [request],
  ],
}

test('A14: no request leaves under a denial, on any path', async (t) => {
  const { client, hits, attempts } = await anthropic(t, vendor, { deny: true })
  const names = await callEveryPath(client.withOptions({ maxRetries: 0 }), paths)
  assert.ok(names.size > 80, String(names.size))
  assert.ok(attempts() > 150, String(attempts()))
  for (const path of ['messages.batches.create', 'messages.countTokens', 'beta.files.upload', 'beta.messages.toolRunner', 'models.list'])
    assert.ok(names.has(path), path)
  assert.deepEqual(hits, [])
})

test('A14: under a permit nothing leaves but what was read', async (t) => {
  const { client, hits } = await anthropic(t)
  await callEveryPath(client.withOptions({ maxRetries: 0 }), paths)
  assert.ok(hits.length > 4, String(hits.length))
  for (const { path, body, method } of hits) {
    assert.match(path, /^\/v1\/messages(?:\?beta=true)?$/)
    assert.equal(method, 'POST')
    assert.ok(!body.includes(asked), body)
  }
})
