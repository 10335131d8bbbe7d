import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import * as dpop from 'dpop'
import { decodeJwt } from 'jose'
import * as oauth from 'oauth4webapi'
import { jwt } from '../../../src/identity/jwt.ts'
import { discoveredKeys } from '../../../src/keys/discovered-keys.ts'
import { type ApiOptions, call, guardedApi, refusal } from './guarded-api.ts'
import { movingClock } from './moving-clock.ts'
import { openIdProvider } from './provider.ts'
import { clients } from './provider-clients.ts'
import { serviceToken, userTokens, withNonce } from './tokens.ts'

/** Seconds. Clients make proofs by their own clock, and tests put forward the server's. */
const maxAge = 600
const period = 120

async function scene(t: TestContext, { nonces = true, ...options }: Partial<ApiOptions> & { readonly nonces?: boolean } = {}) {
  const provider = await openIdProvider(t)
  const { issuer, fetch } = provider
  const clock = movingClock()
  // To the beginning of a period, so that none ends unless a test wants it to.
  clock.advance(period - ((clock.now() / 1000) % period))
  const api = await guardedApi(t, provider, {
    clock,
    verifiers: (audience) =>
      jwt({ issuer, audience, keys: discoveredKeys({ issuer, fetch }), dpop: { maxAge, ...(nonces && { nonces: { period } }) } }),
    ...options,
  })
  await provider.protect(api.resource, 'jwt')
  return { provider, clock, api, fetch }
}

/** A client's key, with which `oauth4webapi` makes proofs. */
async function proofsOf(client: oauth.Client): Promise<oauth.DPoPHandle> {
  return oauth.DPoP(client, await oauth.generateKeyPair('ES256'))
}

