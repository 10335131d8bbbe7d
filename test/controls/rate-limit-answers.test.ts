import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rateLimit } from '../../src/controls/rate-limit.ts'
import type { Known } from '../../src/guard/context.ts'
import { toProblem } from '../../src/guard/errors.ts'
import { liveCall } from '../../src/guard/live-calls.ts'
import { quotaHeaders } from '../../src/guard/quota-headers.ts'
import { limitCounters } from '../../src/limits/limit-counters.ts'
import type { LimitStore } from '../../src/limits/limit-store.ts'
import { planLimit } from '../../src/limits/limit.ts'
import { limitExceeded } from '../../src/limits/counted-limit.ts'
import { memoryLimits } from '../../src/limits/memory-limits.ts'
import { as, completion, type Identified, limitedGuard } from './limited-guard.ts'
import { ada, chat, long, meteredGuard, perCaller, read, request, stream, streamed, words } from './metered-guard.ts'

const minute = { name: 'minute', requests: 2, window: 60 }
const secret = new Uint8Array(32).fill(7)

interface Refused {
  readonly code: string
  readonly headers: Readonly<Record<string, string>>
}

async function refusal(call: Promise<unknown>): Promise<Refused> {
  try {
    await call
  } catch (error) {
    return error as Refused
  }
  assert.fail('it was not refused')
}

test('partitions are named by a keyed hash and by nothing else, in answers and in refusals', async () => {
  const { guard } = meteredGuard(minute, { headers: { partitionKey: secret } })
  const told: string[] = []
  const ask = guard.protect((_input, call) => {
    told.push(...Object.values(quotaHeaders(call.quota)))
    return completion('hi')
  }, chat)
  await ask(request(), ada)
  await ask(request(), as('grace'))
  await ask(request(), ada)
  told.push(...Object.values((await refusal(ask(request(), ada))).headers))
  const keys = told.map((field) => /;pk=:([A-Za-z0-9+/]{22}==):$/.exec(field)?.[1])
  const [own, , others] = keys
  assert.ok(own !== undefined && others !== undefined && own !== others)
  assert.deepEqual(keys, [own, own, others, others, own, own, own, own, undefined])
  assert.ok(!told.some((field) => field.includes('ada') || field.includes('YWRh')))
})

test('vendors` own fields are told where that was chosen, on answers and on refusals', async () => {
  const limits = [minute, { name: 'hour', requests: 100, window: 3_600 }, { name: 'tokens', tokens: 10_000, window: 60 }]
  const { guard } = meteredGuard(limits, { headers: { vendor: true }, estimate: () => ({ input: 100, output: 100 }) })
  let fields: Readonly<Record<string, string>> = {}
  const ask = guard.protect((_input, call) => {
    fields = { ...liveCall(call)?.fields }
    return completion('hi')
  }, chat)
  await ask(request(), ada)
  assert.deepEqual(fields, {
    'x-ratelimit-limit-requests': '2',
    'x-ratelimit-remaining-requests': '1',
    'x-ratelimit-reset-requests': '30s',
    'x-ratelimit-limit-tokens': '10000',
    'x-ratelimit-remaining-tokens': '9800',
    'x-ratelimit-reset-tokens': '2s',
  })
  await ask(request(), ada)
  const { headers } = await refusal(ask(request(), ada))
  assert.equal(headers['x-ratelimit-remaining-requests'], '0')
  assert.equal(headers['x-ratelimit-reset-requests'], headers['retry-after'] && `${headers['retry-after']}s`)
})

test('what callers share is told to none of them; when to come back is', async () => {
  const quotas: Known['quota'][] = []
  const { guard } = limitedGuard(
    rateLimit<Identified>({
      limits: [
        { name: 'own', per: perCaller, requests: 5, window: 60 },
        { name: 'all', per: () => 'all', requests: 3, window: 600, shared: true },
        { name: 'model', per: (call) => call.resource.id, requests: 100, window: 60 },
        { name: 'said', per: (call) => call.resource.id, requests: 100, window: 60, shared: false },
      ],
      headers: { vendor: true },
    }),
  )
  const ask = guard.protect((_input, call) => {
    quotas.push(call.quota)
    return completion('hi')
  }, chat)
  for (const subject of ['ada', 'grace', 'eve']) await ask(request(), as(subject))
  const told = quotaHeaders(quotas[2])
  assert.equal(told.ratelimit, '"own";r=4;t=12, "said";r=97;t=2')
  const { headers } = await refusal(ask(request(), ada))
  assert.deepEqual(headers, { 'retry-after': '200' })
  // The application knows all the same.
  assert.equal(quotas[2]?.limits.find(({ name }) => name === 'all')?.remaining, 0)
})

