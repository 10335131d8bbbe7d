import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { elevations, type ElevationsOptions } from '../../src/approval/elevations.ts'
import { audit } from '../../src/controls/audit.ts'
import { authorize } from '../../src/controls/authorize.ts'
import { verifyIdentity } from '../../src/controls/verify-identity.ts'
import type { Call, Known } from '../../src/guard/context.ts'
import { isGuardError } from '../../src/guard/errors.ts'
import { guard } from '../../src/guard/guard.ts'
import { jwt } from '../../src/identity/jwt.ts'
import { plainText } from '../../src/payload/plain-text.ts'
import { policySet } from '../../src/policy/policy-set.ts'
import { recordingLog } from '../../src/testing/recording-log.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { testIssuer } from '../../src/testing/test-issuer.ts'

const rules = [
  { id: 'on-call-may-elevate', effect: 'permit', subject: { roles: ['on-call'] }, action: 'elevate', resource: { type: 'role', id: 'responder' } },
  { id: 'responders-restart', effect: 'permit', subject: { roles: ['responder'] }, action: 'restart' },
  { id: 'anyone-asks', effect: 'permit', action: 'ask' },
]

function scene(options: ElevationsOptions = {}) {
  const clock = testClock()
  const issuer = testIssuer({ clock })
  const log = recordingLog()
  const elevating = elevations({ clock, ...options })
  const base = guard({ clock, onError: () => {}, deadline: 3_600_000 })
    .use(audit({ log }))
    .use(verifyIdentity({ verifiers: [jwt({ ...issuer.options, clock })] }))
    .use(authorize({ evaluator: policySet({ id: 'p', rules }), elevations: elevating }))
  const elevate = base.protect((ttl: number, call) => elevating.elevate(call, 'responder', ttl, 'incident 7'), {
    action: 'elevate',
    resource: { type: 'role', id: 'responder' },
  })
  const restart = base.protect(() => 'restarted', { action: 'restart', resource: { type: 'service', id: 's' } })
  const stream = base.protect(
    async function* (_input: string, call) {
      for (;;) {
        yield 'line '
        await new Promise((resolve) => call.signal.addEventListener('abort', resolve, { once: true }))
        return
      }
    },
    { action: 'restart', resource: { type: 'service', id: 's' }, codec: plainText },
  )
  const as = async (sub: string, roles: string[] = [], expiresIn = 30_000, more: object = {}) => ({
    credentials: await issuer.bearer({ sub, roles, ...more }, { expiresIn }),
  })
  return { clock, log, elevating, base, elevate, restart, stream, as }
}

