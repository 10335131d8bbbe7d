import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KeyedLimit } from '../../src/limits/limit-store.ts'
import { planLimit } from '../../src/limits/limit.ts'
import { memoryLimits } from '../../src/limits/memory-limits.ts'
import { granted, refused } from './answers.ts'

test('a flood of keys is bounded, and wins nobody a fresh start', () => {
  const store = memoryLimits({ maxKeys: 1_000 })
  const limit = planLimit({ name: 'hour', requests: 1, window: 3_600 })
  const spent: KeyedLimit = { limit, key: 'spent' }
  granted(store.reserve([spent], { requests: 1 }, 0))
  let admitted = 0
  for (let index = 0; index < 20_000; index++) {
    try {
      if (store.reserve([{ limit, key: `stranger ${index}` }], { requests: 1 }, index / 20).allowed) admitted++
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'limits_unavailable')
    }
  }
  assert.equal(store.size, 1_000)
  assert.equal(admitted, 999)
  refused(store.reserve([spent], { requests: 1 }, 1_001))
})

test('keys that have nothing spent any more make room for new ones', () => {
  const store = memoryLimits({ maxKeys: 100 })
  const limit = planLimit({ name: 'second', requests: 1, window: 1 })
  for (let index = 0; index < 200_000; index++) granted(store.reserve([{ limit, key: `caller ${index}` }], { requests: 1 }, index * 20))
  assert.ok(store.size <= 100)
})

test('what a call owes is kept even when its key was forgotten and the store is full', () => {
  const store = memoryLimits({ maxKeys: 2 })
  const limit = planLimit({ name: 'minute', tokens: 60, window: 60 })
  const late = granted(store.reserve([{ limit, key: 'late' }], { tokens: 1 }, 0))
  for (const key of ['a', 'b']) granted(store.reserve([{ limit, key }], { tokens: 60 }, 10_000))
  assert.throws(() => store.reserve([{ limit, key: 'c' }], { tokens: 60 }, 10_000), { code: 'limits_unavailable' })
  late.settle({ tokens: 61 }, 10_000)
  refused(store.reserve([{ limit, key: 'late' }], { tokens: 1 }, 10_000))
})

test('where it was chosen, keys without a cell of their own share sixteen of each limit, and those with one keep it', () => {
  const store = memoryLimits({ maxKeys: 100, whenFull: 'share' })
  const limit = planLimit({ name: 'hour', requests: 3, window: 3_600 })
  const ask = (key: string): boolean => store.reserve([{ limit, key }], { requests: 1 }, 0).allowed
  for (let index = 0; index < 100; index++) assert.ok(ask(`early ${index}`))
  let admitted = 0
  for (let index = 0; index < 10_000; index++) if (ask(`stranger ${index}`)) admitted++
  assert.equal(admitted, 16 * 3)
  assert.equal(store.size, 116)
  assert.ok(ask('early 7') && ask('early 7') && !ask('early 7'))
  // With time there is room again.
  assert.equal(store.reserve([{ limit, key: 'late' }], { requests: 3 }, 4_000_000).allowed, true)
})

test('a reservation in a shared cell gives back what it does not need, like any other', () => {
  const store = memoryLimits({ maxKeys: 1, whenFull: 'share' })
  const limit = planLimit({ name: 'hour', tokens: 10, window: 3_600 })
  granted(store.reserve([{ limit, key: 'first' }], { tokens: 10 }, 0))
  granted(store.reserve([{ limit, key: 'second' }], { tokens: 10 }, 0)).settle({ tokens: 4 }, 0)
  refused(store.reserve([{ limit, key: 'second' }], { tokens: 7 }, 0))
  granted(store.reserve([{ limit, key: 'second' }], { tokens: 6 }, 0))
})

test('a million identities that come once are bounded, and whoever is being limited stays so', () => {
  const store = memoryLimits({ maxKeys: 10_000, whenFull: 'share' })
  const limit = planLimit({ name: 'minute', requests: 2, window: 60 })
  const limited: KeyedLimit = { limit, key: 'limited' }
  granted(store.reserve([limited], { requests: 2 }, 0))
  for (let index = 0; index < 1_000_000; index++) {
    store.reserve([{ limit, key: `once ${index}` }], { requests: 1 }, index / 100)
    if (index % 50_000 === 0) refused(store.reserve([limited], { requests: 1 }, index / 100))
  }
  assert.ok(store.size <= 10_016)
  granted(store.reserve([limited], { requests: 1 }, 30_000))
})

test('a store that is never asked takes no room, and one that is takes what was said', () => {
  const before = process.memoryUsage().arrayBuffers
  const stores = Array.from({ length: 100 }, () => memoryLimits({ maxKeys: 1_000_000 }))
  assert.ok(process.memoryUsage().arrayBuffers - before < 1_000_000)
  const limit = planLimit({ name: 'minute', requests: 2, window: 60 })
  for (const store of stores.slice(0, 1)) granted(store.reserve([{ limit, key: 'k' }], { requests: 1 }, 0))
  const taken = process.memoryUsage().arrayBuffers - before
  assert.ok(taken > 27_000_000 && taken < 30_000_000, `${taken}`)
})
