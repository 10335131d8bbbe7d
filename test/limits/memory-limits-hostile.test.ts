import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Amounts } from '../../src/limits/limit-store.ts'
import { memoryLimits } from '../../src/limits/memory-limits.ts'
import { granted, keyed, refused, remaining } from './answers.ts'

const limits = [
  keyed({ name: 'tokens', tokens: 1_000, window: 60 }),
  keyed({ name: 'year', tokens: 1_000, window: 365 * 86_400 }),
  keyed({ name: 'day', tokens: 1_000, window: 'day' }),
]
const huge = [1_001, 1e15, Number.MAX_SAFE_INTEGER, 1e300, Number.MAX_VALUE]

for (const amount of huge)
  test(`to ask for ${amount} is refused for ever, and changes nothing`, () => {
    const store = memoryLimits()
    for (const limit of limits) {
      assert.equal(refused(store.reserve([limit], { tokens: amount }, 0)).retryAfter, Number.POSITIVE_INFINITY)
      assert.equal(remaining(store, limit, 0), 1_000)
      const call = granted(store.reserve([limit], { tokens: 1 }, 0))
      refused(call.extend({ tokens: amount }, 0))
      call.release(0)
      assert.equal(remaining(store, limit, 0), 1_000)
    }
  })

for (const amount of huge)
  test(`who owes ${amount} waits, but not for ever, and poisons no count`, () => {
    for (const limit of limits) {
      const store = memoryLimits()
      for (let call = 0; call < 3; call++) granted(store.reserve([limit], { tokens: 0 }, 0)).settle({ tokens: amount }, 0)
      const { violated } = refused(store.reserve([limit], { tokens: 1 }, 1))
      assert.equal(violated[0]?.remaining, 0)
      assert.ok(Number.isFinite(violated[0]?.retryAfter))
      assert.equal(remaining(store, limit, 1_002 * 365 * 86_400_000), 1_000)
    }
  })

test('amounts that are none change nothing, wherever they are said', () => {
  const store = memoryLimits()
  const [limit] = limits
  assert.ok(limit !== undefined)
  for (const tokens of [-1, -0.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, '5', 5n, null, true, [], {}]) {
    const amounts = { tokens } as unknown as Amounts
    assert.throws(() => store.reserve([limit], amounts, 0), TypeError)
    const call = granted(store.reserve([limit], { tokens: 10 }, 0))
    assert.throws(() => call.extend(amounts, 0), TypeError)
    call.settle(amounts, 0)
  }
  // As they were reserved.
  assert.equal(remaining(store, limit, 0), 1_000 - 11 * 10)
})

test('a call that is refused for its amounts leaves nothing half done', () => {
  const store = memoryLimits()
  const [first, second] = limits
  assert.ok(first !== undefined && second !== undefined)
  const cost = keyed({ name: 'cost', cost: 5, window: 60 })
  assert.throws(() => store.reserve([first, cost], { tokens: 5 }, 0), TypeError)
  assert.throws(() => store.reserve([first, first], { tokens: 5 }, 0), TypeError)
  assert.throws(() => store.reserve([first, first], { tokens: 5 }, 0), TypeError)
  assert.equal(remaining(store, first, 0), 1_000)
  assert.equal(store.size, 0)
})

test('keys of every sort are keys of their own', () => {
  const store = memoryLimits()
  const keys = ['__proto__', 'constructor', '\0', '\0\0', ' ', '\ud800', '\udc00', 'a'.repeat(511), 'a'.repeat(512), 'ä', 'a\u0308', '0', '1e0']
  for (const key of keys) granted(store.reserve([keyed({ name: 'one', requests: 1, window: 60 }, key)], { requests: 1 }, 0))
  for (const key of keys) refused(store.reserve([keyed({ name: 'one', requests: 1, window: 60 }, key)], { requests: 1 }, 0))
})

test('a clock that steps, stands still or is none lets nobody have more', () => {
  const store = memoryLimits()
  const limit = keyed({ name: 'two', requests: 2, window: 60 })
  let had = 0
  let now = 1e12
  for (let step = 0; step < 1_000; step++) {
    now += step % 3 === 0 ? -3_600_000 : step % 3 === 1 ? 3_600_000 : 0
    if (store.reserve([limit], { requests: 1 }, now).allowed) had++
  }
  // All the way nothing but the steps forth that go on from where the clock had been before.
  assert.ok(had <= 3, `${had}`)
  for (const time of [Number.NaN, Number.POSITIVE_INFINITY, '5', null])
    assert.throws(() => store.reserve([limit], { requests: 1 }, time as number), TypeError)
})
