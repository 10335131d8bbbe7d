import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planLimit } from '../../src/limits/limit.ts'
import type { LimitStore, Refusal, Reservation } from '../../src/limits/limit-store.ts'
import { memoryLimits } from '../../src/limits/memory-limits.ts'
import { type OnStoreFailure, StoreAccess } from '../../src/limits/store-access.ts'
import { testClock } from '../../src/testing/test-clock.ts'

const limit = planLimit({ name: 'minute', requests: 10, window: 60 })
const keyed = [{ limit, key: 'ada' }]
const one = { requests: 1 }

function access(reserve: LimitStore['reserve'], onFailure: OnStoreFailure = 'refuse'): StoreAccess {
  return new StoreAccess({ reserve }, onFailure, 1_000)
}

async function reserving(store: StoreAccess, clock = testClock()): Promise<Reservation | Refusal> {
  return store.reserve(keyed, one, clock)
}

const failures: readonly (readonly [what: string, reserve: LimitStore['reserve']])[] = [
  [
    'throws',
    () => {
      throw new Error('down')
    },
  ],
  ['rejects', () => Promise.reject(new Error('down'))],
  ['answers nothing', () => undefined as never],
  ['answers with an empty yes', () => ({ allowed: true }) as never],
  ['answers with a no that names nothing', () => ({ allowed: false, violated: [], retryAfter: 0 })],
  ['answers with a word', async () => 'yes' as never],
  [
    'grants under a limit that is none',
    () => ({ ...memoryLimits().reserve(keyed, one, 0), allowed: true, limits: [null], extend() {}, settle() {}, release() {} }) as never,
  ],
  ['refuses for a limit that is none', () => ({ allowed: false, violated: [{}], retryAfter: 0 }) as never],
]

for (const [what, reserve] of failures) {
  test(`a store that ${what} refuses`, async () => {
    await assert.rejects(reserving(access(reserve)), { code: 'limits_unavailable' })
  })

  test(`a store that ${what} is stood in for by a fraction of the limits where that was chosen`, async () => {
    const local = access(reserve, { local: 0.3 })
    for (let call = 0; call < 3; call++) assert.equal((await reserving(local)).allowed, true)
    assert.equal((await reserving(local)).allowed, false)
  })
}

test('a store that hangs refuses at the deadline, and what it grants later is given back', async () => {
  const clock = testClock()
  const inner = memoryLimits()
  let answer = (): void => {}
  const hung = access(() => new Promise((resolve) => (answer = () => resolve(inner.reserve(keyed, one, 0)))))
  const pending = reserving(hung, clock)
  clock.advance(1_000)
  await assert.rejects(pending, { code: 'limits_unavailable' })
  answer()
  await new Promise((resolve) => setImmediate(resolve))
  const state = inner.reserve(keyed, { requests: 0 }, 0)
  assert.ok(state.allowed && state.limits[0]?.remaining === 10)
  assert.equal(clock.pending, 0)
})

test('a store that hangs while a call settles or extends is not waited for', async () => {
  const clock = testClock()
  const never = (): Promise<never> => new Promise(() => {})
  const hung: Reservation = { allowed: true, limits: [], extend: never, settle: never, release: never }
  for (const onFailure of ['refuse', { local: 0.5 }] as const) {
    const store = access(() => hung, onFailure)
    const settling = Promise.resolve(store.settle(hung, one, clock))
    const extending = Promise.resolve(store.extend(hung, keyed, one, clock))
    clock.advance(1_000)
    if (onFailure === 'refuse') {
      await assert.rejects(settling, { code: 'limits_unavailable' })
      await assert.rejects(extending, { code: 'limits_unavailable' })
    } else {
      await settling
      assert.equal((await extending).allowed, true)
    }
  }
})

test('a store that answers at once is not waited for', () => {
  const store = new StoreAccess(memoryLimits(), 'refuse', 1_000)
  const clock = testClock()
  const answer = store.reserve(keyed, one, clock)
  assert.ok('allowed' in answer && answer.allowed)
  assert.equal(store.settle(answer, one, clock), undefined)
  assert.equal(clock.pending, 0)
})
