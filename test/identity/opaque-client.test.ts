import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { exportJWK } from 'jose'
import * as oauth from 'oauth4webapi'
import Provider, { type Configuration } from 'oidc-provider'
import type { Identity } from '../../src/guard/context.ts'
import { type GuardError, reasonOf } from '../../src/guard/errors.ts'
import type { IntrospectionClient } from '../../src/identity/introspection-client.ts'
import { opaque, type OpaqueOptions } from '../../src/identity/opaque.ts'
import { dpopKey } from '../../src/testing/dpop-key.ts'

const resource = 'https://api.example'
const secret = 'a secret+with/%-signs: '.repeat(2)
const server = createServer()
let provider: Provider
let issuer: string
let signing: CryptoKeyPair

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  signing = (await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])) as CryptoKeyPair
  const redirects = { grant_types: ['client_credentials'], redirect_uris: [], response_types: [] }
  const configuration: Configuration = {
    clients: [
      { client_id: 'basic&client', client_secret: secret, token_endpoint_auth_method: 'client_secret_basic', ...redirects },
      { client_id: 'post-client', client_secret: 'secret of post', token_endpoint_auth_method: 'client_secret_post', ...redirects },
      {
        client_id: 'key-client',
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [{ ...(await exportJWK(signing.publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' }] },
        ...redirects,
      },
    ],
    scopes: ['openid', 'offline_access', 'read'],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
      dPoP: { enabled: true, nonceSecret: Buffer.alloc(32, 1) },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, indicator) => ({ scope: 'read', audience: indicator, accessTokenFormat: 'opaque' }),
      },
    },
  }
  provider = new Provider(issuer, configuration)
  server.on('request', provider.callback())
})
after(() => {
  server.close()
  server.closeAllConnections()
})

const basic: IntrospectionClient = { id: 'basic&client', secret }

function verify(token: string, options: Partial<OpaqueOptions> = {}): Promise<Identity> {
  const verifier = opaque({ issuer, introspection: new URL(`${issuer}/token/introspection`), client: basic, withoutSubject: 'client', ...options })
  return verifier.verify({ authorization: `Bearer ${token}` })
}

/** A client that asks for a token of its own, as real ones do. */
async function clientCredentials(parameters: Record<string, string> = {}): Promise<{ readonly token: string; revoke(): Promise<void> }> {
  const insecure = { [oauth.allowInsecureRequests]: true }
  const client = { client_id: 'post-client' }
  const authentication = oauth.ClientSecretPost('secret of post')
  const as = await oauth.processDiscoveryResponse(new URL(issuer), await oauth.discoveryRequest(new URL(issuer), insecure))
  const response = await oauth.clientCredentialsGrantRequest(as, client, authentication, { scope: 'read', ...parameters }, insecure)
  const { access_token: token } = await oauth.processClientCredentialsResponse(as, client, response)
  return {
    token,
    revoke: async () => oauth.processRevocationResponse(await oauth.revocationRequest(as, client, authentication, token, insecure)),
  }
}

