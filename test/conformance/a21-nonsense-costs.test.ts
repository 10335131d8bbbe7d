import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Clock, jwt, memoryLimits, memoryState, plainText, planLimit, type PlannedLimit } from '../../src/index.ts'
import { testClock, testIssuer } from '../../src/testing/index.ts'
import { chatRequest, completion } from './chat-payloads.ts'
import { assertRefused, assertRejects } from './refusals.ts'
import { served } from './served.ts'
import { analyst, wholeGuard } from './whole-guard.ts'

const nonsense: readonly unknown[] = [
  -1,
  -0.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  '5',
  null,
  undefined,
  [],
  {},
  true,
  5n,
  { input: -5, output: 1 },
  { input: 1 },
  { input: Number.NaN, output: 0 },
]
const tokens = { name: 'tokens', per: (call: { identity: { key: string } }): string => call.identity.key, tokens: 100, window: 1_000_000 }

describe('A21: costs that are none, clocks that step, and more callers than there is room for', () => {
  test('an estimate that is no amount refuses, and reserves nothing', async () => {
    const credentials = await analyst()
    for (const estimate of nonsense) {
      let wrong = true
      const server = served(wholeGuard({ limits: { limits: tokens, estimate: () => (wrong ? (estimate as number) : 40) } }))
      await assertRefused(await server.ask(chatRequest('x'), credentials), 'misconfigured', ['estimate'])
      assert.equal(server.ran.length, 0)
      wrong = false
      assert.equal((await server.ask(chatRequest('x'), credentials)).status, 200)
    }
    const throwing = served(
      wholeGuard({
        limits: {
          limits: tokens,
          estimate: () => {
            throw new Error('hunter2')
          },
        },
      }),
    )
    await assertRefused(await throwing.ask(chatRequest('x'), credentials), 'misconfigured', ['hunter2'])
    assert.equal(throwing.ran.length, 0)
  })

  test('what a vendor reports gives nothing back that was not reserved, and cannot poison the count', async () => {
    const credentials = await analyst()
    const reports: readonly object[] = [
      { prompt_tokens: -1_000_000, completion_tokens: -1_000_000 },
      { prompt_tokens: 0, completion_tokens: 0 },
      { prompt_tokens: 1e308, completion_tokens: 1e308 },
      { prompt_tokens: 1.5, completion_tokens: 0.1 },
      { prompt_tokens: true, completion_tokens: false },
      {},
    ]
    for (const usage of reports) {
      const store = memoryLimits()
      const server = served(wholeGuard({ limits: { limits: tokens, store, estimate: () => ({ input: 10, output: 10 }) } }), () => ({
        ...completion('some words'),
        usage,
      }))
      let passed = 0
      for (; passed < 30; passed++) if ((await server.ask(chatRequest('x'), credentials)).status !== 200) break
      // Ten of input a call at least: ten calls at most, and none is free.
      assert.ok(passed >= 1 && passed <= 10, `${JSON.stringify(usage)}: ${passed} calls passed`)
    }
  })

  test('a clock that steps back gives nothing back, and none that steps forth takes anything', async () => {
    const clock = testClock()
    const issuer = testIssuer({ clock })
    const credentials = await issuer.bearer({ roles: ['analyst'] }, { expiresIn: 10_000_000 })
    const limits = { limits: { name: 'minute', per: (call: { identity: { key: string } }) => call.identity.key, requests: 5, window: 60 } }
    const server = served(wholeGuard({ clock, limits, identity: { verifiers: [jwt(issuer.options)] } }))
    for (let call = 0; call < 5; call++) assert.equal((await server.ask(chatRequest('x'), credentials)).status, 200)
    for (const step of [-3_600_000, -1, 3_600_000, 86_400_000]) {
      clock.set(Date.UTC(2026, 0, 2) + step)
      await assertRefused(await server.ask(chatRequest('x'), credentials), 'limit_exceeded')
    }
    clock.advance(60_001)
    assert.equal((await server.ask(chatRequest('x'), credentials)).status, 200)

    // Also where the other clock steps, which never should.
    let elapsed = 1_000_000
    const stepping: Clock = { now: () => Date.now(), monotonic: () => elapsed, after: () => () => {} }
    const own = served(wholeGuard({ clock: stepping, limits }))
    const mine = await analyst()
    for (let call = 0; call < 5; call++) {
      assert.equal((await own.ask(chatRequest('x'), mine)).status, 200)
      elapsed -= 100_000
    }
    for (let call = 0; call < 20; call++) {
      elapsed += call % 2 === 0 ? 200_000 : -200_000
      const { status } = await own.ask(chatRequest('x'), mine)
      assert.ok(status === 429 || status === 200)
    }
    assert.ok(own.ran.length <= 25)
    elapsed = Number.NaN
    const { status } = await own.ask(chatRequest('x'), mine)
    assert.ok(status >= 400, `a clock that gives no number: ${status}`)
  })

  test('hundreds of thousands of callers: bounded, and the ones that are there keep their limits', () => {
    const store = memoryLimits({ maxKeys: 10_000 })
    const limit: PlannedLimit = planLimit({ name: 'minute', requests: 2, window: 60 })
    const reserve = (key: string, now: number): boolean | undefined => {
      try {
        return store.reserve([{ limit, key }], { requests: 1 }, now).allowed
      } catch {
        return undefined
      }
    }
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    const answers = { granted: 0, full: 0 }
    for (let caller = 0; caller < 300_000; caller++) answers[reserve(`caller-${caller}`, 1_000) === true ? 'granted' : 'full']++
    Error.stackTraceLimit = stackTraceLimit
    assert.deepEqual(answers, { granted: 10_000, full: 290_000 })
    assert.equal(store.size, 10_000)
    // Nobody's count was dropped to make room.
    assert.equal(reserve('caller-7', 1_000), true)
    assert.equal(reserve('caller-7', 1_000), false)
    // And room comes back with time.
    assert.equal(reserve('someone-new', 200_000), true)
    assert.ok(store.size <= 10_000)
  })

  test('a full store refuses through the guard as well, and says so', async () => {
    const server = served(
      wholeGuard({
        limits: { store: memoryLimits({ maxKeys: 3 }), limits: { name: 'minute', per: (call) => call.identity.key, requests: 5, window: 60 } },
      }),
    )
    const codes: number[] = []
    for (let caller = 0; caller < 6; caller++) codes.push((await server.ask(chatRequest('x'), await analyst(`caller-${caller}`))).status)
    assert.deepEqual(codes, [200, 200, 200, 503, 503, 503])
    await assertRefused(await server.ask(chatRequest('x'), await analyst('another')), 'limits_unavailable')
    assert.equal(server.ran.length, 3)
    assert.throws(() => {
      const state = memoryState({ maxEntries: 2 })
      for (let entry = 0; entry < 3; entry++) void state.add(`x${entry}`, Number.POSITIVE_INFINITY, 0)
    }, /full/)
  })

  test('a key function that gives nothing is no bucket that strangers share', async () => {
    const credentials = await analyst()
    for (const key of [undefined, null, '', 5, {}, [], Number.NaN, 'k'.repeat(513), Promise.resolve('x')]) {
      const base = wholeGuard({ limits: { limits: { name: 'minute', per: () => key as string, requests: 5, window: 60 } } })
      let ran = 0
      await assertRejects(
        base.protect(() => String(++ran), { action: 'chat', resource: { type: 'model', id: 'gpt-5' }, codec: plainText })('x', { credentials }),
        'misconfigured',
      )
      assert.equal(ran, 0)
    }
  })
})
