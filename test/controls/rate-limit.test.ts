import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rateLimit } from '../../src/controls/rate-limit.ts'
import { unaudited } from '../../src/controls/unaudited.ts'
import type { Call, Known } from '../../src/guard/context.ts'
import { control } from '../../src/guard/control.ts'
import type { GuardError } from '../../src/guard/errors.ts'
import { guard } from '../../src/guard/guard.ts'
import { quotaHeaders } from '../../src/guard/quota-headers.ts'
import type { LimitStore } from '../../src/limits/limit-store.ts'
import { memoryLimits } from '../../src/limits/memory-limits.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { as, believe, decideBy, type Identified, type Limited, limitedGuard } from './limited-guard.ts'

const operation = { action: 'chat', resource: { type: 'model', id: 'm' } }
const perSubject = (call: Identified): string => call.identity.key

function minute(requests: number, more: object = {}): Limited {
  return rateLimit<Identified>({ limits: { name: 'minute', per: perSubject, requests, window: 60 }, ...more })
}

/** The same store, but it answers later, as one on another machine would. */
function slowly(inner: LimitStore): LimitStore {
  const later = <T>(value: T): Promise<T> => new Promise((resolve) => setImmediate(() => resolve(value)))
  return {
    async reserve(limits, amounts, now) {
      const answer = await later(await inner.reserve(limits, amounts, now))
      if (!answer.allowed) return answer
      return {
        allowed: true,
        limits: answer.limits,
        extend: async (more, at) => later(await answer.extend(more, at)),
        settle: async (actual, at) => later(await answer.settle(actual, at)),
        release: async (at) => later(await answer.release(at)),
      }
    },
  }
}

test('calls within a limit pass with their quota, the next one is refused and told when to come back', async () => {
  const { guard: base, clock } = limitedGuard(minute(2))
  const headers: object[] = []
  const ask = base.protect((_input: string, call) => void headers.push(quotaHeaders(call.quota)), operation)
  await ask('a', as('ada'))
  await ask('b', as('ada'))
  await assert.rejects(ask('c', as('ada')), {
    code: 'limit_exceeded',
    status: 429,
    headers: { ratelimit: '"minute";r=0;t=30', 'ratelimit-policy': '"minute";q=2;w=60', 'retry-after': '30' },
  })
  assert.deepEqual(headers, [
    { ratelimit: '"minute";r=1;t=30', 'ratelimit-policy': '"minute";q=2;w=60' },
    { ratelimit: '"minute";r=0;t=60', 'ratelimit-policy': '"minute";q=2;w=60' },
  ])
  await ask('d', as('grace'))
  clock.advance(30_000)
  await ask('e', as('ada'))
  await assert.rejects(ask('f', as('ada')), { code: 'limit_exceeded' })
})

test('setting the clock back or forth changes nothing about limits', async () => {
  const { guard: base, clock } = limitedGuard(minute(1))
  const ask = base.protect(() => 'yes', operation)
  await ask('a', as('ada'))
  for (const now of [0, Date.UTC(2100, 0, 1), Date.UTC(2020, 0, 1)]) {
    clock.set(now)
    await assert.rejects(ask('b', as('ada')), { code: 'limit_exceeded' })
  }
})

for (const [kind, wrap] of [
  ['at once', (store: LimitStore) => store],
  ['later', slowly],
] as const)
  test(`a hundred calls at the same time never get more than the limit from a store that answers ${kind}`, async () => {
    const { guard: base } = limitedGuard(minute(10, { store: wrap(memoryLimits()) }))
    let ran = 0
    const ask = base.protect(async () => {
      await new Promise((resolve) => setImmediate(resolve))
      return ++ran
    }, operation)
    const results = await Promise.allSettled(Array.from({ length: 100 }, () => ask('x', as('ada'))))
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 10)
    assert.equal(ran, 10)
    for (const result of results) if (result.status === 'rejected') assert.equal(result.reason.code, 'limit_exceeded')
  })

test('several limits are spent together or not at all, and the refusal names every one', async () => {
  const { guard: base } = limitedGuard(
    rateLimit<Identified>({
      limits: [
        { name: 'subject', per: perSubject, requests: 10, window: 60 },
        { name: 'all', per: () => 'all', requests: 1, window: 10 },
        { name: 'action', per: (call) => call.action, requests: 1, window: 20 },
      ],
    }),
  )
  const quotas: Known['quota'][] = []
  const ask = base.protect((_input: string, call) => void quotas.push(call.quota), operation)
  await ask('a', as('ada'))
  for (let call = 0; call < 20; call++)
    await assert.rejects(ask('b', as('ada')), {
      // What is left for all who do the same is nobody's to know, but when to come back is.
      headers: { ratelimit: '"all";r=0;t=10', 'ratelimit-policy': '"all";q=1;w=10', 'retry-after': '20' },
    })
  assert.equal(quotas[0]?.limits[0]?.remaining, 9)
})

