import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { identityKey, jwt, plainText, revocationList } from '../../src/index.ts'
import { recordingLog, type TestClock, testClock, testIssuer } from '../../src/testing/index.ts'
import { chatRequest, chunk, completion, partsIn } from './chat-payloads.ts'
import { assertRefused, assertRejects } from './refusals.ts'
import { served } from './served.ts'
import { wholeGuard } from './whole-guard.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A server whose model says a word whenever the test lets it, for ever. */
function scene() {
  const clock = testClock()
  const issuer = testIssuer({ clock })
  const revocation = revocationList({ clock })
  const log = recordingLog()
  const model = { said: 0, aborted: 0, release: (): void => {} }
  const base = wholeGuard({ clock, log, deadline: 3_600_000, identity: { verifiers: [jwt(issuer.options)], revocation } })
  const server = served(base, (input, signal) => {
    if (input.stream !== true) return completion('hi')
    return (async function* () {
      signal.addEventListener('abort', () => model.aborted++)
      for (;;) {
        await new Promise<void>((resolve) => (model.release = resolve))
        if (signal.aborted) return
        model.said++
        yield chunk({ delta: { content: 'word ' } })
      }
    })()
  })
  const credentials = (claims: object = {}, expiresIn = 3_000) =>
    issuer.bearer({ sub: 'ada', jti: 'token-1', sid: 'session-1', roles: ['analyst'], ...claims }, { expiresIn })
  return { clock, issuer, revocation, log, model, server, credentials }
}

/** Reads the body of an answer as it comes. */
function reading(response: Response): { text: string; ended: Promise<void>; isOver: boolean } {
  const state = { text: '', ended: Promise.resolve(), isOver: false }
  state.ended = (async () => {
    for await (const bytes of response.body ?? []) state.text += new TextDecoder().decode(bytes)
    state.isOver = true
  })()
  return state
}

async function settled(clock: TestClock, milliseconds: number): Promise<void> {
  clock.advance(milliseconds)
  for (let count = 0; count < 20; count++) await turn()
}

const stream = chatRequest('go on', { stream: true })

