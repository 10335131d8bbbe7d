import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { anonymous, jwt, protectedResourceMetadata, protectedResourceMetadataUrl } from '../../src/index.ts'
import { allowAll, dpopKey, testClock } from '../../src/testing/index.ts'
import { everyCaller } from './callers.ts'
import { chatRequest } from './chat-payloads.ts'
import { assertRefused } from './refusals.ts'
import { address, type Served, served } from './served.ts'
import { analyst, issuer, wholeGuard } from './whole-guard.ts'

/** What `www-authenticate` says to this caller: each scheme with its parameters (RFC 9110, section 11.6.1). */
async function challenges(
  server: Served,
  headers: Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, Readonly<Record<string, string>>>>> {
  const response = await server.ask(chatRequest('x'), headers)
  assert.equal(response.status, 401)
  const field = response.headers.get('www-authenticate') ?? ''
  // Nothing but what RFC 6750, section 3 allows: no line, no quote within a value.
  assert.match(
    field,
    /^(?:[A-Za-z]+(?: [a-z_]+="[\x20-\x21\x23-\x5b\x5d-\x7e]*"(?:, [a-z_]+="[\x20-\x21\x23-\x5b\x5d-\x7e]*")*)?(?:, (?=[A-Z])|$))+$/,
  )
  const found: Record<string, Record<string, string>> = {}
  for (const [, scheme = '', parameters = ''] of field.matchAll(/([A-Z][A-Za-z]+)((?:,? [a-z_]+="[^"]*")*)/g))
    found[scheme] = Object.fromEntries([...parameters.matchAll(/([a-z_]+)="([^"]*)"/g)].map(([, name, value]) => [name, value]))
  return found
}

describe('A1: what a refused caller is told', () => {
  test('without a credential: how to come with one, and of no error (RFC 6750, section 3.1)', async () => {
    const server = served(wholeGuard())
    assert.deepEqual(await challenges(server, {}), { Bearer: { realm: 'conformance' } })
    await assertRefused(await server.ask(chatRequest('x')), 'identity_missing')
    const callers = await everyCaller(testClock())
    const every = served(wholeGuard({ identity: { verifiers: callers.verifiers } }))
    const told = await challenges(every, {})
    assert.deepEqual(Object.keys(told).sort(), ['ApiKey', 'Bearer', 'Certificate', 'DPoP'])
    assert.ok(Object.values(told).every(({ error }) => error === undefined))
  })

  test('with a bad one: that it is bad, and nothing of it or of why', async () => {
    const server = served(wholeGuard())
    const { authorization } = await analyst()
    const key = await dpopKey()
    const bound = await issuer.mint({ cnf: { jkt: key.jkt } })
    const bad: Readonly<Record<string, Readonly<Record<string, string>>>> = {
      forged: { authorization: `${authorization.slice(0, -8)}AAAAAAAA` },
      expired: await issuer.bearer({}, { expiresIn: -1 }),
      'of another issuer': await issuer.bearer({ iss: 'https://evil.example" error="none' }),
      'with quotes and breaks': { authorization: 'Bearer "\\\t, Basic realm="x"' },
      bound: { authorization: `Bearer ${bound}` },
    }
    for (const [what, headers] of Object.entries(bad)) {
      const { Bearer, ...others } = await challenges(server, headers)
      assert.equal(Bearer?.error, 'invalid_token', what)
      assert.match(Bearer?.error_description ?? '', /^The [a-z ]+\.$/, what)
      assert.deepEqual(Object.keys(others), [], what)
    }
    // Of another scheme: no token was tried, so none is called bad.
    for (const headers of [{ authorization: 'Basic YWRhOng=' }, { 'x-api-key': 'sp_1234567890abcdefgh' }])
      assert.deepEqual(await challenges(server, headers), { Bearer: { realm: 'conformance' } })
    assert.equal(server.ran.length, 0)
  })

  test('with a bad proof: that the proof is bad, under its own scheme (RFC 9449, section 7.1)', async () => {
    const verifiers = [jwt({ ...issuer.options, dpop: { algorithms: ['ES256', 'EdDSA'] } })]
    const server = served(wholeGuard({ identity: { verifiers, binding: 'dpop' } }), undefined, { origin: new URL(address).origin })
    assert.deepEqual(await challenges(server, {}), { DPoP: { realm: 'conformance', algs: 'ES256 EdDSA' } })
    const key = await dpopKey()
    const token = await issuer.mint({ cnf: { jkt: key.jkt } })
    const proof = await key.proof({ method: 'GET', url: address, token })
    const told = await challenges(server, { authorization: `DPoP ${token}`, dpop: proof })
    assert.deepEqual([told.DPoP?.error, told.Bearer], ['invalid_dpop_proof', undefined])
    assert.equal(server.ran.length, 0)
  })

  test('with too weak an authentication: which one is wanted (RFC 9470, section 3)', async () => {
    const server = served(wholeGuard({ identity: { assurance: { acr: ['phr', 'phrh'], maxAge: 300 } } }))
    await assertRefused(await server.ask(chatRequest('x'), await analyst()), 'step_up_required')
    const { Bearer } = await challenges(server, await analyst('ada', { acr: 'pwd' }))
    assert.deepEqual([Bearer?.error, Bearer?.acr_values, Bearer?.max_age], ['insufficient_user_authentication', 'phr phrh', '300'])
    assert.equal(server.ran.length, 0)
  })

  test('where the service describes itself, and there whose tokens it takes (RFC 9728)', async () => {
    const resource = 'https://api.example/v1'
    const resourceMetadata = protectedResourceMetadataUrl(resource)
    const server = served(wholeGuard({ identity: { resourceMetadata } }))
    for (const headers of [{}, { authorization: 'Bearer nonsense' }])
      assert.equal((await challenges(server, headers)).Bearer?.resource_metadata, 'https://api.example/.well-known/oauth-protected-resource/v1')
    const describe = protectedResourceMetadata({ resource, authorizationServers: issuer.issuer, dpopBoundAccessTokensRequired: true })
    const said = (await describe(new Request(resourceMetadata)).json()) as Record<string, unknown>
    assert.deepEqual([said.resource, said.authorization_servers, said.dpop_bound_access_tokens_required], [resource, [issuer.issuer], true])
    assert.equal(describe(new Request(resourceMetadata, { method: 'POST' })).status, 405)
    // A token is taken in one place only, and it says so.
    assert.deepEqual(said.bearer_methods_supported, ['header'])
    const { authorization } = await analyst()
    const token = authorization.slice('Bearer '.length)
    const inQuery = new Request(`${address}?access_token=${token}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(chatRequest('x')),
    })
    await assertRefused(await server.handler(inQuery), 'identity_missing', [token])
    await assertRefused(await server.ask({ ...chatRequest('x'), access_token: token }), 'identity_missing', [token])
    assert.equal(server.ran.length, 0)
  })

  test('whoever is let in without a credential is not let in with a bad one', async () => {
    const server = served(wholeGuard({ identity: { verifiers: [jwt(issuer.options), anonymous()] }, policy: { evaluator: allowAll() } }))
    assert.equal((await server.ask(chatRequest('x'))).status, 200)
    for (const headers of [{ authorization: '' }, { authorization: 'Bearer' }, { authorization: 'Bearer x' }, { dpop: 'x' }, { 'x-api-key': '' }])
      await assertRefused(await server.ask(chatRequest('x'), headers), 'identity_invalid')
    await assertRefused(await server.ask(chatRequest('x'), await issuer.bearer({}, { expiresIn: -1 })), 'identity_expired')
    assert.equal(server.ran.length, 1)
  })
})
