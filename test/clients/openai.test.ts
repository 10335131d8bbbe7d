import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import OpenAI from 'openai'
import { zodResponseFormat, zodTextFormat } from 'openai/helpers/zod'
import OpenAI7 from 'openai-7'
import { z } from 'zod'
import { callEveryPath } from './every-path.ts'
import { chunks, completion, embedding, failure, response, responseEvents, said, toolCall, toolChunks } from './openai-fixtures.ts'
import { type Answer, answered, asked, type Hit, type Scene, type SceneOptions, scene } from './vendor.ts'

const chat = { model: 'gpt-5', messages: [{ role: 'user' as const, content: `I am ${asked}` }] }
const masked = 'write to [EMAIL]'
const tool = {
  type: 'function',
  function: { name: 'send_mail', description: 'Sends', parameters: { type: 'object', properties: { to: { type: 'string' } } } },
} as const

function vendor(hit: Hit): Answer {
  const { path, json } = hit
  if (path === '/v1/embeddings') return { json: embedding }
  if (path === '/v1/responses') return json.stream === true ? { events: responseEvents } : { json: response() }
  const messages = json.messages as { role: string }[]
  const wantsTool = json.tools !== undefined && messages.at(-1)?.role !== 'tool'
  if (json.stream === true) return { events: wantsTool ? toolChunks : chunks, end: '[DONE]' }
  if (json.response_format !== undefined) return { json: completion({ content: JSON.stringify({ to: answered }) }) }
  return { json: wantsTool ? completion({ tool_calls: [toolCall] }, 'tool_calls') : completion({ content: said }) }
}

interface OpenAIScene extends Scene {
  readonly client: OpenAI
}

// The two have the same members, of classes that the compiler keeps apart.
const versions = [
  ['openai 6', OpenAI],
  ['openai 7', OpenAI7 as unknown as typeof OpenAI],
] as const

