import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import * as oauth from 'oauth4webapi'
import { opaque, type OpaqueOptions } from '../../../src/identity/opaque.ts'
import { call, guardedApi, refusal, streamed } from './guarded-api.ts'
import { movingClock } from './moving-clock.ts'
import { openIdProvider } from './provider.ts'
import { clients } from './provider-clients.ts'
import { revoke, serviceToken, userTokens, withNonce } from './tokens.ts'

const elsewhere = 'https://elsewhere.example/files'

async function scene(t: TestContext, options: Partial<OpaqueOptions> = {}) {
  const provider = await openIdProvider(t)
  const { issuer, introspection, fetch } = provider
  const clock = movingClock()
  const foreign = await provider.protect(elsewhere, 'opaque')
  let asked = 0
  const counting: typeof fetch = (url, init) => {
    asked++
    return fetch(url, init)
  }
  const api = await guardedApi(t, provider, {
    clock,
    async verifiers(audience) {
      const client = await provider.protect(audience, 'opaque')
      return opaque({ issuer, introspection, client, fetch: counting, withoutSubject: 'client', ...options })
    },
  })
  return { provider, clock, api, fetch, foreign, asked: () => asked }
}

describe('opaque tokens of a real provider', () => {
  test('the token of a user is taken, by what the provider says of it', async (t) => {
    const { provider, api, fetch } = await scene(t)
    const { access_token: token } = await userTokens(provider, 'web', api.resource)
    assert.doesNotMatch(token, /\./)
    assert.equal(await (await call(api, token, { fetch })).text(), 'ada')
    const [caller] = api.callers
    assert.deepEqual([caller?.subject, caller?.kind, caller?.issuer], ['ada', 'user', provider.issuer])
    assert.deepEqual([caller?.roles, caller?.scopes, caller?.binding], [['reader'], ['chat'], undefined])
    assert.deepEqual([caller?.assurance.acr, caller?.assurance.amr], ['urn:example:gold', ['pwd', 'otp']])
  })

  test('the token of a service is its own, where it is said that none without a subject is anybody else’s', async (t) => {
    const { provider, api, fetch } = await scene(t)
    const { access_token: token } = await serviceToken(provider, clients.agent, api.resource)
    assert.equal(await (await call(api, token, { fetch })).text(), 'agent')
    assert.equal(api.callers[0]?.kind, 'service')
  })

  test('and is refused where that is not said', async (t) => {
    const { provider, api, fetch } = await scene(t, { withoutSubject: 'refuse' })
    const { access_token: token } = await serviceToken(provider, clients.agent, api.resource)
    assert.equal((await refusal(call(api, token, { fetch }))).code, 'identity_invalid')
  })

  test('however many calls come with one token, the provider is asked once', async (t) => {
    const { provider, api, fetch, asked } = await scene(t)
    const { access_token: token } = await serviceToken(provider, clients.agent, api.resource)
    const answers = await Promise.all(Array.from({ length: 20 }, () => call(api, token, { fetch })))
    assert.deepEqual([...new Set(await Promise.all(answers.map((answer) => answer.text())))], ['agent'])
    assert.equal(asked(), 1)
  })

  test('a token for another resource is refused: the provider does not speak of it', async (t) => {
    const { provider, api, fetch } = await scene(t)
    const { access_token: token } = await serviceToken(provider, clients.agent, elsewhere)
    const refused = await refusal(call(api, token, { fetch }))
    assert.deepEqual([refused.status, refused.code, refused.errors], [401, 'identity_invalid', { bearer: 'invalid_token' }])
  })

  test('and where it does, its audience is another', async (t) => {
    const { provider, foreign, fetch } = await scene(t)
    const { issuer, introspection } = provider
    const api = await guardedApi(t, provider, {
      verifiers: (audience) => opaque({ issuer, introspection, client: foreign, audience, fetch, withoutSubject: 'client' }),
    })
    const { access_token: token } = await serviceToken(provider, clients.agent, elsewhere)
    assert.equal((await refusal(call(api, token, { fetch }))).code, 'identity_invalid')
  })

  test('a token that is bound to a key is taken with a proof, and nonces, and never without', async (t) => {
    const { provider, api, fetch } = await scene(t, { dpop: { nonces: true } })
    const DPoP = oauth.DPoP(clients.agent.client, await oauth.generateKeyPair('ES256'))
    const { access_token: token } = await serviceToken(provider, clients.agent, api.resource, { DPoP })
    assert.equal(await (await withNonce(() => call(api, token, { fetch, DPoP }))).text(), 'agent')
    assert.deepEqual([api.callers[0]?.binding, api.callers[0]?.device?.id], ['dpop', await DPoP.calculateThumbprint()])
    assert.equal((await refusal(call(api, token, { fetch }))).code, 'binding_invalid')
    const another = oauth.DPoP(clients.agent.client, await oauth.generateKeyPair('ES256'))
    const refused = await refusal(call(api, token, { fetch, DPoP: another }))
    assert.deepEqual([refused.code, refused.errors.dpop], ['binding_invalid', 'invalid_dpop_proof'])
  })

  test('a revoked token ends the stream that it had begun, and is refused after the cache time', async (t) => {
    const { provider, api, clock, fetch } = await scene(t)
    const { access_token: token } = await userTokens(provider, 'web', api.resource)
    const { access_token: spared } = await userTokens(provider, 'web', api.resource)
    const { end } = await streamed(await call(api, token, { fetch, input: 'stream' }))
    await (await call(api, spared, { fetch })).text()
    await revoke(provider, clients.web, token)
    clock.advance(5)
    const refused = await refusal(call(api, token, { fetch }))
    assert.deepEqual([refused.status, refused.code, refused.errors], [401, 'identity_invalid', { bearer: 'invalid_token' }])
    assert.equal(await end, 'identity_revoked')
    const last = api.log.entries.findLast((entry) => entry.kind === 'outcome' && entry.streamed)
    assert.ok(last?.kind === 'outcome')
    assert.deepEqual([last.ending, last.code, last.subject?.subject], ['refused', 'identity_revoked', 'ada'])
    assert.equal(await (await call(api, spared, { fetch })).text(), 'ada')
  })

  test('a running stream ends by itself to look, with no other call to come', async (t) => {
    const { provider, api, clock, fetch } = await scene(t)
    const { access_token: token } = await serviceToken(provider, clients.agent, api.resource)
    const { end } = await streamed(await call(api, token, { fetch, input: 'stream' }))
    await revoke(provider, clients.agent, token)
    clock.advance(5)
    assert.equal(await end, 'identity_revoked')
  })

  test('a server that may not ask calls nobody an impostor', async (t) => {
    const { provider, fetch } = await scene(t)
    const { issuer, introspection } = provider
    const api = await guardedApi(t, provider, {
      verifiers: (audience) => opaque({ issuer, introspection, client: { id: audience, secret: 'a guess' }, fetch }),
    })
    await provider.protect(api.resource, 'opaque')
    const { access_token: token } = await serviceToken(provider, clients.agent, api.resource)
    const answer = await call(api, token, { fetch })
    assert.equal(answer.status, 503)
    assert.equal(((await answer.json()) as { readonly code: string }).code, 'keys_unavailable')
  })
})
