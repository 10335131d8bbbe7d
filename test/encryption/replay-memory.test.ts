import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { memoryReplay, type ReplayMemory } from '../../src/encryption/replay-memory.ts'
import { memoryState } from '../../src/state/memory-state.ts'

test('gives a key once until it expires', () => {
  const memory = memoryReplay()
  assert.equal(memory.add('a', 1000, 0), true)
  assert.equal(memory.add('a', 1000, 999), false)
  assert.equal(memory.add('b', 1999, 999), true)
  assert.equal(memory.add('a', 2000, 1000), true)
})

test('is full rather than forgetful, and takes new keys when old ones have expired', () => {
  const memory = memoryReplay({ maxEntries: 2 })
  memory.add('a', 1000, 0)
  memory.add('b', 2000, 0)
  assert.throws(() => memory.add('c', 3000, 0), { code: 'limits_unavailable' })
  assert.equal(memory.add('a', 1000, 0), false)
  assert.equal(memory.add('c', 3000, 1000), true)
  assert.throws(() => memory.add('d', 3000, 1500), { code: 'limits_unavailable' })
})

test('refuses what it may have forgotten when the clock is set back', () => {
  const memory = memoryReplay()
  memory.add('a', 1000, 0)
  memory.add('b', 5000, 1000)
  assert.equal(memory.add('a', 1000, 500), false)
  assert.equal(memory.add('c', 1001, 500), true)
})

test('a key is never given twice while it is fresh, whatever the order and the clock', () => {
  const claim = fc.record({ key: fc.constantFrom('a', 'b', 'c'), life: fc.integer({ min: 1, max: 60 }), now: fc.integer({ min: 0, max: 200 }) })
  fc.assert(
    fc.property(fc.array(claim, { maxLength: 60 }), (claims) => {
      const memory = memoryReplay({ maxEntries: 100 })
      const given = new Map<string, number>()
      for (const { key, life, now } of claims) {
        // One key, one expiry, as a signed time gives it.
        const name = `${key}${now - (now % 20) + life}`
        const expiresAt = now - (now % 20) + life
        if (expiresAt <= now) continue
        if (memory.add(name, expiresAt, now) !== true) continue
        assert.ok(!given.has(name))
        given.set(name, expiresAt)
      }
    }),
  )
})

test('a state store serves as one', () => {
  const memory: ReplayMemory = memoryState()
  assert.deepEqual([memory.add('a', 1000, 0), memory.add('a', 1000, 1)], [true, false])
})

test('a bound that is none is a TypeError', () => {
  for (const maxEntries of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) assert.throws(() => memoryReplay({ maxEntries }), TypeError)
})
