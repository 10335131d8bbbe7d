import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rateLimit } from '../../src/controls/rate-limit.ts'
import { unaudited } from '../../src/controls/unaudited.ts'
import { guard } from '../../src/guard/guard.ts'
import { memoryLimits } from '../../src/limits/memory-limits.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { as, believe, completion, decideBy, type LimitedGuard } from './limited-guard.ts'
import { ada, chat, long, meteredGuard, read, request, stream, streamed, words } from './metered-guard.ts'

const requests = { name: 'requests', requests: 100, window: long }
const trial = { type: 'limit', name: 'trial', requests: 2, window: long }
const answer = (): ReturnType<typeof completion> => completion('hi', { prompt_tokens: 10, completion_tokens: 10 })

test('policy limits a caller beside the application, and what it refuses spends nothing', async () => {
  const { guard, policy, left } = meteredGuard(requests)
  let ran = 0
  const ask = guard.protect(() => {
    ran++
    return answer()
  }, chat)
  policy.obligations = [trial]
  await ask(request(), ada)
  await ask(request(), ada)
  for (let call = 0; call < 3; call++)
    await assert.rejects(ask(request(), ada), (error: { code?: string; headers?: Record<string, string> }) => {
      assert.equal(error.code, 'limit_exceeded')
      assert.match(error.headers?.['ratelimit-policy'] ?? '', /^"policy:trial";q=2;w=3600000$/)
      return true
    })
  assert.deepEqual([ran, left(requests)], [2, 98])
  await ask(request(), as('grace'))
  // Another permit without it is another day.
  policy.obligations = []
  await ask(request(), ada)
})

test('of several permits the strictest number holds', async () => {
  const { guard, policy } = meteredGuard(requests)
  const ask = guard.protect(answer, chat)
  policy.obligations = [{ ...trial, requests: 50 }, trial, { ...trial, requests: 10 }]
  await ask(request(), ada)
  await ask(request(), ada)
  await assert.rejects(ask(request(), ada), { code: 'limit_exceeded' })
})

test('a limit of policy counts tokens, also where the application counts none, and cuts a stream', async () => {
  const { guard, policy } = meteredGuard(requests)
  policy.obligations = [{ type: 'limit', name: 'trial', tokens: 1_200, window: long }]
  let count = 0
  await assert.rejects(
    async () => {
      for await (const _ of await guard.protect(() => stream(words(5_000)), chat)(streamed, ada)) count++
    },
    { code: 'limit_exceeded' },
  )
  assert.ok(count > 1_100 && count <= 1_200)
  await assert.rejects(guard.protect(answer, chat)(request(), ada), { code: 'limit_exceeded' })
})

test('what policy and the application count is settled in both', async () => {
  const tokens = { name: 'tokens', tokens: 10_000, window: long }
  const { guard, policy, left, store, clock } = meteredGuard(tokens)
  policy.obligations = [{ type: 'limit', name: 'trial', tokens: 5_000, window: long, per: 'resource' }]
  await guard.protect(answer, chat)(request(), ada)
  assert.equal(left(tokens), 9_980)
  const planned = { name: 'policy:trial', unit: 'tokens', quantity: 5_000, window: long, burst: 5_000 } as const
  const state = store.reserve([{ limit: planned, key: 'resource model m' }], { tokens: 0 }, clock.monotonic())
  assert.ok(state.allowed)
  assert.equal(state.limits[0]?.remaining, 4_980)
})

test('a limit of policy that counts no tokens leaves a stream what it had reserved', async () => {
  const { guard, policy } = meteredGuard({ name: 'tokens', tokens: 1_030, window: long })
  policy.obligations = [trial]
  // Its input and 1,024 tokens of output fit, once.
  assert.equal(await read(guard.protect(() => stream(words(1_000)), chat)(streamed, ada)), 1_000)
})

test('places that policy grants are kept while a call runs, and come back', async () => {
  const { guard, policy, clock } = meteredGuard(requests)
  policy.obligations = [{ type: 'limit', name: 'one', concurrent: 1, lease: 30 }]
  const ask = guard.protect(() => stream(words(3)), chat)
  const parts = await ask(streamed, ada)
  for (let second = 0; second < 90; second++) clock.advance(1_000)
  await assert.rejects(ask(streamed, ada), { code: 'limit_exceeded' })
  await parts.return?.()
  assert.equal(await read(ask(streamed, ada)), 3)
})

test('a limit that cannot be understood refuses, and so does money without a price', async () => {
  const { guard, policy, left } = meteredGuard(requests)
  let ran = 0
  const ask = guard.protect(() => completion(String(++ran)), chat)
  for (const obligation of [{ ...trial, requests: -1 }, { ...trial, per: 'tenant' }, { type: 'limit' }]) {
    policy.obligations = [trial, obligation]
    await assert.rejects(ask(request(), ada), { code: 'obligation_unmet' })
  }
  policy.obligations = [{ type: 'limit', name: 'budget', cost: 100, window: 'month' }]
  await assert.rejects(ask(request(), ada), { code: 'limits_unavailable' })
  assert.deepEqual([ran, left(requests)], [0, 96])
})

test('of two limiters the one behind the identity carries out what policy wants, once', async () => {
  const policy: LimitedGuard['policy'] = { denies: false, obligations: [trial] }
  const store = memoryLimits()
  const base = guard({ clock: testClock(), onError: () => {} })
    .use(unaudited())
    .use(rateLimit({ store, limits: { name: 'address', per: () => 'address', requests: 100, window: 60 } }))
    .use(believe())
    .use(rateLimit({ store, limits: { name: 'caller', per: (call) => call.identity.key, requests: 100, window: 60 } }))
    .use(decideBy(policy))
  const ask = base.protect(answer, chat)
  await ask(request(), ada)
  await ask(request(), ada)
  await assert.rejects(ask(request(), ada), { code: 'limit_exceeded' })
})