test('the call says what is left of each unit', async () => {
  const limits = [minute, { name: 'hour', requests: 100, window: 3_600 }, { name: 'tokens', tokens: 10_000, window: 60 }]
  const { guard } = meteredGuard(limits, { estimate: () => 1_000 })
  let quota: unknown
  await guard.protect((_input, call) => {
    quota = call.quota
    return completion('hi')
  }, chat)(request(), ada)
  assert.deepEqual((quota as { remaining?: unknown }).remaining, { requests: 1, tokens: 9_000 })
})

test('a refusal is a problem of the draft, which names every policy that was violated', () => {
  const state = { limit: 5, remaining: 0, reset: 1, window: 60, retryAfter: 1 }
  const problems: unknown[] = []
  const seen = (violated: Parameters<typeof limitExceeded>[0]['violated'], isLocal = false): void => {
    problems.push(toProblem(limitExceeded({ allowed: false, violated, retryAfter: 1 }, [], { vendor: false, isLocal })))
  }
  seen([
    { ...state, name: 'a', unit: 'requests' },
    { ...state, name: 'b', unit: 'prompts' },
  ])
  seen([{ ...state, name: 'a', unit: 'prompts' }])
  seen([{ ...state, name: 'a', unit: 'requests' }], true)
  const common = { title: 'A limit was reached.', status: 429, code: 'limit_exceeded' }
  const types = 'https://iana.org/assignments/http-problem-types'
  assert.deepEqual(problems, [
    { type: `${types}#quota-exceeded`, ...common, 'violated-policies': ['a', 'b'] },
    { type: `${types}#abnormal-usage-detected`, ...common, 'violated-policies': ['a'] },
    { type: `${types}#temporary-reduced-capacity`, ...common, 'violated-policies': ['a'] },
  ])
})

test('a quota that a stand-in for the store granted says so', async () => {
  const down: LimitStore = { reserve: () => Promise.reject(new Error('down')) }
  const counters = limitCounters()
  const limits = { ...minute, per: perCaller }
  const { guard } = limitedGuard(rateLimit<Identified>({ limits, store: down, onStoreFailure: { local: 0.5 }, counters }))
  const quotas: Known['quota'][] = []
  const ask = guard.protect((_input, call) => {
    quotas.push(call.quota)
    return completion('hi')
  }, chat)
  await ask(request(), ada)
  await refusal(ask(request(), ada))
  assert.equal(quotas[0]?.degraded, true)
  assert.deepEqual(counters.read(), [{ name: 'minute', unit: 'requests', granted: 1, refused: 1, degraded: 2, spent: 1, owed: 0, cut: 0 }])
})

test('what happens is counted by limit: granted, refused, spent, cut', async () => {
  const counters = limitCounters()
  const tokens = { name: 'tokens', tokens: 1_500, window: long }
  const { guard, policy } = meteredGuard([{ ...minute, requests: 5 }, tokens], { counters })
  const ask = guard.protect(() => completion('hi', { prompt_tokens: 10, completion_tokens: 20 }), chat)
  await ask(request({ max_completion_tokens: 100 }), ada)
  policy.denies = true
  await assert.rejects(ask(request({ max_completion_tokens: 100 }), ada), { code: 'denied' })
  policy.denies = false
  await assert.rejects(ask(request({ max_completion_tokens: 5_000 }), ada), { code: 'limit_exceeded' })
  await assert.rejects(read(guard.protect(() => stream(words(4_000)), chat)(streamed, ada)), { code: 'limit_exceeded' })
  assert.deepEqual(counters.read(), [
    { name: 'minute', unit: 'requests', granted: 3, refused: 0, degraded: 0, spent: 3, owed: 0, cut: 0 },
    { name: 'tokens', unit: 'tokens', granted: 3, refused: 1, degraded: 0, spent: 1_500, owed: 0, cut: 1 },
  ])
})

const limits = { ...minute, per: () => 'k' }
for (const [what, more] of [
  ['a partition key that is too short', { headers: { partitionKey: new Uint8Array(16) } }],
  ['a partition key that is a text', { headers: { partitionKey: 'x'.repeat(32) } }],
  ['an unknown header', { headers: { pk: true } }],
  ['headers that are none', { headers: 'vendor' }],
  ['an overrun that is none', { onOverrun: 'ignore' }],
  ['counters that are none', { counters: { read: () => [] } }],
] as const)
  test(`rateLimit refuses ${what} when it is made`, () => {
    assert.throws(() => rateLimit({ limits, ...more } as never), { name: 'TypeError', message: /^rateLimit/ })
  })

test('a store of one`s own is told nothing of partitions, and keys never leave it', async () => {
  const inner = memoryLimits()
  const given: object[] = []
  const store: LimitStore = {
    reserve(keyed, ...more) {
      given.push(...keyed)
      return inner.reserve(keyed, ...more)
    },
  }
  const { guard } = limitedGuard(rateLimit<Identified>({ limits: { ...minute, per: perCaller }, store }))
  await guard.protect(() => completion('hi'), chat)(request(), ada)
  assert.deepEqual((given[0] as { limit: unknown }).limit, planLimit(minute))
})
