import assert from 'node:assert/strict'
import { test } from 'node:test'
import { anthropicMessages } from '../../src/payload/anthropic-messages.ts'
import { fullMessage, fullMessages, messageEvents } from './anthropic-payloads.ts'
import { apart, withValue } from './chat-payloads.ts'
import { assembled, holdCodec, shown } from './codec-suite.ts'

const { answer } = anthropicMessages
const small = { model: 'claude-sonnet-5', max_tokens: 100, messages: [{ role: 'user', content: 'hi' }] }
const vendorError = { type: 'error', error: { type: 'overloaded_error', message: 'error prose' }, request_id: 'req_1' }

function readable(): object {
  const { messages, ...rest } = fullMessages() as { messages: { role: string; content: unknown }[] }
  return { ...rest, messages: messages.map((message, index) => (index === 0 ? { role: 'user', content: 'user prose' } : message)) }
}

holdCodec({
  codec: anthropicMessages,
  request: fullMessages(),
  readable: readable(),
  answers: [fullMessage(), vendorError],
  parts: [
    ...messageEvents({ thinking: ['thought prose'], text: ['text prose'], calls: [['{"to":"a","odd key":[4111111111111111]}']] }),
    { type: 'content_block_start', index: 3, content_block: { type: 'text', text: 'begun prose', citations: null } },
    {
      type: 'content_block_delta',
      index: 3,
      delta: {
        type: 'citations_delta',
        citation: {
          type: 'page_location',
          cited_text: 'cited',
          document_index: 0,
          document_title: 't',
          file_id: null,
          start_page_number: 1,
          end_page_number: 2,
        },
      },
    },
    vendorError,
  ],
})

