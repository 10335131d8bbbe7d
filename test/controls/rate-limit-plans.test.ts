import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rateLimit, type RateLimitOptions } from '../../src/controls/rate-limit.ts'
import { unaudited } from '../../src/controls/unaudited.ts'
import type { Call } from '../../src/guard/context.ts'
import { guard } from '../../src/guard/guard.ts'
import { cachedLimits } from '../../src/limits/cached-limits.ts'
import type { Limit } from '../../src/limits/limit.ts'
import { as, completion, type Identified, limitedGuard } from './limited-guard.ts'
import { chat, perCaller, request } from './metered-guard.ts'

const plan = (requests: number): Limit<Identified> => ({ name: 'plan', per: perCaller, requests, window: 60 })

function planned(limits: RateLimitOptions<Identified>['limits'], more: Partial<RateLimitOptions<Identified>> = {}) {
  const made = limitedGuard(rateLimit<Identified>({ limits, ...more }))
  const ask = made.guard.protect(() => completion('hi'), chat)
  const passed = async (subject: string): Promise<number> => {
    let count = 0
    for (; count < 50; count++) {
      try {
        await ask(request(), as(subject))
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'limit_exceeded')
        break
      }
    }
    return count
  }
  return { ...made, ask, passed }
}

test('limits are those of the caller`s plan', async () => {
  const plans: Record<string, Limit<Identified>> = { ada: plan(5), grace: plan(2) }
  const { passed } = planned((call) => plans[call.identity.subject] ?? plan(1))
  assert.deepEqual([await passed('ada'), await passed('grace'), await passed('eve')], [5, 2, 1])
})

test('a plan is changed while calls go on, and what was spent counts in the new one', async () => {
  const plans = { now: plan(4) }
  const { ask, passed } = planned(() => plans.now)
  await ask(request(), as('ada'))
  await ask(request(), as('ada'))
  // Half of it is spent.
  plans.now = plan(40)
  assert.equal(await passed('ada'), 20)
  plans.now = plan(1)
  assert.equal(await passed('ada'), 0)
  assert.equal(await passed('grace'), 1)
})

test('what a function gave before is not parsed again: a plan is changed by another object', async () => {
  const limit = { name: 'plan', per: perCaller, requests: 2, window: 60 }
  const { passed } = planned(() => limit)
  assert.equal(await passed('ada'), 2)
  limit.requests = 40
  assert.equal(await passed('grace'), 2)
})

test('plans may come later, and are kept for a while', async () => {
  let loaded = 0
  const limits = cachedLimits<Identified>({
    per: (call) => call.identity.subject,
    async load() {
      loaded++
      return [plan(3), { name: 'tokens', per: perCaller, tokens: 100_000, window: 60 }]
    },
    every: 30,
  })
  const { passed, ask, clock } = planned(limits)
  assert.equal(await passed('ada'), 3)
  assert.equal(loaded, 1)
  clock.advance(31_000)
  await ask(request(), as('ada'))
  assert.equal(loaded, 2)
})

test('a plan that does not come, or is none, refuses', async () => {
  const wrong: readonly RateLimitOptions<Identified>['limits'][] = [
    () => undefined as never,
    () => [],
    () => 'free' as never,
    () => ({ ...plan(5), requests: -1 }),
    () => [plan(1), plan(2)],
    () => ({ ...plan(5), per: undefined as never }),
    async () => undefined as never,
    () => {
      throw new Error('no plan')
    },
  ]
  for (const limits of wrong) await assert.rejects(planned(limits).ask(request(), as('ada')), { code: 'misconfigured' })
  await assert.rejects(planned(() => Promise.reject(new Error('secret'))).ask(request(), as('ada')), { code: 'limits_unavailable' })
  const { ask, clock } = planned(() => new Promise<never>(() => {}), { deadline: 50 })
  const pending = ask(request(), as('ada'))
  clock.advance(50)
  await assert.rejects(pending, { code: 'limits_unavailable' })
})

test('a function needs the identity, and says so when the chain is made', () => {
  const limits = (): Limit<Call> => ({ name: 'a', per: () => 'k', requests: 1, window: 1 })
  assert.throws(() => guard().use(unaudited()).use(rateLimit({ limits })), { name: 'TypeError', message: /identity/ })
  const described = planned(limits)
    .guard.describe()
    .controls.find(({ name }) => name === 'rateLimit')
  assert.equal(described?.options.limits, 'by call')
})
