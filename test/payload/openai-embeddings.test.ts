import assert from 'node:assert/strict'
import { test } from 'node:test'
import type OpenAI from 'openai'
import { openaiEmbeddings } from '../../src/payload/openai-embeddings.ts'
import { holdCodec, shown } from './codec-suite.ts'

const { answer } = openaiEmbeddings
const request: OpenAI.EmbeddingCreateParams = {
  model: 'text-embedding-3-small',
  input: ['first prose', 'second prose'],
  dimensions: 256,
  encoding_format: 'base64',
  user: 'user id',
}
const vectors = [0.1, -0.25, 3.5]
const encoded = Buffer.from(Float32Array.from(vectors).buffer).toString('base64')
const embedded = (embedding: unknown): object => ({
  object: 'list',
  model: 'text-embedding-3-small',
  data: [{ object: 'embedding', index: 0, embedding }],
  usage: { prompt_tokens: 10, total_tokens: 10 },
})
const vendorError = { error: { message: 'error prose', type: 'x', param: null, code: 'y' } }

holdCodec({ codec: openaiEmbeddings, request, answers: [embedded(vectors), embedded(encoded), vendorError], parts: [] })

test('names every text, and states the facts', () => {
  const copy = openaiEmbeddings.snapshot(request)
  assert.deepEqual(shown(openaiEmbeddings.texts(copy)), [
    'user text /input/0 first prose',
    'user text /input/1 second prose',
    'data text /user user id',
  ])
  assert.deepEqual(openaiEmbeddings.facts(copy), { model: 'text-embedding-3-small', tools: [], stream: false, choices: 1, opaque: [] })
  assert.equal(openaiEmbeddings.cap, undefined)
  assert.deepEqual(answer.usage(embedded(vectors)), { inputTokens: 10, outputTokens: 0 })
  assert.equal(answer.usage({}), undefined)
})

test('A15: refuses tokens in the place of texts, and what it does not know', () => {
  for (const input of [[1, 2], [[1, 2]], [[]]]) assert.throws(() => openaiEmbeddings.snapshot({ model: 'm', input }), { code: 'payload_unsupported' })
  for (const other of [
    { ...request, messages: [] },
    { ...request, encoding_format: 'hex' },
    { ...request, instructions: 'x' },
  ])
    assert.throws(() => openaiEmbeddings.snapshot(other), { code: 'payload_unsupported' })
  for (const other of [{ model: 'm' }, { model: 'm', input: 5 }, { model: 'm', input: ['a', 5] }])
    assert.throws(() => openaiEmbeddings.snapshot(other), { code: 'payload_invalid' })
})

test('A15: refuses an embedding that could spell something', () => {
  const text = Buffer.from('secret: hunter2!').toString('base64')
  for (const embedding of [[4111111111111111], ['text'], [[1]], [null], 'text', text, 'AAA', 'AAAA', `${encoded}=`, {}, null, 5])
    assert.throws(() => answer.snapshot(embedded(embedding), false), { code: 'payload_unsupported' }, JSON.stringify(embedding))
  assert.throws(() => answer.snapshot(embedded(vectors), true), { code: 'payload_unsupported' })
})