test('names every text of a request with its place, its speaker and its kind', () => {
  const { identifiers, others } = apart(anthropicMessages.texts(anthropicMessages.snapshot(fullMessages())))
  assert.deepEqual(others.length, shown(others).filter((line) => /^(system|user|assistant|tool|data) (text|url|arguments) \//.test(line)).length)
  assert.deepEqual(
    shown(others).filter((line) => line.startsWith('tool ') || line.includes(' url ') || line.includes(' arguments ')),
    [
      'user url /messages/0/content/1/source/url https://pictures.example/1?q=a',
      'user url /messages/0/content/5/source/url https://papers.example/1.pdf',
      'assistant arguments /messages/1/content/3/input/to tool prose',
      'assistant arguments /messages/1/content/3/input/odd key odd key',
      'assistant arguments /messages/1/content/3/input/odd key/1 4111111111111111',
      'assistant arguments /messages/1/content/3/input/odd key/2/deep a\nb',
      'tool text /messages/2/content/0/content/0/text tool result',
      'tool url /messages/2/content/0/content/1/source/url https://pictures.example/2',
      'tool text /messages/2/content/1/content another result',
    ],
  )
  for (const line of [
    'system text /system/0/text system prose',
    'assistant text /messages/1/content/0/thinking thought prose',
    'system text /messages/3/content late instructions',
    'system text /tools/0/input_examples/0/to example prose',
  ])
    assert.ok(shown(others).includes(line), line)
  assert.ok(identifiers.some(({ path, value }) => path === '/messages/1/content/0/signature' && value === 'EqQBCgIYAhIkMWYw'))
})

test('states the facts, and caps', () => {
  const copy = anthropicMessages.snapshot(fullMessages())
  assert.deepEqual(anthropicMessages.facts(copy), {
    model: 'claude-sonnet-5',
    tools: ['send_mail', 'plain', 'bash', 'str_replace_based_edit_tool'],
    stream: true,
    maxOutputTokens: 2048,
    choices: 1,
    opaque: ['/messages/0/content/2/source/data', '/messages/0/content/6/source/data'],
  })
  assert.equal(anthropicMessages.cap?.(copy, 4096), copy)
  const capped = anthropicMessages.cap?.(copy, 64)
  assert.deepEqual(capped, { ...fullMessages(), max_tokens: 64 })
  assert.equal(anthropicMessages.snapshot(capped), capped)
  for (const most of [0, -1, 1.5, Number.NaN]) assert.throws(() => anthropicMessages.cap?.(copy, most), TypeError)
})

test('A15: refuses what runs at the vendor and what lies in its store, by name, and what it does not know', () => {
  const content = (block: object): object => ({ ...small, messages: [{ role: 'user', content: [block] }] })
  for (const refused of [
    { ...small, mcp_servers: [{ type: 'url', url: 'https://evil.example', name: 'x' }] },
    { ...small, container: 'container_1' },
    { ...small, container: { id: 'container_1' } },
    { ...small, diagnostics: { previous_message_id: 'msg_1' } },
    { ...small, tools: [{ type: 'web_search_20250305', name: 'web_search' }] },
    { ...small, tools: [{ type: 'web_fetch_20250910', name: 'web_fetch' }] },
    { ...small, tools: [{ type: 'code_execution_20250825', name: 'code_execution' }] },
    { ...small, tools: [{ type: 'mcp_toolset', mcp_server_name: 'x' }] },
    { ...small, tools: [{ type: 'tomorrow_20300101', name: 'x' }] },
    { ...small, tools: [{ name: 'x', input_schema: {}, allowed_callers: ['code_execution_20250825'] }] },
    { ...small, context_management: {} },
    { ...small, thinking: { type: 'other' } },
    content({ type: 'image', source: { type: 'file', file_id: 'file_1' } }),
    content({ type: 'document', source: { type: 'file', file_id: 'file_1' } }),
    content({ type: 'image', source: { type: 'url', url: 'file:///etc/passwd' } }),
    content({ type: 'container_upload', file_id: 'file_1' }),
    content({ type: 'server_tool_use', id: 'x', name: 'web_search', input: {} }),
    content({ type: 'web_search_tool_result', tool_use_id: 'x', content: [] }),
    content({ type: 'mcp_tool_use', id: 'x', name: 'y', server_name: 'z', input: {} }),
    content({ type: 'tool_use', id: 'x', name: 'y', input: {}, caller: { type: 'code_execution_20250825', tool_id: 'z' } }),
    content({ type: 'tomorrow', text: 'x' }),
    { ...small, messages: [{ role: 'developer', content: 'x' }] },
  ])
    assert.throws(() => anthropicMessages.snapshot(refused), { code: 'payload_unsupported' }, JSON.stringify(refused))
  for (const malformed of [
    { model: 'm', messages: [] },
    { ...small, max_tokens: 0 },
    { ...small, max_tokens: '100' },
    { ...small, messages: 'x' },
    { ...small, messages: ['x'] },
    content({ type: 'tool_use', id: 'x', name: 'y', input: '{}' }),
    content({ type: 'thinking', thinking: 5 }),
  ])
    assert.throws(() => anthropicMessages.snapshot(malformed), { code: 'payload_invalid' }, JSON.stringify(malformed))
  for (const block of [
    { type: 'server_tool_use', id: 'x', name: 'web_search', input: { query: 'x' } },
    { type: 'web_search_tool_result', tool_use_id: 'x', content: [] },
    { type: 'container_upload', file_id: 'x' },
    { type: 'tomorrow', text: 'x' },
  ]) {
    assert.throws(() => answer.snapshot(withValue(fullMessage(), ['content', 0], block), false), { code: 'payload_unsupported' })
    assert.throws(() => answer.snapshot({ type: 'content_block_start', index: 0, content_block: block }, true), { code: 'payload_unsupported' })
  }
})

test('joins the input of each tool, and what only the vendor can read, when its block ends', async () => {
  const cut = { thinking: ['a', 'b'], text: ['c', 'd'], calls: [['', '{"to"', ':"x', '@y"}'], ['{}']] }
  const whole = { thinking: ['a', 'b'], text: ['c', 'd'], calls: [['{"to":"x@y"}'], ['{}']] }
  const expected = messageEvents(whole)
  const at = expected.findIndex((event) => JSON.stringify(event).includes('signature_delta'))
  expected.splice(at, 2, { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 'EqQBCgIYAhIkMWYw' } })
  assert.deepEqual(await assembled(anthropicMessages, messageEvents(cut)), expected)
})

test('a stream that breaks off gives on what it began; broken input is refused when it is read, and a call does not go on after its end', async () => {
  const events = messageEvents({ thinking: [], text: [], calls: [['{"to":"a@b.exa', '']] })
  const parts = await assembled(anthropicMessages, events.slice(0, -4))
  const last = parts.at(-1)
  assert.deepEqual(last, { type: 'content_block_delta', index: 2, delta: { type: 'input_json_delta', partial_json: '{"to":"a@b.exa' } })
  assert.throws(() => answer.texts(last), { code: 'payload_invalid' })
  const late = { type: 'content_block_delta', index: 2, delta: { type: 'input_json_delta', partial_json: '{"x":1}' } }
  await assert.rejects(assembled(anthropicMessages, [...events.slice(0, -2), late]), { code: 'payload_invalid' })
  const big = { type: 'content_block_delta', index: 5, delta: { type: 'input_json_delta', partial_json: 'x'.repeat(200_000) } }
  await assert.rejects(assembled(anthropicMessages, Array(6).fill(big)), { code: 'payload_too_large' })
})

test('running texts have a channel for each block, which ends with the block', () => {
  const events = messageEvents({ thinking: ['a'], text: ['b'], calls: [] })
  const running = events.flatMap((event) => answer.texts(answer.snapshot(event, true)).filter(({ whole }) => whole !== true))
  assert.deepEqual(
    running.map(({ channel, value }) => [channel, value]),
    [
      ['blocks/0/thinking', ''],
      ['blocks/0/thinking', 'a'],
      ['blocks/1/text', ''],
      ['blocks/1/text', 'b'],
    ],
  )
  assert.deepEqual(
    events.flatMap((event) => answer.ends(event)),
    ['blocks/0/text', 'blocks/0/thinking', 'blocks/1/text', 'blocks/1/thinking'],
  )
})

test('reports usage: what was read from a cache is input as well', () => {
  assert.deepEqual(answer.usage(fullMessage()), { inputTokens: 17, outputTokens: 20, cachedInputTokens: 4 })
  const [start, , ...rest] = messageEvents({ thinking: [], text: [], calls: [] })
  assert.deepEqual(answer.usage(start), { inputTokens: 17, outputTokens: 1, cachedInputTokens: 4 })
  assert.deepEqual(answer.usage(rest.at(-2)), { inputTokens: 0, outputTokens: 20 })
  for (const nonsense of [{ type: 'ping' }, { type: 'message', usage: { output_tokens: '5' } }, vendorError])
    assert.equal(answer.usage(nonsense), undefined)
})

test('events carry their type, which the clients of the vendor go by', () => {
  const { wire } = anthropicMessages
  assert.equal(wire?.eventType?.({ type: 'message_start' }), 'message_start')
  assert.equal(wire?.errorEventType, 'error')
  assert.equal(wire?.endMarker, undefined)
})
