import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mcpMethods } from '../../../src/adapters/mcp/mcp-methods.ts'

const asked = (method: string, params: object): unknown => mcpMethods[method]?.resource({ method, params } as never, 'orders')

test('what is completed is what its type says, and nothing of the other kind stands in it', () => {
  const completed = (ref: unknown): unknown => asked('completion/complete', { ref })
  assert.deepEqual(completed({ type: 'ref/prompt', name: 'greet' }), { type: 'mcp_prompt', id: 'greet' })
  assert.deepEqual(completed({ type: 'ref/resource', uri: 'docs://{page}' }), { type: 'mcp_resource', id: 'docs://{page}' })
  for (const ref of [
    { type: 'ref/prompt', name: 'confess', uri: 'docs://open' },
    { type: 'ref/resource', name: 'greet', uri: 'docs://open' },
    { type: 'ref/other', name: 'greet' },
    { name: 'greet' },
    [],
    null,
    'greet',
  ])
    assert.throws(() => completed(ref), { code: 'payload_invalid' }, JSON.stringify(ref))
})

test('a resource has one spelling: the one that servers look at', () => {
  for (const method of ['resources/read', 'resources/subscribe', 'resources/unsubscribe']) {
    assert.deepEqual(asked(method, { uri: 'docs://open' }), { type: 'mcp_resource', id: 'docs://open' })
    for (const uri of [
      'file:///a/../b',
      'file:///a/%2e%2e/b',
      'https://docs.example',
      'https://docs.example/./x',
      'https://docs.example/a\tb',
      'HTTPS://docs.example/',
      '',
    ])
      assert.throws(() => asked(method, { uri }), { code: 'payload_invalid' }, uri)
  }
})
