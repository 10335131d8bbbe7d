import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { estimateTokens, innerStringBytes, stringBytes, textBytes } from '../../src/limits/token-estimate.ts'
import { openaiChat } from '../../src/payload/openai-chat.ts'
import { plainText } from '../../src/payload/plain-text.ts'

const room = { room: Number.POSITIVE_INFINITY }

test('the length of texts is that of their UTF-8', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (value) => {
      const text = { value, path: '', role: 'user', kind: 'text', channel: '' } as const
      assert.equal(textBytes([text, text]), 2 * new TextEncoder().encode(value).length)
    }),
  )
})

test('the length of long texts is that of their UTF-8, wherever a buffer ends', () => {
  for (const piece of ['a', 'ü', '€', '😀', 'aü€😀']) {
    const value = `x${piece.repeat(30_000)}`
    assert.equal(stringBytes(value), new TextEncoder().encode(value).length)
  }
  assert.equal(stringBytes(`${'a'.repeat(50)}\ud83d`), 53)
})

test('strings are counted wherever they stand in a copy', () => {
  const value = { id: 'abcd', list: ['ab', { deep: 'cdé' }, 5, null], bytes: new Uint8Array(7) }
  assert.equal(stringBytes(value), 4 + 2 + 4 + 7)
  assert.equal(innerStringBytes(value), 2 + 4 + 7)
  assert.equal(innerStringBytes('abc'), 3)
})

test('a request is expected to take its texts and all the output that it allows', () => {
  const request = openaiChat.snapshot({
    model: 'm',
    messages: [{ role: 'user', content: 'x'.repeat(401) }],
    max_completion_tokens: 50,
    n: 3,
  })
  const { input, output } = estimateTokens(openaiChat, request, room)
  assert.ok(input >= 101 && input < 110)
  assert.equal(output, 150)
})

test('a request without a bound is expected to take a usual answer, but no more than can be granted', () => {
  const input = plainText.snapshot('x'.repeat(400))
  assert.deepEqual(estimateTokens(plainText, input, room), { input: 100, output: 1_024 })
  assert.deepEqual(estimateTokens(plainText, input, { room: 300 }), { input: 100, output: 200 })
  assert.deepEqual(estimateTokens(plainText, input, { room: 50 }), { input: 100, output: 1 })
  assert.deepEqual(estimateTokens(undefined, { question: 'x'.repeat(40) }, room), { input: 10, output: 1_024 })
})

test('pictures, sound and files count before anybody reports what they took', () => {
  const request = openaiChat.snapshot({
    model: 'm',
    messages: [
      {
        role: 'user',
        content: [{ type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(8)}` } }],
      },
    ],
  })
  assert.ok(estimateTokens(openaiChat, request, room).input >= 1_000)
})

test('what stands in names, numbers and words counts as well, once it is more than an envelope', () => {
  const estimate = (more: object): number =>
    estimateTokens(openaiChat, openaiChat.snapshot({ model: 'm', messages: [{ role: 'user', content: 'hi' }], ...more }), { room: 1e9 }).input
  assert.equal(estimate({}), 1)
  const parameters = { type: 'object', properties: { n: { enum: Array.from({ length: 20_000 }, (_, index) => index) } } }
  assert.ok(estimate({ tools: [{ type: 'function', function: { name: 'f', parameters } }] }) > 20_000)
  const named = Array.from({ length: 500 }, (_, index) => ({ type: 'function', function: { name: `${'n'.repeat(200)}${index}` } }))
  assert.ok(estimate({ tools: named }) > 20_000)
  // A picture counts by the piece, however many bytes it has.
  const content = [{ type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(400_000)}` } }]
  assert.ok(estimate({ messages: [{ role: 'user', content }] }) < 2_000)
})
