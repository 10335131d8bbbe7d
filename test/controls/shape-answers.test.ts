import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shapeAnswers } from '../../src/controls/shape-answers.ts'
import { unaudited } from '../../src/controls/unaudited.ts'
import type { Json } from '../../src/guard/context.ts'
import { guard } from '../../src/guard/guard.ts'
import { openaiChat } from '../../src/payload/openai-chat.ts'
import type { ChatRequest } from '../../src/payload/openai-chat-request.ts'
import { as, believe, chunk, completion, decideBy, type LimitedGuard } from './limited-guard.ts'

const operation = { action: 'embeddings', resource: { type: 'model', id: 'm' } }
const ada = as('ada')

function shaped(options?: Parameters<typeof shapeAnswers>[0]) {
  const policy: { denies: boolean; obligations: LimitedGuard['policy']['obligations'] } = { denies: false, obligations: [] }
  const base = guard({ onError: () => {} })
    .use(unaudited())
    .use(believe())
    .use(decideBy(policy))
    .use(shapeAnswers(options))
  const asked: unknown[] = []
  const answer = async (given: unknown, input: Json = {}): Promise<unknown> =>
    base.protect((own: Json) => {
      asked.push(own)
      return given
    }, operation)(input, ada)
  return { base, policy, answer, asked }
}

const bytes = (numbers: readonly number[]): string => Buffer.from(new Float32Array(numbers).buffer).toString('base64')
const numbers = (text: unknown): number[] => [...new Float32Array(new Uint8Array(Buffer.from(String(text), 'base64')).buffer)]

test('probabilities are taken off requests and answers', async () => {
  const { answer, asked } = shaped()
  const input = { prompt: 'x', logprobs: 5, top_logprobs: 3, logit_bias: { 50256: -100 }, generationConfig: { responseLogprobs: true, topK: 5 } }
  const given = {
    choices: [{ text: 'y', logprobs: { tokens: ['y'], token_logprobs: [-0.1], top_logprobs: [{ y: -0.1 }] } }],
    output: [{ content: [{ type: 'output_text', text: 'y', logprobs: [{ token: 'y', logprob: -0.1 }] }] }],
    candidates: [{ avgLogprobs: -0.2, logprobsResult: { topCandidates: [] } }],
  }
  assert.deepEqual(await answer(given, input), {
    choices: [{ text: 'y', logprobs: null }],
    output: [{ content: [{ type: 'output_text', text: 'y', logprobs: [] }] }],
    candidates: [{ avgLogprobs: null, logprobsResult: null }],
  })
  assert.deepEqual(asked, [{ prompt: 'x', generationConfig: { topK: 5 } }])
})

test('embeddings are rounded, as lists and as bytes, wherever vendors put them', async () => {
  const { answer } = shaped({ decimals: 2 })
  const vector = [0.123456, -0.987654, 1e-9]
  assert.deepEqual(await answer({ object: 'list', data: [{ object: 'embedding', index: 0, embedding: vector }] }), {
    object: 'list',
    data: [{ object: 'embedding', index: 0, embedding: [0.12, -0.99, 0] }],
  })
  assert.deepEqual(await answer({ embeddings: { float: [vector] } }), { embeddings: { float: [[0.12, -0.99, 0]] } })
  assert.deepEqual(await answer({ embeddings: [{ values: vector }] }), { embeddings: [{ values: [0.12, -0.99, 0] }] })
  const { data } = (await answer({ data: [{ embedding: bytes(vector) }] })) as { data: { embedding: string }[] }
  const rounded = numbers(data[0]?.embedding)
  assert.equal(rounded.length, 3)
  for (const [index, value] of [0.12, -0.99, 0].entries()) assert.ok(Math.abs((rounded[index] ?? 9) - value) < 1e-6)
})

test('an embedding that cannot be read does not pass', async () => {
  const { answer } = shaped()
  for (const embedding of ['%%%', 'AAAA5', bytes([1]).slice(0, 4)]) await assert.rejects(answer({ embedding }), { code: 'payload_unsupported' })
})

test('policy grants what it names, and nothing else', async () => {
  const { answer, policy, asked } = shaped()
  const given = { logprobs: { a: -0.1 }, embedding: [0.123456] }
  policy.obligations = [{ type: 'reveal', value: ['logprobs'] }]
  assert.deepEqual(await answer(given, { logprobs: true, logit_bias: { 1: 1 } }), { logprobs: { a: -0.1 }, embedding: [0.123] })
  policy.obligations = [
    { type: 'reveal', value: 'embeddings' },
    { type: 'reveal', value: ['logit_bias'] },
  ]
  assert.deepEqual(await answer(given, { logprobs: true, logit_bias: { 1: 1 } }), { logprobs: null, embedding: [0.123456] })
  assert.deepEqual(asked, [{ logprobs: true }, { logit_bias: { 1: 1 } }])
  for (const value of ['everything', 5, null, ['logprobs', 'weights'], { logprobs: true }]) {
    policy.obligations = [{ type: 'reveal', value }]
    await assert.rejects(answer(given), { code: 'obligation_unmet' })
  }
})

test('streams are shaped part by part, and chats keep their codec', async () => {
  const { base } = shaped()
  const seen: unknown[] = []
  const chat = base.protect(
    async function* (input: ChatRequest) {
      seen.push(input.logit_bias)
      yield chunk({ content: 'hi' })
    },
    { action: 'chat', resource: { type: 'model', id: 'm' }, codec: openaiChat },
  )
  const input: ChatRequest = { model: 'm', messages: [{ role: 'user', content: 'x' }], stream: true, logit_bias: { 5: 1 } }
  const parts: unknown[] = []
  for await (const part of await chat(input, ada)) parts.push(part)
  assert.deepEqual([seen, parts], [[undefined], [chunk({ content: 'hi' })]])
  const plain = base.protect(async function* () {
    yield { choices: [{ text: 'a', logprobs: { tokens: ['a'] } }] }
    yield 'text'
  }, operation)
  const own: unknown[] = []
  for await (const part of await plain({}, ada)) own.push(part)
  assert.deepEqual(own, [{ choices: [{ text: 'a', logprobs: null }] }, 'text'])
})

test('what is nobody`s data passes as it is, and what is none does not pass', async () => {
  const { answer } = shaped()
  const whole = completion('logprobs: none, embedding: none')
  assert.deepEqual(await answer(whole), whole)
  assert.equal(await answer('logprobs'), 'logprobs')
  // What is no data could hide anything.
  class Answer {
    logprobs = [1]
  }
  await assert.rejects(answer(new Answer()), { code: 'payload_invalid' })
})

test('wrong options are a mistake, and it needs a decision', () => {
  for (const wrong of [{ decimals: 0 }, { decimals: 2.5 }, { decimals: '3' }, { digits: 3 }, null])
    assert.throws(() => shapeAnswers(wrong as never), TypeError)
  const bare = guard().use(unaudited())
  // @ts-expect-error: there is no decision yet
  assert.throws(() => bare.use(shapeAnswers()), TypeError)
})