describe('DPoP of a real provider and oauth4webapi', () => {
  test('RFC 9449, section 9: a first call learns the nonce, the next is let in, and so are all that follow', async (t) => {
    const { provider, api, fetch } = await scene(t)
    const DPoP = await proofsOf(clients.agent.client)
    const { access_token: token, token_type: type } = await serviceToken(provider, clients.agent, api.resource, { DPoP })
    assert.equal(type, 'dpop')
    const first = await call(api, token, { fetch, DPoP }).catch((error: unknown) => error)
    assert.ok(oauth.isDPoPNonceError(first))
    assert.ok(first instanceof oauth.WWWAuthenticateChallengeError)
    assert.equal(first.status, 401)
    assert.ok(first.response.headers.get('dpop-nonce'))
    for (const time of [1, 2, 3]) {
      const answer = await call(api, token, { fetch, DPoP })
      assert.equal(await answer.text(), 'agent', `call ${time}`)
      // Section 8.2: no other nonce than the one that it has.
      assert.equal(answer.headers.get('dpop-nonce'), null)
    }
    const [caller] = api.callers
    assert.deepEqual([caller?.binding, caller?.device?.id], ['dpop', await DPoP.calculateThumbprint()])
    assert.equal(api.log.entries.findLast((entry) => entry.kind === 'outcome')?.subject?.binding, 'dpop')
  })

  test('the token of a user is bound just so', async (t) => {
    const { provider, api, fetch } = await scene(t)
    const DPoP = await proofsOf(clients.web.client)
    const { access_token: token } = await userTokens(provider, 'web', api.resource, { DPoP })
    assert.equal(await (await withNonce(() => call(api, token, { fetch, DPoP }))).text(), 'ada')
    assert.deepEqual([api.callers[0]?.kind, api.callers[0]?.binding], ['user', 'dpop'])
  })

  test('RFC 9449, section 8.2: a new nonce comes with an answer, before the old one is refused', async (t) => {
    const { provider, api, clock, fetch } = await scene(t)
    const DPoP = await proofsOf(clients.agent.client)
    const { access_token: token } = await serviceToken(provider, clients.agent, api.resource, { DPoP })
    const next = async (): Promise<boolean> => (await call(api, token, { fetch, DPoP })).headers.has('dpop-nonce')
    await withNonce(next)
    clock.advance(period)
    assert.equal(await next(), true)
    assert.equal(await next(), false)
    // Too late: the one before the last.
    clock.advance(2 * period)
    await assert.rejects(next(), (error) => oauth.isDPoPNonceError(error))
    assert.equal(await next(), false)
  })

  test('a server that wants a proof of everybody says so to who has a token without one', async (t) => {
    const { provider, api, fetch } = await scene(t, { binding: 'dpop' })
    const { access_token: token } = await serviceToken(provider, clients.agent, api.resource)
    const refused = await refusal(call(api, token, { fetch }))
    assert.deepEqual([refused.status, refused.code, refused.errors], [401, 'binding_required', { dpop: 'invalid_token' }])
    assert.deepEqual(api.callers, [])
  })

  test('section 7.2: a bound token is refused as a bearer token', async (t) => {
    const { provider, api, fetch } = await scene(t, { nonces: false })
    const DPoP = await proofsOf(clients.agent.client)
    const { access_token: token } = await serviceToken(provider, clients.agent, api.resource, { DPoP })
    const refused = await refusal(call(api, token, { fetch }))
    assert.deepEqual([refused.status, refused.code], [401, 'binding_invalid'])
    assert.deepEqual(refused.errors, { bearer: 'invalid_token', dpop: undefined })
    // Also where the right proof lies beside it.
    const asBearer: typeof globalThis.fetch = (url, init) => fetch(url, { ...init, headers: { ...init?.headers, authorization: `Bearer ${token}` } })
    assert.equal((await refusal(call(api, token, { fetch: asBearer, DPoP }))).code, 'binding_invalid')
    assert.deepEqual(api.callers, [])
  })

  test("a token of another client's key is refused, whoever has it", async (t) => {
    const { provider, api, fetch } = await scene(t, { nonces: false })
    const [own, theirs] = [await proofsOf(clients.agent.client), await proofsOf(clients.batch.client)]
    const { access_token: token } = await serviceToken(provider, clients.agent, api.resource, { DPoP: own })
    const refused = await refusal(call(api, token, { fetch, DPoP: theirs }))
    assert.deepEqual([refused.status, refused.code], [401, 'binding_invalid'])
    assert.deepEqual(refused.errors, { bearer: undefined, dpop: 'invalid_dpop_proof' })
    assert.deepEqual(api.callers, [])
    assert.equal((await call(api, token, { fetch, DPoP: own })).status, 200)
  })

  test('a token that is bound to no key is refused with a proof', async (t) => {
    const { provider, api, fetch } = await scene(t, { nonces: false })
    const { access_token: token } = await serviceToken(provider, clients.agent, api.resource)
    const refused = await refusal(call(api, token, { fetch, DPoP: await proofsOf(clients.agent.client) }))
    assert.deepEqual([refused.code, refused.errors.dpop], ['binding_invalid', 'invalid_dpop_proof'])
  })
})

