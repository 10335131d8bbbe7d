import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TestContext } from 'node:test'
import { exportJWK, generateKeyPair, type JWK } from 'jose'
import * as oauth from 'oauth4webapi'
import { Provider } from 'oidc-provider'
import { sentBy } from './client-fetch.ts'
import { listenSecurely, secureFetch } from './loopback-tls.ts'
import { behaviour } from './provider-behaviour.ts'
import { registrations, resourceRegistration } from './provider-clients.ts'
import { providerMemory } from './provider-memory.ts'

/** A real OpenID provider at a loopback address. */
export interface OpenIdProvider {
  readonly issuer: string
  /** Its metadata, as a client has read them. */
  readonly metadata: oauth.AuthorizationServer
  readonly introspection: URL
  /** Makes tokens for a resource from now on. Gives what the resource may ask about them with. */
  protect(resource: string, format: 'jwt' | 'opaque'): Promise<{ readonly id: string; readonly secret: string }>
  /** Starts anew with these keys for access tokens: all are published, and the first one signs. */
  rotate(...keys: readonly JWK[]): void
  /** How often somebody asked for its keys. */
  readonly keysAsked: number
  /** What an answer with its keys waits for. With `false` it has status 503. */
  beforeKeys: () => Promise<boolean> | boolean
  /** `fetch` of somebody who trusts its certificate and has none. */
  readonly fetch: typeof fetch
}

/** A signing key for access tokens. */
export async function signingKey(kid: string, alg = 'ES256'): Promise<JWK> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true })
  return { ...(await exportJWK(privateKey)), kid, alg, use: 'sig' }
}

/** The key that access tokens are signed with before it is rotated. */
export const firstKey: JWK = await signingKey('access-1')
const identityKey = await signingKey('identity-1', 'RS256')

/** Starts one, until the test ends. No page is shown: whoever comes is Ada, and consents. */
export async function openIdProvider(test: TestContext): Promise<OpenIdProvider> {
  const state: { keysAsked: number; beforeKeys: OpenIdProvider['beforeKeys'] } = { keysAsked: 0, beforeKeys: () => true }
  const resources = new Map<string, 'jwt' | 'opaque'>()
  const memory = providerMemory()
  const cookieKey = randomBytes(32).toString('hex')
  let signer: string | undefined
  const behaves = behaviour(resources, () => signer)
  let answer: (request: IncomingMessage, response: ServerResponse) => unknown = () => {}
  const issuer = await listenSecurely(test, async (request, response) => {
    if (request.url !== '/jwks') return void answer(request, response)
    state.keysAsked++
    if (await state.beforeKeys()) answer(request, response)
    else response.writeHead(503).end()
  })
  const failures: unknown[] = []
  test.after(() => assert.deepEqual(failures, []))
  const start = (...keys: readonly JWK[]): void => {
    signer = keys[0]?.kid
    const provider = new Provider(issuer, {
      ...behaves,
      adapter: memory,
      clients: registrations,
      cookies: { keys: [cookieKey] },
      jwks: { keys: [...keys, identityKey] },
    })
    provider.on('server_error', (_context, error) => failures.push(error))
    const handle = provider.callback()
    answer = (request, response) =>
      request.url?.startsWith('/interaction/') === true ? logIn(provider, request, response) : handle(request, response)
  }
  start(firstKey)
  const fetch = secureFetch(test)
  const url = new URL(issuer)
  const metadata = await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, sentBy(fetch)))
  return {
    issuer,
    metadata,
    introspection: new URL(metadata.introspection_endpoint ?? ''),
    async protect(id, format) {
      const secret = randomBytes(24).toString('base64')
      resources.set(id, format)
      await memory('Client').upsert(id, resourceRegistration(id, secret), 0)
      return { id, secret }
    },
    rotate: start,
    get keysAsked() {
      return state.keysAsked
    },
    get beforeKeys() {
      return state.beforeKeys
    },
    set beforeKeys(beforeKeys) {
      state.beforeKeys = beforeKeys
    },
    fetch,
  }
}

/** What the page would do on which a user logs in. */
async function logIn(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
  await provider.interactionFinished(request, response, { login: { accountId: 'ada', acr: 'urn:example:gold', amr: ['pwd', 'otp'] } })
}
