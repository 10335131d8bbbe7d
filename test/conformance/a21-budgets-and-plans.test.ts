import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { jwt, type Limit, planLimit, policySet, type Prices, rateLimit } from '../../src/index.ts'
import { testClock, testIssuer } from '../../src/testing/index.ts'
import { chatRequest, completion } from './chat-payloads.ts'
import { assertRefused } from './refusals.ts'
import { served } from './served.ts'
import { analyst, policy, wholeGuard } from './whole-guard.ts'

type Caller = { readonly identity: { readonly key: string } }
const per = (call: Caller): string => call.identity.key
const prices: Prices = { 'gpt-5': { input: 1_000_000, cachedInput: 100_000, output: 2_000_000 } }
const nonsense: readonly unknown[] = [-1, 0, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60, '5', null, [], {}, true, 5n]

describe('A21: money, budgets and plans that are none', () => {
  test('a limit, a window or a price that is no number does not load', () => {
    for (const value of nonsense) {
      for (const unit of ['requests', 'tokens', 'cost', 'concurrent', 'prompts', 'choices', 'logprobs'])
        assert.throws(() => planLimit({ name: 'x', [unit]: value, ...(unit !== 'concurrent' && { window: 60 }) }), TypeError)
      // A fraction of a second is a window, and so is a very long one.
      if (value !== 0.5 && value !== 2 ** 60) assert.throws(() => planLimit({ name: 'x', requests: 1, window: value as number }), TypeError)
      const cost: Limit<Caller> = { name: 'x', per, cost: 5, window: 60 }
      // Nothing may be free.
      if (value === 0) continue
      for (const price of [{ input: value, output: 1 }, { input: 1, output: value }, value])
        assert.throws(() => rateLimit({ limits: cost as never, prices: { m: price } as never }), TypeError)
    }
    assert.throws(() => rateLimit({ limits: { name: 'x', per: () => 'k', cost: 5, window: 60 } }), /prices/)
  })

  test('a model without a price is refused and never runs, whatever its name', async () => {
    const credentials = await analyst()
    const limits: Limit<Caller> = { name: 'money', per, cost: 1_000_000, window: 'month' }
    const server = served(wholeGuard({ limits: { limits: limits as never, prices: { 'gpt-4': { input: 1, output: 1 } } } }))
    for (const model of ['gpt-5', 'gpt-5\0', 'constructor', '__proto__', 'toString'])
      assert.ok((await server.ask({ ...chatRequest('x'), model }, credentials)).status >= 400)
    await assertRefused(await server.ask(chatRequest('x'), credentials), 'limits_unavailable', ['gpt-4'])
    assert.equal(server.ran.length, 0)
  })

  test('whatever a vendor reports, a budget gives nothing back that was not reserved', async () => {
    const credentials = await analyst()
    for (const usage of [
      { prompt_tokens: -1e6, completion_tokens: -1e6 },
      {
        prompt_tokens: 10,
        completion_tokens: 10,
        prompt_tokens_details: { cached_tokens: 1e9 },
        completion_tokens_details: { reasoning_tokens: -1e9 },
      },
      { prompt_tokens: 10, completion_tokens: 10, prompt_tokens_details: { cached_tokens: -5 }, completion_tokens_details: {} },
      { prompt_tokens: 1e308, completion_tokens: 1e308 },
    ]) {
      const limits: Limit<Caller> = { name: 'money', per, cost: 300, window: 'day' }
      const server = served(wholeGuard({ limits: { limits: limits as never, prices, estimate: () => ({ input: 10, output: 10 }) } }), () => ({
        ...completion('some words'),
        usage,
      }))
      let passed = 0
      for (; passed < 300; passed++) if ((await server.ask(chatRequest('x'), credentials)).status !== 200) break
      // Ten of input a call, at a tenth of its price, and some output: none is free.
      assert.ok(passed >= 1 && passed <= 100, `${JSON.stringify(usage)}: ${passed} calls passed`)
    }
  })

  test('a day that is over does not come back with a clock that steps', async () => {
    const clock = testClock(Date.UTC(2026, 0, 1, 12))
    const issuer = testIssuer({ clock })
    const credentials = await issuer.bearer({ roles: ['analyst'] }, { expiresIn: 10_000_000 })
    const limits: Limit<Caller> = { name: 'day', per, requests: 3, window: 'day' }
    const server = served(wholeGuard({ clock, limits: { limits: limits as never }, identity: { verifiers: [jwt(issuer.options)] } }))
    const passed = async (): Promise<number> => {
      let count = 0
      while ((await server.ask(chatRequest('x'), credentials)).status === 200) count++
      return count
    }
    assert.equal(await passed(), 3)
    clock.advance(12 * 3_600_000)
    assert.equal(await passed(), 3)
    for (const back of [1, 3_600_000, 18 * 3_600_000]) {
      clock.set(Date.UTC(2026, 0, 2) - back)
      assert.equal(await passed(), 0)
    }
    clock.set(Date.UTC(2026, 0, 3))
    assert.equal(await passed(), 3)
  })

  test('a plan that is none, throws, hangs or never comes refuses', async () => {
    const credentials = await analyst()
    for (const [plan, code] of [
      [() => undefined, 'misconfigured'],
      [() => [], 'misconfigured'],
      [() => ({ name: 'x', requests: 5, window: 60 }), 'misconfigured'],
      [() => ({ name: 'x', per, requests: -5, window: 60 }), 'misconfigured'],
      [async () => [{ name: 'x', per, requests: Number.NaN, window: 60 }], 'misconfigured'],
      [async () => Promise.reject(new Error('hunter2')), 'limits_unavailable'],
      [() => new Promise(() => {}), 'limits_unavailable'],
    ] as const) {
      const alive = setInterval(() => {}, 1_000)
      const server = served(wholeGuard({ limits: { limits: plan as never, deadline: 20 } }))
      await assertRefused(await server.ask(chatRequest('x'), credentials), code, ['hunter2'])
      assert.equal(server.ran.length, 0)
      clearInterval(alive)
    }
  })

  test('a limit of policy that cannot be understood refuses, and the strictest of several holds', async () => {
    const credentials = await analyst()
    const withLimit = (...obligations: readonly object[]) => {
      const [permit, ...others] = policy.rules
      const rules = [{ ...permit, obligations: obligations.map((one) => ({ type: 'limit', name: 'trial', window: 1e6, ...one })) }, ...others]
      return served(wholeGuard({ policy: { evaluator: policySet({ ...policy, rules } as never) } }))
    }
    for (const one of [
      { requests: -1 },
      { requests: 1.5 },
      { requests: '5' },
      {},
      { requests: 5, tokens: 5 },
      { requests: 5, per: 'nobody' },
      { requests: 5, per: 'tenant' },
    ]) {
      const server = withLimit(one)
      await assertRefused(await server.ask(chatRequest('x'), credentials), 'obligation_unmet')
      assert.equal(server.ran.length, 0)
    }
    const server = withLimit({ requests: 50 }, { requests: 2 }, { requests: 7 })
    for (const status of [200, 200, 429]) assert.equal((await server.ask(chatRequest('x'), credentials)).status, status)
  })
})