describe('an elevation', () => {
  test('is of one tenant, and none in another of the same caller', async () => {
    const { elevate, restart, as } = scene()
    const inTenant = (tid: string) => as('ada', ['on-call'], 30_000, { tid })
    await elevate(900, await inTenant('a'))
    assert.equal(await restart(null, await inTenant('a')), 'restarted')
    for (const other of [await inTenant('b'), await inTenant(''), await as('ada', ['on-call'])])
      await assert.rejects(restart(null, other), (error) => isGuardError(error) && error.code !== 'misconfigured')
  })

  test('gives a role for a while, to whom policy permits it, and ends by itself', async () => {
    const { elevate, restart, as, clock } = scene()
    const ada = await as('ada', ['on-call'])
    await assert.rejects(restart(null, ada), { code: 'denied' })
    await assert.rejects(elevate(900, await as('eve')), { code: 'denied' })
    assert.deepEqual(await elevate(900, ada), { role: 'responder', expiresAt: clock.now() + 900_000 })
    assert.equal(await restart(null, ada), 'restarted')
    // The role is the caller's alone, and not what a token of another caller says.
    await assert.rejects(restart(null, await as('bob', ['on-call'])), { code: 'denied' })
    clock.advance(899_999)
    assert.equal(await restart(null, ada), 'restarted')
    clock.advance(1)
    await assert.rejects(restart(null, ada), { code: 'denied' })
  })

  test('is cut to the longest that may be, and to the life of the identity', async () => {
    const { elevate, as, clock } = scene({ maxTtl: 60 })
    const { expiresAt } = await elevate(1e9, await as('ada', ['on-call']))
    assert.equal(expiresAt, clock.now() + 60_000)
    const short = await elevate(50, await as('ada', ['on-call'], 10))
    assert.equal(short.expiresAt, clock.now() + 10_000)
  })

  test('that ends while an answer streams ends the answer', async () => {
    const { elevate, stream, as, clock } = scene()
    const ada = await as('ada', ['on-call'])
    await elevate(5, ada)
    const parts = await stream('x', ada)
    await parts.next()
    const waiting = parts.next().catch((error: unknown) => error)
    for (let passed = 0; passed < 6_000; passed += 500) {
      clock.advance(500)
      for (let count = 0; count < 10; count++) await new Promise((resolve) => setImmediate(resolve))
    }
    const error = await waiting
    assert.ok(isGuardError(error) && error.code === 'denied', String(error))
  })

  test('can be ended before its time', async () => {
    const { elevating, elevate, restart, base, as } = scene()
    const ada = await as('ada', ['on-call'])
    await elevate(900, ada)
    const whoami = base.protect((_input: null, call) => call.identity, { action: 'ask', resource: { type: 'x', id: 'y' } })
    await elevating.end(await whoami(null, ada), 'responder')
    await assert.rejects(restart(null, ada), { code: 'denied' })
  })

  test('is a guarded action: no other call elevates, and no call that has ended', async () => {
    const { elevating, base, as, restart } = scene()
    const ada = await as('ada', ['on-call'])
    let kept: (Call & Pick<Known, 'identity' | 'decision'>) | undefined
    const other = base.protect(
      async (_input: null, call) => {
        kept = call
        await assert.rejects(elevating.elevate(call, 'responder', 60, 'why not'), TypeError)
        await assert.rejects(
          elevating.elevate({ ...call, action: 'elevate', resource: { type: 'role', id: 'responder' } }, 'responder', 60, 'x'),
          TypeError,
        )
      },
      { action: 'ask', resource: { type: 'role', id: 'responder' } },
    )
    await other(null, ada)
    assert.ok(kept)
    await assert.rejects(elevating.elevate(kept, 'responder', 60, 'later'), TypeError)
    const another = base.protect(
      async (_input: null, call) => {
        await assert.rejects(elevating.elevate(call, 'admin', 60, 'another role'), TypeError)
        for (const ttl of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
          await assert.rejects(elevating.elevate(call, 'responder', ttl, 'x'), TypeError)
        for (const reason of ['', 'x'.repeat(501), undefined])
          await assert.rejects(elevating.elevate(call, 'responder', 60, reason as never), TypeError)
      },
      { action: 'elevate', resource: { type: 'role', id: 'responder' } },
    )
    await another(null, ada)
    await assert.rejects(restart(null, ada), { code: 'denied' })
  })

  test("is nobody else's: who acts for the caller has none of it, and cannot ask for one", async () => {
    const { elevate, restart, as } = scene()
    const ada = await as('ada', ['on-call'])
    const agent = await as('ada', ['on-call'], 30_000, { act: { sub: 'bot' } })
    await assert.rejects(elevate(900, agent), { code: 'denied' })
    await elevate(900, ada)
    assert.equal(await restart(null, ada), 'restarted')
    await assert.rejects(restart(null, agent), { code: 'denied' })
  })

  test('of a store that fails or answers nonsense refuses', async () => {
    for (const get of [
      () => {
        throw new Error('down')
      },
      () => Promise.reject(new Error('down')),
      () => ['{"role":"responder"}'],
      () => ['nonsense'],
      () => [JSON.stringify([['responder', '9e99']])],
    ]) {
      const { restart, as } = scene({ store: { set: () => {}, delete: () => {}, describe: () => ({}), get } as never })
      await assert.rejects(restart(null, await as('ada', ['responder'])))
    }
    for (const options of [{ maxTtl: 0 }, { store: {} }, { unknown: 1 }]) assert.throws(() => elevations(options as never), TypeError)
  })
})
