import assert from 'node:assert/strict'
import { test } from 'node:test'
import { geminiContent } from '../../src/payload/gemini-content.ts'
import { apart } from './chat-payloads.ts'
import { assembled, holdCodec, shown } from './codec-suite.ts'
import { fullGemini, fullGeminiOfClient, fullGenerated, generated } from './gemini-payloads.ts'

const { answer, wire } = geminiContent
const small = { model: 'gemini-3-flash', contents: [{ role: 'user', parts: [{ text: 'hi' }] }] }
const vendorError = { error: { code: 429, message: 'error prose', status: 'RESOURCE_EXHAUSTED', details: [{ '@type': 'x', reason: 'y' }] } }
const call = { functionCall: { name: 'send_mail', args: { to: 'a', 'odd key': [4111111111111111] } } }

function readable(request: object): object {
  const { contents, ...rest } = request as { contents: { parts?: object[] }[] }
  return {
    ...rest,
    contents: contents.map((content) =>
      JSON.stringify(content).includes('inlineData') ? { role: 'user', parts: [{ text: 'user prose' }] } : content,
    ),
  }
}

const parts = [
  generated([{ text: 'thought prose', thought: true }]),
  generated([{ text: 'text prose' }, call], { finishReason: 'STOP' }, 3),
  { usageMetadata: { promptTokenCount: 10, candidatesTokenCount: 20 } },
  vendorError,
]

holdCodec({
  codec: geminiContent,
  request: fullGemini(),
  readable: readable(fullGemini()),
  answers: [fullGenerated(), vendorError],
  parts,
  alike: true,
})
holdCodec({ codec: geminiContent, request: fullGeminiOfClient(), readable: readable(fullGeminiOfClient()), answers: [], parts: [], alike: true })

test('names every text of a request with its place, its speaker and its kind', () => {
  const { others } = apart(geminiContent.texts(geminiContent.snapshot(fullGemini())))
  assert.deepEqual(
    shown(others).filter((line) => line.includes(' /contents/') || line.includes('systemInstruction')),
    [
      'user text /contents/0/parts/0/text user prose',
      'user text /contents/0/parts/1/inlineData/displayName picture prose',
      'user url /contents/0/parts/2/fileData/fileUri https://videos.example/1',
      'user text /contents/0/parts/2/fileData/displayName video prose',
      'assistant text /contents/1/parts/0/text thought prose',
      'assistant text /contents/1/parts/1/text model prose',
      'assistant arguments /contents/1/parts/2/functionCall/args/to tool prose',
      'assistant arguments /contents/1/parts/2/functionCall/args/odd key odd key',
      'assistant arguments /contents/1/parts/2/functionCall/args/odd key/1 4111111111111111',
      'assistant arguments /contents/1/parts/2/functionCall/args/odd key/2/deep a\nb',
      'tool text /contents/2/parts/0/functionResponse/response/output tool result',
      'tool text /contents/2/parts/0/functionResponse/response/odd name odd name',
      'tool text /contents/3/parts/0/text function prose',
      'user text /contents/4/parts/0/text plain prose',
      'system text /systemInstruction/parts/0/text system prose',
    ],
  )
  for (const contents of ['prose', { text: 'prose' }, ['prose'], [{ text: 'prose' }], { parts: [{ text: 'prose' }] }])
    for (const systemInstruction of ['orders', { text: 'orders' }, ['orders'], [{ text: 'orders' }], { parts: [{ text: 'orders' }] }])
      for (const request of [
        { model: 'm', contents, systemInstruction },
        { model: 'm', contents, config: { systemInstruction } },
      ])
        assert.deepEqual(
          geminiContent.texts(geminiContent.snapshot(request)).map(({ value, role }) => `${role} ${value}`),
          ['user prose', 'system orders'],
        )
})

test('states the facts, and caps what a request says, or says it', () => {
  const copy = geminiContent.snapshot(fullGemini())
  const facts = { model: 'gemini-3-flash', tools: ['send_mail', 'other'], maxOutputTokens: 500, choices: 2 }
  assert.deepEqual(geminiContent.facts(copy), { ...facts, stream: true, opaque: ['/contents/0/parts/1/inlineData/data'] })
  const ofClient = geminiContent.snapshot(fullGeminiOfClient())
  assert.deepEqual(geminiContent.facts(ofClient), { ...facts, stream: false, opaque: ['/contents/2/parts/1/inlineData/data'] })
  assert.equal(geminiContent.cap?.(copy, 500), copy)
  assert.equal(geminiContent.cap?.(copy, 5).generationConfig?.maxOutputTokens, 5)
  assert.equal(geminiContent.cap?.(ofClient, 5).config?.maxOutputTokens, 5)
  assert.deepEqual(geminiContent.cap?.(geminiContent.snapshot(small), 5), { ...small, generationConfig: { maxOutputTokens: 5 } })
  assert.deepEqual(geminiContent.facts(geminiContent.snapshot({ contents: 'x' })), { tools: [], stream: false, choices: 1, opaque: [] })
})

