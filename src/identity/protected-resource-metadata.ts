import { type Check, checkOptions, isBoolean, optional } from '../guard/check-options.ts'
import { isHttpsUrl } from './challenge.ts'

/** Options of `protectedResourceMetadata`. Lists may be given as one value, and have at least one. */
export interface ProtectedResourceMetadataOptions {
  /** The protected resource's identifier: an https URL without a fragment, as clients know it. */
  readonly resource: string
  /** The issuers whose tokens it takes: https URLs without query and fragment. */
  readonly authorizationServers: string | readonly string[]
  readonly scopesSupported?: string | readonly string[]
  /** Where the resource's own public keys are. */
  readonly jwksUri?: string
  /** For people. */
  readonly resourceName?: string
  readonly resourceDocumentation?: string
  readonly resourcePolicyUri?: string
  readonly resourceTosUri?: string
  /** JWS algorithms of proofs that are taken (RFC 9449). */
  readonly dpopSigningAlgValuesSupported?: string | readonly string[]
  /** Whether only tokens that are bound by DPoP are taken. */
  readonly dpopBoundAccessTokensRequired?: boolean
  /** Whether tokens that are bound to a certificate are taken (RFC 8705). */
  readonly tlsClientCertificateBoundAccessTokens?: boolean
  /** Authentication context classes that it may ask for (RFC 9470). */
  readonly acrValuesSupported?: string | readonly string[]
  /** How long the answer may be kept, in seconds; 3,600 unless given. */
  readonly maxAge?: number
}

const wellKnown = '/.well-known/oauth-protected-resource'

const isResource = (value: unknown): boolean => isHttpsUrl(value) && !value.includes('#')
const isIssuer = (value: unknown): boolean => isHttpsUrl(value) && !/[?#]/.test(value)
// RFC 6749, section 3.3.
const isWord = (value: unknown): boolean => typeof value === 'string' && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(value)
// RFC 9449, section 4.2: neither none nor a shared secret.
const isAsymmetric = (value: unknown): boolean => typeof value === 'string' && /^(?!none$|HS)[A-Za-z0-9-]+$/.test(value)

const page: Check = [optional(isHttpsUrl), 'an https URL']
const flag: Check = [optional(isBoolean), 'a boolean']
const checks: Readonly<Record<keyof ProtectedResourceMetadataOptions, Check>> = {
  resource: [isResource, 'an https URL without a fragment'],
  authorizationServers: [each(isIssuer), 'an https URL without query and fragment, or a list of them'],
  scopesSupported: [optional(each(isWord)), 'a scope, or a list of them'],
  jwksUri: page,
  resourceName: [optional((value) => typeof value === 'string' && value !== '' && value.isWellFormed()), 'a text that is not empty'],
  resourceDocumentation: page,
  resourcePolicyUri: page,
  resourceTosUri: page,
  dpopSigningAlgValuesSupported: [optional(each(isAsymmetric)), 'an asymmetric JWS algorithm, or a list of them'],
  dpopBoundAccessTokensRequired: flag,
  tlsClientCertificateBoundAccessTokens: flag,
  acrValuesSupported: [optional(each(isWord)), 'a word of visible ASCII without quotes, or a list of them'],
  maxAge: [optional((value) => Number.isSafeInteger(value) && (value as number) >= 0), 'a whole number of seconds'],
}

/**
 * A request handler that tells clients what a protected resource is and whose tokens it takes (RFC 9728, sections 2 and 3).
 * Serve it at `protectedResourceMetadataUrl(resource)`, before the guarded handler: nobody proves anything to read it. Tokens
 * are taken in the `Authorization` field and nowhere else, and it says so.
 *
 * Answers GET and HEAD, everything else with 405.
 *
 * ```ts
 * const metadata = protectedResourceMetadata({ resource: 'https://api.example/v1', authorizationServers: 'https://id.example' })
 * const response = await metadata(new Request('https://api.example/.well-known/oauth-protected-resource/v1'))
 * ```
 *
 * @throws TypeError for wrong options.
 */
export function protectedResourceMetadata(options: ProtectedResourceMetadataOptions): (request: Request) => Response {
  checkOptions('protectedResourceMetadata', options, checks)
  const { maxAge = 3_600 } = options
  const body = JSON.stringify(describeResource(options))
  const headers = { 'content-type': 'application/json', 'cache-control': `public, max-age=${maxAge}` }
  return ({ method }) => {
    if (method !== 'GET' && method !== 'HEAD') return new Response(null, { status: 405, headers: { allow: 'GET, HEAD' } })
    return new Response(method === 'HEAD' ? null : body, { headers })
  }
}

/**
 * Where the metadata of a protected resource are found (RFC 9728, section 3.1): the well-known path between its host and its
 * own path. What `verifyIdentity` names in its challenges as `resourceMetadata`.
 *
 * ```ts
 * protectedResourceMetadataUrl('https://api.example/v1').href // 'https://api.example/.well-known/oauth-protected-resource/v1'
 * ```
 *
 * @throws TypeError for what is no https URL, and for one with a fragment.
 */
export function protectedResourceMetadataUrl(resource: string): URL {
  if (!isResource(resource)) throw new TypeError('protectedResourceMetadataUrl: must be an https URL without a fragment')
  const { origin, pathname, search } = new URL(resource)
  return new URL(`${origin}${wellKnown}${pathname === '/' ? '' : pathname}${search}`)
}

// RFC 9728, section 2. What is not said is left out.
function describeResource(options: ProtectedResourceMetadataOptions): Readonly<Record<string, unknown>> {
  return {
    resource: options.resource,
    authorization_servers: list(options.authorizationServers),
    jwks_uri: options.jwksUri,
    scopes_supported: list(options.scopesSupported),
    bearer_methods_supported: ['header'],
    resource_name: options.resourceName,
    resource_documentation: options.resourceDocumentation,
    resource_policy_uri: options.resourcePolicyUri,
    resource_tos_uri: options.resourceTosUri,
    tls_client_certificate_bound_access_tokens: options.tlsClientCertificateBoundAccessTokens,
    dpop_signing_alg_values_supported: list(options.dpopSigningAlgValuesSupported),
    dpop_bound_access_tokens_required: options.dpopBoundAccessTokensRequired,
    acr_values_supported: list(options.acrValuesSupported),
  }
}

function list(value: string | readonly string[] | undefined): readonly string[] | undefined {
  return typeof value === 'string' ? [value] : value
}

function each(accepts: Check[0]): Check[0] {
  return (value) => (Array.isArray(value) ? value.length > 0 && value.every(accepts) : accepts(value))
}
