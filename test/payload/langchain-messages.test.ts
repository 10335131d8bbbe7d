import assert from 'node:assert/strict'
import { test } from 'node:test'
import { langchainMessages } from '../../src/payload/langchain-messages.ts'
import { apart } from './chat-payloads.ts'
import { assembled, holdCodec, shown } from './codec-suite.ts'

const { answer } = langchainMessages
const metadata = { model_name: 'gpt-5', finish_reason: 'stop', usage: { total_tokens: 3 }, note: 'metadata prose' }

/** By the types of `@langchain/core` 1.4. */
const messages = [
  { type: 'system', content: 'system prose' },
  { type: 'developer', content: [{ type: 'text', text: 'developer prose' }] },
  {
    type: 'human',
    name: 'name prose',
    content: [
      { type: 'text', text: 'user prose', cache_control: { type: 'ephemeral' } },
      { type: 'image_url', image_url: { url: 'https://pictures.example/1?q=a', detail: 'low' } },
      { type: 'image_url', image_url: 'https://pictures.example/2' },
      { type: 'image', source_type: 'url', url: 'https://pictures.example/3', mime_type: 'image/png' },
      { type: 'file', mimeType: 'application/pdf', data: 'JVBERi0=', metadata: { name: 'file prose' } },
      { type: 'text-plain', text: 'document prose', title: 'title prose', context: 'context prose' },
    ],
  },
  {
    type: 'ai',
    id: 'run-1',
    content: [
      { type: 'reasoning', reasoning: 'reasoning prose' },
      { type: 'thinking', thinking: 'thought prose', signature: 'EqQBCgIYAhIkMWYw' },
      {
        type: 'text',
        text: 'answer prose',
        annotations: [{ type: 'citation', url: 'https://source.example/a', title: 'cited title', citedText: 'cited prose', startIndex: 0 }],
      },
      { type: 'tool_use', id: 'call_1', name: 'send_mail', input: { to: 'block prose' } },
      { type: 'tool_call', id: 'call_2', name: 'send_mail', args: { to: 'standard prose' } },
    ],
    tool_calls: [{ type: 'tool_call', id: 'call_1', name: 'send_mail', args: { to: 'tool prose', 'odd key': [1, 4111111111111111] } }],
    invalid_tool_calls: [{ type: 'invalid_tool_call', id: 'call_3', name: 'send_mail', args: 'broken prose', error: 'error prose' }],
    additional_kwargs: {
      tool_calls: [{ type: 'function', id: 'call_1', function: { name: 'send_mail', arguments: '{"to":"vendor prose"}' } }],
      other: 'other prose',
    },
    response_metadata: metadata,
    usage_metadata: { input_tokens: 10, output_tokens: 20, total_tokens: 30, input_token_details: { cache_read: 0 } },
  },
  { type: 'tool', tool_call_id: 'call_1', name: 'send_mail', status: 'success', content: 'tool result' },
]
const request = {
  model: 'gpt-5',
  stream: true,
  tools: [{ type: 'function', name: 'send_mail', description: 'tool description', schema: { title: 'schema prose' } }],
  messages,
}
const readable = messages.map((message) => (message.type === 'human' ? { type: 'human', content: 'user prose' } : message))

const chunk = (content: unknown, more: object = {}): object => ({ type: 'ai', id: 'run-1', content, tool_call_chunks: [], ...more })
const piece = (index: number, args: string, begin: object = {}): object => ({ type: 'tool_call_chunk', index, args, ...begin })
const parts = [
  chunk('', {
    additional_kwargs: { reasoning: { id: 'rs_1', type: 'reasoning', summary: [{ type: 'summary_text', index: 1, text: 'summary prose' }] } },
  }),
  chunk('text prose', {
    additional_kwargs: {
      reasoning_content: 'thought prose',
      refusal: 'refusal prose',
      id: 'msg_1',
      model: 'claude',
      role: 'assistant',
      stop_reason: null,
      stop_sequence: 'stop prose',
    },
  }),
  chunk([
    { type: 'text', index: 0, text: 'text prose' },
    { type: 'thinking', index: 1, thinking: 'thought prose' },
    { type: 'reasoning', index: 2, reasoning: 'reasoning prose' },
  ]),
  chunk('', { tool_call_chunks: [piece(0, '{"to":"a","odd key":[4111111111111111]}', { id: 'call_1', name: 'send_mail' })] }),
  chunk([{ type: 'input_json_delta', index: 3, input: '{"to":"a"}' }]),
  chunk('', { response_metadata: metadata, usage_metadata: { input_tokens: 10, output_tokens: 20, total_tokens: 30 } }),
]

