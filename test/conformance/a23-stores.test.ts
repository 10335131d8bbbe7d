import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { limitCounters, type LimitStore, memoryLimits, revocationList, StateError, type StateStore } from '../../src/index.ts'
import { recordingLog } from '../../src/testing/index.ts'
import { chatRequest } from './chat-payloads.ts'
import { assertRefused } from './refusals.ts'
import { served } from './served.ts'
import { analyst, type Parts, wholeGuard } from './whole-guard.ts'

const secret = 'redis://:hunter2@10.0.0.5:6379'
const limit: NonNullable<NonNullable<Parts['limits']>['limits']> = { name: 'minute', per: (call) => call.identity.key, requests: 20, window: 1e9 }
const never = <T>(): Promise<T> => new Promise(() => {})
const failing = (): never => {
  throw new Error(secret)
}

/** A store of limits in memory that a test can break. */
function breakable() {
  const store = memoryLimits()
  const state: { mode: 'fine' | 'throws' | 'rejects' | 'hangs' | 'nonsense' | 'late' } = { mode: 'fine' }
  const own: LimitStore = {
    reserve(limits, amounts, now) {
      switch (state.mode) {
        case 'throws':
          return failing()
        case 'rejects':
          return Promise.reject(new Error(secret))
        case 'hangs':
          return never()
        case 'nonsense':
          return { allowed: true } as never
        case 'late':
          return new Promise((resolve) => setTimeout(() => resolve(store.reserve(limits, amounts, now)), 40))
        default:
          return store.reserve(limits, amounts, now)
      }
    },
  }
  return { own, state, store }
}