test('a call that policy refuses has spent a request, so that probing costs', async () => {
  const { guard: base, policy } = limitedGuard(minute(2))
  const ask = base.protect(() => 'yes', operation)
  policy.denies = true
  for (let call = 0; call < 2; call++) await assert.rejects(ask('a', as('ada')), { code: 'denied' })
  await assert.rejects(ask('a', as('ada')), { code: 'limit_exceeded' })
})

test('a call that fails has spent its request', async () => {
  const { guard: base } = limitedGuard(minute(1))
  const ask = base.protect(() => {
    throw new Error('upstream')
  }, operation)
  await assert.rejects(ask('a', as('ada')), { message: 'upstream' })
  await assert.rejects(ask('a', as('ada')), { code: 'limit_exceeded' })
})

test('a second rateLimit by address may stand before the identity; what the other one refuses is not spent there', async () => {
  const quotas: (Known['quota'] | undefined)[] = []
  const base = guard({ clock: testClock(), onError: () => {} })
    .use(unaudited())
    .use(rateLimit({ limits: { name: 'address', per: (call) => call.channel?.remoteAddress ?? '', requests: 3, window: 60 } }))
    .use(believe())
    .use(minute(1))
    .use(decideBy({ denies: false, obligations: [] }))
  const ask = base.protect((_input: string, call) => void quotas.push(call.quota), operation)
  const from = { channel: { secure: true, remoteAddress: '192.0.2.1' } }
  await ask('a', { ...as('ada'), ...from })
  assert.deepEqual(
    quotas[0]?.limits.map(({ name, remaining }) => [name, remaining]),
    [
      ['address', 2],
      ['minute', 0],
    ],
  )
  for (let call = 0; call < 10; call++) await assert.rejects(ask('b', { ...as('ada'), ...from }), { headers: refusedMinute })
  // Who cannot say who he is pays with his address.
  for (let call = 0; call < 2; call++) await assert.rejects(ask('c', from), { code: 'identity_missing' })
  await assert.rejects(ask('c', from), { code: 'limit_exceeded' })
})

const refusedMinute = { ratelimit: '"minute";r=0;t=60', 'ratelimit-policy': '"minute";q=1;w=60', 'retry-after': '60' }

const keys: readonly (readonly [what: string, per: () => unknown])[] = [
  ['nothing', () => undefined],
  ['null', () => null],
  ['an empty text', () => ''],
  ['a number', () => 5],
  ['a promise', async () => 'ada'],
  ['more than 512 characters', () => 'x'.repeat(513)],
  [
    'an error',
    () => {
      throw new Error('no tenant')
    },
  ],
]

for (const [what, per] of keys)
  test(`a call for which a key function yields ${what} is refused and shares no count`, async () => {
    let reserved = 0
    const inner = memoryLimits()
    const store: LimitStore = {
      reserve(...given) {
        reserved++
        return inner.reserve(...given)
      },
    }
    const { guard: base } = limitedGuard(rateLimit<Identified>({ limits: { name: 'a', per: per as () => string, requests: 5, window: 1 }, store }))
    let ran = 0
    const ask = base.protect(() => ++ran, operation)
    await assert.rejects(ask('a', as('ada')), { code: 'misconfigured' })
    assert.deepEqual([reserved, ran], [0, 0])
  })

test('a call made on behalf of another one is limited like any other', async () => {
  const { guard: base } = limitedGuard(minute(2))
  const inner = base.protect(() => 'inner', operation)
  const outer = base.protect((_input: string, call) => inner('b', { onBehalfOf: call }), operation)
  assert.equal(await outer('a', as('ada')), 'inner')
  await assert.rejects(inner('c', as('ada')), { code: 'limit_exceeded' })
})