holdCodec({ codec: langchainMessages, request, readable: { ...request, messages: readable }, answers: [messages[3]], parts })
holdCodec({ codec: langchainMessages, request: messages, readable, answers: [], parts: [] })

test('names every text with its place, its speaker and its kind', () => {
  const { others } = apart(langchainMessages.texts(langchainMessages.snapshot(messages)))
  const lines = shown(others)
  for (const line of [
    'system text /0/content system prose',
    'system text /1/content/0/text developer prose',
    'user text /2/name name prose',
    'user url /2/content/1/image_url/url https://pictures.example/1?q=a',
    'user url /2/content/2/image_url https://pictures.example/2',
    'user url /2/content/3/url https://pictures.example/3',
    'user text /2/content/5/text document prose',
    'assistant text /3/content/1/thinking thought prose',
    'assistant url /3/content/2/annotations/0/url https://source.example/a',
    'assistant arguments /3/content/3/input/to block prose',
    'assistant arguments /3/content/4/args/to standard prose',
    'assistant arguments /3/tool_calls/0/args/to tool prose',
    'assistant arguments /3/invalid_tool_calls/0/args broken prose',
    'assistant arguments /3/additional_kwargs/tool_calls/0/function/arguments vendor prose',
    'tool text /4/content tool result',
  ])
    assert.ok(lines.includes(line), line)
})

test('states the facts', () => {
  const opaque = '/messages/2/content/4/data'
  assert.deepEqual(langchainMessages.facts(langchainMessages.snapshot(request)), {
    model: 'gpt-5',
    tools: ['send_mail'],
    stream: true,
    choices: 1,
    opaque: [opaque],
  })
  assert.deepEqual(langchainMessages.facts(langchainMessages.snapshot(readable)), { tools: [], stream: false, choices: 1, opaque: [] })
  assert.deepEqual(answer.usage(messages[3]), { inputTokens: 10, outputTokens: 20, cachedInputTokens: 0 })
})

// As the library's own classes are made, as far as a payload goes.
class Message {
  lc_namespace = ['langchain_core', 'messages']
  lc_kwargs = { content: 'not read' }
  id: string | undefined
  artifact = { secret: 'hunter2' }
  readonly content: unknown
  constructor(content: unknown, more: object = {}) {
    this.content = content
    Object.assign(this, more)
  }
  get type(): string {
    return 'ai'
  }
  _getType(): string {
    throw new Error('no method is called')
  }
}

test('takes messages as the library makes them, and calls none of their methods', () => {
  const copy = langchainMessages.snapshot([new Message('x', { tool_calls: [], additional_kwargs: {} })])
  assert.deepEqual(copy, [{ type: 'ai', content: 'x', additional_kwargs: {}, tool_calls: [] }])
  assert.deepEqual(answer.snapshot(new Message('x'), false), { type: 'ai', content: 'x' })
  const part = new Message('', { tool_call_chunks: [piece(0, '{"a')], tool_calls: [], invalid_tool_calls: [{ args: '{"a' }] })
  assert.deepEqual(answer.snapshot(part, true), { type: 'ai', content: '', tool_call_chunks: [piece(0, '{"a')] })
  assert.throws(() => langchainMessages.snapshot([new (class Other {})()]), { code: 'payload_invalid' })
})

