import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { customFetch, processResourceDiscoveryResponse, resourceDiscoveryRequest } from 'oauth4webapi'
import {
  protectedResourceMetadata,
  type ProtectedResourceMetadataOptions,
  protectedResourceMetadataUrl,
} from '../../src/identity/protected-resource-metadata.ts'

const good: ProtectedResourceMetadataOptions = { resource: 'https://api.example/v1', authorizationServers: 'https://id.example' }
const ask = (options: ProtectedResourceMetadataOptions = good, method = 'GET'): Response =>
  protectedResourceMetadata(options)(new Request('https://api.example/.well-known/oauth-protected-resource/v1', { method }))

describe('protectedResourceMetadata', () => {
  test('RFC 9728, section 3.2: answers with JSON, and leaves out what was not said', async () => {
    const response = ask()
    assert.deepEqual([response.status, response.headers.get('content-type')], [200, 'application/json'])
    assert.equal(response.headers.get('cache-control'), 'public, max-age=3600')
    assert.deepEqual(await response.json(), {
      resource: 'https://api.example/v1',
      authorization_servers: ['https://id.example'],
      bearer_methods_supported: ['header'],
    })
  })

  test('RFC 9728, section 2: says all that it was given', async () => {
    const response = ask({
      ...good,
      authorizationServers: ['https://id.example', 'https://id.example/tenants/a'],
      scopesSupported: ['chat', 'models:read'],
      jwksUri: 'https://api.example/jwks',
      resourceName: 'Beispiel – API',
      resourceDocumentation: 'https://api.example/docs',
      resourcePolicyUri: 'https://api.example/policy',
      resourceTosUri: 'https://api.example/tos?lang=en',
      dpopSigningAlgValuesSupported: ['ES256', 'EdDSA', 'ML-DSA-65'],
      dpopBoundAccessTokensRequired: true,
      tlsClientCertificateBoundAccessTokens: false,
      acrValuesSupported: 'urn:example:phr',
      maxAge: 0,
    })
    assert.equal(response.headers.get('cache-control'), 'public, max-age=0')
    assert.deepEqual(await response.json(), {
      resource: 'https://api.example/v1',
      authorization_servers: ['https://id.example', 'https://id.example/tenants/a'],
      scopes_supported: ['chat', 'models:read'],
      bearer_methods_supported: ['header'],
      jwks_uri: 'https://api.example/jwks',
      resource_name: 'Beispiel – API',
      resource_documentation: 'https://api.example/docs',
      resource_policy_uri: 'https://api.example/policy',
      resource_tos_uri: 'https://api.example/tos?lang=en',
      dpop_signing_alg_values_supported: ['ES256', 'EdDSA', 'ML-DSA-65'],
      dpop_bound_access_tokens_required: true,
      tls_client_certificate_bound_access_tokens: false,
      acr_values_supported: ['urn:example:phr'],
    })
  })

  test('GET and HEAD, and nothing else', async () => {
    const head = ask(good, 'HEAD')
    assert.deepEqual([head.status, head.headers.get('content-type'), await head.text()], [200, 'application/json', ''])
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      const response = ask(good, method)
      assert.deepEqual([response.status, response.headers.get('allow'), await response.text()], [405, 'GET, HEAD', ''])
    }
  })

  test('answers again and again, and whatever is done to the options or an answer', async () => {
    const options = { ...good, authorizationServers: ['https://id.example'] }
    const handler = protectedResourceMetadata(options)
    const request = new Request('https://api.example/')
    const first = await handler(request).text()
    options.authorizationServers.push('https://evil.example')
    handler(request).headers.set('cache-control', 'no-store')
    const again = handler(request)
    assert.deepEqual([await again.text(), again.headers.get('cache-control')], [first, 'public, max-age=3600'])
  })

  test('a real client finds and takes it (RFC 9728, section 3.3)', async () => {
    for (const resource of ['https://api.example/v1', 'https://api.example/', 'https://api.example/v1/?tenant=a']) {
      const handler = protectedResourceMetadata({ ...good, resource })
      let asked: string | undefined
      const identifier = new URL(resource)
      const response = await resourceDiscoveryRequest(identifier, {
        [customFetch]: async (url) => {
          asked = url
          return handler(new Request(url))
        },
      })
      assert.equal(asked, protectedResourceMetadataUrl(resource).href)
      const { authorization_servers: servers } = await processResourceDiscoveryResponse(identifier, response)
      assert.deepEqual(servers, ['https://id.example'])
    }
  })

  test('is checked when it is made', () => {
    const wrong: Record<string, unknown>[] = [
      { resource: undefined },
      { resource: 'http://api.example/' },
      { resource: 'https://api.example/#' },
      { resource: 'https://api.example/#a' },
      { resource: 'https://api.example:443/' },
      { resource: 'https://API.example/' },
      { resource: 'https:api.example' },
      { resource: 'https://api.example/a/../b' },
      { resource: 'https://a:b@api.example/' },
      { resource: 'urn:example:api' },
      { authorizationServers: undefined },
      { authorizationServers: [] },
      { authorizationServers: ['http://id.example'] },
      { authorizationServers: 'https://id.example/?a=b' },
      { authorizationServers: 'https://id.example/#a' },
      { scopesSupported: [] },
      { scopesSupported: ['a b'] },
      { scopesSupported: ['a"'] },
      { scopesSupported: [7] },
      { jwksUri: 'http://api.example/jwks' },
      { resourceName: '' },
      { resourceName: '\ud800' },
      { resourceDocumentation: 'docs' },
      { resourcePolicyUri: 'javascript:alert(1)' },
      { resourceTosUri: 7 },
      { dpopSigningAlgValuesSupported: ['none'] },
      { dpopSigningAlgValuesSupported: ['HS256'] },
      { dpopSigningAlgValuesSupported: 'ES256 EdDSA' },
      { dpopBoundAccessTokensRequired: 'yes' },
      { tlsClientCertificateBoundAccessTokens: 1 },
      { acrValuesSupported: 'a b' },
      { maxAge: -1 },
      { maxAge: 1.5 },
      { bearerMethods: ['query'] },
    ]
    for (const options of wrong) assert.throws(() => protectedResourceMetadata({ ...good, ...options } as never), TypeError, JSON.stringify(options))
  })
})

test('RFC 9728, section 3.1: the well-known path stands between the host and the path', () => {
  const wellKnown = '/.well-known/oauth-protected-resource'
  for (const [resource, url] of [
    ['https://api.example', `https://api.example${wellKnown}`],
    ['https://api.example/', `https://api.example${wellKnown}`],
    ['https://api.example/v1', `https://api.example${wellKnown}/v1`],
    ['https://api.example/v1/', `https://api.example${wellKnown}/v1/`],
    ['https://api.example:8443/a/b?c=d', `https://api.example:8443${wellKnown}/a/b?c=d`],
    ['https://api.example/?c=d', `https://api.example${wellKnown}?c=d`],
    ['https://api.example//evil.example/a', `https://api.example${wellKnown}//evil.example/a`],
  ] as const)
    assert.equal(protectedResourceMetadataUrl(resource).href, url)
  for (const wrong of ['', 'api.example', 'http://api.example/', 'https://api.example/#x', 7])
    assert.throws(() => protectedResourceMetadataUrl(wrong as string), TypeError)
})
