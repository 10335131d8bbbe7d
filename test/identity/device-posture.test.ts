import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { audit } from '../../src/controls/audit.ts'
import { authorize } from '../../src/controls/authorize.ts'
import { verifyIdentity, type VerifyIdentityOptions } from '../../src/controls/verify-identity.ts'
import type { Identity } from '../../src/guard/context.ts'
import { isGuardError } from '../../src/guard/errors.ts'
import { guard } from '../../src/guard/guard.ts'
import type { DevicePosture } from '../../src/identity/device-posture.ts'
import { jwt } from '../../src/identity/jwt.ts'
import { knownDevices } from '../../src/identity/known-devices.ts'
import { plainText } from '../../src/payload/plain-text.ts'
import { policySet } from '../../src/policy/policy-set.ts'
import { dpopKey } from '../../src/testing/dpop-key.ts'
import { recordingLog } from '../../src/testing/recording-log.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { testIssuer } from '../../src/testing/test-issuer.ts'

const request = { method: 'POST', url: 'https://api.example/chat' }
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

async function scene(devices: VerifyIdentityOptions['devices'], clock = testClock(), rules: object[] = [{ id: 'all', effect: 'permit' }]) {
  const issuer = testIssuer({ clock })
  const key = await dpopKey({ clock })
  const log = recordingLog()
  const identities: Identity[] = []
  const model = { aborted: 0, release: (): void => {} }
  const base = guard({ clock, onError: () => {}, deadline: 3_600_000 })
    .use(audit({ log }))
    .use(verifyIdentity({ verifiers: [jwt({ ...issuer.options, clock })], ...(devices && { devices }) }))
    .use(authorize({ evaluator: policySet({ id: 'p', rules }) }))
  const operation = { action: 'chat', resource: { type: 'model', id: 'm' }, codec: plainText }
  const run = base.protect((_input: string, call) => {
    identities.push(call.identity)
    return 'fine'
  }, operation)
  const stream = base.protect(async function* (_input: string, call) {
    call.signal.addEventListener('abort', () => model.aborted++)
    for (;;) {
      yield 'word '
      await new Promise<void>((resolve) => (model.release = resolve))
      if (call.signal.aborted) return
    }
  }, operation)
  const token = await issuer.mint({ sub: 'ada', cnf: { jkt: key.jkt } }, { expiresIn: 3_000 })
  const options = async () => ({
    credentials: { authorization: `DPoP ${token}`, dpop: await key.proof({ ...request, token }) },
    channel: { secure: true, ...request },
  })
  return { clock, issuer, key, log, identities, model, run, stream, options }
}