test('A15: refuses what runs at a vendor and what lies in its store, and what it does not know', () => {
  const human = (block: object): object[] => [{ type: 'human', content: [block] }]
  for (const refused of [
    human({ type: 'image', fileId: 'file-1' }),
    human({ type: 'file', source_type: 'id', id: 'file-1' }),
    human({ type: 'image_url', image_url: 'file:///etc/passwd' }),
    human({ type: 'non_standard', value: {} }),
    human({ type: 'server_tool_call', name: 'x', args: {} }),
    human({ type: 'web_search_tool_result', content: [] }),
    human({ type: 'tomorrow', text: 'x' }),
    [{ type: 'remove', id: 'x' }],
    [{ type: 'generic', role: 'x', content: 'y' }],
    [{ type: 'human', content: 'x', other: 1 }],
    { messages, other: 1 },
    { messages: [] },
    [],
  ])
    assert.throws(() => langchainMessages.snapshot(refused), { code: 'payload_unsupported' }, JSON.stringify(refused))
  for (const malformed of [['x'], [['human', 'x']], [{ type: 'human' }], { messages: 'x' }])
    assert.throws(() => langchainMessages.snapshot(malformed), { code: 'payload_invalid' }, JSON.stringify(malformed))
  for (const block of [
    { type: 'image', data: 'AAAA' },
    { type: 'server_tool_call_chunk', args: 'x' },
    { type: 'tomorrow', text: 'x' },
  ])
    assert.throws(() => answer.snapshot(chunk([block]), true), { code: 'payload_unsupported' })
  assert.throws(() => answer.snapshot(chunk('', { additional_kwargs: { other: 'x' } }), true), { code: 'payload_unsupported' })
  assert.throws(() => answer.snapshot({ type: 'human', content: 'x' }, false), { code: 'payload_unsupported' })
})

test('joins the pieces of tool calls, also where a vendor writes them as content too', async () => {
  const end = chunk('', { response_metadata: { finish_reason: 'tool_calls' } })
  const cut = [
    chunk('text'),
    chunk('', { tool_call_chunks: [piece(0, '', { id: 'call_1', name: 'send_mail' })] }),
    chunk('', { tool_call_chunks: [piece(0, '{"to"')] }),
    chunk('', { tool_call_chunks: [piece(1, '{}', { id: 'call_2', name: 'other' }), piece(0, ':"x@y"}')] }),
    end,
  ]
  const read = await assembled(langchainMessages, cut)
  assert.deepEqual(
    read.at(-2),
    chunk('', { tool_call_chunks: [piece(0, '{"to":"x@y"}', { id: 'call_1', name: 'send_mail' }), piece(1, '{}', { id: 'call_2', name: 'other' })] }),
  )
  assert.deepEqual(read.at(-1), end)
  const both = ['{"to"', ':"x@y"}'].map((input) => chunk([{ type: 'input_json_delta', index: 1, input }], { tool_call_chunks: [piece(1, input)] }))
  const [first, second, joined] = await assembled(langchainMessages, both)
  assert.deepEqual([first, second], [chunk([]), chunk([])])
  assert.deepEqual(joined, chunk([{ type: 'input_json_delta', index: 1, input: '{"to":"x@y"}' }], { tool_call_chunks: [piece(1, '{"to":"x@y"}')] }))
  await assert.rejects(assembled(langchainMessages, [...cut, chunk('', { tool_call_chunks: [piece(0, 'x')] })]), { code: 'payload_invalid' })
  const big = chunk('', { tool_call_chunks: [piece(0, 'x'.repeat(200_000))] })
  await assert.rejects(assembled(langchainMessages, Array(6).fill(big)), { code: 'payload_too_large' })
})

test('running texts have a channel for each block and each place', () => {
  const running = parts.slice(0, 3).flatMap((part) => answer.texts(answer.snapshot(part, true)).filter(({ whole }) => whole !== true))
  assert.deepEqual(
    running.map(({ channel }) => channel),
    [
      'content/text',
      'summaries/1/summary',
      'content/text',
      'message/reasoning_content',
      'message/refusal',
      'content/0/text',
      'content/1/thought',
      'content/2/thought',
    ],
  )
})
