import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { memoryState } from '../../src/state/memory-state.ts'
import { StateError, type StateStore } from '../../src/state/state-store.ts'
import { type SwitchTarget, switches } from '../../src/state/switches.ts'
import { testClock } from '../../src/testing/test-clock.ts'

const targets: readonly SwitchTarget[] = [{ guard: 'x' }, { model: 'x' }, { tool: 'x' }, { tenant: 'x' }]

describe('switches', () => {
  test('are on until they are switched off, each kind of its own', async () => {
    for (const target of targets) {
      const own = switches()
      assert.equal(own.isOff(targets), false)
      await own.off(target)
      assert.equal(own.isOff(target), true)
      assert.equal(own.isOff(targets), true)
      assert.deepEqual(own.offAmong(targets), [target])
      assert.equal(own.isOff(targets.filter((one) => one !== target)), false)
      await own.on(target)
      await own.on(target)
      assert.equal(own.isOff(targets), false)
    }
  })

  test('know names exactly', async () => {
    const own = switches()
    await own.off({ model: 'gpt-*' })
    await own.off({ model: 'gpt-5' })
    assert.deepEqual(
      ['gpt-5', 'GPT-5', 'gpt-5 ', 'gpt-5-mini', 'gpt-*', 'gpt-4'].map((model) => own.isOff({ model })),
      [true, false, false, false, true, false],
    )
    assert.equal(own.isOff({ tool: 'model:gpt-5' }), false)
    assert.equal(own.isOff([]), false)
  })

  test('are on again when their time has come', async () => {
    const clock = testClock()
    const own = switches({ clock })
    await own.off({ tool: 'x' }, { until: clock.now() + 1_000 })
    clock.advance(999)
    assert.equal(own.isOff({ tool: 'x' }), true)
    clock.advance(1)
    assert.equal(own.isOff({ tool: 'x' }), false)
  })

  test('are never switched on sooner by a later word than `on`', async () => {
    const clock = testClock()
    for (const first of [{}, { until: clock.now() + 10_000 }]) {
      const own = switches({ clock })
      await Promise.all([own.off({ tool: 'x' }, first), own.off({ tool: 'x' }, { until: clock.now() + 1 })])
      clock.advance(9_000)
      assert.equal(own.isOff({ tool: 'x' }), true)
      clock.set(clock.now() - 9_000)
      await own.on({ tool: 'x' })
      assert.equal(own.isOff({ tool: 'x' }), false)
    }
  })

  test('are told to everybody who listens, also on another list of the same store', async () => {
    const store = memoryState()
    const [one, two] = [switches({ store }), switches({ store })]
    let told = 0
    const stop = two.subscribe(() => void told++)
    await one.off({ tenant: 'acme' })
    assert.equal(told, 1)
    assert.equal(two.isOff({ tenant: 'acme' }), true)
    stop()
    await one.off({ tenant: 'umbrella' })
    assert.equal(told, 1)
  })

  test('of many targets are asked for once', async () => {
    let asked = 0
    const near = memoryState()
    const store: StateStore = {
      ...methodsOf(near),
      async get(...given) {
        asked++
        return near.get(...given)
      },
    }
    const own = switches({ store })
    await own.off({ tool: 'b' })
    asked = 0
    assert.deepEqual(await own.offAmong(['a', 'b', 'c'].map((tool) => ({ tool }))), [{ tool: 'b' }])
    assert.equal(await own.isOff([{ tool: 'a' }, { tool: 'b' }]), true)
    assert.equal(await own.isOff({ tool: 'a' }), false)
    assert.equal(asked, 3)
  })

  test('that a store does not take are not pretended to be off', async () => {
    const own = switches({ store: memoryState({ maxEntries: 1 }) })
    await own.off({ tool: 'a' })
    await assert.rejects(own.off({ tool: 'b' }), StateError)
  })

  test('whose entry makes no sense are off, and stay so', async () => {
    const store = memoryState()
    for (const value of ['', 'nonsense', 'NaN']) {
      store.set('off:tool:x', value, Number.POSITIVE_INFINITY, 0)
      const own = switches({ store })
      assert.equal(own.isOff({ tool: 'x' }), true)
      await own.off({ tool: 'x' }, { until: Date.now() + 1_000 })
      assert.equal((await store.get(['off:tool:x'], Date.now() + 2_000))[0], 'Infinity')
    }
  })

  test('of a store that answers nonsense are not on', async () => {
    for (const answer of [undefined, null, {}, 'ab', 7, [undefined], [undefined, undefined, undefined]]) {
      const asked = [{ tool: 'a' }, { tool: 'b' }]
      assert.throws(() => switches({ store: { ...methodsOf(memoryState()), get: () => answer as never } }).isOff(asked), JSON.stringify(answer))
      await assert.rejects(async () => switches({ store: { ...methodsOf(memoryState()), get: async () => answer as never } }).isOff(asked))
    }
    assert.equal(switches({ store: { ...methodsOf(memoryState()), get: () => [null as never] } }).isOff({ tool: 'a' }), true)
  })

  test('describe themselves', () => {
    assert.deepEqual(switches({ store: memoryState({ maxEntries: 5 }) }).describe(), { kind: 'switches', store: { kind: 'memory', maxEntries: 5 } })
  })

  test('that name nothing, several things or nonsense are a mistake', async () => {
    const own = switches()
    const wrong: unknown[] = [
      undefined,
      null,
      'x',
      {},
      { guard: '' },
      { model: 7 },
      { tool: 'a', model: 'b' },
      { tool: 'a', until: 1 },
      { tools: 'a' },
      [],
    ]
    for (const target of wrong) {
      await assert.rejects(own.off(target as SwitchTarget), TypeError, JSON.stringify(target))
      await assert.rejects(own.on(target as SwitchTarget), TypeError)
      assert.throws(() => own.isOff([target as SwitchTarget]), TypeError)
    }
    const past = [Date.now() - 1, 1_700_000_000, Number.NaN, '2030', null]
    for (const until of past) await assert.rejects(own.off({ tool: 'a' }, { until } as never), TypeError, String(until))
    await assert.rejects(own.off({ tool: 'a' }, { til: 1 } as never), TypeError)
    assert.equal(own.isOff({ tool: 'a' }), false)
    assert.throws(() => switches({ store: {} as StateStore }), TypeError)
    assert.throws(() => switches({ clock: {} as never }), TypeError)
    assert.throws(() => switches({ stores: memoryState() } as never), TypeError)
  })
})

function methodsOf(store: StateStore): StateStore {
  return {
    add: store.add.bind(store),
    set: store.set.bind(store),
    get: store.get.bind(store),
    delete: store.delete.bind(store),
    subscribe: store.subscribe.bind(store),
    describe: store.describe.bind(store),
  }
}