describe('the posture of a device', () => {
  test('is an attribute of who proves to have it', async () => {
    const clock = testClock()
    const devices = knownDevices({ clock })
    const { run, options, key, identities } = await scene({ posture: devices }, clock)
    await run('x', await options())
    await devices.report(key.jkt, { compliant: true, os: 'macos' })
    await run('x', await options())
    clock.advance(300_001)
    await run('x', await options())
    await devices.report(key.jkt, { compliant: false })
    await devices.forget(key.jkt)
    await run('x', await options())
    assert.deepEqual(
      identities.map(({ device }) => device),
      [
        { id: key.jkt, status: 'unknown', posture: {} },
        { id: key.jkt, status: 'known', posture: { compliant: true, os: 'macos' } },
        { id: key.jkt, status: 'stale', posture: { compliant: true, os: 'macos' } },
        { id: key.jkt, status: 'unknown', posture: {} },
      ],
    )
    assert.ok(identities.every((identity) => Object.isFrozen(identity) && Object.isFrozen(identity.device)))
  })

  test('can be asked for by policy', async () => {
    const clock = testClock()
    const devices = knownDevices({ clock })
    const rules = [
      {
        id: 'healthy',
        effect: 'permit',
        when: { 'subject.deviceStatus': { eq: 'known' }, 'subject.posture.compliant': { eq: true }, 'subject.device': { exists: true } },
      },
    ]
    const { run, options, key, identities } = await scene({ posture: devices }, clock, rules)
    await assert.rejects(run('x', await options()), { code: 'denied' })
    await devices.report(key.jkt, { compliant: false })
    await assert.rejects(run('x', await options()), { code: 'denied' })
    await devices.report(key.jkt, { compliant: true })
    await run('x', await options())
    clock.advance(300_001)
    await assert.rejects(run('x', await options()), { code: 'denied' })
    assert.equal(identities.length, 1)
  })

  test('is unknown where whoever knows it fails, is late or answers nonsense', async () => {
    const answers: DevicePosture['postureOf'][] = [
      () => {
        throw new Error('down')
      },
      () => Promise.reject(new Error('down')),
      () => new Promise(() => {}),
      () => undefined,
      () => ({ attributes: { compliant: true } }) as never,
      () => ({ attributes: 'compliant', checkedAt: 0 }) as never,
      () => ({ attributes: { compliant: 1n }, checkedAt: testClock().now() }) as never,
      () => 'compliant' as never,
      () => null as never,
      () => ({ attributes: { compliant: true }, checkedAt: Number.NaN }),
    ]
    for (const postureOf of answers) {
      const { run, options, identities, clock } = await scene({ posture: { postureOf } })
      const running = run('x', await options())
      let isOver = false
      running.then(
        () => (isOver = true),
        () => (isOver = true),
      )
      // Asked when the call comes, and again before its answer is released; signatures take real time.
      for (let count = 0; count < 10_000 && !isOver; count++) {
        await new Promise((resolve) => setTimeout(resolve, 1))
        clock.advance(201)
      }
      await running
      assert.notEqual(identities[0]?.device?.status, 'known', String(postureOf))
    }
  })

  test('that was seen in the future is stale', async () => {
    const { run, options, identities } = await scene({ posture: { postureOf: () => ({ attributes: {}, checkedAt: testClock().now() + 60_000 }) } })
    await run('x', await options())
    assert.equal(identities[0]?.device?.status, 'stale')
  })

  test('ends a running stream within one second when it changes, aborts the model and is recorded (A4)', async () => {
    const clock = testClock()
    const devices = knownDevices({ clock })
    const { stream, options, key, model, log } = await scene({ posture: devices }, clock)
    await devices.report(key.jkt, { compliant: true })
    const parts = await stream('x', await options())
    assert.deepEqual(await parts.next(), { value: 'word ', done: false })
    const waiting = parts.next().catch((error: unknown) => error)
    await devices.report(key.jkt, { compliant: false })
    for (let passed = 0; passed < 1_000; passed += 250) {
      clock.advance(250)
      for (let count = 0; count < 10; count++) await turn()
    }
    const error = await waiting
    assert.ok(isGuardError(error) && error.code === 'identity_revoked', String(error))
    assert.equal(model.aborted, 1)
    const outcome = log.entries.at(-1)
    assert.ok(outcome?.kind === 'outcome' && outcome.code === 'identity_revoked' && outcome.ending === 'refused')
  })

  test('that becomes stale while an answer streams ends it as well', async () => {
    const clock = testClock()
    const devices = knownDevices({ clock })
    const { stream, options, key } = await scene({ posture: devices, maxAge: 10 }, clock)
    await devices.report(key.jkt, { compliant: true })
    const parts = await stream('x', await options())
    await parts.next()
    const waiting = parts.next().catch((error: unknown) => error)
    for (let passed = 0; passed < 11_000; passed += 500) {
      clock.advance(500)
      for (let count = 0; count < 10; count++) await turn()
    }
    const error = await waiting
    assert.ok(isGuardError(error) && error.code === 'identity_revoked', String(error))
  })

  test('is asked for nobody who proves no device', async () => {
    let asked = 0
    const { run, issuer, identities } = await scene({
      posture: {
        postureOf() {
          asked++
          return undefined
        },
      },
    })
    await run('x', { credentials: await issuer.bearer() })
    assert.equal(asked, 0)
    assert.equal(identities[0]?.device, undefined)
  })

  test('is checked when it is made', () => {
    const verifiers = [jwt(testIssuer().options)]
    for (const devices of [
      {},
      { posture: {} },
      { posture: knownDevices(), maxAge: 0 },
      { posture: knownDevices(), deadline: -1 },
      { posture: knownDevices(), x: 1 },
    ])
      assert.throws(() => verifyIdentity({ verifiers, devices: devices as never }), TypeError, JSON.stringify(devices))
    for (const options of [{ keep: 0 }, { store: {} }, { x: 1 }]) assert.throws(() => knownDevices(options as never), TypeError)
  })
})
