import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { audit } from '../../src/controls/audit.ts'
import { authorize } from '../../src/controls/authorize.ts'
import { verifyIdentity } from '../../src/controls/verify-identity.ts'
import { guard } from '../../src/guard/guard.ts'
import { apiKey, newApiKey } from '../../src/identity/api-key.ts'
import { jwt } from '../../src/identity/jwt.ts'
import { opaque, type OpaqueOptions } from '../../src/identity/opaque.ts'
import { plainText } from '../../src/payload/plain-text.ts'
import { allowAll } from '../../src/testing/allow-all.ts'
import { recordingLog } from '../../src/testing/recording-log.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { testIssuer } from '../../src/testing/test-issuer.ts'
import { introspectionServer } from './introspection-server.ts'

/** A guard that takes opaque tokens, JWTs and API keys, before a model that says a word whenever the test lets it, for ever. */
async function scene(context: TestContext, options: Partial<OpaqueOptions> = {}) {
  const clock = testClock()
  const server = await introspectionServer(context, clock)
  const issuer = testIssuer({ clock })
  const { key, hash } = await newApiKey({ prefix: 'sk_' })
  const log = recordingLog()
  const model = { ran: 0, aborted: 0, say: (): void => {} }
  const base = guard({ clock, deadline: 3_600_000, onError: () => {} })
    .use(audit({ log }))
    .use(
      verifyIdentity({
        verifiers: [
          opaque({ issuer: server.issuer, introspection: server.url, client: server.client, ...options }),
          jwt(issuer.options),
          apiKey({ prefix: 'sk_', keys: [{ id: 'one', hash, identity: { subject: 'batch' } }] }),
        ],
      }),
    )
    .use(authorize({ evaluator: allowAll() }))
  const operation = { action: 'chat', resource: { type: 'model', id: 'gpt-5' }, codec: plainText } as const
  const whole = base.protect((_input: string, call) => {
    model.ran++
    return call.identity.subject
  }, operation)
  const streamed = base.protect(async function* (_input: string, call) {
    call.signal.addEventListener('abort', () => model.aborted++)
    for (;;) {
      await new Promise<void>((resolve) => (model.say = resolve))
      yield 'word '
    }
  }, operation)
  const bearer = (token: string) => ({ credentials: { authorization: `Bearer ${token}` } })
  // What is asked goes over a real socket, in real time.
  const pass = async (milliseconds: number): Promise<void> => {
    for (let passed = 0; passed < milliseconds; passed += 100) {
      clock.advance(100)
      await sleep(2)
    }
  }
  return { clock, server, issuer, key, log, model, whole, streamed, bearer, pass }
}

describe('opaque in a guard', () => {
  test('sends each credential to its verifier, and only its own to the server', async (context) => {
    const { server, issuer, key, whole, bearer } = await scene(context)
    assert.equal(await whole('x', bearer(server.issue())), 'ada')
    assert.equal(await whole('x', bearer(await issuer.mint({ sub: 'bob' }))), 'bob')
    assert.equal(await whole('x', bearer(key)), 'batch')
    await assert.rejects(whole('x', bearer(`${await issuer.mint({ iss: 'https://other.example' })}`)), { code: 'identity_invalid' })
    await assert.rejects(whole('x', { credentials: { authorization: `Basic ${btoa('ada:secret-of-ada')}` } }), { code: 'identity_invalid' })
    assert.equal(server.asked.length, 1)
    assert.deepEqual(server.complaints, [])
  })

  test('refuses a bad token with a challenge, and with none while the server is down', async (context) => {
    const { server, whole, bearer, model } = await scene(context)
    await assert.rejects(whole('x', bearer('x'.repeat(40))), (error: { code: string; headers: Record<string, string> }) => {
      assert.equal(error.code, 'identity_invalid')
      assert.match(error.headers['www-authenticate'] ?? '', /^Bearer .*error="invalid_token"/)
      return true
    })
    server.instead = (response) => response.writeHead(503).end()
    await assert.rejects(whole('x', bearer('y'.repeat(40))), (error: { code: string; status: number; headers: Record<string, string> }) => {
      assert.deepEqual([error.code, error.status, error.headers], ['keys_unavailable', 503, {}])
      return true
    })
    assert.equal(model.ran, 0)
  })

  test('asks once for a whole call, also where nothing is remembered', async (context) => {
    const { server, whole, bearer } = await scene(context, { cache: 0 })
    await whole('x', bearer(server.issue()))
    assert.equal(server.asked.length, 1)
  })

  test('ends a running stream when the token is no longer active, with a typed refusal, and records it', async (context) => {
    const { server, streamed, bearer, model, log, pass } = await scene(context)
    const token = server.issue()
    const parts = await streamed('x', bearer(token))
    const read = parts.next()
    await sleep(2)
    model.say()
    assert.deepEqual(await read, { value: 'word ', done: false })
    // As long as it is active it runs on.
    await pass(20_000)
    assert.equal(model.aborted, 0)
    assert.ok(server.asked.length >= 4 && server.asked.length <= 9, `asked ${server.asked.length} times in 20 s`)
    server.revoke(token)
    const last = assert.rejects(parts.next(), { code: 'identity_revoked' })
    await pass(6_000)
    await last
    assert.equal(model.aborted, 1)
    assert.ok(log.last?.kind === 'outcome' && log.last.code === 'identity_revoked' && log.last.ending === 'refused')
    await assert.rejects(streamed('x', bearer(token)), { code: 'identity_invalid' })
  })

  test('ends it when the token expires, as the first answer said', async (context) => {
    const { clock, server, streamed, bearer, pass } = await scene(context)
    const parts = await streamed('x', bearer(server.issue({ exp: clock.now() / 1000 + 8 })))
    const last = assert.rejects(parts.next(), { code: 'identity_expired' })
    await pass(8_500)
    await last
  })

  test('goes on through a short outage, and ends in a long one', async (context) => {
    const { server, streamed, bearer, model, pass } = await scene(context)
    const parts = await streamed('x', bearer(server.issue()))
    let error: unknown
    parts.next().catch((thrown: unknown) => (error = thrown))
    await pass(1_000)
    server.instead = (response) => response.writeHead(503).end()
    await pass(2_500)
    server.instead = undefined
    await pass(10_000)
    assert.equal(model.aborted, 0)
    server.instead = (response) => response.writeHead(503).end()
    await pass(7_000)
    assert.equal((error as { code?: string }).code, 'keys_unavailable')
    assert.equal(model.aborted, 1)
  })

  test('withholds a whole answer of a token that was revoked meanwhile', async (context) => {
    const { clock, server, bearer } = await scene(context)
    const token = server.issue()
    const base = guard({ clock, onError: () => {} })
      .use(audit({ log: recordingLog() }))
      .use(verifyIdentity({ verifiers: opaque({ issuer: server.issuer, introspection: server.url, client: server.client }) }))
      .use(authorize({ evaluator: allowAll() }))
    const slow = base.protect(
      (_input: string) => {
        server.revoke(token)
        clock.advance(5_000)
        return 'done'
      },
      { action: 'chat', resource: { type: 'model', id: 'gpt-5' }, codec: plainText },
    )
    await assert.rejects(slow('x', bearer(token)), { code: 'identity_revoked' })
  })
})
