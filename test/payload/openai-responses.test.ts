import assert from 'node:assert/strict'
import { test } from 'node:test'
import type OpenAI from 'openai'
import { APIError } from 'openai'
import { Stream } from 'openai/streaming'
import type { Codec } from '../../src/guard/codec.ts'
import { openaiResponses } from '../../src/payload/openai-responses.ts'
import { serializeEvent } from '../../src/payload/server-sent-events.ts'
import { apart } from './chat-payloads.ts'
import { assembled, holdCodec, shown } from './codec-suite.ts'
import { fullResponse, fullResponses, responseEvents } from './responses-payloads.ts'

const { answer, wire } = openaiResponses
const small = { model: 'gpt-5', input: 'hi' }
const vendorError = { error: { message: 'error prose', type: 'x', param: null, code: 'y' } }
const cut = { summary: ['sum', 'mary'], text: ['te', 'xt'], refusal: ['no', ''], args: ['', '{"to":', '"a@b"}'], input: ['some ', 'prose'] }
const whole = { ...cut, args: ['{"to":"a@b","odd key":[4111111111111111]}'], input: ['some prose'] }

holdCodec({
  codec: openaiResponses,
  request: fullResponses(),
  readable: {
    ...fullResponses(),
    input: [
      ...(fullResponses().input as object[]).slice(0, 2),
      { role: 'user', content: 'user prose' },
      ...(fullResponses().input as object[]).slice(3),
    ],
  },
  answers: [fullResponse(), vendorError],
  parts: [
    ...responseEvents(whole),
    {
      type: 'response.content_part.added',
      sequence_number: 5,
      item_id: 'rs_1',
      output_index: 0,
      content_index: 0,
      part: { type: 'reasoning_text', text: 'thought' },
    },
    { type: 'response.reasoning_text.delta', sequence_number: 6, item_id: 'rs_1', output_index: 0, content_index: 0, delta: 'thought' },
    {
      type: 'response.output_text.annotation.added',
      sequence_number: 7,
      item_id: 'msg_1',
      output_index: 1,
      content_index: 0,
      annotation_index: 0,
      annotation: { type: 'url_citation', start_index: 0, end_index: 1, title: 'title prose', url: 'https://a.example' },
    },
    { type: 'error', code: 'server_error', message: 'error prose', param: null, sequence_number: 8 },
  ],
})

test('a checked request is what the types of the vendor want', () => {
  const forClient: OpenAI.Responses.ResponseCreateParams = { model: openaiResponses.snapshot(small).model, input: 'hi' }
  const forVendorTypes = openaiResponses as Codec<never> as Codec<OpenAI.Responses.ResponseCreateParams>
  assert.equal(forVendorTypes.facts(forClient).model, 'gpt-5')
})

test('names every text of a request with its place, its speaker and its kind', () => {
  const { others } = apart(openaiResponses.texts(openaiResponses.snapshot(fullResponses())))
  assert.deepEqual(shown(others), [
    'system text /instructions instruction prose',
    'system text /input/0/content developer prose',
    'system text /input/1/content/0/text system prose',
    'user text /input/2/content/0/text user prose',
    'user url /input/2/content/1/image_url https://pictures.example/1?q=a',
    'user url /input/2/content/3/file_url https://papers.example/1.pdf',
    'user text /input/2/content/3/filename file name.pdf',
    'assistant text /input/3/summary/0/text summary prose',
    'assistant text /input/3/content/0/text thought prose',
    'assistant text /input/4/content/0/text assistant prose',
    'assistant text /input/4/content/0/annotations/0/title title prose',
    'assistant url /input/4/content/0/annotations/0/url https://source.example/a',
    'assistant text /input/4/content/1/refusal refusal prose',
    'assistant arguments /input/5/arguments tool prose',
    'assistant arguments /input/5/arguments odd key',
    'assistant arguments /input/5/arguments 4111111111111111',
    'assistant arguments /input/5/arguments a\nb',
    'tool text /input/6/output tool result',
    'assistant arguments /input/7/input custom prose',
    'tool text /input/8/output/0/text custom result',
    'assistant text /input/9/content plain assistant prose',
    'system text /tools/0/description tool description',
    'system text /tools/0/parameters/type object',
    'system text /tools/0/parameters/properties/to/type string',
    'system text /tools/0/parameters/properties/to/description parameter description',
    'system text /tools/0/parameters/required/0 to',
    'system text /tools/1/description custom description',
    'system text /tools/1/format/definition grammar prose',
    'system text /text/format/description schema description',
    'system text /text/format/schema/title schema title',
    'data text /metadata/plain metadata prose',
    'data text /metadata/odd metadata odd metadata',
    'data text /metadata/odd metadata more metadata',
    'data text /prompt_cache_key cache key',
    'data text /safety_identifier safety id',
    'data text /user user id',
  ])
})

