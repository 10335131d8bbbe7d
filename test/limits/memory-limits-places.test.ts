import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memoryLimits } from '../../src/limits/memory-limits.ts'
import { granted, keyed, refused, remaining } from './answers.ts'

const two = keyed({ name: 'places', concurrent: 2, lease: 30 })
const one = { concurrent: 1 }

test('places come back whatever was spent', () => {
  const store = memoryLimits()
  const first = granted(store.reserve([two], one, 0))
  const second = granted(store.reserve([two], one, 0))
  const refusal = refused(store.reserve([two], one, 29_999))
  assert.deepEqual(refusal.violated, [{ name: 'places', unit: 'concurrent', limit: 2, remaining: 0, reset: 0, window: undefined, retryAfter: 1 }])
  first.settle({ requests: 1, concurrent: 1 }, 29_999)
  second.release(29_999)
  first.release(29_999)
  assert.equal(remaining(store, two, 29_999), 2)
})

test('a place whose holder is gone comes back within one lease, and not sooner', () => {
  const store = memoryLimits()
  granted(store.reserve([two], one, 0))
  granted(store.reserve([two], one, 10_000))
  refused(store.reserve([two], one, 29_999))
  granted(store.reserve([two], one, 30_000))
  refused(store.reserve([two], one, 39_999))
  granted(store.reserve([two], one, 40_000))
})

test('a holder that goes on keeps its place for as long as it says so', () => {
  const store = memoryLimits()
  const holder = granted(store.reserve([two], one, 0))
  granted(store.reserve([two], one, 0)).release(0)
  for (let now = 20_000; now <= 400_000; now += 20_000) granted(holder.extend({}, now))
  granted(store.reserve([two], one, 401_000))
  refused(store.reserve([two], one, 402_000))
  holder.settle({}, 402_000)
  assert.equal(remaining(store, two, 402_000), 1)
})

test('a lease that ran out is taken again where there is a place, and is in the way where there is none', () => {
  const store = memoryLimits()
  const late = granted(store.reserve([two], one, 0))
  granted(late.extend({}, 50_000))
  assert.equal(remaining(store, two, 50_000), 1)
  granted(store.reserve([two], one, 100_000))
  granted(store.reserve([two], one, 100_000))
  assert.deepEqual(
    refused(late.extend({}, 100_001)).violated.map(({ name }) => name),
    ['places'],
  )
  // Who lost its place gives none back.
  late.settle({}, 100_002)
  refused(store.reserve([two], one, 100_003))
})

test('leases of other lengths run out each in its time', () => {
  const store = memoryLimits()
  const long = keyed({ name: 'long', concurrent: 1, lease: 100 })
  granted(store.reserve([two, long], { concurrent: 1 }, 0))
  refused(store.reserve([long], one, 50_000))
  assert.equal(remaining(store, two, 50_000), 2)
  granted(store.reserve([long], one, 100_000))
})

test('ten thousand holders that vanish leave nothing behind', () => {
  const store = memoryLimits({ maxKeys: 50 })
  const many = keyed({ name: 'many', concurrent: 10_000, lease: 5 })
  for (let call = 0; call < 10_000; call++) granted(store.reserve([many], one, call / 10))
  refused(store.reserve([many], one, 1_000))
  assert.equal(remaining(store, many, 6_000), 10_000)
  for (let call = 0; call < 10_000; call++) granted(store.reserve([many], one, 6_000)).settle({}, 6_000)
  assert.equal(remaining(store, many, 6_000), 10_000)
})
