import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import {
  ApiError,
  type CallableTool,
  FinishReason,
  type FunctionCall,
  type GenerateContentResponse,
  GoogleGenAI,
  type Part,
  Type,
} from '@google/genai'
import { callEveryPath } from './every-path.ts'
import { type Answer, answered, asked, type Hit, type Scene, type SceneOptions, scene } from './vendor.ts'

const request = { model: 'gemini-3-flash', contents: `I am ${asked}` }
const masked = 'write to [EMAIL]'

// What the vendor says, of the type that its own package declares, less what the package adds to it.
type Said = Pick<GenerateContentResponse, 'candidates' | 'usageMetadata' | 'modelVersion' | 'responseId'>

function says(parts: Part[], finishReason?: FinishReason): Said {
  return {
    candidates: [{ index: 0, content: { role: 'model', parts }, ...(finishReason !== undefined && { finishReason }) }],
    usageMetadata: { promptTokenCount: 9, candidatesTokenCount: 12, totalTokenCount: 21 },
    modelVersion: 'gemini-3-flash',
    responseId: 'r1',
  }
}

const functionCall: FunctionCall = { id: 'f1', name: 'send_mail', args: { to: answered } }
const events: readonly Said[] = [
  says([{ text: answered.slice(0, 5), thought: true }]),
  says([{ text: answered.slice(5), thought: true }]),
  says([{ text: 'write to ' }]),
  says([{ text: answered.slice(0, 5) }]),
  says([{ text: answered.slice(5) }]),
  says([{ text: '' }], FinishReason.STOP),
]

function vendor({ path, json }: Hit): Answer {
  const wantsTool = JSON.stringify(json).includes('functionDeclarations') && !JSON.stringify(json).includes('functionResponse')
  if (path.includes('streamGenerateContent')) return { events: wantsTool ? [says([{ functionCall }], FinishReason.STOP)] : events }
  if (JSON.stringify(json).includes('application/json')) return { json: says([{ text: JSON.stringify({ to: answered }) }], FinishReason.STOP) }
  return { json: says(wantsTool ? [{ functionCall }] : [{ text: `write to ${answered}` }], FinishReason.STOP) }
}

async function gemini(
  t: TestContext,
  answer: (hit: Hit, count: number) => Answer = vendor,
  options: SceneOptions & { readonly attempts?: number } = {},
): Promise<Scene & { readonly client: GoogleGenAI }> {
  const own = await scene(t, answer, options)
  const retryOptions = options.attempts === undefined ? {} : { retryOptions: { attempts: options.attempts } }
  return { ...own, client: new GoogleGenAI({ apiKey: 'vendor-key', httpOptions: { baseUrl: own.origin, fetch: own.fetch, ...retryOptions } }) }
}

test('generates: whole, streamed, in chats, and nothing protected passes either way', async (t) => {
  const { client, hits } = await gemini(t)
  assert.equal((await client.models.generateContent(request)).text, masked)
  const got: GenerateContentResponse[] = []
  for await (const part of await client.models.generateContentStream(request)) got.push(part)
  assert.equal(got.map((part) => part.text ?? '').join(''), masked)
  assert.ok(!JSON.stringify(got).includes(answered.slice(0, 6)), 'leaked')
  const chat = client.chats.create({ model: 'gemini-3-flash' })
  assert.equal((await chat.sendMessage({ message: `I am ${asked}` })).text, masked)
  let text = ''
  for await (const part of await chat.sendMessageStream({ message: `I am ${asked}` })) text += part.text ?? ''
  assert.equal(text, masked)
  for (const { body, headers } of hits) {
    assert.ok(body.includes('I am [EMAIL]') && !body.includes(asked), body)
    assert.equal(headers['x-goog-api-key'], 'vendor-key')
  }
})

test('calls tools by itself with masked arguments, and gives structured output', async (t) => {
  const { client, hits } = await gemini(t)
  const given: unknown[] = []
  const callable: CallableTool = {
    tool: async () => ({
      functionDeclarations: [
        { name: 'send_mail', description: `Sends for ${asked}`, parameters: { type: Type.OBJECT, properties: { to: { type: Type.STRING } } } },
      ],
    }),
    callTool: async (calls) =>
      calls.map(({ args }) => ({ functionResponse: { name: 'send_mail', response: { sent: `${given.push(args)} ${asked}` } } })),
  }
  const { text } = await client.models.generateContent({ ...request, config: { tools: [callable] } })
  assert.equal(text, masked)
  assert.deepEqual(given, [{ to: '[EMAIL]' }])
  const config = { responseMimeType: 'application/json', responseJsonSchema: { type: 'object', properties: { to: { type: 'string' } } } }
  assert.deepEqual(JSON.parse((await client.models.generateContent({ ...request, config })).text ?? ''), { to: '[EMAIL]' })
  assert.equal(hits.length, 3)
  for (const { body } of hits) assert.ok(!body.includes(asked) && !body.includes(answered), body)
})