test('states the facts, and caps what a request says, or says it', () => {
  const copy = openaiResponses.snapshot(fullResponses())
  assert.deepEqual(openaiResponses.facts(copy), {
    model: 'gpt-5-mini',
    tools: ['send_mail', 'run'],
    stream: true,
    maxOutputTokens: 500,
    choices: 1,
    opaque: ['/input/2/content/2/image_url', '/input/2/content/4/file_data'],
  })
  assert.equal(openaiResponses.cap?.(copy, 500), copy)
  assert.equal(openaiResponses.cap?.(copy, 499).max_output_tokens, 499)
  assert.deepEqual(openaiResponses.cap?.(openaiResponses.snapshot(small), 7), { ...small, max_output_tokens: 7 })
  assert.deepEqual(openaiResponses.facts(openaiResponses.snapshot(small)), { model: 'gpt-5', tools: [], stream: false, choices: 1, opaque: [] })
})

test('A15: refuses what runs at the vendor and what lies in its store, by name, and what it does not know', () => {
  const item = (input: object): object => ({ ...small, input: [input] })
  const content = (part: object): object => item({ role: 'user', content: [part] })
  const tool = (type: string): object => ({ ...small, tools: [{ type }] })
  for (const refused of [
    { ...small, previous_response_id: 'resp_1' },
    { ...small, conversation: 'conv_1' },
    { ...small, conversation: { id: 'conv_1' } },
    { ...small, prompt: { id: 'pmpt_1' } },
    { ...small, store: true },
    { ...small, background: true },
    { ...small, include: ['file_search_call.results'] },
    { ...small, include: ['message.output_text.logprobs'] },
    { ...small, context_management: [{ type: 'compaction' }] },
    { ...small, messages: [] },
    ...[
      'web_search',
      'web_search_preview',
      'file_search',
      'code_interpreter',
      'mcp',
      'image_generation',
      'computer_use_preview',
      'local_shell',
      'tomorrow',
    ].map(tool),
    content({ type: 'input_image', detail: 'auto', file_id: 'file-1' }),
    content({ type: 'input_file', file_id: 'file-1' }),
    content({ type: 'input_file', file_url: 'file:///etc/passwd' }),
    content({ type: 'input_image', image_url: 'file-1' }),
    content({ type: 'input_audio', data: 'x' }),
    content({ type: 'output_text', text: 'x' }),
    item({ type: 'item_reference', id: 'msg_1' }),
    item({ type: 'reasoning', id: 'rs_1', summary: [] }),
    item({ type: 'web_search_call', id: 'ws_1', status: 'completed', action: {} }),
    item({ type: 'mcp_call', id: 'mcp_1', name: 'x', arguments: '{}', server_label: 'y' }),
    item({ type: 'mcp_approval_response', approval_request_id: 'x', approve: true }),
    item({ type: 'compaction', encrypted_content: 'x' }),
    item({ type: 'tomorrow', text: 'x' }),
    item({ role: 'tool', content: 'x' }),
  ])
    assert.throws(() => openaiResponses.snapshot(refused), { code: 'payload_unsupported' }, JSON.stringify(refused))
  for (const malformed of [
    { model: 'gpt-5' },
    { input: 'x' },
    { ...small, input: 5 },
    { ...small, input: ['x'] },
    item({ type: 'function_call', call_id: 'x', name: 'y', arguments: '{' }),
  ])
    assert.throws(() => openaiResponses.snapshot(malformed), { code: 'payload_invalid' }, JSON.stringify(malformed))
  for (const output of [
    { type: 'web_search_call', id: 'ws_1' },
    { type: 'mcp_call', id: 'mcp_1' },
    { type: 'image_generation_call', id: 'ig_1', result: 'x' },
    { type: 'tomorrow' },
  ]) {
    assert.throws(() => answer.snapshot({ ...fullResponse(), output: [output] }, false), { code: 'payload_unsupported' })
    const event = { type: 'response.output_item.added', sequence_number: 0, output_index: 0, item: output }
    assert.throws(() => answer.snapshot(event, true), { code: 'payload_unsupported' })
  }
  for (const type of [
    'response.web_search_call.completed',
    'response.mcp_call.arguments.delta',
    'response.audio.delta',
    'response.tomorrow',
    '__proto__',
    'constructor',
  ])
    assert.throws(() => answer.snapshot({ type, sequence_number: 0, output_index: 0, delta: 'x' }, true), { code: 'payload_unsupported' })
})

