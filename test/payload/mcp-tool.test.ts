import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mcpTool } from '../../src/payload/mcp-tool.ts'
import { apart } from './chat-payloads.ts'
import { holdCodec, shown } from './codec-suite.ts'

const { answer } = mcpTool

/** By the types of `@modelcontextprotocol/sdk` 1.32. */
const call = {
  name: 'send_mail',
  arguments: { to: 'tool prose', 'odd key': [1, 4111111111111111, { deep: 'a\nb' }], n: 12, flag: true, none: null },
  _meta: { progressToken: 'token prose' },
}
const message = { jsonrpc: '2.0', id: 7, method: 'tools/call', params: call }
const result = {
  content: [
    { type: 'text', text: 'result prose', annotations: { audience: ['user'], priority: 0.5 } },
    {
      type: 'resource_link',
      uri: 'file:///a b',
      name: 'link prose',
      title: 'title prose',
      description: 'described prose',
      mimeType: 'text/plain',
      size: 5,
    },
    { type: 'resource', resource: { uri: 'mail://1', mimeType: 'text/plain', text: 'resource prose' } },
  ],
  structuredContent: { answer: 'structured prose', 'odd key': [1] },
  isError: false,
  _meta: { note: 'meta prose' },
}
const failure = { jsonrpc: '2.0', id: 7, error: { code: -32_602, message: 'error prose', data: { reason: 'x' } } }

holdCodec({ codec: mcpTool, request: call, answers: [result, { jsonrpc: '2.0', id: 'id-1', result }, failure], parts: [] })
holdCodec({ codec: mcpTool, request: message, answers: [], parts: [] })

test('names every text, and calls the tool a tool', () => {
  const copy = mcpTool.snapshot(message)
  const { others, identifiers } = apart(mcpTool.texts(copy))
  assert.deepEqual(shown(others), [
    'assistant arguments /params/arguments/to tool prose',
    'assistant arguments /params/arguments/odd key odd key',
    'assistant arguments /params/arguments/odd key/1 4111111111111111',
    'assistant arguments /params/arguments/odd key/2/deep a\nb',
    'assistant text /params/_meta/progressToken token prose',
  ])
  assert.ok(identifiers.some(({ value }) => value === 'send_mail'))
  for (const input of [call, message])
    assert.deepEqual(mcpTool.facts(mcpTool.snapshot(input)), { tools: ['send_mail'], stream: false, choices: 1, opaque: [] })
  assert.deepEqual(
    shown(answer.texts(answer.snapshot(result, false))).filter((line) => line.includes(' url ')),
    ['tool url /content/1/uri file:///a b', 'tool url /content/2/resource/uri mail://1'],
  )
})

test('a number in the arguments that is replaced becomes a string', () => {
  const copy = mcpTool.snapshot({ name: 'pay', arguments: { card: 4111111111111111, year: 2026 } })
  const values = mcpTool.texts(copy).map(({ value }) => (value === '4111111111111111' ? '[CARD]' : value))
  assert.deepEqual(mcpTool.replace(copy, values), { name: 'pay', arguments: { card: '[CARD]', year: 2026 } })
})

test('A15: refuses what it does not know, and what no control can read', () => {
  for (const other of [
    { ...message, method: 'tools/list' },
    { ...message, method: 'resources/read' },
    { ...message, extra: 1 },
    { ...call, task: { ttl: 5 } },
    { ...call, other: 'x' },
  ])
    assert.throws(() => mcpTool.snapshot(other), { code: 'payload_unsupported' })
  for (const other of [{ arguments: {} }, { name: 'a b' }, { name: 'x', arguments: [] }, { name: 'x', arguments: '{}' }])
    assert.throws(() => mcpTool.snapshot(other), { code: 'payload_invalid' })
  for (const content of [
    { type: 'image', data: 'AAAA', mimeType: 'image/png' },
    { type: 'audio', data: 'AAAA', mimeType: 'audio/wav' },
    { type: 'resource', resource: { uri: 'mail://1', blob: 'AAAA' } },
    { type: 'tomorrow', text: 'x' },
  ])
    assert.throws(() => answer.snapshot({ content: [content] }, false), { code: 'payload_unsupported' })
  assert.throws(() => answer.snapshot(result, true), { code: 'payload_unsupported' })
})
