import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Codec } from '../../src/guard/codec.ts'
import { snapshotJson } from '../../src/guard/snapshot.ts'
import { asksForProbabilities } from '../../src/limits/probabilities.ts'
import { plainText } from '../../src/payload/plain-text.ts'
import { as, completion } from './limited-guard.ts'
import { ada, chat, long, meteredGuard, request } from './metered-guard.ts'

// A codec for a shape that is the application's own: one text, and switches.
const own: Codec<{ prompt: string; logprobs?: number }> = {
  name: 'own',
  snapshot: (input) => snapshotJson(input) as { prompt: string },
  facts: () => ({ tools: [], stream: false, choices: 1, opaque: [] }),
  texts: ({ prompt }) => [{ value: prompt, path: '/prompt', role: 'user', kind: 'text', channel: '/prompt', whole: true }],
  replace: (input, [prompt = '']) => ({ ...input, prompt }),
  answer: plainText.answer,
}
const json = { action: 'text_completion', resource: { type: 'model', id: 'm' } }
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('prompts that differ are counted, and the same one again is free', async () => {
  const prompts = { name: 'prompts', prompts: 3, window: long }
  const { guard, left, policy } = meteredGuard(prompts)
  const ask = guard.protect(() => completion('hi'), chat)
  const say = (content: string, subject = 'ada'): Promise<unknown> => ask(request({ messages: [{ role: 'user', content }] }), as(subject))
  for (let call = 0; call < 5; call++) await say('one')
  await say('two')
  assert.equal(left(prompts), 1)
  // What never reached the model is nobody's prompt.
  policy.denies = true
  await assert.rejects(say('three'), { code: 'denied' })
  policy.denies = false
  assert.equal(left(prompts), 1)
  await say('three')
  await assert.rejects(say('four'), { code: 'limit_exceeded' })
  await assert.rejects(say('one '), { code: 'limit_exceeded' })
  await say('one')
  // Nobody's prompts are free for somebody else.
  await say('one', 'grace')
})

test('who says the same is told apart by all that is said in it', async () => {
  const prompts = { name: 'prompts', prompts: 2, window: long }
  const { guard } = meteredGuard(prompts)
  const ask = guard.protect(() => completion('hi'), chat)
  const ada = as('ada')
  await ask(request({ messages: [{ role: 'user', content: 'ab' }] }), ada)
  await ask(
    request({
      messages: [
        { role: 'user', content: 'a' },
        { role: 'user', content: 'b' },
      ],
    }),
    ada,
  )
  await assert.rejects(
    ask(
      request({
        messages: [
          { role: 'system', content: 'x' },
          { role: 'user', content: 'ab' },
        ],
      }),
      ada,
    ),
    { code: 'limit_exceeded' },
  )
})

test('a prompt is free for as long as the window, and then counts once more', async () => {
  const prompts = { name: 'prompts', prompts: 2, window: 60 }
  const { guard, clock, left } = meteredGuard(prompts)
  const ask = guard.protect(() => completion('hi'), chat)
  await ask(request(), ada)
  assert.equal(left(prompts), 1)
  clock.advance(59_000)
  await ask(request(), ada)
  assert.equal(left(prompts), 2)
  clock.advance(1_000)
  await ask(request(), ada)
  assert.equal(left(prompts), 1)
})

test('answers asked for are counted', async () => {
  const choices = { name: 'choices', choices: 10, window: long }
  const { guard, left } = meteredGuard(choices)
  const ask = guard.protect(() => completion('hi'), chat)
  await ask(request({ n: 7 }), ada)
  await ask(request(), ada)
  assert.equal(left(choices), 2)
  await assert.rejects(ask(request({ n: 3 }), ada), { code: 'limit_exceeded' })
})

test('calls that ask for the probabilities of tokens are counted, by whatever name', async () => {
  const limit = { name: 'logprobs', logprobs: 3, window: long }
  const { guard, left } = meteredGuard([limit, { name: 'requests', requests: 100, window: long }])
  const ask = guard.protect((input: { prompt: string; logprobs?: number }) => input.prompt, { ...json, codec: own })
  await ask({ prompt: 'x' }, ada)
  for (let call = 0; call < 3; call++) await ask({ prompt: 'x', logprobs: 5 }, ada)
  assert.equal(left(limit), 0)
  await assert.rejects(ask({ prompt: 'x', logprobs: 1 }, ada), { code: 'limit_exceeded' })
  await ask({ prompt: 'x', logprobs: 0 }, ada)
  await turn()
})

test('knows the names that vendors give to probabilities', () => {
  for (const input of [
    { logprobs: true },
    { logprobs: 5 },
    { top_logprobs: 20 },
    { generationConfig: { responseLogprobs: true } },
    { generationConfig: { logprobs: 3 } },
  ])
    assert.ok(asksForProbabilities(input), JSON.stringify(input))
  for (const input of ['logprobs', null, undefined, {}, { logprobs: false }, { logprobs: 0, top_logprobs: null }, { generationConfig: null }])
    assert.equal(asksForProbabilities(input), false)
})