test('a refusal is an error of its own, after one attempt', async (t) => {
  const denied = await gemini(t, vendor, { deny: true, attempts: 3 })
  for (const run of ['generateContent', 'generateContentStream'] as const)
    await assert.rejects(denied.client.models[run](request), (error) => {
      assert.ok(error instanceof ApiError, String(error))
      assert.equal(error.status, 403)
      assert.match(error.message, /PERMISSION_DENIED/)
      return true
    })
  assert.equal(denied.attempts(), 2)
  const limited = await gemini(t, vendor, { requests: 1 })
  await limited.client.models.generateContent(request)
  await assert.rejects(limited.client.models.generateContent(request), (error) => error instanceof ApiError && error.status === 429)
  assert.deepEqual([limited.attempts(), limited.hits.length], [2, 1])
  for (const run of [
    () => limited.client.models.countTokens(request),
    () => limited.client.models.embedContent(request),
    () => limited.client.files.list(),
    () => limited.client.caches.list(),
    () => limited.client.batches.list(),
  ])
    await assert.rejects(run(), (error) => error instanceof ApiError && error.status === 400)
  assert.equal(limited.hits.length, 1)
})

test("the vendor's own errors arrive, masked", async (t) => {
  const error = { code: 400, message: `no room for ${answered}`, status: 'INVALID_ARGUMENT' }
  const { client } = await gemini(t, () => ({ status: 400, json: { error } }))
  await assert.rejects(client.models.generateContent(request), (thrown) => {
    assert.ok(thrown instanceof ApiError, String(thrown))
    assert.match(thrown.message, /no room for \[EMAIL\]/)
    return true
  })
})

test('a call is passed on per request and never reaches the wire; giving up reaches the vendor', async (t) => {
  const { client, guarded, base, hits } = await gemini(t, () => ({ events: events.slice(0, 3), endless: true }))
  const task = base.protect(
    async (_input: string, call) => {
      const controller = new AbortController()
      const config = { httpOptions: { headers: guarded.through(call) }, abortSignal: controller.signal }
      let parts = 0
      for await (const _ of await client.models.generateContentStream({ ...request, config })) if (++parts > 2) break
      return 'left'
    },
    { action: 'invoke_agent', resource: { type: 'agent', id: 'a' } },
  )
  assert.equal(await task('x', { credentials: { authorization: 'Bearer ada' } }), 'left')
  await hits[0]?.closed
  assert.ok(!JSON.stringify(hits[0]?.headers).includes('sallyport'), 'the handle')
})

const paths = {
  // What is plumbing, and what speaks over a WebSocket of its own and not over fetch.
  leaveOut: /(?:^|\.)(?:live|apiClient|fetch|logger|sleep|webSocket\w*)$/,
  argumentLists: [
    [{ ...request, name: 'files/1', file: new Blob([asked]), src: 'files/1', config: {} }],
    [request],
    [{ model: 'gemini-3-flash', message: asked }],
    ['id', request],
  ],
}

test('A14: no request leaves under a denial, on any path', async (t) => {
  const { client, hits, attempts } = await gemini(t, vendor, { deny: true })
  const names = await callEveryPath(client, paths)
  assert.ok(names.size > 50, String(names.size))
  assert.ok(attempts() > 50, String(attempts()))
  for (const path of ['models.generateContentStream', 'files.upload', 'batches.create', 'caches.create', 'models.embedContent'])
    assert.ok(names.has(path), `${path} of ${[...names].join()}`)
  assert.deepEqual(hits, [])
})

test('A14: under a permit nothing leaves but what was read', async (t) => {
  const { client, hits } = await gemini(t)
  await callEveryPath(client, paths)
  assert.ok(hits.length > 1, String(hits.length))
  for (const { path, body, method } of hits) {
    assert.match(path, /^\/v1beta\/models\/gemini-3-flash:(?:generateContent|streamGenerateContent\?alt=sse)$/)
    assert.equal(method, 'POST')
    assert.ok(!body.includes(asked), body)
  }
})
