import { type Check, checkOptions, oneOf, optional } from '../guard/check-options.ts'
import { readJwks } from './jwks.ts'
import type { KeySource } from './key-source.ts'
import { RemoteKeys, type RemoteJwksOptions, remoteChecks, remoteSettings } from './remote-jwks.ts'
import { isSecureUrl } from './secure-url.ts'

/** Options of `discoveredKeys`: beside `issuer` and `metadata` those of `remoteJwks`. */
export interface DiscoveredKeysOptions extends RemoteJwksOptions {
  /** The issuer's identifier, letter for letter: a URL without query and fragment. */
  readonly issuer: string
  /**
   * Where the issuer tells about itself: `openid` for `<issuer>/.well-known/openid-configuration`, `oauth` for
   * `/.well-known/oauth-authorization-server` before the issuer's path; `openid` unless given.
   */
  readonly metadata?: 'openid' | 'oauth'
}

const [isMetadata, metadataWanted] = oneOf('openid', 'oauth')
const checks: Readonly<Record<keyof DiscoveredKeysOptions, Check>> = {
  ...remoteChecks,
  issuer: [isIssuer, 'a URL as a text: https, or http at a loopback address, without password, query and fragment'],
  metadata: [optional(isMetadata), metadataWanted],
}

/**
 * An issuer's keys, found by its name: its metadata (OpenID Connect Discovery 1.0, section 4; RFC 8414, section 3) say where
 * they are. The metadata must name the very same issuer, and a `jwks_uri` of https; from there it is as with `remoteJwks`, and
 * the metadata are fetched again, and trusted while they cannot be, within the same bounds.
 *
 * ```ts
 * const issuer = 'https://id.example'
 * const verifier = jwt({ issuer, audience: 'https://api.example', keys: discoveredKeys({ issuer }) })
 * ```
 *
 * @throws TypeError for an issuer that is no such URL, and for wrong options.
 */
export function discoveredKeys(options: DiscoveredKeysOptions): KeySource {
  checkOptions('discoveredKeys', options, checks)
  const { issuer, metadata = 'openid' } = options
  const settings = remoteSettings('discoveredKeys', options)
  const document = metadataUrl(issuer, metadata)
  return new RemoteKeys({ kind: 'discovered', issuer, metadata }, settings, 2, async () =>
    (await import('./fetched-keys.ts')).keysVia(
      document,
      (value) => keysLocation(value, issuer, document),
      settings,
      (value, before) => ({ set: readJwks(value, before) }),
    ),
  )
}

function metadataUrl(issuer: string, metadata: 'openid' | 'oauth'): URL {
  const url = new URL(issuer)
  // Both standards take a slash at the end away first.
  const path = url.pathname.replace(/\/$/, '')
  url.pathname = metadata === 'openid' ? `${path}/.well-known/openid-configuration` : `/.well-known/oauth-authorization-server${path}`
  return url
}

/** Where the keys are, by the metadata of an issuer. Throws where they are another's, or do not say. */
function keysLocation(metadata: unknown, issuer: string, document: URL): URL {
  const { issuer: named, jwks_uri: location }: { readonly issuer?: unknown; readonly jwks_uri?: unknown } = Object(metadata)
  // OpenID Connect Discovery 1.0, section 4.3; RFC 8414, section 3.3: else one issuer could speak for another.
  if (named !== issuer) throw new Error('the metadata are those of another issuer')
  const url = typeof location === 'string' && URL.canParse(location) ? new URL(location) : undefined
  if (url === undefined || !isSecureUrl(url)) throw new Error('the metadata name no jwks_uri of https')
  // Nobody far away has a say about what this machine tells itself.
  if (url.protocol === 'http:' && document.protocol !== 'http:') throw new Error('the metadata name a jwks_uri on this machine')
  return url
}

function isIssuer(value: unknown): boolean {
  if (typeof value !== 'string' || !URL.canParse(value) || /[?#\\\s]/.test(value)) return false
  return isSecureUrl(new URL(value))
}
