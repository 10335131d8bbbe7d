import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aiSdkModel } from '../../src/payload/ai-sdk-model.ts'
import { toModelCall } from '../../src/payload/ai-sdk-request.ts'
import { fullCall, fullResult, modelParts } from './ai-sdk-payloads.ts'
import { apart } from './chat-payloads.ts'
import { assembled, holdCodec, shown } from './codec-suite.ts'

const { answer, wire } = aiSdkModel
const user = (content: unknown): object => ({ role: 'user', content })
const small = { prompt: [user([{ type: 'text', text: 'hi' }])] }

function readable(): object {
  const { prompt, ...rest } = fullCall() as { prompt: object[] }
  return { ...rest, prompt: prompt.map((message, index) => (index === 1 ? user([{ type: 'text', text: 'user prose' }]) : message)).slice(0, 3) }
}

// Bytes are compared in a test of their own: as JSON they come back as something else.
function ofText(): object {
  const { prompt, ...rest } = fullCall() as { prompt: { content: object[] }[] }
  return {
    ...rest,
    prompt: prompt.map((message, index) => (index === 1 ? { ...message, content: message.content.filter((_, at) => at !== 1) } : message)),
  }
}

holdCodec({
  codec: aiSdkModel,
  request: ofText(),
  readable: readable(),
  answers: [fullResult()],
  parts: modelParts({ reasoning: ['thought prose'], text: ['text prose'], input: ['{"to":"a","odd key":[4111111111111111]}'] }),
})

test('names every text of a call with its place, its speaker and its kind', () => {
  const { others } = apart(aiSdkModel.texts(aiSdkModel.snapshot(fullCall())))
  assert.deepEqual(
    shown(others).filter((line) => line.includes(' /prompt/') && !line.includes('cacheControl')),
    [
      'system text /prompt/0/content system prose',
      'user text /prompt/1/content/0/text user prose',
      'user text /prompt/1/content/1/filename file name.png',
      'user url /prompt/1/content/3/data https://pictures.example/1?q=a',
      'user url /prompt/1/content/5/data/url https://pictures.example/2',
      'user url /prompt/1/content/5/data/originalUrl https://pictures.example/3',
      'user text /prompt/1/content/6/data/text document prose',
      'assistant text /prompt/2/content/0/text thought prose',
      'assistant text /prompt/2/content/1/text assistant prose',
      'assistant arguments /prompt/2/content/2/input/to tool prose',
      'assistant arguments /prompt/2/content/2/input/odd key odd key',
      'assistant arguments /prompt/2/content/2/input/odd key/1 4111111111111111',
      'assistant arguments /prompt/2/content/2/input/odd key/2/deep a\nb',
      'tool text /prompt/3/content/0/output/value tool result',
      'tool text /prompt/3/content/1/output/value/note json result',
      'tool text /prompt/3/content/1/output/value/odd key odd key',
      'tool text /prompt/3/content/2/output/value error result',
      'tool text /prompt/3/content/3/output/reason denied prose',
      'tool text /prompt/3/content/4/output/value/0/text content result',
      'tool url /prompt/3/content/4/output/value/2/url https://pictures.example/4',
      'tool url /prompt/3/content/4/output/value/3/data/url https://pictures.example/5',
    ],
  )
})

test('states the facts, and caps what a call says, or says it', () => {
  const copy = aiSdkModel.snapshot(fullCall())
  assert.deepEqual(aiSdkModel.facts(copy), {
    model: 'gpt-5',
    tools: ['send_mail', 'bash'],
    stream: true,
    maxOutputTokens: 500,
    choices: 1,
    opaque: ['/prompt/1/content/1/data', '/prompt/1/content/2/data', '/prompt/1/content/4/data/data', '/prompt/3/content/4/output/value/1/data'],
  })
  assert.equal(aiSdkModel.cap?.(copy, 500), copy)
  assert.deepEqual(aiSdkModel.cap?.(aiSdkModel.snapshot(small), 5), { ...small, maxOutputTokens: 5 })
})

