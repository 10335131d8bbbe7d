import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type GuardErrorCode, jwt } from '../../src/index.ts'
import { type DpopKey, dpopKey, type ProofOptions, testClock } from '../../src/testing/index.ts'
import { chatRequest } from './chat-payloads.ts'
import { assertRefused } from './refusals.ts'
import { address, type Served, served } from './served.ts'
import { analyst, issuer, type Parts, wholeGuard } from './whole-guard.ts'

const origin = new URL(address).origin
const key = await dpopKey()

/** A server that knows by which name it is called. */
const serverOf = (parts: Parts = {}): Served => served(wholeGuard(parts), undefined, { origin })
const tokenOf = (own: DpopKey = key): Promise<string> => issuer.mint({ roles: ['analyst'], cnf: { jkt: own.jkt } })
const proofFor = (token: string, more: Partial<ProofOptions> = {}): Promise<string> => key.proof({ method: 'POST', url: address, token, ...more })
const bound = (token: string, dpop?: string): Record<string, string> => ({ authorization: `DPoP ${token}`, ...(dpop !== undefined && { dpop }) })

async function refused(server: Served, fields: Record<string, string> | Headers, code: GuardErrorCode = 'binding_invalid'): Promise<Response> {
  const answer = await server.ask(chatRequest('x'), fields)
  await assertRefused(answer.clone(), code, [key.jkt])
  return answer
}

