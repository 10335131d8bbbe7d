import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import type { Codec } from '../../src/guard/codec.ts'
import { json } from '../../src/payload/json.ts'
import { holdCodec } from './codec-suite.ts'

const anything = z.record(z.string(), z.any())
const part = { delta: 'text prose', nested: { more: 'more prose', id: 'x' }, note: 'note prose', n: 1 }

holdCodec({
  codec: json(anything, { running: ['/delta', '/nested/more'] }),
  request: { question: 'prose', list: [{ 'odd key': 'x' }, 4], flag: true, none: null },
  answers: [{ answer: 'prose', list: ['a', { b: 'c' }] }],
  parts: [part, { delta: null, nested: 'x' }],
  alike: true,
  open: true,
})

test('gives what the schema gives, in its type', () => {
  const codec = json(z.object({ question: z.string().trim(), n: z.number().default(3) }))
  const typed: Codec<{ question: string; n: number }> = codec
  const copy = typed.snapshot({ question: ' hi ', extra: 'dropped' })
  assert.deepEqual(copy, { question: 'hi', n: 3 })
  assert.ok(Object.isFrozen(copy))
  assert.equal(typed.snapshot(copy), copy)
  assert.deepEqual(typed.facts(copy), { tools: [], stream: false, choices: 1, opaque: [] })
  assert.equal(copy.question.length, 2)
})

test('refuses what the schema refuses, and never says what it was', () => {
  const codec = json(z.object({ email: z.email() }))
  assert.throws(
    () => codec.snapshot({ email: 'hunter2' }),
    (error: unknown) =>
      error instanceof Error &&
      'code' in error &&
      error.code === 'payload_invalid' &&
      !JSON.stringify(error, null, 1).includes('hunter2') &&
      !String(error.cause).includes('hunter2'),
  )
  // What a control wrote in its place is a text, and no address any more.
  const masked = codec.replace(codec.snapshot({ email: 'a@b.example' }), ['[EMAIL]'])
  assert.equal(codec.snapshot(masked), masked)
})

test('refuses what is no JSON, before the schema and after it', () => {
  const codec = json(z.any())
  for (const input of [() => {}, 1n, new Date(), new Map(), Number.NaN, { toJSON: () => 'x' }])
    assert.throws(() => codec.snapshot(input), { code: 'payload_invalid' })
  for (const input of ['text', 5, null, new Uint8Array(2)]) assert.throws(() => codec.snapshot(input), { code: 'payload_unsupported' })
  assert.deepEqual(codec.snapshot([1, 'a']), [1, 'a'])
  const dates = json(z.object({ at: z.iso.datetime().transform((text) => new Date(text)) }))
  assert.throws(() => dates.snapshot({ at: '2026-01-01T00:00:00Z' }), { code: 'payload_invalid' })
})

test('a schema that answers later, throws, or answers nonsense refuses', () => {
  const schema = (validate: (value: unknown) => unknown) => ({ '~standard': { version: 1 as const, vendor: 'own', validate } }) as never
  assert.throws(() => json(schema(() => Promise.reject(new Error('late')))).snapshot({}), { code: 'misconfigured' })
  assert.throws(
    () =>
      json(
        schema(() => {
          throw new Error('x')
        }),
      ).snapshot({}),
    { code: 'payload_invalid' },
  )
  assert.throws(() => json(schema(() => undefined)).snapshot({}), { code: 'misconfigured' })
  assert.throws(() => json(schema(() => ({}))).snapshot({}), { code: 'payload_invalid' })
})

test('wrong options are TypeErrors', () => {
  for (const wrong of [undefined, null, {}, { '~standard': {} }, 'x', () => {}]) assert.throws(() => json(wrong as never), TypeError)
  for (const running of [
    ['delta'],
    ['/0'],
    ['/a//b'],
    [''],
    ['/a', '/a'],
    ['/a', '/a/b'],
    ['/a/b', '/a'],
    [5],
    '/a',
    ['/__proto__'].map(() => '/a/1'),
  ])
    assert.throws(() => json(z.any(), { running: running as never }), TypeError, JSON.stringify(running))
  assert.throws(() => json(z.any(), { answer: {} as never }), TypeError)
  assert.throws(() => json(z.any(), { stream: true } as never), TypeError)
})

test('A18: a stream is refused unless it is said which of its texts go on', () => {
  const { answer } = json(z.any())
  assert.throws(() => answer.snapshot({ delta: 'x' }, true), { code: 'payload_unsupported' })
  assert.deepEqual(answer.snapshot({ delta: 'x' }, false), { delta: 'x' })
  const none = json(z.any(), { running: [] }).answer
  assert.ok(none.texts(none.snapshot({ delta: 'x' }, true)).every(({ whole }) => whole === true))
})

test('texts that go on have their pointers as channels, and leave in a part like the last one', () => {
  const { answer } = json(anything, { running: ['/delta', '/nested/more'] })
  const running = answer.texts(answer.snapshot(part, true)).filter(({ whole }) => whole !== true)
  assert.deepEqual(
    running.map(({ channel, path }) => [channel, path]),
    [
      ['/delta', '/delta'],
      ['/nested/more', '/nested/more'],
    ],
  )
  assert.deepEqual(answer.carry(part, '/delta', 'rest'), { ...part, delta: 'rest', nested: { more: '', id: 'x' } })
})

test('answers and parts are held to schemas of their own', () => {
  const { answer } = json(z.any(), { answer: z.object({ a: z.string() }), part: z.object({ delta: z.string() }), running: ['/delta'] })
  assert.deepEqual(answer.snapshot({ a: 'x', b: 'y' }, false), { a: 'x' })
  assert.deepEqual(answer.snapshot({ delta: 'x', b: 'y' }, true), { delta: 'x' })
  assert.throws(() => answer.snapshot({ delta: 'x' }, false), { code: 'payload_invalid' })
  assert.throws(() => answer.snapshot({ a: 'x' }, true), { code: 'payload_invalid' })
})
