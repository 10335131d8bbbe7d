import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { costOf, mostCost, planPrices, type Price, type TokenUsage } from '../../src/limits/prices.ts'

const none: TokenUsage = { input: 0, cachedInput: 0, output: 0, reasoning: 0 }

function price(given: Price): Required<Price> {
  const planned = planPrices({ m: given }, 'prices').get('m')
  assert.ok(planned !== undefined)
  return planned
}

test('each sort of token has its price, and what has none costs as its kind does', () => {
  const full = price({ input: 1_250_000, cachedInput: 125_000, output: 10_000_000, reasoning: 20_000_000 })
  // 1,125 for 900 of input, 12.5 for 100 that were in the cache, 400 for 40 of output, 200 for 10 of reasoning.
  assert.equal(costOf(full, { input: 1_000, cachedInput: 100, output: 50, reasoning: 10 }), 1_738)
  const short = price({ input: 1_000_000, output: 2_000_000 })
  assert.equal(costOf(short, { input: 1_000, cachedInput: 100, output: 50, reasoning: 10 }), 1_000 + 100)
  assert.equal(costOf(short, none), 0)
})

test('a cost is exact, and rounded up to a whole millionth', () => {
  const whole = fc.integer({ min: 0, max: 2_000_000_000 })
  const tokens = fc.integer({ min: 0, max: 1_000_000_000 })
  fc.assert(
    fc.property(whole, whole, whole, whole, tokens, tokens, tokens, tokens, (input, cachedInput, output, reasoning, a, b, c, d) => {
      const usage = { input: a + b, cachedInput: b, output: c + d, reasoning: d }
      const exact = BigInt(a) * BigInt(input) + BigInt(b) * BigInt(cachedInput) + BigInt(c) * BigInt(output) + BigInt(d) * BigInt(reasoning)
      const cost = costOf({ input, cachedInput, output, reasoning }, usage)
      assert.equal(BigInt(cost), (exact + 999_999n) / 1_000_000n)
    }),
  )
})

test('what is reserved is enough, whatever sort of tokens it turns out to be', () => {
  const amount = fc.integer({ min: 0, max: 10_000_000 })
  fc.assert(
    fc.property(
      amount,
      amount,
      amount,
      amount,
      fc.nat(100_000),
      fc.nat(100_000),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (a, b, c, d, input, output, part) => {
        const planned = { input: a, cachedInput: b, output: c, reasoning: d }
        const usage = { input, cachedInput: Math.floor(input * part), output, reasoning: Math.floor(output * part) }
        assert.ok(costOf(planned, usage) <= mostCost(planned, input, output))
      },
    ),
  )
})

test('prices that are none are refused when they are given', () => {
  for (const wrong of [
    null,
    [],
    'cheap',
    { m: 5 },
    { m: { input: 1 } },
    { m: { input: 1, output: -1 } },
    { m: { input: 1.5, output: 1 } },
    { m: { input: Number.NaN, output: 1 } },
    { m: { input: 1, output: Number.POSITIVE_INFINITY } },
    { m: { input: 1, output: 3e9 } },
    { m: { input: 1, output: 1, cached: 1 } },
    { m: { input: '1', output: 1 } },
  ])
    assert.throws(() => planPrices(wrong as never, 'prices'), TypeError)
})

test('prices are copied, and names are names', () => {
  const given = { m: { input: 1, output: 1 } }
  const planned = planPrices(given, 'prices')
  given.m.input = 0
  assert.equal(planned.get('m')?.input, 1)
  for (const name of ['toString', '__proto__', 'constructor', 'M', 'm ']) assert.equal(planned.get(name), undefined)
})
