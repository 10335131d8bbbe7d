import { randomBytes } from 'node:crypto'
import { TLSSocket } from 'node:tls'
import { type Configuration, errors, type KoaContextWithOIDC } from 'oidc-provider'

/** Resources that tokens are made for, by their address, and of which kind their tokens are. */
export type Resources = ReadonlyMap<string, 'jwt' | 'opaque'>

/** What all resources grant. */
const scope = 'chat read'

/** How the provider behaves, whatever its keys. `signWith` says with which of them access tokens are signed. */
export function behaviour(resources: Resources, signWith: () => string | undefined): Configuration {
  const nonceSecret = randomBytes(32)
  return {
    pkce: { required: () => true },
    clientBasedCORS: () => false,
    clientAuthMethods: ['client_secret_basic', 'tls_client_auth'],
    enabledJWA: { dPoPSigningAlgValues: ['ES256', 'Ed25519', 'PS256'] },
    scopes: ['openid'],
    claims: { openid: ['sub'], amr: null, acr: null, auth_time: null },
    ttl: { Session: 600, Interaction: 600, Grant: 7_200, IdToken: 3_600, AccessToken: 3_600, ClientCredentials: 3_600 },
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    // Of the user's authentication, what RFC 9068, section 2.2.1 wants; and roles (section 2.2.3.1).
    extraTokenClaims({ oidc: { entities } }) {
      const { authTime, acr, amr } = entities.AuthorizationCode ?? {}
      return authTime === undefined ? undefined : { auth_time: authTime, acr, amr, roles: ['reader'] }
    },
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    loadExistingGrant: consentToAll,
    features: {
      devInteractions: { enabled: false },
      userinfo: { enabled: false },
      clientCredentials: { enabled: true },
      dPoP: { enabled: true, nonceSecret, requireNonce: () => true },
      revocation: { enabled: true, allowedPolicy: (_context, client, token) => client.clientId === token.clientId },
      // A resource may ask about its own tokens, and nobody else about any.
      introspection: {
        enabled: true,
        allowedPolicy: (_context, client, token) => 'aud' in token && token.aud === client.clientId && resources.has(client.clientId),
      },
      mTLS: {
        enabled: true,
        certificateBoundAccessTokens: true,
        tlsClientAuth: true,
        getCertificate: certificateOf,
        certificateAuthorized: ({ socket }) => socket instanceof TLSSocket && socket.authorized,
        certificateSubjectMatches: (context, property, expected) =>
          property === 'tls_client_auth_san_uri' && certificateOf(context)?.subjectAltName === `URI:${expected}`,
      },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo(_context, audience) {
          const format = resources.get(audience)
          if (format === undefined) throw new errors.InvalidTarget()
          const accessTokenTTL = 3_600
          if (format === 'opaque') return { scope, audience, accessTokenTTL, accessTokenFormat: 'opaque' }
          const kid = signWith()
          return { scope, audience, accessTokenTTL, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256', ...(kid !== undefined && { kid }) } } }
        },
      },
    },
  }
}

function certificateOf({ socket }: KoaContextWithOIDC): ReturnType<TLSSocket['getPeerX509Certificate']> {
  return socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined
}

/** What the page would do on which a user consents. */
async function consentToAll({ oidc }: KoaContextWithOIDC): Promise<InstanceType<KoaContextWithOIDC['oidc']['provider']['Grant']>> {
  const { provider, client, session, params = {} } = oidc
  const grant = new provider.Grant({ clientId: client?.clientId ?? '', accountId: session?.accountId ?? '' })
  grant.addOIDCScope('openid')
  for (const resource of [params.resource].flat()) if (typeof resource === 'string') grant.addResourceScope(resource, scope)
  await grant.save()
  return grant
}
