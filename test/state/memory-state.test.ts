import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { memoryState } from '../../src/state/memory-state.ts'
import { StateError } from '../../src/state/state-store.ts'
import { stateStoreSuite } from './state-store-suite.ts'

stateStoreSuite('in memory', () => {
  let time = 1_700_000_000_000
  const pass = async (milliseconds: number): Promise<void> => void (time += milliseconds)
  return { store: memoryState(), now: () => time, pass }
})

const isFull = (error: unknown): boolean => error instanceof StateError && error.code === 'full'

describe('a state store in memory', () => {
  test('says once that a key is new, until it expires', () => {
    const store = memoryState()
    assert.equal(store.add('a', 100, 0), true)
    assert.equal(store.add('a', 100, 99), false)
    assert.equal(store.add('a', 200, 100), true)
  })

  test('gives values in the order of the keys, and nothing that has expired', () => {
    const store = memoryState()
    assert.deepEqual(store.get(['a'], 0), [])
    store.set('a', '1', 10, 0)
    store.set('b', '2', Number.POSITIVE_INFINITY, 0)
    assert.deepEqual(store.get(['b', 'none', 'a'], 9), ['2', undefined, '1'])
    assert.deepEqual(store.get(['a', 'b'], 10), [undefined, '2'])
    store.set('b', '3', 20, 10)
    assert.deepEqual(store.get(['b'], 20), [undefined])
  })

  test('a full one refuses, and drops nothing that has not expired', () => {
    const store = memoryState({ maxEntries: 3 })
    store.add('a', 100, 0)
    store.set('b', '1', 50, 0)
    store.add('c', Number.POSITIVE_INFINITY, 0)
    assert.throws(() => store.add('d', 100, 0), isFull)
    assert.throws(() => store.set('d', '1', 100, 0), isFull)
    store.set('b', '2', 60, 0)
    assert.equal(store.add('a', 100, 0), false)
    assert.deepEqual(store.get(['b', 'd'], 0), ['2', undefined])
    assert.equal(store.add('d', 100, 60), true, 'what has expired makes room')
    store.delete('c')
    store.delete('never')
    assert.equal(store.add('e', 100, 60), true)
  })

  test('tells of every set until nobody listens', () => {
    const store = memoryState()
    const told: string[] = []
    const stop = store.subscribe((key) => void told.push(key))
    store.subscribe((key) => void told.push(key.toUpperCase()))
    store.set('a', '1', 100, 0)
    stop()
    store.set('b', '1', 100, 0)
    store.add('c', 100, 0)
    assert.deepEqual(told, ['a', 'A', 'B'])
  })

  test('takes no time that is none, and no bound that is none', () => {
    assert.throws(() => memoryState().add('a', Number.NaN, 0), TypeError)
    assert.throws(() => memoryState({ maxEntry: 1 } as never), TypeError)
    for (const maxEntries of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) assert.throws(() => memoryState({ maxEntries }), TypeError)
  })

  test('says what it is', () => {
    assert.deepEqual(memoryState().describe(), { kind: 'memory', maxEntries: 100_000 })
  })

  test('does as a list that is searched would do, whatever the order of times', async () => {
    const step = fc.record({
      kind: fc.constantFrom('add', 'set', 'delete', 'get'),
      key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'),
      life: fc.integer({ min: 0, max: 20 }),
      later: fc.integer({ min: 0, max: 4 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 100 }), fc.integer({ min: 1, max: 6 }), async (steps, maxEntries) => {
        const store = memoryState({ maxEntries })
        let model: { key: string; value: string; expiresAt: number }[] = []
        let now = 0
        for (const [index, { kind, key, life, later }] of steps.entries()) {
          now += later
          model = model.filter(({ expiresAt }) => expiresAt > now)
          const known = model.find((entry) => entry.key === key)
          const expiresAt = now + life
          const value = kind === 'add' ? '' : String(index)
          if (kind === 'get') assert.equal((await store.get([key], now))[0], known?.value)
          else if (kind === 'delete') {
            store.delete(key)
            model = model.filter((entry) => entry !== known)
          } else if (known === undefined && model.length >= maxEntries) assert.throws(() => store.set(key, value, expiresAt, now), isFull)
          else if (kind === 'add') {
            assert.equal(store.add(key, expiresAt, now), known === undefined)
            if (known === undefined) model.push({ key, value, expiresAt })
          } else {
            store.set(key, value, expiresAt, now)
            model = [...model.filter((entry) => entry !== known), { key, value, expiresAt }]
          }
        }
      }),
    )
  })
})