for (const [name, Client] of versions)
  describe(name, () => {
    async function openai(t: TestContext, answer: (hit: Hit, count: number) => Answer = vendor, options: SceneOptions = {}): Promise<OpenAIScene> {
      const own = await scene(t, answer, options)
      return { ...own, client: new Client({ apiKey: 'vendor-key', baseURL: `${own.origin}/v1`, fetch: own.fetch }) }
    }

    test('chats: whole, streamed, raw and by its helpers, and nothing protected passes either way', async (t) => {
      const { client, hits } = await openai(t)
      const { completions } = client.chat
      assert.equal((await completions.create(chat)).choices[0]?.message.content, masked)
      let text = ''
      for await (const part of await completions.create({ ...chat, stream: true })) text += part.choices[0]?.delta.content ?? ''
      assert.equal(text, masked)
      assert.equal(await completions.stream(chat).finalContent(), masked)
      assert.match(await (await completions.create(chat).asResponse()).text(), /write to \[EMAIL\]/)
      assert.equal((await completions.create(chat).withResponse()).response.headers.get('x-request-id'), 'req_1')
      for (const { body, headers } of hits) {
        assert.ok(body.includes('I am [EMAIL]') && !body.includes(asked))
        assert.equal(headers.authorization, 'Bearer vendor-key')
      }
    })

    test('runs tools, whole and streamed, and shows what they are given masked', async (t) => {
      const { client, hits } = await openai(t)
      for (const stream of [false, true] as const) {
        const given: unknown[] = []
        const runnable = {
          ...tool,
          function: { ...tool.function, parse: JSON.parse, function: (input: unknown) => `${given.push(input)} sent to ${asked}` },
        }
        const body = { ...chat, tools: [runnable] }
        const runner = stream ? client.chat.completions.runTools({ ...body, stream }) : client.chat.completions.runTools(body)
        assert.equal(await runner.finalContent(), masked)
        assert.deepEqual(given, [{ to: '[EMAIL]' }])
      }
      assert.equal(hits.length, 4)
      for (const { body } of hits) assert.ok(!body.includes(asked) && !body.includes(answered))
    })

    test('parses structured output, which is masked inside its JSON', async (t) => {
      const { client } = await openai(t)
      const schema = z.object({ to: z.string() })
      const parsed = await client.chat.completions.parse({ ...chat, response_format: zodResponseFormat(schema, 'mail') })
      assert.deepEqual(parsed.choices[0]?.message.parsed, { to: '[EMAIL]' })
    })

    test('responses: whole, streamed, parsed', async (t) => {
      const { client, hits } = await openai(t)
      const request = { model: 'gpt-5', input: `I am ${asked}` }
      const whole = await client.responses.create(request)
      assert.equal(whole.output_text, masked)
      assert.equal(whole.output[1]?.type === 'function_call' && whole.output[1].arguments, '{"to":"[EMAIL]"}')
      let text = ''
      for await (const event of await client.responses.create({ ...request, stream: true }))
        if (event.type === 'response.output_text.delta') text += event.delta
      assert.equal(text, masked)
      assert.match(JSON.stringify((await client.responses.stream(request).finalResponse()).output), /"text":"write to \[EMAIL\]"/)
      const format = { format: zodTextFormat(z.object({ to: z.string() }), 'mail') }
      await assert.rejects(client.responses.parse({ ...request, text: format }), SyntaxError)
      for (const { body } of hits) assert.ok(!body.includes(asked))
    })

    test('embeds', async (t) => {
      const { client, hits } = await openai(t)
      const { data } = await client.embeddings.create({ model: 'text-embedding-3-small', input: [`I am ${asked}`], encoding_format: 'float' })
      assert.deepEqual(data[0]?.embedding, [0.25, -0.5])
      assert.ok(hits[0]?.body.includes('I am [EMAIL]'))
    })

    test('a refusal is an error of its own, after one attempt', async (t) => {
      const denied = await openai(t, vendor, { deny: true })
      for (const stream of [false, true]) {
        await assert.rejects(denied.client.chat.completions.create({ ...chat, stream }), isError(Client.PermissionDeniedError, 'denied'))
        await assert.rejects(denied.client.responses.create({ model: 'gpt-5', input: 'x', stream }), isError(Client.PermissionDeniedError, 'denied'))
      }
      assert.equal(denied.attempts(), 4)
      const limited = await openai(t, vendor, { requests: 1 })
      await limited.client.chat.completions.create(chat)
      await assert.rejects(limited.client.chat.completions.create(chat), isError(Client.RateLimitError, 'limit_exceeded'))
      assert.equal(limited.attempts(), 2)
      assert.equal(limited.hits.length, 1)
      await assert.rejects(limited.client.files.list(), isError(Client.BadRequestError, 'payload_unsupported'))
    })

    test("the vendor's own errors arrive, masked", async (t) => {
      const { client } = await openai(t, () => ({ status: 401, json: failure('invalid_api_key', `no key for ${answered}`) }))
      await assert.rejects(client.chat.completions.create(chat), (error) => {
        assert.ok(error instanceof Client.AuthenticationError)
        assert.match(error.message, /no key for \[EMAIL\]/)
        return true
      })
    })

    test('retries of one request count once where they act for one call, and each where they do not', async (t) => {
      const flaky = (hit: Hit, count: number): Answer =>
        count % 3 === 0 ? vendor(hit) : { status: 500, headers: { 'retry-after-ms': '1' }, json: failure('oops', 'again') }
      const { client, guarded, base, hits } = await openai(t, flaky, { requests: 3 })
      const task = base.protect(async (_input: string, call) => (await client.chat.completions.create(chat, { headers: guarded.through(call) })).id, {
        action: 'invoke_agent',
        resource: { type: 'agent', id: 'a' },
      })
      // One for the task, and one for all three attempts.
      assert.equal(await task('x'), 'chatcmpl-1')
      assert.equal(hits.length, 3)
      for (const { headers } of hits) assert.ok(!JSON.stringify(headers).includes('sallyport'))
      assert.equal((await client.chat.completions.create(chat).catch((error: unknown) => error)) instanceof Client.RateLimitError, true)
      assert.equal(hits.length, 4)
    })

    test('giving up reaches the vendor', async (t) => {
      const { client, hits, log } = await openai(t, () => ({ events: chunks.slice(0, 3), endless: true }))
      for await (const _ of await client.chat.completions.create({ ...chat, stream: true })) break
      await hits[0]?.closed
      const controller = new AbortController()
      const stream = await client.chat.completions.create({ ...chat, stream: true }, { signal: controller.signal })
      controller.abort()
      for await (const _ of stream);
      await hits[1]?.closed
      while (log.entries.length < 4) await new Promise((resolve) => setTimeout(resolve, 1))
    })

    test('A14: no request leaves under a denial, on any path', async (t) => {
      const { client, hits, attempts } = await openai(t, vendor, { deny: true })
      const names = await callEveryPath(client.withOptions({ maxRetries: 0 }), paths)
      assert.ok(names.size > 150, String(names.size))
      assert.ok(attempts() > 300, String(attempts()))
      for (const path of ['batches.create', 'files.create', 'beta.threads.create', 'chat.completions.runTools', 'responses.stream'])
        assert.ok(names.has(path), path)
      assert.deepEqual(hits, [])
    })

    test('A14: under a permit nothing leaves but what was read', async (t) => {
      const { client, hits } = await openai(t)
      await callEveryPath(client.withOptions({ maxRetries: 0 }), paths)
      assert.ok(hits.length > 7, String(hits.length))
      for (const { path, body, method } of hits) {
        assert.match(path, /^\/v1\/(?:chat\/completions|embeddings|responses(?:\?beta=true)?)$/)
        assert.equal(method, 'POST')
        assert.ok(!body.includes(asked), body)
      }
    })
  })

const everything = {
  ...chat,
  input: `I am ${asked}`,
  file: new File([asked], 'x.jsonl'),
  files: [new File([asked], 'x')],
  thread_id: 't',
  run_id: 'r',
  tools: [],
}
const { input: _input, file: _file, files: _files, thread_id: _thread, run_id: _run, tools: _tools, ...onlyChat } = everything
const paths = {
  // What the client is made with, and plumbing that waits.
  leaveOut: /(?:^|\.)(?:logger|fetch|fetchWith\w*|sleep)$/,
  argumentLists: [
    [everything, everything],
    ['id_1', everything, everything],
    ['/chat/completions', { body: chat }],
    [{ ...onlyChat, stream: true }],
    [{ model: 'gpt-5', input: `I am ${asked}` }],
  ],
}

function isError(type: new (...args: never[]) => Error, code: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof type, String(error))
    assert.equal((error as Error & { code?: unknown }).code, code)
    return true
  }
}
