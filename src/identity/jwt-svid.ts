import { type Check, checkOptions, hasMethods, oneOf, optional } from '../guard/check-options.ts'
import type { Clock } from '../guard/clock.ts'
import type { Identity } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import type { KeySource } from '../keys/key-source.ts'
import { spiffeBundle, type SpiffeBundle } from '../keys/spiffe-bundle.ts'
import { text } from './jwt-claims.ts'
import { algorithmsOf, areTexts, texts } from './jwt-options.ts'
import { SenderBinding } from './sender-binding.ts'
import { isTrustDomain, parseSpiffeId } from './spiffe-id.ts'
import { TokenVerifier } from './token-verifier.ts'
import type { Verifier } from './verifier.ts'

/** Options of `jwtSvid`. A list may be given as one value. */
export interface JwtSvidOptions {
  /** The trust domain whose workloads are taken, such as `example.org`. */
  readonly trustDomain: string
  /** The names by which this workload is meant: a token must have one of them in `aud`. */
  readonly audience: string | readonly string[]
  /** The trust domain's bundle: its URL, the bundle itself, or a source such as `spiffeBundle`. */
  readonly bundle: URL | SpiffeBundle | KeySource
  /** Allowed `alg`s; those of the standard unless given: RS, ES and PS with 256, 384 and 512. */
  readonly algorithms?: string | readonly string[]
  /** How far the issuer's clock may be ahead, in seconds; 5 unless given. */
  readonly clockTolerance?: number
  /** What the workloads are; `service` unless given. */
  readonly kind?: Identity['kind']
  /** How many verified tokens are remembered; 10,000 unless given, 0 for none. */
  readonly maxCached?: number
  /** For `verify` outside a guard, which brings its own; the system's unless given. */
  readonly clock?: Clock
}

// SPIFFE JWT-SVID, section 2.1.
const standard: readonly string[] = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512']
const [isKind, kinds] = oneOf('user', 'service', 'agent', 'device')
const someTexts = 'a non-empty text or a list of them'
const checks: Readonly<Record<keyof JwtSvidOptions, Check>> = {
  trustDomain: [(value) => typeof value === 'string' && isTrustDomain(value), 'a SPIFFE trust domain'],
  audience: [areTexts, someTexts],
  bundle: [(value) => typeof value === 'object' && value !== null, 'a URL object, a SPIFFE bundle, or a KeySource'],
  algorithms: [optional(areTexts), someTexts],
  clockTolerance: [optional((value) => typeof value === 'number' && value >= 0 && value <= 300), '0 to 300 seconds'],
  kind: [optional(isKind), kinds],
  maxCached: [optional((value) => Number.isSafeInteger(value) && (value as number) >= 0), 'a whole number'],
  clock: [optional(hasMethods('now', 'monotonic', 'after')), 'a Clock'],
}

/**
 * Verifies JWT-SVIDs of one trust domain (SPIFFE JWT-SVID): the names of workloads, presented as `Authorization: Bearer`.
 *
 * The subject is the SPIFFE ID, and the issuer of the identity the trust domain, `spiffe://example.org`; an `iss` in the token
 * counts for nothing. Keys are those that the bundle marks `jwt-svid`, and no others.
 *
 * ```ts
 * const verifier = jwtSvid({ trustDomain: 'example.org', audience: 'spiffe://example.org/chat', bundle: new URL('https://spire.example.org/bundle') })
 * ```
 *
 * Refuses with `identity_missing`, `identity_invalid`, `identity_expired`, `binding_invalid` and `keys_unavailable`.
 *
 * @throws TypeError for wrong options.
 */
export function jwtSvid(options: JwtSvidOptions): Verifier {
  checkOptions('jwtSvid', options, checks)
  const { trustDomain, bundle, clockTolerance = 5, kind = 'service', maxCached = 10_000 } = options
  const audiences = texts(options.audience)
  const algorithms = algorithmsOf('jwtSvid', options.algorithms ?? standard)
  const other = algorithms.find((algorithm) => !standard.includes(algorithm))
  if (other !== undefined) throw new TypeError(`jwtSvid: algorithms: the standard has no ${other}`)
  const issuer = `spiffe://${trustDomain}`
  // Section 2.3: where it is there it is one of these.
  const types = ['', 'application/jwt', 'application/jose']
  return new TokenVerifier(
    {
      route: { kind: 'svid', trustDomain },
      rules: {
        issuer: undefined,
        voucher: issuer,
        audiences,
        required: ['sub', 'aud', 'exp'],
        foreign: ['events', 'at_hash', 'c_hash'],
        isConfirmed: false,
        tolerance: clockTolerance * 1000,
        roles: [],
        tenant: [],
        kind,
        also(claims) {
          if (parseSpiffeId(text(claims, 'sub'))?.trustDomain !== trustDomain)
            throw new GuardError('identity_invalid', { reason: 'the subject is no SPIFFE ID of this trust domain' })
        },
      },
      algorithms,
      types,
      keys: 'find' in bundle ? bundle : spiffeBundle(bundle),
      maxCached,
      maxTokenAge: Number.POSITIVE_INFINITY,
      allowsPadding: false,
      binding: new SenderBinding(undefined, false),
      isMine: ({ sub }) => typeof sub === 'string' && sub.startsWith(`${issuer}/`),
      details: Object.freeze({ kind: 'jwtSvid', trustDomain, audience: audiences, algorithms, clockTolerance, maxCached }),
    },
    options.clock,
  )
}
