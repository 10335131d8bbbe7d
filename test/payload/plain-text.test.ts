import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { plainText } from '../../src/payload/plain-text.ts'

const { answer, wire } = plainText

async function assemble(parts: readonly unknown[]): Promise<string[]> {
  async function* source(): AsyncGenerator<unknown> {
    for (const part of parts) yield answer.snapshot(part, true)
  }
  const assembled: string[] = []
  for await (const part of answer.assemble(source())) assembled.push(String(part))
  return assembled
}

test('a text is one text', () => {
  assert.equal(plainText.snapshot('hello'), 'hello')
  assert.deepEqual(plainText.texts('hello'), [{ value: 'hello', path: '', role: 'user', kind: 'text', channel: 'text' }])
  assert.equal(plainText.replace('hello', ['bye']), 'bye')
  assert.deepEqual(plainText.facts('hello'), { tools: [], stream: false, choices: 1, opaque: [] })
  assert.equal(plainText.cap, undefined)
  assert.throws(() => plainText.replace('hello', []), TypeError)
  assert.throws(() => plainText.replace('hello', ['a', 'b']), TypeError)
})

test('refuses whatever is no text', () => {
  for (const other of [7, null, undefined, { text: 'x' }, ['x'], new String('x'), Symbol('x')]) {
    assert.throws(() => plainText.snapshot(other), { code: 'payload_unsupported' })
    assert.throws(() => answer.snapshot(other, true), { code: 'payload_unsupported' })
  }
})

test('refuses lone surrogates, and texts beyond the bound', () => {
  for (const lone of ['\ud800', 'a\udc00', '\ud83dx']) {
    assert.throws(() => plainText.snapshot(lone), { code: 'payload_invalid' })
    assert.throws(() => plainText.replace('x', [lone]), { code: 'payload_invalid' })
    assert.throws(() => answer.snapshot(lone, false), { code: 'payload_invalid' })
  }
  assert.throws(() => plainText.snapshot('x'.repeat(9_000_000)), { code: 'payload_too_large' })
  assert.throws(() => wire?.parse(new Uint8Array(9_000_000)), { code: 'payload_too_large' })
})

test('A18: a stream cut anywhere, also inside a character, is the same text', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 20 }), fc.integer({ min: 1, max: 3 }), async (text, size) => {
      const pieces: string[] = []
      for (let at = 0; at < text.length; at += size) pieces.push(text.slice(at, at + size))
      const assembled = await assemble(pieces)
      assert.equal(assembled.join(''), text)
      assert.ok(assembled.every((piece) => piece.isWellFormed()))
    }),
  )
})

test('a half of a character without the other one is refused', async () => {
  assert.throws(() => answer.snapshot('a\ud83dz', true), { code: 'payload_invalid' })
  await assert.rejects(assemble(['a\ud83d', 'z']), { code: 'payload_invalid' })
  await assert.rejects(assemble(['a\ud83d']), { code: 'payload_invalid' })
  await assert.rejects(assemble(['\ude00']), { code: 'payload_invalid' })
  assert.throws(() => wire?.serializeEvent('a\ud83d'), { code: 'payload_invalid' })
})

test('a part of a stream is a running text that ends with the stream', () => {
  assert.deepEqual(answer.texts('piece'), [{ value: 'piece', path: '', role: 'assistant', kind: 'text', channel: 'text' }])
  assert.deepEqual(answer.ends('piece'), [])
  assert.equal(answer.carry('piece', 'text', 'held back'), 'held back')
  assert.equal(answer.replace('piece', ['x']), 'x')
  assert.equal(answer.usage('piece'), undefined)
})

test('reads and writes bodies', () => {
  assert.equal(wire?.parse(new TextEncoder().encode('zażółć')), 'zażółć')
  assert.throws(() => wire?.parse(new Uint8Array([0xff])), { code: 'payload_invalid' })
  assert.equal(wire?.serialize('x'), 'x')
  assert.equal(wire?.parseEvent('[DONE]'), '[DONE]')
  assert.equal(wire?.serializeEvent('x'), 'x')
  assert.deepEqual(JSON.parse(wire?.errorEvent('denied', 'No.') ?? ''), { error: { code: 'denied', message: 'No.' } })
})