describe('A4: revoked and expired', () => {
  test('the next call is refused, whatever of it was revoked', async () => {
    const targets = [
      [{ token: 'token-1' }, { jti: 'token-2' }],
      [{ token: 'token-1', issuer: 'https://issuer.example' }, { jti: 'token-2' }],
      [{ session: 'session-1' }, { sid: 'session-2' }],
      [{ subject: 'ada' }, { sub: 'bob' }],
      [{ subject: identityKey('https://issuer.example', 'ada') }, { sub: 'bob' }],
      [{ subject: 'agent-7' }, { act: { sub: 'agent-8' } }],
    ] as const
    for (const [target, other] of targets) {
      const { server, revocation, credentials } = scene()
      const mine = await credentials({ act: { sub: 'agent-7' } })
      assert.equal((await server.ask(chatRequest('x'), mine)).status, 200)
      await revocation.revoke(target)
      await assertRefused(await server.ask(chatRequest('x'), mine), 'identity_revoked', ['ada', 'token-1', 'session-1'])
      assert.equal(server.ran.length, 1)
      assert.equal((await server.ask(chatRequest('x'), await credentials(other))).status, 200, JSON.stringify(target))
    }
    for (const target of [{ issuer: 'https://issuer.example' }, { key: 'test-1' }]) {
      const { server, revocation, credentials } = scene()
      await revocation.revoke(target)
      await assertRefused(await server.ask(chatRequest('x'), await credentials()), 'identity_revoked')
      assert.equal(server.ran.length, 0)
    }
  })

  test('a token that was verified a moment ago, and has expired since', async () => {
    const { clock, server, credentials } = scene()
    const mine = await credentials({}, 100)
    for (let call = 0; call < 3; call++) assert.equal((await server.ask(chatRequest('x'), mine)).status, 200)
    clock.advance(99_999)
    assert.equal((await server.ask(chatRequest('x'), mine)).status, 200)
    clock.advance(1)
    await assertRefused(await server.ask(chatRequest('x'), mine), 'identity_expired')
    // A clock that was set back does not bring it back for longer than it says.
    clock.set(clock.now() - 50)
    assert.equal((await server.ask(chatRequest('x'), mine)).status, 200)
    clock.advance(50)
    await assertRefused(await server.ask(chatRequest('x'), mine), 'identity_expired')
  })

  test('what was issued before is revoked, and what was issued later stands', async () => {
    const { clock, server, revocation, credentials } = scene()
    const before = await credentials()
    await revocation.revoke({ subject: 'ada', issuedBefore: clock.now() + 1_000 })
    clock.advance(2_000)
    await assertRefused(await server.ask(chatRequest('x'), before), 'identity_revoked')
    assert.equal((await server.ask(chatRequest('x'), await credentials())).status, 200)
  })

  test('an open stream ends at once with a typed refusal, and nothing more of it is delivered', async () => {
    const { clock, server, revocation, credentials, model, log } = scene()
    const response = await server.ask(stream, await credentials())
    assert.equal(response.status, 200)
    const reader = reading(response)
    for (let words = 0; words < 3; words++) {
      await settled(clock, 100)
      model.release()
    }
    await settled(clock, 100)
    assert.equal(reader.isOver, false)
    await revocation.revoke({ subject: 'ada' })
    // No time passes.
    await settled(clock, 0)
    assert.equal(reader.isOver, true)
    assert.equal(model.aborted, 1)
    const { parts, isWhole } = partsIn(reader.text)
    assert.equal(isWhole, false)
    assert.deepEqual(parts.at(-1), {
      error: { message: 'The credential was revoked.', type: 'guard_error', param: null, code: 'identity_revoked' },
    })
    const { last } = log
    assert.ok(last?.kind === 'outcome' && last.code === 'identity_revoked' && last.ending === 'refused' && last.ran)
  })

  test('an open stream ends when its token expires, within a second', async () => {
    const { clock, server, credentials, model } = scene()
    const reader = reading(await server.ask(stream, await credentials({}, 10)))
    await settled(clock, 9_000)
    model.release()
    await settled(clock, 900)
    assert.equal(reader.isOver, false)
    await settled(clock, 1_100)
    assert.equal(reader.isOver, true)
    assert.match(reader.text, /"code":"identity_expired"/)
    assert.equal(model.aborted, 1)
    await assertRefused(await server.ask(chatRequest('x'), await credentials({}, -1)), 'identity_expired')
  })

  test('an open stream ends when policy no longer permits it, within a second', async () => {
    const clock = testClock()
    const issuer = testIssuer({ clock })
    let allowed = true
    const evaluator = {
      evaluate: () => ({
        allowed,
        policy: { id: 'p', version: '1' },
        reasons: [{ rule: 'quarantine', effect: allowed ? 'permit' : 'forbid' } as const],
        obligations: [],
      }),
    }
    const base = wholeGuard({ clock, deadline: 3_600_000, identity: { verifiers: [jwt(issuer.options)] }, policy: { evaluator } })
    let aborted = 0
    const server = served(base, (_input, signal) => {
      signal.addEventListener('abort', () => aborted++)
      return (async function* () {
        yield chunk({ delta: { content: 'word ' } })
        await new Promise(() => {})
      })()
    })
    const reader = reading(await server.ask(stream, await issuer.bearer({}, { expiresIn: 3_000 })))
    await settled(clock, 5_000)
    assert.equal(reader.isOver, false)
    allowed = false
    await settled(clock, 1_000)
    assert.equal(reader.isOver, true)
    assert.match(reader.text, /"code":"denied"/)
    assert.doesNotMatch(reader.text, /quarantine/)
    assert.equal(aborted, 1)
  })

  test('a call that is made for another one is refused when its caller is revoked', async () => {
    const { clock, issuer, revocation, credentials } = scene()
    const base = wholeGuard({ clock, identity: { verifiers: [jwt(issuer.options)], revocation } })
    let inner = 0
    const child = base.protect(() => ++inner, { action: 'chat', resource: { type: 'model', id: 'gpt-5' }, codec: plainText })
    const parent = base.protect(
      async (_input: string, call) => {
        await revocation.revoke({ subject: 'ada' })
        await assertRejects(child('x', { onBehalfOf: call }), 'identity_revoked')
        return 'done'
      },
      { action: 'chat', resource: { type: 'model', id: 'gpt-5' }, codec: plainText },
    )
    // Nor is what the caller itself asked for released any more.
    await assertRejects(parent('x', { credentials: await credentials() }), 'identity_revoked')
    assert.equal(inner, 0)
  })
})