describe('DPoP of a real provider and the package dpop, over plain HTTP on this machine', () => {
  /** A server, a key with a token that is bound to it, and a request with a proof. */
  async function bound(t: TestContext, nonces = false) {
    const { provider, api, clock } = await scene(t, { secure: false, nonces })
    const pair = await dpop.generateKeyPair('ES256')
    const handle = oauth.DPoP(clients.agent.client, pair)
    const token = async (): Promise<string> => (await serviceToken(provider, clients.agent, api.resource, { DPoP: handle })).access_token
    const send = (accessToken: string, proof: string): Promise<Response> =>
      fetch(api.resource, {
        method: 'POST',
        headers: { authorization: `DPoP ${accessToken}`, dpop: proof, 'content-type': 'text/plain' },
        body: 'hello',
      })
    /** The code of the refusal, and what the challenge says of the proof. */
    const refused = async (answer: Response): Promise<readonly (string | undefined)[]> => {
      assert.equal(answer.status, 401)
      const { code } = (await answer.json()) as { readonly code: string }
      return [code, /DPoP .*?error="(\w+)"/.exec(answer.headers.get('www-authenticate') ?? '')?.[1]]
    }
    return { api, clock, pair, token: await token(), another: token, send, refused }
  }

  test('a proof with the nonce of the refusal is let in', async (t) => {
    const { api, pair, token, send, refused } = await bound(t, true)
    const first = await send(token, await dpop.generateProof(pair, api.resource, 'POST', undefined, token))
    const nonce = first.headers.get('dpop-nonce')
    assert.deepEqual(await refused(first), ['binding_invalid', 'use_dpop_nonce'])
    assert.ok(nonce)
    const answer = await send(token, await dpop.generateProof(pair, api.resource, 'POST', nonce, token))
    assert.equal(await answer.text(), 'agent')
    assert.equal(api.callers[0]?.device?.id, await dpop.calculateThumbprint(pair.publicKey))
  })

  test('so is each algorithm of it', async (t) => {
    const { provider, api } = await scene(t, { secure: false, nonces: false })
    for (const algorithm of ['ES256', 'Ed25519', 'PS256'] as const) {
      const pair = await dpop.generateKeyPair(algorithm)
      const { access_token: token } = await serviceToken(provider, clients.agent, api.resource, { DPoP: oauth.DPoP(clients.agent.client, pair) })
      const proof = await dpop.generateProof(pair, api.resource, 'POST', undefined, token)
      const headers = { authorization: `DPoP ${token}`, dpop: proof, 'content-type': 'text/plain' }
      assert.equal((await fetch(api.resource, { method: 'POST', headers, body: 'hello' })).status, 200, algorithm)
    }
  })

  test('a proof is let in once', async (t) => {
    const { api, pair, token, send, refused } = await bound(t)
    const proof = await dpop.generateProof(pair, api.resource, 'POST', undefined, token)
    const answers = await Promise.all([1, 2, 3, 4, 5].map(() => send(token, proof)))
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 401, 401, 401, 401])
    for (const answer of answers) if (answer.status !== 200) assert.deepEqual(await refused(answer), ['replayed', 'invalid_dpop_proof'])
    assert.deepEqual(await refused(await send(token, proof)), ['replayed', 'invalid_dpop_proof'])
    assert.equal(api.callers.length, 1)
  })

  test('a proof that was made for something else is refused', async (t) => {
    const { api, pair, token, another, send, refused } = await bound(t)
    const second = await another()
    assert.notEqual(decodeJwt(second).jti, decodeJwt(token).jti)
    const others: Readonly<Record<string, string>> = {
      'another token of the same key': await dpop.generateProof(pair, api.resource, 'POST', undefined, second),
      'no token': await dpop.generateProof(pair, api.resource, 'POST'),
      'another method': await dpop.generateProof(pair, api.resource, 'GET', undefined, token),
      'another path': await dpop.generateProof(pair, `${api.resource}/more`, 'POST', undefined, token),
      'another port': await dpop.generateProof(pair, 'http://127.0.0.1/chat', 'POST', undefined, token),
      'another host of this machine': await dpop.generateProof(pair, api.resource.replace('127.0.0.1', 'localhost'), 'POST', undefined, token),
      'another scheme': await dpop.generateProof(pair, api.resource.replace('http:', 'https:'), 'POST', undefined, token),
    }
    for (const [what, proof] of Object.entries(others))
      assert.deepEqual(await refused(await send(token, proof)), ['binding_invalid', 'invalid_dpop_proof'], what)
    assert.deepEqual(api.callers, [])
  })

  test('a proof that is too old is refused', async (t) => {
    const { api, clock, pair, token, send, refused } = await bound(t)
    const proof = await dpop.generateProof(pair, api.resource, 'POST', undefined, token)
    clock.advance(maxAge)
    assert.deepEqual(await refused(await send(token, proof)), ['binding_invalid', 'invalid_dpop_proof'])
  })

  test('a caller does not say itself where it has called', async (t) => {
    const { api, pair, token, refused } = await bound(t)
    const proof = await dpop.generateProof(pair, 'http://evil.example/chat', 'POST', undefined, token)
    const answer = await fetch(api.resource, {
      method: 'POST',
      headers: {
        authorization: `DPoP ${token}`,
        dpop: proof,
        'content-type': 'text/plain',
        'x-forwarded-host': 'evil.example',
        forwarded: 'host=evil.example;proto=http',
      },
      body: 'hello',
    })
    assert.deepEqual(await refused(answer), ['binding_invalid', 'invalid_dpop_proof'])
  })
})