test('a place among concurrent calls comes back however a call ends', async () => {
  const { guard: base, policy, clock } = limitedGuard(rateLimit<Identified>({ limits: { name: 'parallel', per: perSubject, concurrent: 1 } }))
  let hang = true
  const ask = base.protect((input: string): unknown => {
    if (input === 'throw') throw new Error('upstream')
    return input === 'hang' && hang ? new Promise(() => {}) : 'yes'
  }, operation)
  const stream = base.protect(async function* (input: string) {
    yield input
    yield input
  }, operation)
  const free = async (): Promise<void> => {
    hang = false
    assert.equal(await ask('hang', as('ada')), 'yes')
    hang = true
  }
  await ask('a', as('ada'))
  await free()
  await assert.rejects(ask('throw', as('ada')), { message: 'upstream' })
  await free()
  policy.denies = true
  await assert.rejects(ask('a', as('ada')), { code: 'denied' })
  policy.denies = false
  await free()
  const aborter = new AbortController()
  const hanging = ask('hang', { ...as('ada'), signal: aborter.signal })
  await assert.rejects(ask('a', as('ada')), { code: 'limit_exceeded' })
  aborter.abort()
  await assert.rejects(hanging, { code: 'aborted' })
  await free()
  for await (const part of await stream('a', as('ada'))) {
    assert.equal(part, 'a')
    break
  }
  await free()
  await stream('never read', { ...as('ada'), deadline: 50 })
  await assert.rejects(ask('a', as('ada')), { code: 'limit_exceeded' })
  clock.advance(50)
  await free()
})

test('a store that throws refuses, and the function does not run', async () => {
  const store: LimitStore = {
    reserve() {
      throw new Error('connection refused to 10.0.0.7')
    },
  }
  const { guard: base } = limitedGuard(minute(5, { store }))
  let ran = 0
  const ask = base.protect(() => ++ran, operation)
  await assert.rejects(ask('a', as('ada')), (error: GuardError) => {
    assert.equal(error.code, 'limits_unavailable')
    assert.equal(error.status, 503)
    assert.ok(!error.message.includes('10.0.0.7'))
    return true
  })
  assert.equal(ran, 0)
})

test('a store that hangs refuses at its deadline', async () => {
  const { guard: base, clock } = limitedGuard(minute(5, { store: { reserve: () => new Promise(() => {}) }, deadline: 50 }))
  const pending = base.protect(() => 'yes', operation)('a', as('ada'))
  clock.advance(50)
  await assert.rejects(pending, { code: 'limits_unavailable' })
})

test('a store that is down is stood in for by a fraction of the limits, where that was chosen', async () => {
  const store: LimitStore = { reserve: () => Promise.reject(new Error('down')) }
  const { guard: base } = limitedGuard(minute(10, { store, onStoreFailure: { local: 0.2 } }))
  const ask = base.protect(() => 'yes', operation)
  await ask('a', as('ada'))
  await ask('a', as('ada'))
  await assert.rejects(ask('a', as('ada')), { code: 'limit_exceeded' })
})

test('an answer whose quota could not be settled is not released, unless that was chosen', async () => {
  const inner = memoryLimits()
  const store: LimitStore = {
    reserve(...given) {
      const answer = inner.reserve(...given)
      return answer.allowed
        ? { ...answer, limits: answer.limits, extend: answer.extend, settle: () => Promise.reject(new Error('down')), release: () => {} }
        : answer
    },
  }
  const strict = limitedGuard(minute(10, { store }))
  await assert.rejects(strict.guard.protect(() => 'yes', operation)('a', as('ada')), { code: 'limits_unavailable' })
  assert.equal(strict.errors.length, 1)
  const lenient = limitedGuard(minute(10, { store, onStoreFailure: { local: 0.5 } }))
  assert.equal(await lenient.guard.protect(() => 'yes', operation)('a', as('ada')), 'yes')
})

test('a call that is given up while the store thinks has spent a request, and settles once', async () => {
  const inner = memoryLimits()
  const settled: unknown[] = []
  let answer = (): void => {}
  const store: LimitStore = {
    reserve: (limits, amounts, now) =>
      new Promise((resolve) => {
        answer = () => {
          const granted = inner.reserve(limits, amounts, now)
          assert.ok(granted.allowed)
          resolve({
            allowed: true,
            limits: granted.limits,
            extend: () => granted,
            settle: (actual) => void settled.push(actual),
            release: () => void settled.push('released'),
          })
        }
      }),
  }
  const { guard: base } = limitedGuard(minute(5, { store }))
  const aborter = new AbortController()
  const pending = base.protect(() => 'yes', operation)('a', { ...as('ada'), signal: aborter.signal })
  aborter.abort()
  await assert.rejects(pending, { code: 'aborted' })
  assert.deepEqual(settled, [])
  answer()
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(settled, [{ requests: 1, tokens: 0 }])
})

test('guards that share a prefix or a store share its counts', async () => {
  const store = memoryLimits()
  const one = limitedGuard(minute(2, { store }))
  const other = limitedGuard(minute(2, { store }))
  await one.guard.protect(() => 'yes', operation)('a', as('ada'))
  await other.guard.use(control('own', {})).protect(() => 'yes', operation)('a', as('ada'))
  await assert.rejects(one.guard.protect(() => 'yes', operation)('a', as('ada')), { code: 'limit_exceeded' })
})