describe('A7: proofs of possession', () => {
  test('a bound token with its proof passes, under its own scheme alone', async () => {
    const server = serverOf({ identity: { binding: 'dpop' } })
    const token = await tokenOf()
    assert.equal((await server.ask(chatRequest('x'), bound(token, await proofFor(token)))).status, 200)
    assert.equal(server.ran.length, 1)
    await refused(server, { authorization: `Bearer ${token}`, dpop: await proofFor(token) })
    await refused(server, { authorization: `Bearer ${token}` })
    assert.equal(server.ran.length, 1)
  })

  test('a bound token without its proof is refused, also one that passed with it a moment ago', async () => {
    const server = serverOf()
    const token = await tokenOf()
    await refused(server, bound(token))
    assert.equal((await server.ask(chatRequest('x'), bound(token, await proofFor(token)))).status, 200)
    for (const dpop of [undefined, '', 'nonsense', 'a.b.c', token]) await refused(server, bound(token, dpop))
    assert.equal(server.ran.length, 1)
  })

  test('a proof is refused when it comes again, to this server or to one that shares its memory', async () => {
    const verifier = jwt(issuer.options)
    const servers = [serverOf({ identity: { verifiers: [verifier] } }), serverOf({ identity: { verifiers: [verifier] } })]
    const token = await tokenOf()
    const dpop = await proofFor(token)
    const answers = await Promise.all([0, 1, 0, 1].map((index) => servers[index]?.ask(chatRequest('x'), bound(token, dpop))))
    assert.deepEqual(answers.map((answer) => answer?.status).sort(), [200, 401, 401, 401])
    for (const server of servers) await refused(server, bound(token, dpop), 'replayed')
    assert.equal(servers[0] && servers[1] && servers[0].ran.length + servers[1].ran.length, 1)
  })

  test('a proof for something else is refused', async () => {
    const server = serverOf()
    const token = await tokenOf()
    const thief = await dpopKey()
    const now = Math.floor(Date.now() / 1000)
    const wrong: Record<string, Partial<ProofOptions>> = {
      'another method': { method: 'GET' },
      'the method in other letters': { method: 'post' },
      'another path': { url: `${address}/more` },
      'another host': { url: address.replace('api.', 'other.') },
      'another scheme': { url: address.replace('https', 'http') },
      'another port': { url: address.replace('.example', '.example:8443') },
      'a password in the address': { url: address.replace('api.', 'user@api.') },
      'another token': { token: await tokenOf() },
      'no token': { claims: { ath: undefined } },
      'too old': { iat: now - 61 },
      'from the future': { iat: now + 60 },
      'no time': { claims: { iat: undefined } },
      'no id': { claims: { jti: undefined } },
      'another type': { header: { typ: 'JWT' } },
      unsigned: { header: { alg: 'none' } },
      'an HMAC': { header: { alg: 'HS256' } },
      'critical parameters': { header: { crit: ['exp'] } },
      'a private key': { header: { jwk: { ...key.jwk, d: 'AAAA' } } },
      "another's key, named": { header: { jwk: thief.jwk } },
    }
    for (const [, options] of Object.entries(wrong)) await refused(server, bound(token, await proofFor(token, options)))
    await refused(server, bound(token, await thief.proof({ method: 'POST', url: address, token })))
    await refused(server, bound(token, await thief.proof({ method: 'POST', url: address, token, header: { jwk: key.jwk } })))
    assert.equal(server.ran.length, 0)
    assert.equal((await server.ask(chatRequest('x'), bound(token, await proofFor(token)))).status, 200)
  })

  test('of two fields with proofs none is taken', async () => {
    const server = serverOf()
    const token = await tokenOf()
    const headers = new Headers({ authorization: `DPoP ${token}` })
    for (let count = 0; count < 2; count++) headers.append('dpop', await proofFor(token))
    await refused(server, headers)
    assert.equal(server.ran.length, 0)
  })

  test('what the Host field says does not move the address that a proof is for', async () => {
    const server = serverOf()
    const token = await tokenOf()
    for (const name of ['host', 'x-forwarded-host', 'forwarded']) {
      const dpop = await proofFor(token, { url: address.replace('api.example', 'evil.example') })
      await refused(server, { ...bound(token, dpop), [name]: name === 'forwarded' ? 'host=evil.example' : 'evil.example' })
    }
    assert.equal(server.ran.length, 0)
  })

  test('a server that was not told its origin takes no proof, and blames itself', async () => {
    const server = served(wholeGuard())
    const token = await tokenOf()
    await refused(server, bound(token, await proofFor(token)), 'misconfigured')
    assert.equal(server.ran.length, 0)
  })

  test('where nonces are wanted, a proof without one, or with an old one, is told the new one', async () => {
    const clock = testClock(Date.now())
    const server = serverOf({ clock, identity: { verifiers: [jwt({ ...issuer.options, dpop: { nonces: { period: 60 } } })] } })
    const token = await issuer.mint({ roles: ['analyst'], cnf: { jkt: key.jkt } }, { expiresIn: 3600 })
    const now = (): number => Math.floor(clock.now() / 1000)
    const first = await refused(server, bound(token, await proofFor(token, { iat: now() })))
    const nonce = first.headers.get('dpop-nonce') ?? ''
    assert.match(nonce, /^[A-Za-z0-9_-]{43}$/)
    assert.match(first.headers.get('www-authenticate') ?? '', /DPoP .*error="use_dpop_nonce"/)
    assert.equal((await server.ask(chatRequest('x'), bound(token, await proofFor(token, { iat: now(), nonce })))).status, 200)
    clock.advance(120_000)
    const later = await refused(server, bound(token, await proofFor(token, { iat: now(), nonce })))
    assert.notEqual(later.headers.get('dpop-nonce'), nonce)
    assert.equal(server.ran.length, 1)
  })

  test('an exhausted memory of used proofs refuses, and forgets none to make room', async () => {
    const store = { ...noStore, add: () => Promise.reject(new Error('full')) }
    const server = serverOf({ identity: { verifiers: [jwt({ ...issuer.options, dpop: { store } })] } })
    const token = await tokenOf()
    await refused(server, bound(token, await proofFor(token)), 'keys_unavailable')
    assert.equal(server.ran.length, 0)
  })

  test('a token that is bound to something else, or in a way that nobody knows, is refused with whatever proof', async () => {
    const server = serverOf()
    for (const cnf of [{}, null, 'jkt', [], { jkt: 7 }, { jkt: 'short' }, { jkt: key.jkt, kid: 'x' }, { jwk: key.jwk }, { 'x5t#S256': key.jkt }]) {
      const token = await issuer.mint({ roles: ['analyst'], cnf })
      for (const fields of [{ authorization: `Bearer ${token}` }, bound(token), bound(token, await proofFor(token))]) await refused(server, fields)
    }
    assert.equal(server.ran.length, 0)
  })

  test('a proof that nobody looks at does not seem to have counted', async () => {
    const server = serverOf()
    const { authorization } = await analyst()
    const token = authorization.slice('Bearer '.length)
    await refused(server, { authorization, dpop: await proofFor(token) })
    await refused(server, bound(token, await proofFor(token)))
    const { key: secret } = await issuer.mintApiKey({ subject: 'bot', roles: ['analyst'] })
    await refused(server, { 'x-api-key': secret, dpop: await proofFor(secret) }, 'identity_invalid')
    assert.equal(server.ran.length, 0)
  })

  test('where a binding is wanted, an unbound token is refused', async () => {
    for (const binding of ['dpop', 'mtls', 'any'] as const) {
      const server = serverOf({ identity: { binding } })
      await refused(server, await analyst(), 'binding_required')
      assert.equal(server.ran.length, 0)
    }
  })
})

const noStore = {
  set: () => {},
  get: () => [],
  delete: () => {},
  subscribe: () => () => {},
  describe: () => ({}),
}
