import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { jwt } from '../../../src/identity/jwt.ts'
import { oidcIdToken } from '../../../src/identity/oidc-id-token.ts'
import { opaque } from '../../../src/identity/opaque.ts'
import { discoveredKeys } from '../../../src/keys/discovered-keys.ts'
import { type ApiOptions, call, guardedApi, refusal, streamed } from './guarded-api.ts'
import { movingClock } from './moving-clock.ts'
import { openIdProvider } from './provider.ts'
import { clients } from './provider-clients.ts'
import { serviceToken, userTokens } from './tokens.ts'

const elsewhere = 'https://elsewhere.example/files'
const openElsewhere = 'https://elsewhere.example/open'

/** A provider, and a server that takes access tokens of it, or whatever else it is said to take. */
async function scene(t: TestContext, options: Partial<ApiOptions> = {}) {
  const provider = await openIdProvider(t)
  const { issuer, fetch } = provider
  const clock = movingClock()
  await provider.protect(elsewhere, 'jwt')
  const keys = discoveredKeys({ issuer, fetch })
  const api = await guardedApi(t, provider, { clock, verifiers: (audience) => jwt({ issuer, audience, keys }), ...options })
  await provider.protect(api.resource, 'jwt')
  return { provider, keys, clock, api, options: { fetch } }
}

describe('access tokens of a real provider', () => {
  test('the token of a user who came by the code flow is taken, and with it how the user logged in', async (t) => {
    const { provider, api, options } = await scene(t)
    const { access_token: token } = await userTokens(provider, 'web', api.resource)
    assert.equal(decodeProtectedHeader(token).typ, 'at+jwt')
    const answer = await call(api, token, options)
    assert.equal(await answer.text(), 'ada')
    const [caller] = api.callers
    assert.deepEqual([caller?.subject, caller?.kind, caller?.issuer], ['ada', 'user', provider.issuer])
    assert.deepEqual([caller?.roles, caller?.scopes, caller?.binding], [['reader'], ['chat'], undefined])
    assert.equal(caller?.assurance.acr, 'urn:example:gold')
    assert.deepEqual(caller?.assurance.amr, ['pwd', 'otp'])
    assert.equal(caller?.assurance.authenticatedAt, Number(decodeJwt(token).auth_time) * 1000)
    assert.equal(caller?.tokenId, decodeJwt(token).jti)
    const records = api.log.entries.filter((entry) => entry.kind === 'decision' || entry.kind === 'outcome')
    assert.deepEqual(
      records.map(({ kind, allowed, subject }) => [kind, allowed, subject?.subject, subject?.token]),
      [
        ['decision', true, 'ada', caller?.tokenId],
        ['outcome', true, 'ada', caller?.tokenId],
      ],
    )
  })

  test('the token that a service got with its own credentials is a service', async (t) => {
    const { provider, api, options } = await scene(t)
    const { access_token: token } = await serviceToken(provider, clients.agent, api.resource)
    assert.equal(await (await call(api, token, options)).text(), 'agent')
    assert.equal(api.callers[0]?.kind, 'service')
  })

  test('however many calls come, the keys are fetched once', async (t) => {
    const { provider, api, options } = await scene(t)
    const tokens = await Promise.all(['agent', 'batch'].map((id) => serviceToken(provider, clients[id as 'agent' | 'batch'], api.resource)))
    await Promise.all([...tokens, ...tokens, ...tokens].map(async ({ access_token: token }) => (await call(api, token, options)).text()))
    assert.equal(api.callers.length, 6)
    assert.equal(provider.keysAsked, 1)
  })

  test('refuses a token of the same provider that is for another resource', async (t) => {
    const { provider, api, options } = await scene(t)
    const { access_token: token } = await serviceToken(provider, clients.agent, elsewhere)
    const refused = await refusal(call(api, token, options))
    assert.deepEqual([refused.status, refused.code, refused.errors], [401, 'identity_invalid', { bearer: 'invalid_token' }])
    assert.deepEqual(api.callers, [])
    await api.close()
    const [counted] = api.log.entries
    assert.ok(counted?.kind === 'refusals')
    assert.deepEqual([counted.counts, counted.reasons], [{ identity_invalid: 1 }, { identity_invalid: 'the token is for another audience' }])
  })

  test('refuses a token of another provider, and asks nobody for keys', async (t) => {
    const { provider, api, options } = await scene(t)
    const stranger = await openIdProvider(t)
    await stranger.protect(api.resource, 'jwt')
    const { access_token: token } = await serviceToken(stranger, clients.agent, api.resource)
    assert.equal((await refusal(call(api, token, options))).code, 'identity_invalid')
    assert.deepEqual([provider.keysAsked, stranger.keysAsked], [0, 0])
  })

  test('refuses a token from the second on at which it expires, also one that was taken before', async (t) => {
    const { provider, api, clock, options } = await scene(t)
    const { access_token: token } = await serviceToken(provider, clients.agent, api.resource)
    await (await call(api, token, options)).text()
    const { end } = await streamed(await call(api, token, { ...options, input: 'stream' }))
    clock.advance(3_600)
    assert.equal(await end, 'identity_expired')
    const refused = await refusal(call(api, token, options))
    assert.deepEqual([refused.status, refused.code, refused.errors], [401, 'identity_expired', { bearer: 'invalid_token' }])
    const last = api.log.entries.findLast((entry) => entry.kind === 'outcome')
    assert.deepEqual([last?.streamed, last?.ending, last?.code], [true, 'refused', 'identity_expired'])
  })

  test('asks for a new authentication that is as fresh as it wants, in a challenge that the client understands', async (t) => {
    const { provider, api, clock, options } = await scene(t, { assurance: { maxAge: 900 } })
    const { access_token: token } = await userTokens(provider, 'web', api.resource)
    assert.equal(await (await call(api, token, options)).text(), 'ada')
    clock.advance(901)
    const refused = await refusal(call(api, token, options))
    assert.deepEqual([refused.status, refused.code], [401, 'step_up_required'])
    const [challenge] = refused.challenges
    assert.equal(challenge?.parameters.error, 'insufficient_user_authentication')
    assert.equal(challenge?.parameters.max_age, '900')
    // Of a service nobody knows when it was authenticated.
    const { access_token: own } = await serviceToken(provider, clients.agent, api.resource)
    assert.equal((await refusal(call(api, own, options))).code, 'step_up_required')
  })
})