describe('opaque and a real OpenID provider', () => {
  test('a token of client credentials, until the client gives it back', async () => {
    const { token, revoke } = await clientCredentials({ resource })
    const identity = await verify(token, { audience: resource })
    assert.equal(identity.subject, 'post-client')
    assert.equal(identity.kind, 'service')
    assert.equal(identity.issuer, issuer)
    assert.deepEqual(identity.scopes, ['read'])
    await assert.rejects(verify(token, { audience: 'https://other.example' }), { code: 'identity_invalid' })
    await assert.rejects(verify(token), { code: 'identity_invalid' }, 'it names an audience, and it is not this client')
    await assert.rejects(verify(token, { audience: resource, withoutSubject: 'refuse' }), { code: 'identity_invalid' })
    await revoke()
    await assert.rejects(verify(token, { audience: resource }), { code: 'identity_invalid' })
  })

  for (const [name, make] of Object.entries({
    'an id and a secret in the field, with characters that must be encoded': () => basic,
    'an id and a secret in the body': () => ({ id: 'post-client', secret: 'secret of post', method: 'post' }),
    'a private key': () => ({ id: 'key-client', key: signing.privateKey, algorithm: 'ES256', kid: 'k1' }),
    'a private key without an id': () => ({ id: 'key-client', key: signing.privateKey, algorithm: 'ES256' }),
  } satisfies Record<string, () => IntrospectionClient>))
    test(`authenticates by ${name}, and each time anew`, async () => {
      const { token } = await clientCredentials({ resource })
      for (let count = 0; count < 2; count++) assert.equal((await verify(token, { audience: resource, client: make() })).subject, 'post-client')
    })

  test('is told by a client that is not taken that it cannot ask, and tells nobody the secret', async () => {
    const { token } = await clientCredentials({ resource })
    const other = (await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify'])) as CryptoKeyPair
    const clients: IntrospectionClient[] = [
      { id: 'basic&client', secret: 'wrong-secret' },
      { id: 'nobody', secret: 'wrong-secret' },
      { id: 'post-client', secret: 'wrong-secret', method: 'post' },
      { id: 'key-client', key: other.privateKey, algorithm: 'ES256' },
      { token: () => 'wrong-secret', id: 'x' },
    ]
    for (const client of clients)
      await assert.rejects(verify(token, { audience: resource, client }), (error: GuardError) => {
        assert.equal(error.code, 'keys_unavailable')
        assert.ok(!reasonOf(error).includes('wrong-secret'))
        return true
      })
  })

  test('takes no refresh token for an access token, though the provider calls it active', async () => {
    const { AccessToken, RefreshToken, Grant, Client } = provider
    const client = await Client.find('post-client')
    assert.ok(client)
    const grant = new Grant({ clientId: 'post-client', accountId: 'ada' })
    grant.addOIDCScope('read')
    const grantId = await grant.save()
    const common = { accountId: 'ada', client, grantId, gty: 'authorization_code', scope: 'read', expiresWithSession: false }
    const refresh = await new RefreshToken(common as never).save()
    const access = await new AccessToken(common as never).save()
    assert.equal((await verify(access)).subject, 'ada')
    const asked = await fetch(`${issuer}/token/introspection`, {
      method: 'POST',
      body: new URLSearchParams({ token: refresh, client_id: 'post-client', client_secret: 'secret of post' }),
    })
    assert.equal(((await asked.json()) as { active: boolean }).active, true)
    await assert.rejects(verify(refresh), { code: 'identity_invalid' })
  })

  test('takes a token that the provider bound to a key with a proof, and without one not', async () => {
    const { ClientCredentials, Client } = provider
    const client = await Client.find('post-client')
    assert.ok(client)
    const key = await dpopKey()
    const bound = new ClientCredentials({ client, scope: 'read' } as never)
    Object.assign(bound, { jkt: key.jkt })
    const token = await bound.save()
    const url = 'https://api.example/chat'
    const verifier = opaque({ issuer, introspection: new URL(`${issuer}/token/introspection`), client: basic, withoutSubject: 'client' })
    const identity = await verifier.verify(
      { authorization: `DPoP ${token}`, dpop: await key.proof({ method: 'POST', url, token }) },
      { secure: true, method: 'POST', url },
    )
    assert.equal(identity.binding, 'dpop')
    await assert.rejects(verify(token), { code: 'binding_invalid' })
  })
})

describe('the client of opaque', () => {
  test('signs a new assertion for the issuer each time (RFC 7523, section 3)', async () => {
    const { privateKey, publicKey } = (await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify'])) as CryptoKeyPair
    const { jwtVerify } = await import('jose')
    const seen = new Set<unknown>()
    const client: IntrospectionClient = { id: 'me', key: privateKey, algorithm: 'EdDSA', kid: 'k' }
    const ask = async (_url: unknown, init?: RequestInit): Promise<Response> => {
      assert.equal(new Headers(init?.headers).get('authorization'), null)
      const form = new URLSearchParams(String(init?.body))
      assert.equal(form.get('client_assertion_type'), 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
      assert.equal(form.get('client_id'), 'me')
      const { payload, protectedHeader } = await jwtVerify(form.get('client_assertion') ?? '', publicKey, {
        issuer: 'me',
        subject: 'me',
        audience: issuer,
      })
      assert.deepEqual(protectedHeader, { alg: 'EdDSA', kid: 'k' })
      assert.ok(payload.exp !== undefined && payload.iat !== undefined && payload.exp - payload.iat <= 60)
      seen.add(payload.jti)
      return Response.json({ active: false })
    }
    for (let count = 0; count < 3; count++)
      await assert.rejects(verify('x'.repeat(20), { client, fetch: ask as typeof fetch }), { code: 'identity_invalid' })
    assert.equal(seen.size, 3)
  })

  test('asks with a token of its own, a new one each time', async () => {
    let count = 0
    const sent: unknown[] = []
    const client: IntrospectionClient = { token: async () => `token-${++count}`, id: 'me' }
    const ask = async (_url: unknown, init?: RequestInit): Promise<Response> => {
      sent.push(new Headers(init?.headers).get('authorization'))
      return Response.json({ active: false })
    }
    for (let call = 0; call < 2; call++)
      await assert.rejects(verify('x'.repeat(20), { client, fetch: ask as typeof fetch }), { code: 'identity_invalid' })
    assert.deepEqual(sent, ['Bearer token-1', 'Bearer token-2'])
  })

  test('has a key that fits its algorithm, or does not start', async () => {
    const make = async (parameters: AlgorithmIdentifier | EcKeyGenParams | RsaHashedKeyGenParams): Promise<CryptoKeyPair> =>
      (await crypto.subtle.generateKey(parameters as EcKeyGenParams, false, ['sign', 'verify'])) as CryptoKeyPair
    const rsa = { modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' }
    const keys: readonly (readonly [CryptoKeyPair, readonly string[]])[] = [
      [await make({ name: 'ECDSA', namedCurve: 'P-256' }), ['ES256']],
      [await make({ name: 'ECDSA', namedCurve: 'P-384' }), ['ES384']],
      [await make('Ed25519'), ['EdDSA', 'Ed25519']],
      [await make({ name: 'RSASSA-PKCS1-v1_5', ...rsa }), ['RS256']],
      [await make({ name: 'RSA-PSS', ...rsa }), ['PS256']],
    ]
    const algorithms = ['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519', 'RS256', 'RS384', 'PS256', 'PS512', 'HS256', 'none']
    for (const [{ privateKey, publicKey }, fitting] of keys) {
      for (const algorithm of algorithms) {
        const start = (key: CryptoKey): void =>
          void opaque({ issuer, introspection: new URL(`${issuer}/token/introspection`), client: { id: 'me', key, algorithm } })
        if (fitting.includes(algorithm)) start(privateKey)
        else assert.throws(() => start(privateKey), TypeError)
        assert.throws(() => start(publicKey), TypeError)
      }
    }
  })
})
