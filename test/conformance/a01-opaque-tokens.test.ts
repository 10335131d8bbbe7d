import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type GuardErrorCode, opaque, type OpaqueOptions } from '../../src/index.ts'
import { allowAll, testClock } from '../../src/testing/index.ts'
import { authorizationServer, type Said } from './authorization-server.ts'
import { chatRequest } from './chat-payloads.ts'
import { assertRefused } from './refusals.ts'
import { served } from './served.ts'
import { wholeGuard } from './whole-guard.ts'

function scene(options: Partial<OpaqueOptions> = {}) {
  const clock = testClock()
  const server = authorizationServer(clock, options)
  const door = served(wholeGuard({ clock, identity: { verifiers: [opaque({ ...server.options, clock })] }, policy: { evaluator: allowAll() } }))
  const ask = (token: string): Promise<Response> => door.ask(chatRequest('x'), { authorization: `Bearer ${token}` })
  const refused = async (token: string, what: string, code: GuardErrorCode = 'identity_invalid'): Promise<void> => {
    try {
      await assertRefused(await ask(token), code, [server.issuer, ...(token.length > 8 ? [token] : [])])
    } catch (error) {
      throw new Error(`${what}: ${String(error)}`, { cause: error })
    }
  }
  return { clock, server, door, ask, refused, now: Math.floor(clock.now() / 1000) }
}

describe('A1: tokens that say nothing themselves (RFC 7662)', () => {
  test('one that the server calls active passes; one that it does not know, ended or never issued does not', async () => {
    const { server, door, ask, refused } = scene({ cache: 0 })
    const token = server.issue()
    assert.equal((await ask(token)).status, 200)
    for (const wrong of [`${token}x`, token.slice(1), token.toUpperCase(), 'never-issued-by-anybody']) await refused(wrong, 'never issued')
    server.end(token)
    await refused(token, 'ended')
    assert.equal(door.ran.length, 1)
  })

  test('an answer that says less than yes, or says it of another kind of token, is no', async () => {
    const { server, door, refused, now } = scene()
    const wrong: Readonly<Record<string, readonly unknown[]>> = {
      iss: [null, '', 5, 'https://evil.example', `${server.issuer}/`, [server.issuer]],
      aud: [undefined, null, '', [], {}, 5, 'https://other.example', ['https://other.example'], [['https://api.example']]],
      sub: [undefined, null, '', [], {}, true, 5, ['ada']],
      exp: [undefined, null, '', [], {}, true, String(now + 300), [now + 300]],
      iat: [null, '', [], true, String(now), now + 6],
      nbf: [null, '', [], true, String(now), now + 6],
      token_type: [undefined, null, '', 5, 'refresh_token', 'N_A', 'mac', 'pop', ['Bearer']],
      token_use: ['refresh', 'refresh_token', 'id', 5, null],
      typ: ['Refresh', 'ID', 'Offline', 5],
      at_hash: ['x'],
      events: [{}],
      roles: [null, 5, [5], {}],
      scope: [null, 5, {}],
      act: [null, 'agent', [], {}],
    }
    for (const [name, values] of Object.entries(wrong))
      for (const value of values) await refused(server.issue({ [name]: value }), `${name} is ${JSON.stringify(value)}`)
    for (const exp of [now, 0, -1]) await refused(server.issue({ exp }), `exp is ${exp}`, 'identity_expired')
    for (const cnf of [{}, null, 'x', { jkt: 'short' }, { jwk: {} }]) await refused(server.issue({ cnf }), JSON.stringify(cnf), 'binding_invalid')
    await refused(server.issue({ token_type: 'DPoP' }), 'bound, and to what is not said', 'binding_invalid')
    await refused(server.issue({ active: false }), 'not active')
    assert.equal(door.ran.length, 0)
  })

  test('an answer that is none refuses, and calls nobody an impostor', async () => {
    for (const body of ['', '{', '[]', 'null', '"yes"', 'true', '{}', '{"active":"true"}', '{"active":1}', '{"active":true,"active":false}']) {
      const { server, door, refused } = scene()
      server.instead = () => new Response(body, { headers: { 'content-type': 'application/json' } })
      await refused(server.issue(), body, 'keys_unavailable')
      assert.equal(door.ran.length, 0)
    }
    const good: Said = { active: true, sub: 'ada', aud: 'https://api.example', token_type: 'Bearer', exp: 4e9 }
    const answers: readonly (() => Response)[] = [
      () => new Response(JSON.stringify(good)),
      () => new Response(JSON.stringify(good), { headers: { 'content-type': 'text/html' } }),
      () => Response.json(good, { status: 201 }),
      () => Response.json(good, { status: 401 }),
      () => Response.json(good, { status: 503 }),
      () => new Response(null, { status: 302, headers: { location: 'https://evil.example' } }),
      () => Response.json({ ...good, padding: 'x'.repeat(100_000) }),
      () => {
        throw new TypeError('connect ECONNREFUSED 10.0.0.7')
      },
    ]
    for (const [index, answer] of answers.entries()) {
      const { server, door, refused } = scene()
      server.instead = answer
      await refused(server.issue(), `answer ${index}`, 'keys_unavailable')
      assert.equal(door.ran.length, 0)
    }
  })

  test('what is malformed, a JWT or a key of another kind is refused, and nobody is asked', async () => {
    const { server, door, refused } = scene()
    for (const token of [
      '',
      'short',
      'x'.repeat(5_000),
      'with spaces in it, 24 long',
      `${'a'.repeat(20)}=b`,
      `"${'a'.repeat(20)}"`,
      `${'a'.repeat(20)}.b`,
      'aaaa.bbbb.cccc',
    ])
      await refused(token, token.slice(0, 30))
    assert.deepEqual([server.asked, door.ran], [[], []])
  })

  test('however often one comes at once it is asked about once, and a flood of made-up ones keeps nobody out', async () => {
    const { server, door, ask } = scene({ maxPending: 8 })
    const token = server.issue()
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask(token)))
    assert.ok(answers.every(({ status }) => status === 200))
    assert.equal(server.asked.length, 1)
    const flood = await Promise.all(Array.from({ length: 200 }, (_, number) => ask(`made-up-token-number-${number}`)))
    for (const { status } of flood) assert.ok(status === 401 || status === 503, String(status))
    assert.equal((await ask(token)).status, 200)
    assert.ok(server.asked.length <= 1 + 8, `${server.asked.length} questions`)
    assert.equal(door.ran.length, 51)
  })
})
