import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import * as oauth from 'oauth4webapi'
import { jwt } from '../../../src/identity/jwt.ts'
import { opaque } from '../../../src/identity/opaque.ts'
import { discoveredKeys } from '../../../src/keys/discovered-keys.ts'
import { type ApiOptions, call, guardedApi, refusal } from './guarded-api.ts'
import { secureFetch, workload } from './loopback-tls.ts'
import { openIdProvider } from './provider.ts'
import { clients, machineUri } from './provider-clients.ts'
import { serviceToken } from './tokens.ts'

const [machine, renewed, other] = await Promise.all([workload(machineUri), workload(machineUri), workload('spiffe://example.org/other')])

/** A server that takes tokens of a kind, and a token that is bound to the machine's certificate. */
async function scene(t: TestContext, format: 'jwt' | 'opaque', options: Partial<ApiOptions> = {}) {
  const provider = await openIdProvider(t)
  const { issuer, introspection, fetch } = provider
  const api = await guardedApi(t, provider, {
    async verifiers(audience) {
      const client = await provider.protect(audience, format)
      return format === 'jwt'
        ? jwt({ issuer, audience, keys: discoveredKeys({ issuer, fetch }) })
        : opaque({ issuer, introspection, client, fetch, withoutSubject: 'client' })
    },
    ...options,
  })
  const own = secureFetch(t, machine)
  const { access_token: token } = await serviceToken(provider, clients.machine, api.resource, { fetch: own })
  return { provider, api, own, token }
}

for (const format of ['jwt', 'opaque'] as const)
  describe(`RFC 8705 with a real provider, ${format === 'jwt' ? 'JWTs' : 'opaque tokens'}`, () => {
    test('a token is taken over a connection with the certificate that it was got with', async (t) => {
      const { api, own, token } = await scene(t, format, { binding: 'mtls' })
      assert.equal(await (await call(api, token, { fetch: own })).text(), 'machine')
      const [caller] = api.callers
      assert.deepEqual([caller?.binding, caller?.device?.id, caller?.kind], ['mtls', machine.thumbprint, 'service'])
      assert.equal(api.log.entries.findLast((entry) => entry.kind === 'outcome')?.subject?.binding, 'mtls')
      // Remembered now, and bound as before.
      assert.equal(await (await call(api, token, { fetch: secureFetch(t, machine) })).text(), 'machine')
      assert.equal((await refusal(call(api, token, { fetch: secureFetch(t, other) }))).code, 'binding_invalid')
    })

    test('is refused over a connection with another certificate, and with none', async (t) => {
      const { provider, api, token } = await scene(t, format)
      const others = { 'of another workload': other, 'of the same workload, with another key': renewed, none: undefined }
      for (const [what, certificate] of Object.entries(others)) {
        const fetch = certificate === undefined ? provider.fetch : secureFetch(t, certificate)
        const refused = await refusal(call(api, token, { fetch }))
        assert.deepEqual([refused.status, refused.code, refused.errors], [401, 'binding_invalid', { bearer: 'invalid_token' }], what)
      }
      assert.deepEqual(api.callers, [])
    })

    test('is refused from somebody who writes the certificate into a field', async (t) => {
      const { provider, api, token } = await scene(t, format)
      const forwarded = {
        'client-cert': `:${Buffer.from(machine.der).toString('base64')}:`,
        'x-forwarded-client-cert': `Cert="${encodeURIComponent(machine.pem)}"`,
        'x-ssl-client-cert': encodeURIComponent(machine.pem),
      }
      const fetch: typeof globalThis.fetch = (url, init) => provider.fetch(url, { ...init, headers: { ...init?.headers, ...forwarded } })
      assert.equal((await refusal(call(api, token, { fetch }))).code, 'binding_invalid')
    })

    test('a proof of possession does not stand in for the certificate', async (t) => {
      const { provider, api, token } = await scene(t, format)
      const DPoP = oauth.DPoP(clients.machine.client, await oauth.generateKeyPair('ES256'))
      assert.equal((await refusal(call(api, token, { fetch: provider.fetch, DPoP }))).code, 'binding_invalid')
    })

    test('where a certificate is wanted, a token that is bound to none is refused, whatever the connection', async (t) => {
      const { provider, api, own } = await scene(t, format, { binding: 'mtls' })
      const { access_token: token } = await serviceToken(provider, clients.agent, api.resource)
      assert.equal((await refusal(call(api, token, { fetch: own }))).code, 'binding_required')
    })
  })
