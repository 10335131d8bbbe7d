import assert from 'node:assert/strict'
import { test } from 'node:test'
import { autoCodec } from '../../src/payload/auto.ts'
import { openaiChat } from '../../src/payload/openai-chat.ts'
import { apart, call, chunk, fullCompletion, fullRequest } from './chat-payloads.ts'

const { answer } = autoCodec
const small = { model: 'gpt-5', messages: [{ role: 'user', content: 'hi' }] }

async function assemble(parts: readonly unknown[]): Promise<unknown[]> {
  async function* source(): AsyncGenerator<unknown> {
    for (const part of parts) yield answer.snapshot(part, true)
  }
  const assembled: unknown[] = []
  for await (const part of answer.assemble(source())) assembled.push(part)
  return assembled
}

test('reads a string as a plain text', () => {
  const copy = autoCodec.snapshot('hello')
  assert.equal(copy, 'hello')
  assert.equal(autoCodec.texts(copy)[0]?.value, 'hello')
  assert.equal(autoCodec.replace(copy, ['x']), 'x')
  assert.equal(autoCodec.facts(copy).choices, 1)
  assert.equal(autoCodec.cap?.(copy, 5), 'hello')
})

test('reads a chat request as one, also after its texts were replaced', () => {
  const copy = autoCodec.snapshot(fullRequest())
  assert.deepEqual(copy, fullRequest())
  assert.deepEqual(autoCodec.texts(copy), openaiChat.texts(openaiChat.snapshot(fullRequest())))
  const minimal = autoCodec.replace(autoCodec.snapshot(small), ['bye'])
  assert.equal(autoCodec.texts(minimal)[0]?.value, 'bye')
  assert.equal(autoCodec.snapshot(minimal), minimal)
  assert.equal(autoCodec.facts(minimal).model, 'gpt-5')
  assert.deepEqual(autoCodec.cap?.(minimal, 5), { ...small, messages: [{ role: 'user', content: 'bye' }], max_completion_tokens: 5 })
})

test('A15: refuses every other input, and a copy that no codec made', () => {
  for (const other of [7, null, {}, [], { input: 'x' }, { model: 'm', input: 'x' }, { contents: [] }, { ...small, system: 'x' }, new Uint8Array(2)])
    assert.throws(() => autoCodec.snapshot(other), { code: 'payload_unsupported' })
  assert.throws(() => autoCodec.snapshot(undefined), { code: 'payload_invalid' })
  assert.throws(() => autoCodec.texts(small), { code: 'payload_unsupported' })
  assert.throws(() => autoCodec.facts(Object.freeze({ ...small })), { code: 'payload_unsupported' })
})

test('an input is read once', () => {
  let reads = 0
  const input = {
    model: 'gpt-5',
    get messages() {
      reads++
      return small.messages
    },
  }
  autoCodec.snapshot(input)
  assert.equal(reads, 1)
})

test('reads answers of either kind, whole and in parts', async () => {
  assert.equal(answer.snapshot('text', false), 'text')
  assert.deepEqual(answer.snapshot(fullCompletion(), false), fullCompletion())
  const part = answer.snapshot(chunk({ content: 'a' }, 'stop'), true)
  assert.deepEqual(
    apart(answer.texts(part)).others.map(({ value }) => value),
    ['a'],
  )
  assert.ok(answer.ends(part).includes('choices/0/content'))
  assert.deepEqual(
    apart(answer.texts(answer.carry(part, 'choices/0/content', 'b'))).others.map(({ value }) => value),
    ['b'],
  )
  assert.equal(answer.carry('a', 'text', 'b'), 'b')
  assert.deepEqual(answer.usage(fullCompletion()), { inputTokens: 10, outputTokens: 20 })
  assert.deepEqual(await assemble(['a\ud83d', '\ude00b']), ['a', '\u{1f600}b'])
  assert.equal((await assemble([chunk(call(0, '{"a"')), chunk(call(0, ':1}')), chunk({}, 'tool_calls')])).length, 2)
  assert.deepEqual(await assemble([]), [])
})

test('A15: refuses every other answer', () => {
  for (const other of [7, null, {}, [], { text: 'x' }, { object: 'response' }, new Uint8Array(2)]) {
    assert.throws(() => answer.snapshot(other, false), { code: 'payload_unsupported' })
    assert.throws(() => answer.snapshot(other, true), { code: 'payload_unsupported' })
  }
})

test('what a stream throws is passed on, and a reader that leaves closes it', async () => {
  const failure = new Error('reset')
  let closed = 0
  async function* source(fails: boolean): AsyncGenerator<unknown> {
    try {
      if (fails) throw failure
      yield 'a'
      yield 'b'
    } finally {
      closed++
    }
  }
  await assert.rejects(async () => {
    for await (const _ of answer.assemble(source(true)));
  }, failure)
  for await (const _ of answer.assemble(source(false))) break
  assert.equal(closed, 2)
})

test('has no wire form: bytes do not tell what they are', () => {
  assert.equal(autoCodec.wire, undefined)
})
