import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Call } from '../../src/guard/context.ts'
import { cachedLimits, type CachedLimitsOptions } from '../../src/limits/cached-limits.ts'
import type { Limit } from '../../src/limits/limit.ts'

const at = (seconds: number, guard = 'acme'): Call => ({ startedAt: seconds * 1000, guard }) as Partial<Call> as Call
const limit = (requests: number): Limit<Call> => ({ name: 'plan', per: () => 'k', requests, window: 60 })

function plans(more: Partial<CachedLimitsOptions<Call>> = {}) {
  const loaded: string[] = []
  const state = { requests: 1, fails: false }
  const limits = cachedLimits<Call>({
    per: (call) => call.guard,
    async load(key) {
      loaded.push(key)
      if (state.fails) throw new Error('down')
      return limit(state.requests)
    },
    every: 10,
    ...more,
  })
  const of = async (call: Call): Promise<number | undefined> => ((await limits(call)) as Limit<Call>).requests
  return { limits, loaded, state, of }
}

test('a plan is loaded once, however many ask for it, and again when its time is up', async () => {
  const { loaded, state, of } = plans()
  assert.deepEqual(await Promise.all([of(at(0)), of(at(0)), of(at(1)), of(at(1, 'other'))]), [1, 1, 1, 1])
  assert.deepEqual(loaded, ['acme', 'other'])
  state.requests = 2
  assert.equal(await of(at(9.9)), 1)
  assert.equal(await of(at(10)), 2)
  // A clock that steps back far does not keep it.
  state.requests = 3
  assert.equal(await of(at(-100)), 3)
})

test('the same objects are given until they are loaded anew, so that nobody parses them twice', async () => {
  const { limits } = plans()
  assert.equal(await limits(at(0)), await limits(at(5)))
})

test('a reload takes hold with the next call, also while one loads', async () => {
  const { limits, state, of } = plans()
  await of(at(0))
  state.requests = 2
  limits.reload('other')
  assert.equal(await of(at(1)), 1)
  limits.reload('acme')
  assert.equal(await of(at(1)), 2)
  const early = of(at(1, 'third'))
  await Promise.resolve()
  state.requests = 3
  limits.reload()
  assert.equal(await early, 2)
  assert.equal(await of(at(1, 'third')), 3)
})

test('a plan that cannot be loaded refuses, unless an old one may serve for a while', async () => {
  const strict = plans()
  strict.state.fails = true
  await assert.rejects(strict.of(at(0)), { message: 'down' })
  await assert.rejects(strict.of(at(0)), { message: 'down' })
  assert.equal(strict.loaded.length, 2)
  strict.state.fails = false
  assert.equal(await strict.of(at(0)), 1)
  const lenient = plans({ stale: 5 })
  await lenient.of(at(0))
  lenient.state.fails = true
  assert.equal(await lenient.of(at(14.9)), 1)
  await assert.rejects(lenient.of(at(15)), { message: 'down' })
})

test('a load that throws at once is a load that failed, and is tried again', async () => {
  let fails = true
  const limits = cachedLimits<Call>({
    per: () => 'k',
    load() {
      if (fails) throw new Error('down')
      return limit(5)
    },
  })
  await assert.rejects(async () => limits(at(0)), { message: 'down' })
  fails = false
  assert.equal(((await limits(at(0))) as Limit<Call>).requests, 5)
})

test('a flood of plans is bounded, and a call without a plan is refused', async () => {
  const { loaded, of } = plans({ maxPlans: 10 })
  for (let tenant = 0; tenant < 100; tenant++) await of(at(0, `tenant ${tenant}`))
  await of(at(0, 'tenant 99'))
  assert.equal(loaded.length, 100)
  await of(at(0, 'tenant 1'))
  assert.equal(loaded.length, 101)
  for (const per of [() => '', () => undefined as never]) await assert.rejects(async () => plans({ per }).of(at(0)), { code: 'misconfigured' })
})

test('a load that never ends holds nobody up for ever, and no more than so many are begun', async () => {
  const loads: string[] = []
  let hangs = true
  const limits = cachedLimits<Call>({
    per: (call) => call.guard,
    load(key) {
      loads.push(key)
      return hangs ? new Promise<Limit<Call>>(() => {}) : limit(5)
    },
    maxPlans: 2,
  })
  for (const key of ['a', 'b', 'a']) void limits(at(0, key))
  assert.throws(() => limits(at(1, 'c')), { code: 'limits_unavailable' })
  hangs = false
  assert.equal(((await limits(at(10, 'a'))) as Limit<Call>).requests, 5)
  assert.deepEqual(loads, ['a', 'b', 'a'])
  assert.equal(((await limits(at(11, 'a'))) as Limit<Call>).requests, 5)
})

test('wrong options are a mistake', () => {
  const right = { per: () => 'k', load: () => limit(1) }
  for (const wrong of [
    {},
    { ...right, per: 'tenant' },
    { ...right, load: 5 },
    { ...right, every: 0 },
    { ...right, stale: -1 },
    { ...right, maxPlans: 0.5 },
    { ...right, ttl: 5 },
  ])
    assert.throws(() => cachedLimits(wrong as never), TypeError)
})
