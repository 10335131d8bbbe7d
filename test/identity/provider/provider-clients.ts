import * as oauth from 'oauth4webapi'
import type { ClientMetadata } from 'oidc-provider'

/** A client as `oauth4webapi` wants it. */
export interface RegisteredClient {
  readonly client: oauth.Client
  readonly authentication: oauth.ClientAuth
}

/** Has users, who come back to this address. */
interface Application extends RegisteredClient {
  readonly redirectUri: string
}

/** The name of the service that authenticates with a certificate. */
export const machineUri = 'spiffe://example.org/machine'

const applications = ['web', 'shop'] as const
const services = ['agent', 'batch'] as const
// With characters that must be encoded before they are sent (RFC 6749, section 2.3.1).
const secretOf = (id: string): string => `${id}:+/ %secret`
const redirectOf = (id: string): string => `https://${id}.example/callback`

/** As they are registered. Tokens of the machine are bound to its certificate. */
export const registrations: ClientMetadata[] = [
  ...applications.map((id) => ({
    client_id: id,
    client_secret: secretOf(id),
    grant_types: ['authorization_code'],
    response_types: ['code' as const],
    redirect_uris: [redirectOf(id)],
  })),
  ...services.map((id) => ({ ...serviceOf(id), client_secret: secretOf(id) })),
  {
    ...serviceOf('machine'),
    token_endpoint_auth_method: 'tls_client_auth',
    tls_client_auth_san_uri: machineUri,
    tls_client_certificate_bound_access_tokens: true,
  },
]

/** A resource, which only asks about tokens. */
export function resourceRegistration(id: string, secret: string): ClientMetadata {
  return { client_id: id, client_secret: secret, grant_types: [], response_types: [], redirect_uris: [] }
}

function serviceOf(id: string): ClientMetadata {
  return { client_id: id, grant_types: ['client_credentials'], response_types: [], redirect_uris: [] }
}

function registered(id: string): RegisteredClient {
  return { client: { client_id: id }, authentication: oauth.ClientSecretBasic(secretOf(id)) }
}

/** Two applications with users, two services, and one that authenticates with a certificate. */
export const clients: Readonly<Record<(typeof applications)[number], Application>> &
  Readonly<Record<(typeof services)[number] | 'machine', RegisteredClient>> = {
  web: { ...registered('web'), redirectUri: redirectOf('web') },
  shop: { ...registered('shop'), redirectUri: redirectOf('shop') },
  agent: registered('agent'),
  batch: registered('batch'),
  machine: { client: { client_id: 'machine' }, authentication: oauth.TlsClientAuth() },
}
