import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rateLimit, type RateLimitOptions } from '../../src/controls/rate-limit.ts'
import { unaudited } from '../../src/controls/unaudited.ts'
import { guard } from '../../src/guard/guard.ts'
import type { LimitStore } from '../../src/limits/limit-store.ts'
import { type Limit, planLimit } from '../../src/limits/limit.ts'
import { memoryLimits, type MemoryLimits } from '../../src/limits/memory-limits.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { believe, chunk, completion, decideBy, type Identified } from './limited-guard.ts'
import { ada, chat, long, perCaller, request, stream, streamed, words } from './metered-guard.ts'

type Plan = Omit<Limit<never>, 'per'>
const calls = (requests: number, name = 'calls'): Plan => ({ name, requests, window: long })
const tokens = (amount: number): Plan => ({ name: 'tokens', tokens: amount, window: long })

const clock = testClock()

function limited(limits: Plan | readonly Plan[], store: LimitStore = memoryLimits(), more: Partial<RateLimitOptions<Identified>> = {}) {
  const list = (Array.isArray(limits) ? limits : [limits]) as readonly Plan[]
  return guard({ clock, onError: () => {} })
    .use(unaudited())
    .use(believe())
    .use(rateLimit<Identified>({ limits: list.map((limit) => ({ ...limit, per: perCaller })), store, ...more }))
    .use(decideBy({ denies: false, obligations: [] }))
}

function left(store: MemoryLimits, limit: Plan): number {
  const planned = planLimit(limit)
  const answer = store.reserve([{ limit: planned, key: '1:iada' }], { [planned.unit]: 0 }, clock.monotonic(), clock.now())
  return (answer.allowed && answer.limits[0]?.remaining) || 0
}

test('calls made on behalf of one are held to its limits, whatever guard they go through', async () => {
  const store = memoryLimits()
  const child = limited(calls(100, 'other')).protect(() => completion('hi'), chat)
  const parent = limited(calls(4), store).protect(async (_input, call) => {
    for (let made = 0; made < 3; made++) await child(request(), { onBehalfOf: call })
    await assert.rejects(child(request(), { onBehalfOf: call }), { code: 'limit_exceeded' })
    return completion('hi')
  }, chat)
  await parent(request(), ada)
  // What was refused spent nothing.
  assert.equal(left(store, calls(4)), 0)
})

test('and so are those that these make, each limit once', async () => {
  const [first, second] = [memoryLimits(), memoryLimits()]
  const leaf = limited(calls(50, 'leaf')).protect(() => completion('hi'), chat)
  const middle = limited(calls(10), second).protect(async (_input, call) => {
    await leaf(request(), { onBehalfOf: call })
    return completion('hi')
  }, chat)
  const root = limited(calls(10), first).protect(async (_input, call) => {
    await middle(request(), { onBehalfOf: call })
    return completion('hi')
  }, chat)
  await root(request(), ada)
  assert.deepEqual([left(first, calls(10)), left(second, calls(10))], [7, 8])
})

test('limits that both have are counted once, and the stricter of two holds', async () => {
  const store = memoryLimits()
  const same = limited(calls(10), store)
  const inner = same.protect(() => completion('hi'), chat)
  await same.protect(async (_input, call) => {
    await inner(request(), { onBehalfOf: call })
    return completion('hi')
  }, chat)(request(), ada)
  assert.equal(left(store, calls(10)), 8)
  const shared = memoryLimits()
  const looser = limited(calls(1_000), shared).protect(() => completion('hi'), chat)
  await limited(calls(2), shared).protect(async (_input, call) => {
    await assert.rejects(
      async () => {
        for (let made = 0; made < 3; made++) await looser(request(), { onBehalfOf: call })
      },
      { code: 'limit_exceeded' },
    )
    return completion('hi')
  }, chat)(request(), ada)
})

test('what their answers take is spent from it, and a stream of theirs is cut where there is no more', async () => {
  const store = memoryLimits()
  const parts = [...words(3), chunk({}, { prompt_tokens: 40, completion_tokens: 60 })]
  const short = limited(calls(100)).protect(() => stream(parts), chat)
  const endless = limited(calls(100)).protect(() => stream(words(20_000)), chat)
  await limited(tokens(9_000), store).protect(async (_input, call) => {
    const before = left(store, tokens(9_000))
    for await (const _ of await short(streamed, { onBehalfOf: call }));
    assert.equal(left(store, tokens(9_000)), before - 100)
    await assert.rejects(
      async () => {
        for await (const _ of await endless(streamed, { onBehalfOf: call }));
      },
      { code: 'limit_exceeded' },
    )
    return completion('hi')
  }, chat)(request(), ada)
})

test('a place is held by the call itself, and none by those made for it', async () => {
  const child = limited(calls(100)).protect(() => completion('hi'), chat)
  await limited({ name: 'places', concurrent: 1 }).protect(async (_input, call) => {
    await child(request(), { onBehalfOf: call })
    return completion('hi')
  }, chat)(request(), ada)
})

test('a chain that keeps no limits refuses calls that limits were to hold', async () => {
  let ran = 0
  const none = guard({ clock, onError: () => {} })
    .use(unaudited())
    .use(believe())
    .use(decideBy({ denies: false, obligations: [] }))
    .protect(() => void ran++, chat)
  await limited(calls(100)).protect(async (_input, call) => {
    await assert.rejects(none(request(), { onBehalfOf: call }), { code: 'obligation_unmet' })
    return completion('hi')
  }, chat)(request(), ada)
  assert.equal(ran, 0)
})

test('money is counted by the prices of whoever limits it, and a model that has none there is refused', async () => {
  const store = memoryLimits()
  const money: Plan = { name: 'money', cost: 1_000_000, window: long }
  const child = limited(calls(100))
  const parts = [...words(3), chunk({}, { prompt_tokens: 40, completion_tokens: 60 })]
  await limited(money, store, { prices: { m: { input: 1_000_000, output: 2_000_000 } } }).protect(async (_input, call) => {
    const before = left(store, money)
    for await (const _ of await child.protect(() => stream(parts), chat)(streamed, { onBehalfOf: call }));
    assert.equal(left(store, money), before - 160)
    await assert.rejects(child.protect(() => completion('hi'), chat)(request({ model: 'unknown' }), { onBehalfOf: call }), {
      code: 'limits_unavailable',
    })
    return completion('hi')
  }, chat)(request(), ada)
})
