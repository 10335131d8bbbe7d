import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { authorize } from '../../src/controls/authorize.ts'
import { unaudited } from '../../src/controls/unaudited.ts'
import { verifyIdentity } from '../../src/controls/verify-identity.ts'
import { guard } from '../../src/guard/guard.ts'
import { policySet } from '../../src/policy/policy-set.ts'
import { identityOf, testClock } from '../../src/testing/index.ts'

const operation = { action: 'chat', resource: { type: 'model', id: 'm' } }
const guarded = (rules: readonly Record<string, unknown>[], clock: ReturnType<typeof testClock>) =>
  guard({ clock })
    .use(unaudited())
    .use(verifyIdentity({ verifiers: [identityOf({ subject: 'ada' })] }))
    .use(authorize({ evaluator: policySet({ id: 'p', rules }) }))

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

describe('time under a guard', () => {
  // A guard's own timers do not keep a process alive.
  let alive: NodeJS.Timeout
  before(() => void (alive = setInterval(() => {}, 1_000)))
  after(() => clearInterval(alive))

  test('is the guard’s own: a permit ends by its clock, and a window opens by it', async () => {
    const clock = testClock(Date.parse('2026-03-06T17:59:59Z'))
    const office = { 'context.time': { during: { zone: 'UTC', days: ['friday'], from: '08:00', to: '18:00' } } }
    const ask = guarded([{ id: 'office', effect: 'permit', when: office, expires: '2026-03-14T00:00:00Z' }], clock).protect(
      (text: string) => text,
      operation,
    )
    assert.equal(await ask('x'), 'x')
    clock.advance(1_000)
    await assert.rejects(ask('x'), { code: 'denied' })
    clock.advance(7 * 24 * 3_600_000 - 1_000)
    assert.equal(await ask('x'), 'x')
    clock.advance(24 * 3_600_000)
    await assert.rejects(ask('x'), { code: 'denied' })
  })

  test('A12: is stated by nobody else, neither by the caller nor by the application', async () => {
    const clock = testClock(Date.parse('2027-01-01T00:00:00Z'))
    const ask = guarded([{ id: 'over', effect: 'permit', expires: '2026-12-31T23:00:00Z' }], clock).protect((input: object) => input, operation)
    await assert.rejects(ask({ time: 0, context: { time: 0 } }), { code: 'denied' })
    await assert.rejects(ask({}, { attributes: { time: 0 } }), { code: 'misconfigured' })
  })

  test('goes on while an answer streams: what has ended ends the stream', async () => {
    const clock = testClock(Date.parse('2026-12-31T22:59:59Z'))
    const rules = [{ id: 'until-midnight', effect: 'permit', expires: '2026-12-31T23:00:00Z' }]
    const ask = guarded(rules, clock).protect(async function* (_input: string) {
      yield 'first'
      await new Promise(() => {})
    }, operation)
    const parts = await ask('x')
    assert.deepEqual(await parts.next(), { done: false, value: 'first' })
    const next = assert.rejects(parts.next(), { code: 'denied' })
    for (let step = 0; step < 4; step++) {
      clock.advance(500)
      await turns(5)
    }
    await next
  })
})
