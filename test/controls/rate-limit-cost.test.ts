import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rateLimit } from '../../src/controls/rate-limit.ts'
import { guard } from '../../src/guard/guard.ts'
import type { AnswerCodec, Codec } from '../../src/guard/codec.ts'
import { plainText } from '../../src/payload/plain-text.ts'
import { completion } from './limited-guard.ts'
import { ada, chat, long, meteredGuard, read, request, stream, streamed, words } from './metered-guard.ts'
import { chunk } from './limited-guard.ts'

const budget = { name: 'budget', cost: 1_000_000, window: 'month' } as const
// One, half, three and five millionths a token.
const prices = { m: { input: 1_000_000, cachedInput: 500_000, output: 3_000_000, reasoning: 5_000_000 } }

test('a call costs what the vendor reports, by the price of each sort of token', async () => {
  const { guard, left } = meteredGuard(budget, { prices })
  const usage = { prompt_tokens: 100, completion_tokens: 50 }
  await guard.protect(() => completion('hi', usage), chat)(request(), ada)
  assert.equal(left(budget), 1_000_000 - 100 - 150)
})

test('cached input and reasoning have prices of their own, where they are reported', async () => {
  const { guard, left } = meteredGuard(budget, { prices })
  const usage = { inputTokens: 100, outputTokens: 50, cachedInputTokens: 80, reasoningTokens: 30 }
  const answer: AnswerCodec = { ...plainText.answer, usage: () => usage }
  const codec: Codec<string> = { ...plainText, answer }
  await guard.protect((_input: string) => 'hi', { ...chat, codec })('hello', ada)
  assert.equal(left(budget), 1_000_000 - 20 - 40 - 60 - 150)
})

test('cached input and reasoning are found where a vendor reports them', async () => {
  const { guard, left } = meteredGuard(budget, { prices })
  const usage = {
    prompt_tokens: 100,
    completion_tokens: 50,
    prompt_tokens_details: { cached_tokens: 80 },
    completion_tokens_details: { reasoning_tokens: 30 },
  }
  await guard.protect(() => completion('hi', usage), chat)(request(), ada)
  assert.equal(left(budget), 1_000_000 - 20 - 40 - 60 - 150)
})

test('parts that are more than the whole make nothing cheaper', async () => {
  for (const [cachedInputTokens, reasoningTokens] of [
    [1e6, 1e6],
    [-5, -5],
    [Number.NaN, Number.NaN],
  ]) {
    const { guard, left } = meteredGuard(budget, { prices })
    const usage = { inputTokens: 100, outputTokens: 50, cachedInputTokens, reasoningTokens } as never
    const codec: Codec<string> = { ...plainText, answer: { ...plainText.answer, usage: () => usage } }
    await guard.protect((_input: string) => 'hi', { ...chat, codec })('hello', ada)
    const spent = 1_000_000 - left(budget)
    assert.ok(spent >= 50 + 150 && spent <= 100 + 250, `${spent}`)
  }
})

test('while a call runs, what it may cost is reserved', async () => {
  const { guard, left } = meteredGuard(budget, { prices })
  const during: number[] = []
  const ask = guard.protect(() => {
    during.push(left(budget))
    return completion('hi', { prompt_tokens: 10, completion_tokens: 10 })
  }, chat)
  await ask(request({ max_completion_tokens: 1_000 }), ada)
  // Of whatever sort its output turns out to be.
  const reserved = 1_000_000 - (during[0] ?? 0)
  assert.ok(reserved >= 5_000 && reserved <= 5_100, `${reserved}`)
})

test('a model without a price is refused, and that costs a request', async () => {
  const requests = { name: 'requests', requests: 3, window: long }
  const { guard, left } = meteredGuard([budget, requests], { prices })
  let ran = 0
  const ask = guard.protect(() => completion(String(++ran)), chat)
  for (const model of ['n', 'M', 'm ', 'toString', '__proto__'].slice(0, 3))
    await assert.rejects(ask(request({ model: model.trim() === 'm' ? 'x' : model }), ada), { code: 'limits_unavailable', status: 503 })
  assert.deepEqual([ran, left(budget), left(requests)], [0, 1_000_000, 0])
  await assert.rejects(ask(request(), ada), { code: 'limit_exceeded' })
})

test('a budget that is spent refuses until the month is over', async () => {
  const { guard, clock } = meteredGuard({ name: 'budget', cost: 1_000, window: 'month', zone: 'Europe/Warsaw' }, { prices })
  clock.set(Date.parse('2026-01-31T22:00Z'))
  const ask = guard.protect(() => completion('hi', { prompt_tokens: 100, completion_tokens: 300 }), chat)
  await ask(request({ max_completion_tokens: 100 }), ada)
  await assert.rejects(ask(request({ max_completion_tokens: 100 }), ada), (error: { headers?: Record<string, string> }) => {
    assert.equal(error.headers?.['retry-after'], '3600')
    assert.match(error.headers?.['ratelimit-policy'] ?? '', /^"budget";q=1000;sallyport-unit="cost";w=2678400$/)
    return true
  })
  clock.advance(3_599_999)
  await assert.rejects(ask(request({ max_completion_tokens: 100 }), ada), { code: 'limit_exceeded' })
  clock.advance(1)
  await ask(request({ max_completion_tokens: 100 }), ada)
})

test('a stream reserves money as it goes, and ends where there is none left', async () => {
  const small = { name: 'budget', cost: 3_000, window: long }
  const { guard, left } = meteredGuard(small, { prices, estimate: () => ({ input: 10, output: 10 }) })
  let count = 0
  await assert.rejects(
    async () => {
      for await (const _ of await guard.protect(() => stream(words(5_000)), chat)(streamed, ada)) count++
    },
    { code: 'limit_exceeded' },
  )
  // Five a token at worst is what it reserved; three is what it cost.
  assert.ok(count >= 590 && count <= 1_000, `${count}`)
  assert.equal(left(small), 3_000 - 10 - 3 * count)
})

test('a streamed answer costs what the vendor reports', async () => {
  const { guard, left } = meteredGuard(budget, { prices })
  const parts = [...words(3), chunk({}, { prompt_tokens: 30, completion_tokens: 70 })]
  await read(guard.protect(() => stream(parts), chat)(streamed, ada))
  assert.equal(left(budget), 1_000_000 - 30 - 210)
})

test('money without prices is a mistake, and so are prices that are none', () => {
  const limits = { ...budget, per: () => 'k' }
  assert.throws(() => rateLimit({ limits }), { name: 'TypeError', message: /prices/ })
  assert.throws(() => rateLimit({ limits, prices: { m: { input: -1, output: 1 } } }), { name: 'TypeError', message: /^rateLimit: prices/ })
  // @ts-expect-error: there is no identity yet
  assert.throws(() => guard().use(rateLimit({ limits: { ...budget, per: (call) => call.identity.key }, prices })), TypeError)
})
