import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { jwt, remoteJwks } from '../../src/index.ts'
import { testClock, testIssuer } from '../../src/testing/index.ts'
import { chatRequest } from './chat-payloads.ts'
import { inTime } from './in-time.ts'
import { assertRefused } from './refusals.ts'
import { served } from './served.ts'
import { wholeGuard } from './whole-guard.ts'

/** A guarded server whose issuer publishes its keys at an address, and how often it was asked. */
function scene() {
  const clock = testClock()
  const issuer = testIssuer({ clock })
  const state = { fetches: 0, isDown: false, hangs: false, isHuge: false }
  const fetch = async (): Promise<Response> => {
    state.fetches++
    if (state.hangs) return new Promise(() => {})
    if (state.isDown) throw new TypeError('fetch failed: connect ECONNREFUSED 10.0.0.7')
    if (state.isHuge) return new Response(new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(65_536)) }))
    return Response.json(issuer.jwks)
  }
  const keys = remoteJwks(new URL('https://issuer.example/jwks'), { fetch, cooldown: 30, maxAge: 600, staleIfError: 60, timeout: 5 })
  const server = served(wholeGuard({ clock, identity: { verifiers: [jwt({ issuer: issuer.issuer, audience: issuer.audience, keys })] } }))
  const ask = async (options: { kid?: string; key?: string } = {}): Promise<Response> => {
    const { kid, key } = options
    return server.ask(
      chatRequest('hello'),
      await issuer.bearer({ roles: ['analyst'] }, { ...(kid !== undefined && { header: { kid } }), ...(key !== undefined && { key }) }),
    )
  }
  return { clock, issuer, state, server, ask, ran: server.ran }
}

describe('A2: key ids that nobody knows', () => {
  test('a flood of them fetches once in a cool-down', async () => {
    const { clock, state, ask, ran } = scene()
    assert.equal((await ask()).status, 200)
    assert.equal(state.fetches, 1)
    clock.advance(30_000)
    for (let round = 0; round < 3; round++) {
      const flood = await Promise.all(Array.from({ length: 200 }, (_, number) => ask({ kid: `made-up-${round}-${number}` })))
      for (const response of flood) await assertRefused(response, 'identity_invalid', ['made-up'])
      for (let number = 0; number < 50; number++) await assertRefused(await ask({ kid: `later-${round}-${number}` }), 'identity_invalid')
      assert.equal(state.fetches, 2 + round)
      clock.advance(30_000)
    }
    assert.equal(ran.length, 1)
  })

  test('a key that was rotated in is found without a restart, also amid a flood', async () => {
    const { clock, issuer, state, ask, ran } = scene()
    assert.equal((await ask()).status, 200)
    const id = issuer.rotate()
    clock.advance(31_000)
    const answers = await Promise.all([...Array.from({ length: 50 }, (_, number) => ask({ kid: `x${number}` })), ask({ key: id })])
    assert.equal(answers.at(-1)?.status, 200)
    assert.equal(state.fetches, 2)
    assert.equal(ran.length, 2)
  })

  test('a rotated key is found after the cool-down also where its id was asked for before it was there', async () => {
    const { clock, issuer, state, ask, ran } = scene()
    assert.equal((await ask()).status, 200)
    for (let round = 0; round < 5; round++) {
      clock.advance(30_000)
      for (let number = 0; number < 10; number++) await assertRefused(await ask({ kid: 'test-2' }), 'identity_invalid')
    }
    assert.equal(state.fetches, 6)
    const id = issuer.rotate()
    assert.equal(id, 'test-2')
    await assertRefused(await ask({ key: id }), 'identity_invalid')
    assert.equal(state.fetches, 6)
    clock.advance(30_000)
    assert.equal((await ask({ key: id })).status, 200)
    assert.equal(ran.length, 2)
  })

  test('an outage of ten minutes locks nobody out whose key is known, and when its time is over nobody is called an impostor', async () => {
    for (const how of ['isDown', 'hangs', 'isHuge'] as const) {
      const { clock, issuer, state, server, ask, ran } = scene()
      const known = await issuer.bearer({ roles: ['analyst'] }, { expiresIn: 86_400 })
      assert.equal((await server.ask(chatRequest('x'), known)).status, 200)
      state[how] = true
      // The set is old after 600 seconds, and is trusted for 60 more.
      for (let turn = 1; turn <= 60; turn++) {
        clock.advance(10_000)
        assert.equal((await server.ask(chatRequest('x'), known)).status, 200)
        assert.equal((await ask()).status, 200, 'a new token of a known key')
      }
      assert.equal(ran.length, 121)
      assert.ok(state.fetches <= 1 + 25, `${state.fetches} fetches`)
      clock.advance(60_001)
      for (const call of [server.ask(chatRequest('x'), known), ask(), ask({ kid: 'made-up' })])
        await assertRefused(await inTime(clock, call), 'keys_unavailable', ['10.0.0.7', 'issuer.example'])
      assert.equal(ran.length, 121)
      state[how] = false
      clock.advance(30_000)
      assert.equal((await inTime(clock, server.ask(chatRequest('x'), known))).status, 200)
    }
  })

  test('a key that was withdrawn ends what it vouched for, also what was verified before', async () => {
    const { clock, issuer, ask, ran, server } = scene()
    const credentials = await issuer.bearer({ roles: ['analyst'] }, { expiresIn: 86_400 })
    assert.equal((await server.ask(chatRequest('x'), credentials)).status, 200)
    issuer.rotate()
    issuer.retire('test-1')
    clock.advance(600_001)
    await assertRefused(await server.ask(chatRequest('x'), credentials), 'identity_invalid')
    assert.equal((await ask()).status, 200)
    assert.equal(ran.length, 2)
  })

  test('nobody is called an impostor because the issuer is down, and nobody gets in', async () => {
    for (const how of ['isDown', 'hangs'] as const) {
      const { clock, state, ask, ran } = scene()
      state[how] = true
      await assertRefused(await inTime(clock, ask()), 'keys_unavailable', ['10.0.0.7', 'ECONNREFUSED', 'issuer.example'])
      for (let number = 0; number < 10; number++) await assertRefused(await inTime(clock, ask({ kid: `x${number}` })), 'keys_unavailable')
      assert.equal(ran.length, 0)
    }
  })

  test('a set that holds nonsense, a private key or a secret is not used', async () => {
    for (const body of ['', '{', 'null', '[]', '{"keys":{}}', '{"keys":[5]}', '{"keys":[{"kty":"oct","k":"AA","kid":"test-1"}]}', '"x"', '<html>']) {
      const issuer = testIssuer()
      const keys = remoteJwks(new URL('https://issuer.example/jwks'), { fetch: async () => new Response(body) })
      const server = served(wholeGuard({ identity: { verifiers: [jwt({ issuer: issuer.issuer, audience: issuer.audience, keys })] } }))
      await assertRefused(await server.ask(chatRequest('x'), await issuer.bearer({ roles: ['analyst'] })), 'keys_unavailable')
      assert.equal(server.ran.length, 0)
    }
    assert.throws(() => remoteJwks(new URL('http://issuer.example/jwks')), TypeError)
    assert.throws(() => remoteJwks(new URL('https://user:password@issuer.example/jwks')), TypeError)
  })
})