describe('A23: a store that is down, slow, or has lost its data', () => {
  let alive: NodeJS.Timeout
  before(() => void (alive = setInterval(() => {}, 1_000)))
  after(() => clearInterval(alive))

  test('refuses by default, whatever is wrong with it, and serves again when it is well', async () => {
    const credentials = await analyst()
    for (const mode of ['throws', 'rejects', 'hangs', 'nonsense', 'late'] as const) {
      const { own, state, store } = breakable()
      const server = served(wholeGuard({ limits: { store: own, limits: limit, deadline: 10 } }))
      assert.equal((await server.ask(chatRequest('x'), credentials)).status, 200)
      state.mode = mode
      for (let call = 0; call < 5; call++)
        await assertRefused(await server.ask(chatRequest('x'), credentials), 'limits_unavailable', [secret, 'hunter2', '10.0.0.5'])
      assert.equal(server.ran.length, 1)
      state.mode = 'fine'
      if (mode === 'late') await new Promise((resolve) => setTimeout(resolve, 60))
      assert.equal((await server.ask(chatRequest('x'), credentials)).status, 200)
      // What came too late was given back.
      assert.equal(store.size, 1)
    }
  })

  test('answers that are none are no yes', async () => {
    const credentials = await analyst()
    const answers: readonly unknown[] = [
      undefined,
      null,
      true,
      'yes',
      1,
      {},
      { allowed: 'true' },
      { allowed: 1, limits: [] },
      { allowed: true },
      { allowed: true, limits: [] },
      { allowed: true, limits: [], settle: () => {} },
      { allowed: false },
      { allowed: false, violated: [] },
      { limits: [], extend: () => {}, settle: () => {}, release: () => {} },
      [],
    ]
    for (const answer of answers)
      for (const reserve of [() => answer, async () => answer]) {
        const server = served(wholeGuard({ limits: { store: { reserve } as LimitStore, limits: limit } }))
        await assertRefused(await server.ask(chatRequest('x'), credentials), 'limits_unavailable')
        assert.equal(server.ran.length, 0)
      }
  })

  test('does what was configured by name: a fraction of everything, in this process', async () => {
    const credentials = await analyst()
    for (const mode of ['throws', 'rejects', 'hangs', 'nonsense'] as const) {
      const { own, state } = breakable()
      const server = served(wholeGuard({ limits: { store: own, limits: limit, deadline: 5, onStoreFailure: { local: 0.1 } } }))
      state.mode = mode
      const statuses: number[] = []
      for (let call = 0; call < 6; call++) statuses.push((await server.ask(chatRequest('x'), credentials)).status)
      assert.deepEqual(statuses, [200, 200, 429, 429, 429, 429], mode)
      assert.equal(server.ran.length, 2)
    }
    for (const onStoreFailure of [
      'allow',
      'open',
      'ignore',
      true,
      { local: 0 },
      { local: 2 },
      { local: -1 },
      { local: Number.NaN },
      { local: '0.1' },
      {},
    ])
      assert.throws(() => wholeGuard({ limits: { limits: limit, onStoreFailure: onStoreFailure as never } }), TypeError)
  })

  test('what was decided without the store says so: the call, its records and the counters', async () => {
    const credentials = await analyst()
    const { own, state } = breakable()
    const log = recordingLog()
    const counters = limitCounters()
    const server = served(wholeGuard({ log, limits: { store: own, limits: limit, onStoreFailure: { local: 0.1 }, deadline: 5, counters } }))
    const recorded = (): readonly (true | undefined)[] => log.entries.map((record) => ('degraded' in record ? record.degraded : undefined))
    await server.ask(chatRequest('x'), credentials)
    assert.deepEqual(recorded(), [undefined, undefined])
    state.mode = 'throws'
    const statuses: number[] = []
    for (let call = 0; call < 3; call++) statuses.push((await server.ask(chatRequest('x'), credentials)).status)
    assert.deepEqual(statuses, [200, 200, 429])
    // A decision and an outcome of each, also of the one that was refused.
    assert.deepEqual(recorded().slice(2), [true, true, true, true, true, true])
    assert.deepEqual(
      counters.read().map(({ granted, refused, degraded }) => [granted, refused, degraded]),
      [[3, 1, 3]],
    )
  })

  test('one that cannot settle: the answer is not released, and the model ran once', async () => {
    const credentials = await analyst()
    for (const settle of [failing, () => Promise.reject(new Error(secret)), never]) {
      const store = memoryLimits()
      const own: LimitStore = {
        reserve(limits, amounts, now) {
          const answer = store.reserve(limits, amounts, now)
          return answer.allowed
            ? { allowed: true, limits: answer.limits, extend: (more, at) => answer.extend(more, at), settle, release: () => {} }
            : answer
        },
      }
      const server = served(wholeGuard({ limits: { store: own, limits: limit, deadline: 5 } }))
      await assertRefused(await server.ask(chatRequest('x'), credentials), 'limits_unavailable', [secret])
      assert.equal(server.ran.length, 1)
    }
  })

  test('a store of revocations that does not answer refuses everybody, and never forgets to make room', async () => {
    const credentials = await analyst()
    const stores: Partial<StateStore>[] = [
      { get: failing },
      { get: () => Promise.reject(new Error(secret)) },
      { get: never },
      { get: () => 'nothing' as never },
      { get: () => [0, 1, ''] as never },
    ]
    for (const broken of stores) {
      const store: StateStore = {
        add: () => true,
        set: () => {},
        get: () => [],
        delete: () => {},
        subscribe: () => () => {},
        describe: () => ({}),
        ...broken,
      }
      const server = served(wholeGuard({ identity: { revocation: revocationList({ store }) } }))
      const response = await server.ask(chatRequest('x'), credentials)
      assert.ok(response.status === 503 || response.status === 401, `${response.status}`)
      await assertRefused(response, response.status === 503 ? 'keys_unavailable' : 'identity_revoked', [secret])
      assert.equal(server.ran.length, 0)
    }
    const full: StateStore = {
      add: () => true,
      set: () => {
        throw new StateError('full', 'full')
      },
      get: () => [],
      delete: () => {},
      subscribe: () => () => {},
      describe: () => ({}),
    }
    // Whoever revokes is told that it did not happen.
    await assert.rejects(revocationList({ store: full }).revoke({ subject: 'ada' }), StateError)
  })

  test('a store that lost its data begins at the limit, not beyond it', async () => {
    const credentials = await analyst()
    let store = memoryLimits()
    const own: LimitStore = { reserve: (limits, amounts, now) => store.reserve(limits, amounts, now) }
    const server = served(wholeGuard({ limits: { store: own, limits: { ...limit, requests: 3 } as typeof limit } }))
    const ask = async (): Promise<number> => (await server.ask(chatRequest('x'), credentials)).status
    assert.deepEqual([await ask(), await ask(), await ask(), await ask()], [200, 200, 200, 429])
    store = memoryLimits()
    assert.deepEqual([await ask(), await ask(), await ask(), await ask()], [200, 200, 200, 429])
  })
})