test('logprobs, which hold the text once more, do not pass', () => {
  const logprobs = [{ token: 'canary', logprob: -1, top_logprobs: [] }]
  const event = { type: 'response.output_text.delta', item_id: 'm', output_index: 0, content_index: 0, delta: 'x', logprobs, sequence_number: 0 }
  assert.deepEqual(answer.snapshot(event, true), { ...event, logprobs: [] })
})

test('joins arguments and inputs into one delta each, when they are done', async () => {
  const expected = responseEvents({ ...cut, args: ['{"to":"a@b"}'], input: ['some prose'] })
  const read = await assembled(openaiResponses, responseEvents(cut))
  const plain = (events: readonly unknown[]): unknown[] => events.map((event) => ({ ...(event as object), sequence_number: 0 }))
  assert.deepEqual(plain(read), plain(expected))
})

test('running texts have a channel for each piece and summary, which ends when it is done', () => {
  const events = responseEvents(cut)
  const running = events.flatMap((event) =>
    answer.texts(answer.snapshot(event.type.includes('arguments.delta') ? events[0] : event, true)).filter((text) => text.whole !== true),
  )
  assert.deepEqual([...new Set(running.map(({ channel }) => channel))], ['output/0/summary/0/summary', 'output/1/0/text', 'output/1/1/refusal'])
  const ended: string[] = []
  for (const event of events) {
    // Nothing of a text comes after its end.
    if ('delta' in event && event.type.endsWith('text.delta')) for (const { channel } of answer.texts(event)) assert.ok(!ended.includes(channel))
    ended.push(...answer.ends(event))
  }
  for (const { channel } of running) assert.ok(ended.includes(channel), channel)
})

test('reports usage, of a whole answer and at the end of a stream', () => {
  assert.deepEqual(answer.usage(fullResponse()), { inputTokens: 10, outputTokens: 20, cachedInputTokens: 0, reasoningTokens: 4 })
  assert.deepEqual(answer.usage(responseEvents(cut).at(-1)), { inputTokens: 10, outputTokens: 20, cachedInputTokens: 0, reasoningTokens: 4 })
  assert.equal(answer.usage(responseEvents(cut)[0]), undefined)
  assert.equal(answer.usage({ ...fullResponse(), usage: { input_tokens: '1', output_tokens: 2 } }), undefined)
})

test('the client of the vendor reads what is written, and makes an APIError of the error event', async () => {
  const event = (part: unknown): string => serializeEvent({ data: wire?.serializeEvent(part) ?? '', event: wire?.eventType?.(part) ?? '' })
  const events = responseEvents(whole)
  const failed = serializeEvent({ data: wire?.errorEvent('payload_blocked', 'A public sentence.') ?? '', event: wire?.errorEventType ?? '' })
  const response = new Response(events.map(event).join('') + failed, { headers: { 'content-type': 'text/event-stream' } })
  const read: unknown[] = []
  await assert.rejects(
    async () => {
      for await (const part of Stream.fromSSEResponse<object>(response, new AbortController())) read.push(part)
    },
    (error: unknown) => error instanceof APIError && error.code === 'payload_blocked' && error.message.includes('A public sentence.'),
  )
  assert.deepEqual(read, events)
})
