import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Amounts } from '../../src/limits/limit-store.ts'
import { memoryLimits } from '../../src/limits/memory-limits.ts'
import { granted, keyed, refused, remaining } from './answers.ts'

const year = 365 * 86_400

test('a key gets exactly its amount at once, and then as it leaks away', () => {
  const store = memoryLimits()
  const limit = keyed({ name: 'minute', requests: 7, window: 60 })
  for (let call = 0; call < 7; call++) granted(store.reserve([limit], { requests: 1 }, 0))
  const { violated, retryAfter } = refused(store.reserve([limit], { requests: 1 }, 0))
  assert.equal(violated.length, 1)
  assert.ok(Math.abs(retryAfter - 60 / 7) < 1e-9)
  refused(store.reserve([limit], { requests: 1 }, retryAfter * 1000 - 1))
  granted(store.reserve([limit], { requests: 1 }, retryAfter * 1000))
  refused(store.reserve([limit], { requests: 1 }, retryAfter * 1000))
  // Untouched for a window, it is as new.
  assert.equal(remaining(store, limit, 1_000_000), 7)
})

test('burst is what may be had at once', () => {
  const store = memoryLimits()
  const limit = keyed({ name: 'minute', requests: 60, window: 60, burst: 2 })
  granted(store.reserve([limit], { requests: 1 }, 0))
  granted(store.reserve([limit], { requests: 1 }, 0))
  assert.equal(refused(store.reserve([limit], { requests: 1 }, 0)).retryAfter, 1)
  granted(store.reserve([limit], { requests: 1 }, 1_000))
})

test('a window of a year is exact', () => {
  const store = memoryLimits()
  const limit = keyed({ name: 'year', requests: 3, window: year })
  const start = Date.UTC(2026, 0, 1)
  for (let call = 0; call < 3; call++) granted(store.reserve([limit], { requests: 1 }, start))
  for (let call = 0; call < 47; call++) refused(store.reserve([limit], { requests: 1 }, start + call))
  refused(store.reserve([limit], { requests: 1 }, start + (year / 3) * 1000 - 1))
  granted(store.reserve([limit], { requests: 1 }, start + (year / 3) * 1000))
})

test('single tokens of a huge amount are counted to the last one', () => {
  const store = memoryLimits()
  const limit = keyed({ name: 'second', tokens: 10_000_000_000, window: 1 })
  granted(store.reserve([limit], { tokens: 10_000_000_000 - 3 }, 1.8e12))
  for (let call = 0; call < 3; call++) granted(store.reserve([limit], { tokens: 1 }, 1.8e12))
  refused(store.reserve([limit], { tokens: 1 }, 1.8e12))
})

test('more than a limit ever grants is refused for ever, and says so', () => {
  const limit = keyed({ name: 'minute', tokens: 100, window: 60 })
  assert.equal(refused(memoryLimits().reserve([limit], { tokens: 101 }, 0)).retryAfter, Number.POSITIVE_INFINITY)
})

test('several limits are reserved together or not at all, and every one in the way is named', () => {
  const store = memoryLimits()
  const limits = [
    keyed({ name: 'wide', requests: 100, window: 60 }),
    keyed({ name: 'requests', requests: 1, window: 10 }),
    keyed({ name: 'tokens', tokens: 10, window: 60 }),
  ]
  granted(store.reserve(limits, { requests: 1, tokens: 10 }, 0))
  const refusal = refused(store.reserve(limits, { requests: 1, tokens: 10 }, 0))
  assert.deepEqual(
    refusal.violated.map(({ name, remaining: left, retryAfter }) => [name, left, retryAfter]),
    [
      ['requests', 0, 10],
      ['tokens', 0, 60],
    ],
  )
  assert.equal(refusal.retryAfter, 60)
  assert.equal(limits[0] && remaining(store, limits[0], 0), 99)
})

test('limits of other names, units and keys share nothing', () => {
  const store = memoryLimits()
  const all = [
    keyed({ name: 'a', requests: 1, window: 60 }, 'bc'),
    keyed({ name: 'ab', requests: 1, window: 60 }, 'c'),
    keyed({ name: 'a', tokens: 1, window: 60 }, 'bc'),
    keyed({ name: 'a', requests: 1, window: 60 }, '__proto__'),
  ]
  for (const limit of all) granted(store.reserve([limit], { requests: 1, tokens: 1 }, 0))
  for (const limit of all) refused(store.reserve([limit], { requests: 1, tokens: 1 }, 0))
})

test('what is settled lower comes back, and what is settled higher is owed', () => {
  const store = memoryLimits()
  const limit = keyed({ name: 'minute', tokens: 100, window: 100 })
  const low = granted(store.reserve([limit], { tokens: 80 }, 0))
  low.settle({ tokens: 30 }, 0)
  assert.equal(remaining(store, limit, 0), 70)
  granted(store.reserve([limit], { tokens: 70 }, 0)).settle({ tokens: 170 }, 0)
  assert.equal(remaining(store, limit, 0), 0)
  // It owes a whole amount: nothing for a window, and then as it leaks away.
  refused(store.reserve([limit], { tokens: 1 }, 100_000))
  granted(store.reserve([limit], { tokens: 1 }, 101_000))
})

test('only the first settlement counts', () => {
  const store = memoryLimits()
  const limit = keyed({ name: 'minute', tokens: 100, window: 100 })
  const reservation = granted(store.reserve([limit], { tokens: 100 }, 0))
  reservation.settle({ tokens: 60 }, 0)
  reservation.settle({ tokens: 0 }, 0)
  reservation.release(0)
  assert.equal(remaining(store, limit, 0), 40)
  assert.throws(() => reservation.extend({ tokens: 1 }, 0), TypeError)
})