test('what is limited can be read, without keys', () => {
  const { guard: base } = limitedGuard(minute(2))
  const described = base.describe().controls.find(({ name }) => name === 'rateLimit')
  assert.deepEqual(described, {
    name: 'rateLimit',
    adds: ['quota'],
    fulfills: ['max_output_tokens', 'limit'],
    options: {
      limits: [{ name: 'minute', unit: 'requests', quantity: 2, window: 60, burst: 2 }],
      store: { kind: 'memory', maxKeys: 100_000, whenFull: 'refuse' },
      onStoreFailure: 'refuse',
      deadline: 1_000,
      onOverrun: 'cut',
    },
  })
})

test('the types know what stands before', () => {
  const bare = guard().use(unaudited())
  // @ts-expect-error: there is no identity yet
  assert.throws(() => bare.use(rateLimit({ limits: { name: 'a', per: (call) => call.identity.key, tokens: 1, window: 1 } })), TypeError)
  const known = bare.use(believe())
  known.use(rateLimit({ limits: [{ name: 'a', per: (call) => call.identity.key, requests: 1, window: 1 }] }))
  known.use(rateLimit({ limits: { name: 'a', per: (call) => `${call.identity.tenant}/${call.action}`, requests: 1, window: 1 } }))
})

test('a limit of tokens before the identity is refused when the chain is made', () => {
  const limits = { name: 'a', per: (call: Call) => call.channel?.remoteAddress ?? '', tokens: 100, window: 60 }
  assert.throws(() => guard().use(unaudited()).use(rateLimit({ limits })), { name: 'TypeError', message: /identity/ })
})

const per = (): string => 'k'
const limit = { name: 'a', per, requests: 1, window: 1 }
const wrong: readonly (readonly [what: string, options: unknown])[] = [
  ['no options', undefined],
  ['no limits', {}],
  ['an empty list of limits', { limits: [] }],
  ['a limit without a key function', { limits: { ...limit, per: undefined } }],
  ['a key that is no function', { limits: { ...limit, per: 'subject' } }],
  ['two limits of one name', { limits: [limit, { ...limit, requests: 2 }] }],
  ['a wrong limit', { limits: [limit, { ...limit, name: 'b', requests: -1 }] }],
  ['an unknown unit', { limits: { name: 'a', per, cost: 5, window: 1 } }],
  ['a store that is none', { limits: limit, store: {} }],
  ['a word for a failure', { limits: limit, onStoreFailure: 'allow' }],
  ['a fraction of zero', { limits: limit, onStoreFailure: { local: 0 } }],
  ['a fraction above one', { limits: limit, onStoreFailure: { local: 1.1 } }],
  ['a fraction that is NaN', { limits: limit, onStoreFailure: { local: Number.NaN } }],
  ['a deadline of zero', { limits: limit, deadline: 0 }],
  ['a deadline that never comes', { limits: limit, deadline: Number.POSITIVE_INFINITY }],
  ['an estimate that is no function', { limits: limit, estimate: 5 }],
  ['an option that is not known', { limits: limit, estimates: () => 1 }],
  ['a limit with an option that is not known', { limits: { ...limit, bursts: 1 } }],
  ['a fraction with an option that is not known', { limits: limit, onStoreFailure: { local: 0.1, remote: 1 } }],
]

for (const [what, options] of wrong)
  test(`rateLimit refuses ${what} when it is made`, () => {
    assert.throws(() => rateLimit(options as never), { name: 'TypeError', message: /^rateLimit/ })
  })

test('a key or an estimate that is a promise refuses the call, and its failure harms nobody', async () => {
  const failing = (() => Promise.reject(new Error('down'))) as never
  for (const options of [
    { limits: { name: 'minute', per: failing, requests: 1, window: 60 } },
    { limits: { name: 'minute', per: (async () => 'ada') as never, requests: 1, window: 60 } },
    { limits: { name: 'minute', per: perSubject, tokens: 9_000, window: 60 }, estimate: failing },
    {
      limits: { name: 'minute', per: perSubject, tokens: 9_000, window: 60 },
      estimate: (() => Object.assign(Promise.resolve(), { input: 0, output: 0 })) as never,
    },
  ]) {
    const { guard: base } = limitedGuard(rateLimit<Identified>(options))
    await assert.rejects(base.protect((_input: string) => 'x', operation)('a', as('ada')), { code: 'misconfigured' })
  }
  await new Promise((resolve) => setImmediate(resolve))
})
