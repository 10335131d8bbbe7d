import { checkOptions } from '../guard/check-options.ts'
import { type Jwks, keysAtHand, readJwks } from './jwks.ts'
import type { KeySource } from './key-source.ts'
import { RemoteKeys, type RemoteJwksOptions, remoteChecks, remoteSettings, type SetReader } from './remote-jwks.ts'
import { secureUrl } from './secure-url.ts'

/** The bundle of a SPIFFE trust domain (SPIFFE Trust Domain and Bundle, section 4): a JWK Set that says what each key is for. */
export interface SpiffeBundle extends Jwks {
  /** Grows with each change. */
  readonly spiffe_sequence?: number
  /** Seconds after which to look for a newer one. */
  readonly spiffe_refresh_hint?: number
}

/**
 * The keys by which a SPIFFE trust domain signs JWT-SVIDs: those in its bundle of `use: 'jwt-svid'`, each with a `kid` (SPIFFE
 * JWT-SVID, section 6). Keys for X.509-SVIDs, and keys that do not say what they are for, verify nothing here.
 *
 * A bundle at a URL is fetched as by `remoteJwks`, over what SPIFFE Federation calls `https_web`; for `https_spiffe` give a
 * `fetch` that authenticates the server so. It is fetched again after its `spiffe_refresh_hint` or half of `maxAge`, whichever
 * comes first, and at most once in a `cooldown`. Its `spiffe_sequence` never goes back: an older bundle than the last counts
 * as no answer.
 *
 * A bundle says nothing about whose it is. Give it to the verifier of its own trust domain alone.
 *
 * ```ts
 * const bundle = spiffeBundle(new URL('https://spire.example.org/bundle'))
 * const verifier = jwtSvid({ trustDomain: 'example.org', audience: 'spiffe://example.org/chat', bundle })
 * ```
 *
 * @throws TypeError for a URL that is neither https nor a loopback address, or that holds a password, for wrong options, and for
 * a bundle at hand with a weak key for JWT-SVIDs, one without a `kid`, none at all, a `kid` that stands twice, or a private key.
 */
export function spiffeBundle(source: URL | SpiffeBundle, options: RemoteJwksOptions = {}): KeySource {
  checkOptions('spiffeBundle', options, remoteChecks)
  if (!(source instanceof URL)) {
    if (Object.keys(options).length > 0) throw new TypeError('spiffeBundle: options are for a bundle at a URL')
    return keysAtHand('spiffe', source, 'jwt-svid')
  }
  const location = secureUrl('spiffeBundle: source', source)
  const settings = remoteSettings('spiffeBundle', options)
  return new RemoteKeys({ kind: 'spiffe', url: location.origin + location.pathname }, settings, 1, async () =>
    (await import('./fetched-keys.ts')).keysAt(location, settings, bundleReader()),
  )
}

function bundleReader(): SetReader {
  let last: number | undefined
  return (bundle, before) => {
    const { spiffe_sequence, spiffe_refresh_hint }: Readonly<Record<string, unknown>> = Object(bundle)
    const sequence = wholeNumber(spiffe_sequence)
    const hint = wholeNumber(spiffe_refresh_hint)
    if (last !== undefined && (sequence === undefined || sequence < last)) throw new Error('the bundle is older than the last one')
    const set = readJwks(bundle, before, 'jwt-svid')
    last = sequence
    return { set, ...(hint !== undefined && { refreshAfter: hint * 1000 }) }
  }
}

// Of 64 bits: beyond 2^53 neighbours become equal, and the order stays.
function wholeNumber(value: unknown): number | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) throw new Error('a number in the bundle is not whole')
  return value
}