test('takes what the SDK gives, and leaves out what goes around a call', () => {
  const url = new URL('https://pictures.example/1')
  const call = {
    ...small,
    prompt: [
      user([
        { type: 'file', mediaType: 'image/png', data: url },
        { type: 'file', mediaType: 'image/png', data: { type: 'url', url } },
      ]),
    ],
    abortSignal: new AbortController().signal,
    headers: { authorization: 'Bearer hunter2' },
    temperature: undefined,
  }
  const copy = aiSdkModel.snapshot(call)
  assert.ok(!JSON.stringify(copy).includes('hunter2'))
  assert.deepEqual(
    aiSdkModel
      .texts(copy)
      .map(({ value, kind }) => `${kind} ${value}`)
      .filter((line) => line.startsWith('url')),
    ['url https://pictures.example/1', 'url https://pictures.example/1'],
  )
  const given = toModelCall({ ...copy, model: 'gpt-5', stream: true })
  assert.deepEqual(Object.keys(given), ['prompt'])
  assert.deepEqual(given.prompt, call.prompt)
  for (const odd of [new Map(), new (class Own {})(), () => {}])
    assert.throws(() => aiSdkModel.snapshot({ ...small, providerOptions: { a: { user: odd } } }), { code: 'payload_invalid' })
})

test('gives a model its addresses back wherever it wants them', () => {
  const { prompt } = toModelCall(aiSdkModel.snapshot(fullCall()))
  const urls: string[] = []
  JSON.stringify(prompt, function (this: Record<string, unknown>, name: string, value: unknown) {
    if (this[name] instanceof URL) urls.push(String(value))
    return value
  })
  assert.deepEqual(urls, ['https://pictures.example/1?q=a', 'https://pictures.example/2', 'https://pictures.example/5'])
})

test('A15: leaves out what a vendor was sent and what it sent, and the stack of an error', () => {
  const canary = { body: 'canary', headers: { 'set-cookie': 'canary' } }
  const result = answer.snapshot(
    { ...fullResult(), request: canary, response: { ...canary, id: 'resp_1', modelId: 'gpt-5-2026-01-01', timestamp: new Date() } },
    false,
  )
  assert.deepEqual(result, fullResult())
  assert.deepEqual(answer.snapshot({ type: 'response-metadata', id: 'a', timestamp: new Date() }, true), { type: 'response-metadata', id: 'a' })
  const error = answer.snapshot({ type: 'error', error: new TypeError('error prose') }, true)
  assert.deepEqual(error, { type: 'error', error: { name: 'TypeError', message: 'error prose' } })
  assert.ok(answer.texts(error).some(({ value }) => value === 'error prose'))
})

test('A15: refuses what runs at a vendor and what lies in its store, by name, and what it does not know', () => {
  const assistant = (part: object): object => ({ prompt: [{ role: 'assistant', content: [part] }] })
  const options = (own: object): object => ({ ...small, providerOptions: { openai: own } })
  const call = { toolCallId: 'x', toolName: 'y' }
  for (const refused of [
    options({ previousResponseId: 'resp_1' }),
    options({ conversation: 'conv_1' }),
    options({ store: true }),
    options({ logprobs: 5 }),
    options({ include: ['file_search_call.results'] }),
    options({ maxCompletionTokens: 5 }),
    options({ tomorrow: 1 }),
    { ...small, providerOptions: { anthropic: { mcpServers: [] } } },
    { ...small, providerOptions: { anthropic: { container: { id: 'x' } } } },
    { ...small, providerOptions: { google: { cachedContent: 'x' } } },
    { ...small, tools: [{ type: 'provider', id: 'openai.web_search', name: 'web_search', args: {} }] },
    { ...small, tools: [{ type: 'provider-defined', id: 'anthropic.code_execution_20250825', name: 'x', args: {} }] },
    { ...small, includeRawChunks: true },
    { prompt: [user([{ type: 'file', mediaType: 'image/png', data: { type: 'reference', reference: { openai: 'file-1' } } }])] },
    { prompt: [user([{ type: 'file', mediaType: 'image/png', data: { type: 'url', url: 'file:///etc/passwd' } }])] },
    { prompt: [user([{ type: 'text', text: 'x', providerOptions: { anthropic: { containerUpload: true } } }])] },
    assistant({ type: 'tool-call', ...call, input: {}, providerExecuted: true }),
    assistant({ type: 'custom', kind: 'openai.compaction' }),
    assistant({ type: 'tool-approval-request', approvalId: 'x', toolCallId: 'y' }),
    { prompt: [{ role: 'tool', content: [{ type: 'tool-approval-response', approvalId: 'x', approved: true }] }] },
    {
      prompt: [{ role: 'tool', content: [{ type: 'tool-result', ...call, output: { type: 'content', value: [{ type: 'file-id', fileId: 'x' }] } }] }],
    },
    { prompt: [{ role: 'developer', content: 'x' }] },
    { ...small, messages: [] },
  ])
    assert.throws(() => aiSdkModel.snapshot(refused), { code: 'payload_unsupported' }, JSON.stringify(refused))
  for (const malformed of [{ prompt: 'x' }, {}, { prompt: [user('x')] }, { ...small, maxOutputTokens: 0 }])
    assert.throws(
      () => aiSdkModel.snapshot(malformed),
      (error: unknown) => error instanceof Error && 'code' in error && /^payload_/.test(String(error.code)),
    )
  for (const part of [
    { type: 'file', mediaType: 'image/png', data: 'AAAA' },
    { type: 'reasoning-file', mediaType: 'image/png', data: { type: 'data', data: 'AAAA' } },
    { type: 'tool-result', ...call, result: 'x' },
    { type: 'tool-call', ...call, input: '{}', providerExecuted: true },
    { type: 'tool-approval-request', approvalId: 'x', toolCallId: 'y' },
    { type: 'custom', kind: 'openai.compaction' },
    { type: 'tomorrow' },
  ]) {
    assert.throws(() => answer.snapshot({ ...fullResult(), content: [part] }, false), { code: 'payload_unsupported' })
    assert.throws(() => answer.snapshot(part, true), { code: 'payload_unsupported' })
  }
  assert.throws(() => answer.snapshot({ type: 'raw', rawValue: 'x' }, true), { code: 'payload_unsupported' })
  assert.throws(() => answer.snapshot({ type: 'tool-input-start', id: 'x', toolName: 'y', inputEncoding: 'text' }, true), {
    code: 'payload_unsupported',
  })
})