test('what was spent is never lowered by an amount that is none', () => {
  const store = memoryLimits()
  const limit = keyed({ name: 'minute', tokens: 100, window: 100 })
  for (const tokens of [-1_000, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, '0', null, undefined])
    granted(store.reserve([limit], { tokens: 10 }, 0)).settle({ tokens } as Amounts, 0)
  assert.equal(remaining(store, limit, 0), 30)
})

test('amounts that are none reserve nothing', () => {
  const store = memoryLimits()
  const limit = keyed({ name: 'minute', tokens: 100, window: 100 })
  for (const tokens of [-1, Number.NaN, Number.POSITIVE_INFINITY, '1', undefined])
    assert.throws(() => store.reserve([limit], { tokens } as Amounts, 0), TypeError)
  const reservation = granted(store.reserve([limit], { tokens: 1 }, 0))
  for (const tokens of [-1, Number.NaN, Number.POSITIVE_INFINITY]) assert.throws(() => reservation.extend({ tokens }, 0), TypeError)
  assert.throws(() => store.reserve([limit], { tokens: 1 }, Number.NaN), TypeError)
  assert.throws(() => store.reserve([limit], { tokens: 1 }, undefined as never), TypeError)
  assert.throws(() => store.reserve([limit, limit], { tokens: 1 }, 0), TypeError)
  assert.equal(remaining(store, limit, 0), 99)
})

test('a reservation is extended under the same limits, or nothing changes', () => {
  const store = memoryLimits()
  const limits = [keyed({ name: 'tokens', tokens: 100, window: 100 }), keyed({ name: 'calls', requests: 1, window: 100 })]
  const reservation = granted(store.reserve(limits, { tokens: 50, requests: 1 }, 0))
  granted(reservation.extend({ tokens: 40 }, 0))
  const refusal = refused(reservation.extend({ tokens: 20 }, 0))
  assert.deepEqual(
    refusal.violated.map(({ name, remaining: left }) => [name, left]),
    [['tokens', 10]],
  )
  assert.equal(refusal.retryAfter, 10)
  reservation.settle({ tokens: 60, requests: 1 }, 0)
  assert.equal(limits[0] && remaining(store, limits[0], 0), 40)
})

test('nobody gets back what time has given back already', () => {
  const store = memoryLimits()
  const limit = keyed({ name: 'minute', tokens: 100, window: 100 })
  const early = granted(store.reserve([limit], { tokens: 100 }, 0))
  // By now all of it has leaked away, and another call has taken its place.
  granted(store.reserve([limit], { tokens: 100 }, 100_000))
  early.release(100_000)
  refused(store.reserve([limit], { tokens: 1 }, 100_000))
})

test('hoarding reservations does not raise what can be had at once', () => {
  const store = memoryLimits()
  const limit = keyed({ name: 'minute', tokens: 100, window: 100 })
  // Each small one stands behind a large one that is given back: in a queue all of them would seem to be last.
  const hoard = Array.from({ length: 10 }, (_, index) => {
    const pad = granted(store.reserve([limit], { tokens: 90 - index * 10 }, 0))
    const small = granted(store.reserve([limit], { tokens: 10 }, 0))
    pad.release(0)
    return small
  })
  const now = 95_000
  let had = 0
  const take = (): void => {
    while (store.reserve([limit], { tokens: 1 }, now).allowed) had++
  }
  take()
  for (const small of hoard) {
    small.release(now)
    take()
  }
  // A place in a queue would have given back ten times five more.
  assert.ok(had <= 100 && had >= 99, `${had}`)
})

test('calls that run side by side get all of it back that they did not need', () => {
  const store = memoryLimits()
  const limit = keyed({ name: 'minute', tokens: 10_000, window: 60 })
  const calls = Array.from({ length: 10 }, () => granted(store.reserve([limit], { tokens: 1_000 }, 0)))
  for (const call of calls) call.settle({ tokens: 100 }, 3_000)
  // 1,000 were spent, of which 500 have leaked away.
  assert.equal(remaining(store, limit, 3_000), 9_500)
})

test('a clock that steps back neither refills nor stops refilling', () => {
  const store = memoryLimits()
  const limit = keyed({ name: 'minute', requests: 2, window: 60 })
  const now = Date.UTC(2026, 5, 1)
  granted(store.reserve([limit], { requests: 1 }, now))
  granted(store.reserve([limit], { requests: 1 }, now))
  const before = now - 86_400_000
  refused(store.reserve([limit], { requests: 1 }, before))
  refused(store.reserve([limit], { requests: 1 }, before + 29_999))
  granted(store.reserve([limit], { requests: 1 }, before + 30_000))
})

test('a bound that is none is refused', () => {
  assert.throws(() => memoryLimits({ maxKey: 5 } as never), TypeError)
  for (const maxKeys of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '5', 1e9])
    assert.throws(() => memoryLimits({ maxKeys: maxKeys as number }), { name: 'TypeError', message: /maxKeys/ })
  for (const whenFull of ['evict', true, null]) assert.throws(() => memoryLimits({ whenFull: whenFull as never }), { message: /whenFull/ })
  assert.deepEqual(memoryLimits({ maxKeys: 5 }).describe(), { kind: 'memory', maxKeys: 5, whenFull: 'refuse' })
})
