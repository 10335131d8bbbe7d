import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planLimit, scaledLimit } from '../../src/limits/limit.ts'

test('a limit is copied and frozen, and its burst is the whole amount unless given', () => {
  const given = { name: 'minute', requests: 60, window: 60 }
  const planned = planLimit(given)
  given.requests = 1_000_000
  assert.deepEqual(planned, { name: 'minute', unit: 'requests', quantity: 60, window: 60, burst: 60 })
  assert.ok(Object.isFrozen(planned))
  assert.equal(planLimit({ name: 'minute', tokens: 60, window: 0.5, burst: 10 }).burst, 10)
  assert.deepEqual(planLimit({ name: 'parallel', concurrent: 3 }), {
    name: 'parallel',
    unit: 'concurrent',
    quantity: 3,
    window: undefined,
    burst: 3,
    lease: 30,
  })
  assert.deepEqual(planLimit({ name: 'budget', cost: 9, window: 'month', zone: 'Europe/Warsaw', shared: true }), {
    name: 'budget',
    unit: 'cost',
    quantity: 9,
    shared: true,
    window: 'month',
    burst: 9,
    zone: 'Europe/Warsaw',
    lease: 300,
  })
  assert.equal(planLimit({ name: 'budget', tokens: 9, window: 'day' }).zone, 'UTC')
  for (const unit of ['prompts', 'choices', 'logprobs'] as const) assert.equal(planLimit({ name: 'a', [unit]: 5, window: 1 }).unit, unit)
})

const wrong: readonly (readonly [why: string, limit: object])[] = [
  ['nothing is limited', { name: 'a', window: 1 }],
  ['two things are limited', { name: 'a', requests: 1, tokens: 1, window: 1 }],
  ['an amount is zero', { name: 'a', requests: 0, window: 1 }],
  ['an amount is negative', { name: 'a', requests: -1, window: 1 }],
  ['an amount is not whole', { name: 'a', requests: 1.5, window: 1 }],
  ['an amount is NaN', { name: 'a', tokens: Number.NaN, window: 1 }],
  ['an amount is infinite', { name: 'a', tokens: Number.POSITIVE_INFINITY, window: 1 }],
  ['an amount is a text', { name: 'a', tokens: '5', window: 1 }],
  ['there is no window', { name: 'a', requests: 1 }],
  ['the window is zero', { name: 'a', requests: 1, window: 0 }],
  ['the window is negative', { name: 'a', requests: 1, window: -1 }],
  ['the window is NaN', { name: 'a', requests: 1, window: Number.NaN }],
  ['the window is infinite', { name: 'a', requests: 1, window: Number.POSITIVE_INFINITY }],
  ['the burst is zero', { name: 'a', requests: 1, window: 1, burst: 0 }],
  ['the burst is infinite', { name: 'a', requests: 1, window: 1, burst: Number.POSITIVE_INFINITY }],
  ['a window stands beside concurrent', { name: 'a', concurrent: 1, window: 1 }],
  ['a burst stands beside concurrent', { name: 'a', concurrent: 1, burst: 1 }],
  ['the window is a word that is none', { name: 'a', requests: 1, window: 'year' }],
  ['the zone is none', { name: 'a', requests: 1, window: 'day', zone: 'Middle/Earth' }],
  ['the zone is no text', { name: 'a', requests: 1, window: 'day', zone: 5 }],
  ['a zone stands beside seconds', { name: 'a', requests: 1, window: 60, zone: 'UTC' }],
  ['a burst stands beside a day', { name: 'a', requests: 5, window: 'day', burst: 1 }],
  ['prompts stand beside a day', { name: 'a', prompts: 5, window: 'day' }],
  ['a lease stands beside a window of seconds', { name: 'a', requests: 1, window: 1, lease: 5 }],
  ['the lease of a day is zero', { name: 'a', requests: 1, window: 'day', lease: 0 }],
  ['the lease is zero', { name: 'a', concurrent: 1, lease: 0 }],
  ['the lease is infinite', { name: 'a', concurrent: 1, lease: Number.POSITIVE_INFINITY }],
  ['a zone stands beside concurrent', { name: 'a', concurrent: 1, zone: 'UTC' }],
  ['shared is no boolean', { name: 'a', requests: 1, window: 1, shared: 'yes' }],
  ['the cost is a fraction', { name: 'a', cost: 0.5, window: 1 }],
  ['the name is empty', { name: '', requests: 1, window: 1 }],
  ['the name breaks a header field', { name: 'a"', requests: 1, window: 1 }],
  ['the name has a line break', { name: 'a\n', requests: 1, window: 1 }],
  ['the name is no ASCII', { name: 'ä', requests: 1, window: 1 }],
  ['the name is too long', { name: 'a'.repeat(65), requests: 1, window: 1 }],
]

for (const [why, limit] of wrong)
  test(`a limit is refused when ${why}`, () => {
    assert.throws(() => planLimit(limit as never, 'limits[0]'), { name: 'TypeError', message: /^limits\[0\]/ })
  })

test('a part of a limit is at least one', () => {
  const limit = planLimit({ name: 'a', requests: 10, window: 60, burst: 3 })
  assert.deepEqual(scaledLimit(limit, 0.5), { ...limit, quantity: 5, burst: 1 })
  assert.deepEqual(scaledLimit(limit, 0.001), { ...limit, quantity: 1, burst: 1 })
})
