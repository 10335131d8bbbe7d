import { type Check, checkOptions, hasMethods, optional } from '../guard/check-options.ts'
import type { Clock } from '../guard/clock.ts'
import type { Identity } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import type { Jwks } from '../keys/jwks.ts'
import type { KeySource } from '../keys/key-source.ts'
import { delegationType } from './delegator.ts'
import { type DpopOptions, dpopSettings } from './dpop-options.ts'
import type { Claims } from './jwt-claims.ts'
import { areTexts, checkIssuer, isText, keysOf, texts } from './jwt-options.ts'
import { readLineage } from './lineage.ts'
import { SenderBinding } from './sender-binding.ts'
import { mediaType, TokenVerifier } from './token-verifier.ts'
import type { Verifier } from './verifier.ts'

/** Options of `delegated`. A list may be given as one value. */
export interface DelegatedOptions {
  /** Who delegates: the `issuer` of a `delegator`. */
  readonly issuer: string
  /** The issuers for whose subjects it may speak. */
  readonly subjectsOf: string | readonly string[]
  /** The names by which this service is meant. */
  readonly audience: string | readonly string[]
  /** The delegator's public key: its `jwks`, the URL of it, or a source. */
  readonly keys: URL | Jwks | KeySource
  /** How proofs of possession (RFC 9449) are judged, which a token with `cnf.jkt` needs. */
  readonly dpop?: DpopOptions
  /** How many verified tokens are remembered; 10,000 unless given, 0 for none. */
  readonly maxCached?: number
  /** For `verify` outside a guard, which brings its own; the system's unless given. */
  readonly clock?: Clock
}

const someTexts = 'a non-empty text or a list of them'
const checks: Readonly<Record<keyof DelegatedOptions, Check>> = {
  issuer: [isText, 'a non-empty text'],
  subjectsOf: [areTexts, someTexts],
  audience: [areTexts, someTexts],
  keys: [(value) => typeof value === 'object' && value !== null, 'a URL object, a JWK Set, or a KeySource'],
  dpop: [optional((value) => typeof value === 'object' && value !== null), 'an object'],
  maxCached: [optional((value) => Number.isSafeInteger(value) && (value as number) >= 0), 'a whole number'],
  clock: [optional(hasMethods('now', 'monotonic', 'after')), 'a Clock'],
}

const kinds: readonly unknown[] = ['user', 'service', 'agent', 'device']

/**
 * Verifies tokens that a `delegator` made: who acts for a caller, and for how much of it (RFC 8693, section 4.1).
 *
 * The identity is the caller's own, by the same `key`: its limits, its records and its revocation are those of the caller.
 * `actors` says who acts, nearest first, and only that one counts; `scopes` and `roles` are what was handed on. It falls with what
 * it was made from: a revoked token, session, key, issuer, subject or actor anywhere in the chain refuses it.
 *
 * ```ts
 * const verifier = delegated({ issuer: 'https://bot.example', subjectsOf: 'https://id.example', audience: 'https://files.example', keys: jwks })
 * ```
 *
 * Refuses with `identity_missing`, `identity_invalid`, `identity_expired`, `binding_invalid`, `replayed` and `keys_unavailable`.
 *
 * @throws TypeError for wrong options.
 */
export function delegated(options: DelegatedOptions): Verifier {
  checkOptions('delegated', options, checks)
  const { issuer, maxCached = 10_000 } = options
  checkIssuer('delegated', issuer)
  const audiences = texts(options.audience)
  const subjectsOf = texts(options.subjectsOf)
  const types = [mediaType(delegationType)]
  const binding = new SenderBinding(dpopSettings(options.dpop), options.dpop !== undefined)
  return new TokenVerifier(
    {
      route: { kind: 'jwt', issuer, types },
      rules: {
        issuer,
        voucher: (claims) => subjectIssuer(claims, subjectsOf),
        audiences,
        required: ['iss', 'sub', 'sub_id', 'aud', 'exp', 'iat', 'jti', 'act', 'made_of', 'kind'],
        foreign: [],
        isConfirmed: true,
        tolerance: 5_000,
        roles: ['roles'],
        tenant: ['tenant'],
        kind: ({ kind }) => kind as Identity['kind'],
        also({ kind }) {
          if (!kinds.includes(kind)) throw malformed()
        },
      },
      algorithms: ['ES256', 'EdDSA'],
      types,
      keys: keysOf('delegated', options.keys, false),
      maxCached,
      maxTokenAge: Number.POSITIVE_INFINITY,
      allowsPadding: false,
      binding,
      isMine: ({ iss }) => iss === issuer,
      lineage: readLineage,
      details: Object.freeze({ kind: 'delegated', issuer, subjectsOf, audience: audiences, maxCached, dpop: binding.describe() }),
    },
    options.clock,
  )
}

// RFC 9493, section 3.2.3. A delegator speaks for the subjects of those issuers that it was trusted with, and for no others.
function subjectIssuer({ sub, sub_id: id }: Claims, subjectsOf: readonly string[]): string {
  const { format, iss, sub: subject } = (typeof id === 'object' && id !== null ? id : {}) as Readonly<Record<string, unknown>>
  if (format !== 'iss_sub' || typeof iss !== 'string' || subject !== sub) throw malformed()
  if (!subjectsOf.includes(iss)) throw new GuardError('identity_invalid', { reason: 'the delegator is not trusted with subjects of this issuer' })
  return iss
}

function malformed(): GuardError {
  return new GuardError('identity_invalid', { reason: 'the delegated token is malformed' })
}