test('a part that comes back is not looked up in the store of a vendor', () => {
  const options = { openai: { itemId: 'msg_1', phase: 'final_answer' } }
  const copy = aiSdkModel.snapshot({ prompt: [{ role: 'assistant', content: [{ type: 'text', text: 'x', providerOptions: options }] }] })
  assert.deepEqual(copy.prompt[0]?.content, [{ type: 'text', text: 'x', providerOptions: { openai: { itemId: null, phase: 'final_answer' } } }])
})

test('joins the input of a tool when it ends', async () => {
  const cut = { reasoning: ['a', 'b'], text: ['c', 'd'], input: ['', '{"to"', ':"x', '@y"}'] }
  assert.deepEqual(await assembled(aiSdkModel, modelParts(cut)), modelParts({ ...cut, input: ['{"to":"x@y"}'] }))
})

test('running texts have a channel for each id, which ends with the text', () => {
  const parts = modelParts({ reasoning: ['a'], text: ['b'], input: ['{}'] })
  const running = parts.flatMap((part) => answer.texts(answer.snapshot(part, true)).filter(({ whole }) => whole !== true))
  assert.deepEqual(
    running.map(({ channel, value }) => [channel, value]),
    [
      ['texts/0/reasoning', 'a'],
      ['texts/msg_1/text', 'b'],
    ],
  )
  assert.deepEqual(
    parts.flatMap((part) => answer.ends(part)),
    ['texts/0/reasoning', 'texts/msg_1/text'],
  )
  const odd = answer.snapshot({ type: 'text-delta', id: 'a/b\n c', delta: 'x' }, true)
  assert.deepEqual(answer.carry(odd, 'texts/a/b\n c/text', 'y'), { type: 'text-delta', id: 'a/b\n c', delta: 'y' })
})

test('reports usage of every version', () => {
  assert.deepEqual(answer.usage(fullResult()), { inputTokens: 10, outputTokens: 20, cachedInputTokens: 0, reasoningTokens: 4 })
  assert.deepEqual(answer.usage({ usage: { inputTokens: 3, outputTokens: 2, cachedInputTokens: 1, reasoningTokens: 2 } }), {
    inputTokens: 3,
    outputTokens: 2,
    cachedInputTokens: 1,
    reasoningTokens: 2,
  })
  assert.deepEqual(answer.usage({ usage: { inputTokens: 1, outputTokens: 2 } }), { inputTokens: 1, outputTokens: 2 })
  assert.deepEqual(answer.usage({ usage: { inputTokens: {}, outputTokens: { total: 2 } } }), { inputTokens: 0, outputTokens: 2 })
  assert.equal(answer.usage({ usage: { inputTokens: 'x', outputTokens: 2 } }), undefined)
})

test('writes bytes as base64', () => {
  assert.ok(wire?.serialize(aiSdkModel.snapshot(fullCall())).includes('"data":"AQI="'))
})
