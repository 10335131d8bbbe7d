import * as oauth from 'oauth4webapi'
import { sentBy } from './client-fetch.ts'
import type { OpenIdProvider } from './provider.ts'
import { clients, type RegisteredClient } from './provider-clients.ts'

/** What a token is asked for with. */
export interface Wanted {
  /** What the token is to be bound to. */
  readonly DPoP?: oauth.DPoPHandle
  /** `fetch` of the client, which may show a certificate. */
  readonly fetch?: typeof fetch
}

/** An access token of a service for a resource (RFC 6749, section 4.4; RFC 8707). */
export async function serviceToken(
  provider: OpenIdProvider,
  { client, authentication }: RegisteredClient,
  resource: string,
  wanted: Wanted = {},
): Promise<oauth.TokenEndpointResponse> {
  const parameters = { resource, scope: 'chat' }
  return withNonce(async () =>
    oauth.processClientCredentialsResponse(
      provider.metadata,
      client,
      await oauth.clientCredentialsGrantRequest(provider.metadata, client, authentication, parameters, requestOptions(provider, wanted)),
    ),
  )
}

/** Tokens of Ada for an application and a resource: the whole code flow with PKCE, state and nonce, as a browser goes through it. */
export async function userTokens(
  provider: OpenIdProvider,
  application: 'web' | 'shop',
  resource: string,
  wanted: Wanted = {},
): Promise<oauth.TokenEndpointResponse> {
  const { metadata } = provider
  const { client, authentication, redirectUri } = clients[application]
  const [verifier, state, nonce] = [oauth.generateRandomCodeVerifier(), oauth.generateRandomState(), oauth.generateRandomNonce()]
  const start = new URL(metadata.authorization_endpoint ?? '')
  start.search = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid chat',
    resource,
    max_age: '600',
    state,
    nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  }).toString()
  const callback = oauth.validateAuthResponse(metadata, client, await browse(provider, start, redirectUri), state)
  return withNonce(async () =>
    oauth.processAuthorizationCodeResponse(
      metadata,
      client,
      await oauth.authorizationCodeGrantRequest(metadata, client, authentication, callback, redirectUri, verifier, requestOptions(provider, wanted)),
      { expectedNonce: nonce, maxAge: 600, requireIdToken: true },
    ),
  )
}

/** Takes back an access token (RFC 7009). */
export async function revoke(provider: OpenIdProvider, { client, authentication }: RegisteredClient, token: string): Promise<void> {
  await oauth.processRevocationResponse(await oauth.revocationRequest(provider.metadata, client, authentication, token, requestOptions(provider, {})))
}

/** Once more, where a server wants its nonce in the proof (RFC 9449, section 8). */
export async function withNonce<T>(request: () => Promise<T>): Promise<T> {
  try {
    return await request()
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error
    return request()
  }
}

function requestOptions(provider: OpenIdProvider, { DPoP, fetch = provider.fetch }: Wanted): oauth.TokenEndpointRequestOptions {
  return { ...sentBy(fetch), ...(DPoP !== undefined && { DPoP }) }
}

/** Follows redirects with cookies until one leads to the application. */
async function browse({ fetch }: OpenIdProvider, start: URL, redirectUri: string): Promise<URL> {
  const cookies = new Map<string, string>()
  let url = start
  for (let steps = 0; steps < 8 && !url.href.startsWith(redirectUri); steps++) {
    const answer = await fetch(url, { headers: { cookie: [...cookies].map((cookie) => cookie.join('=')).join('; ') } })
    for (const [cookie = ''] of answer.headers.getSetCookie().map((field) => field.split(';'))) {
      const [name = '', ...value] = cookie.split('=')
      if (value.join('=') === '') cookies.delete(name)
      else cookies.set(name, value.join('='))
    }
    await answer.body?.cancel()
    url = new URL(answer.headers.get('location') ?? 'about:blank', url)
  }
  return url
}