test('A15: refuses what runs at the vendor and what lies in its store, by name, and what it does not know', () => {
  const part = (one: object): object => ({ ...small, contents: [{ role: 'user', parts: [one] }] })
  const file = (fileUri: string): object => part({ fileData: { fileUri, mimeType: 'text/plain' } })
  for (const refused of [
    ...[
      'googleSearch',
      'googleSearchRetrieval',
      'codeExecution',
      'urlContext',
      'retrieval',
      'fileSearch',
      'googleMaps',
      'computerUse',
      'mcpServers',
      'tomorrow',
    ].map((name) => ({ ...small, tools: [{ [name]: {} }] })),
    { ...small, cachedContent: 'cachedContents/1' },
    { ...small, config: { cachedContent: 'cachedContents/1' } },
    { ...small, config: { httpOptions: { baseUrl: 'https://evil.example' } } },
    { ...small, store: true },
    { ...small, generationConfig: { responseModalities: ['IMAGE'] } },
    { ...small, generationConfig: { speechConfig: {} } },
    { ...small, generationConfig: { responseLogprobs: true } },
    { ...small, generationConfig: { routingConfig: {} } },
    { ...small, toolConfig: { functionCallingConfig: { streamFunctionCallArguments: true } } },
    { ...small, system_instruction: { parts: [] } },
    file('gs://bucket/file'),
    file('files/abc'),
    file('https://generativelanguage.googleapis.com/v1beta/files/abc'),
    file('https://generativelanguage.googleapis.com./v1beta/files/abc'),
    file('https://STORAGE.googleapis.com/bucket/file'),
    file('file:///etc/passwd'),
    part({ executableCode: { code: 'x', language: 'PYTHON' } }),
    part({ codeExecutionResult: { output: 'x' } }),
    part({ toolCall: {} }),
    part({ functionCall: { name: 'x', partialArgs: [{ jsonPath: '$', stringValue: 'x' }] } }),
    part({ tomorrow: 'x' }),
    { ...small, contents: [{ role: 'system', parts: [] }] },
    { ...small, contents: [] },
  ])
    assert.throws(() => geminiContent.snapshot(refused), { code: 'payload_unsupported' }, JSON.stringify(refused))
  for (const malformed of [
    { model: 'm' },
    { ...small, contents: 5 },
    { ...small, contents: [5] },
    { ...small, contents: [{ role: 'user', parts: {} }] },
    part({ functionCall: { name: 'x', args: 'y' } }),
  ])
    assert.throws(() => geminiContent.snapshot(malformed), { code: 'payload_invalid' }, JSON.stringify(malformed))
  for (const one of [
    { executableCode: { code: 'x' } },
    { codeExecutionResult: {} },
    { inlineData: { data: 'AAAA', mimeType: 'image/png' } },
    { functionCall: { name: 'x', willContinue: true } },
    { tomorrow: 'x' },
  ])
    for (const streamed of [true, false])
      assert.throws(() => answer.snapshot(generated([one]), streamed), { code: 'payload_unsupported' }, JSON.stringify(one))
  assert.throws(() => answer.snapshot(generated([], { groundingMetadata: { webSearchQueries: ['x'] } }), true), { code: 'payload_unsupported' })
  assert.deepEqual(
    answer.snapshot(generated([], { logprobsResult: { chosenCandidates: [{ token: 'canary' }] } }), true),
    generated([], { logprobsResult: null }),
  )
})

test('running texts have a channel for each candidate and for its thoughts, which ends with the candidate', async () => {
  const copy = answer.snapshot(generated([{ text: 'a', thought: true }, { text: 'b' }, call, { text: 'c' }], { finishReason: 'STOP' }, 2), true)
  assert.deepEqual(
    answer
      .texts(copy)
      .filter(({ whole }) => whole !== true)
      .map(({ channel, value }) => [channel, value]),
    [
      ['candidates/2/thought', 'a'],
      ['candidates/2/text', 'b'],
      ['candidates/2/text', 'c'],
    ],
  )
  assert.deepEqual(answer.ends(copy), ['candidates/2/text', 'candidates/2/thought'])
  assert.deepEqual(answer.ends(generated([{ text: 'a' }])), [])
  assert.equal(answer.texts(answer.snapshot(generated([{ text: 'a' }]), true)).find(({ value }) => value === 'a')?.channel, 'candidates/0/text')
  assert.deepEqual(await assembled(geminiContent, parts), parts)
})

test('reports usage: thoughts are output', () => {
  assert.deepEqual(answer.usage(fullGenerated()), { inputTokens: 10, outputTokens: 24, reasoningTokens: 4 })
  assert.deepEqual(answer.usage({ usageMetadata: { promptTokenCount: 10 } }), { inputTokens: 10, outputTokens: 0 })
  for (const nonsense of [{}, { usageMetadata: null }, { usageMetadata: { promptTokenCount: -1 } }]) assert.equal(answer.usage(nonsense), undefined)
})

test('writes a body without the model and the way of answering, which stand in the path', () => {
  const { model: _, stream: __, ...body } = fullGemini() as { model: string; stream: boolean }
  assert.deepEqual(JSON.parse(wire?.serialize(geminiContent.snapshot(fullGemini())) ?? ''), body)
  assert.deepEqual(JSON.parse(wire?.serialize(fullGenerated()) ?? ''), fullGenerated())
})

test('a refusal has the status that the client of the vendor looks for', () => {
  const status = (code: string): unknown => JSON.parse(wire?.errorEvent(code, 'm') ?? '').error.code
  assert.deepEqual(
    [
      'identity_missing',
      'denied',
      'payload_blocked',
      'limit_exceeded',
      'policy_unavailable',
      'deadline_exceeded',
      'aborted',
      'misconfigured',
      'tomorrow',
    ].map(status),
    [401, 403, 400, 429, 503, 504, 499, 500, 403],
  )
})
