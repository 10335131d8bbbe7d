import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import * as oauth from 'oauth4webapi'
import { jwt } from '../../../src/identity/jwt.ts'
import { discoveredKeys } from '../../../src/keys/discovered-keys.ts'
import { sentBy } from './client-fetch.ts'
import { call, guardedApi, refusal } from './guarded-api.ts'
import { openIdProvider } from './provider.ts'
import { clients } from './provider-clients.ts'

async function scene(t: TestContext) {
  const provider = await openIdProvider(t)
  const { issuer, fetch } = provider
  const api = await guardedApi(t, provider, {
    verifiers: (audience) => jwt({ issuer, audience, keys: discoveredKeys({ issuer, fetch }), dpop: { algorithms: 'ES256' } }),
  })
  await provider.protect(api.resource, 'jwt')
  /** Sends what a client sends that has no token yet. */
  const withoutToken: typeof fetch = (url, init) => {
    const headers = new Headers(init?.headers)
    headers.delete('authorization')
    return fetch(url, { ...init, headers })
  }
  return { provider, api, withoutToken, options: sentBy(fetch) }
}

describe('RFC 9728 with a real client', () => {
  test('a client that knows the address alone finds the metadata, the provider, and the way in', async (t) => {
    const { provider, api, withoutToken, options } = await scene(t)
    const refused = await refusal(call(api, 'none', { fetch: withoutToken }))
    assert.deepEqual([refused.status, refused.code], [401, 'identity_missing'])

    // Section 5.1: where the metadata are.
    const location = refused.challenges[0]?.parameters.resource_metadata
    const resource = new URL(api.resource)
    assert.equal(location, `${resource.origin}/.well-known/oauth-protected-resource/chat`)
    const found = await oauth.processResourceDiscoveryResponse(resource, await oauth.resourceDiscoveryRequest(resource, options))
    assert.equal(found.resource, api.resource)
    assert.deepEqual(found.scopes_supported, ['chat'])
    assert.deepEqual(found.bearer_methods_supported, ['header'])

    const issuer = new URL(found.authorization_servers?.[0] ?? '')
    const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, options))
    const { client, authentication } = clients.agent
    const parameters = { resource: found.resource, scope: found.scopes_supported?.join(' ') ?? '' }
    const { access_token: token } = await oauth.processClientCredentialsResponse(
      server,
      client,
      await oauth.clientCredentialsGrantRequest(server, client, authentication, parameters, options),
    )
    assert.equal(await (await call(api, token, { fetch: provider.fetch })).text(), 'agent')
  })

  test('section 3.3: metadata that are for another resource are none to it', async (t) => {
    const { api, options } = await scene(t)
    const answer = await oauth.resourceDiscoveryRequest(new URL(api.resource), options)
    await assert.rejects(oauth.processResourceDiscoveryResponse(new URL(`${api.resource}/more`), answer), { code: oauth.JSON_ATTRIBUTE_COMPARISON })
  })
})

describe('challenges with a real client', () => {
  test('RFC 6750, section 3.1: without a token there is no error, and every scheme is named', async (t) => {
    const { api, withoutToken } = await scene(t)
    const { challenges, errors } = await refusal(call(api, 'none', { fetch: withoutToken }))
    assert.deepEqual(errors, { bearer: undefined, dpop: undefined })
    for (const { parameters } of challenges) assert.equal(parameters.realm, 'guard')
    // RFC 9449, section 7.1.
    assert.equal(challenges.find(({ scheme }) => scheme === 'dpop')?.parameters.algs, 'ES256')
  })

  test('RFC 6750, section 3.1: with a wrong one, the scheme that was tried says invalid_token', async (t) => {
    const { provider, api } = await scene(t)
    const { errors } = await refusal(call(api, 'no-token-at-all', { fetch: provider.fetch }))
    assert.deepEqual(errors, { bearer: 'invalid_token', dpop: undefined })
  })
})