describe('ID tokens of a real provider', () => {
  test('are taken by the application that they were issued to, and by no other', async (t) => {
    const { provider, keys, options } = await scene(t)
    const { issuer } = provider
    const web = await guardedApi(t, provider, { verifiers: () => oidcIdToken({ issuer, audience: 'web', keys }) })
    const [own, foreign] = await Promise.all([userTokens(provider, 'web', elsewhere), userTokens(provider, 'shop', elsewhere)])
    assert.ok(own.id_token && foreign.id_token)
    assert.equal(await (await call(web, own.id_token, options)).text(), 'ada')
    assert.equal(web.callers[0]?.kind, 'user')
    assert.ok(web.callers[0]?.assurance.authenticatedAt)
    assert.equal((await refusal(call(web, foreign.id_token, options))).code, 'identity_invalid')
  })

  test('never pass for access tokens, nor those for them', async (t) => {
    const { provider, keys, api, options } = await scene(t)
    const { issuer } = provider
    // Named as the client, as some are: only the kind of the token tells them apart then.
    const named = await guardedApi(t, provider, { verifiers: () => jwt({ issuer, audience: ['web', api.resource], keys }) })
    const web = await guardedApi(t, provider, { verifiers: () => oidcIdToken({ issuer, audience: ['web', api.resource], keys }) })
    const { access_token: access, id_token: identity = '' } = await userTokens(provider, 'web', api.resource)
    assert.equal(await (await call(named, access, options)).text(), 'ada')
    assert.equal(await (await call(web, identity, options)).text(), 'ada')
    for (const refused of [call(named, identity, options), call(web, access, options)])
      assert.equal((await refusal(refused)).code, 'identity_invalid')
  })

  test('one server takes them beside access tokens, those that say nothing included, each by its own rules', async (t) => {
    const { provider, keys, api, options } = await scene(t)
    const { issuer, fetch, introspection } = provider
    const client = await provider.protect(openElsewhere, 'opaque')
    const all = await guardedApi(t, provider, {
      verifiers: () => [
        jwt({ issuer, audience: api.resource, keys }),
        oidcIdToken({ issuer, audience: 'web', keys }),
        opaque({ issuer, introspection, client, fetch }),
      ],
    })
    const [{ access_token: access, id_token: identity = '' }, { access_token: silent }] = await Promise.all([
      userTokens(provider, 'web', api.resource),
      userTokens(provider, 'shop', openElsewhere),
    ])
    for (const token of [access, identity, silent]) assert.equal(await (await call(all, token, options)).text(), 'ada')
    assert.deepEqual(
      all.callers.map(({ claims }) => [claims.client_id, claims.aud]),
      [
        ['web', api.resource],
        [undefined, 'web'],
        ['shop', openElsewhere],
      ],
    )
  })
})
