import { type Check, checkOptions, hasMethods, isFunction, optional } from '../guard/check-options.ts'
import { type Clock, systemClock } from '../guard/clock.ts'
import type { Attributes, Awaitable } from '../guard/context.ts'
import { reasonOf } from '../guard/errors.ts'
import { type Jwks, secretAlgorithms } from '../keys/jwks.ts'
import type { KeySource } from '../keys/key-source.ts'
import { memoryState } from '../state/memory-state.ts'
import type { StateStore } from '../state/state-store.ts'
import { algorithmsOf, areTexts, isText, keysOf, texts } from './jwt-options.ts'
import type { RevocationList, RevocationTarget } from './revocation-list.ts'
import type { SsfDelivery } from './ssf-delivery.ts'

/** Options of `ssfReceiver`. A list may be given as one value. Durations are seconds. */
export interface SsfReceiverOptions {
  /** The transmitter: the `iss` of its tokens, compared exactly. */
  readonly issuer: string
  /** The names by which this receiver is meant: a token must have one of them in `aud`. */
  readonly audience: string | readonly string[]
  /** The transmitter's keys: a JWK Set of public keys, the URL of one (fetched with the defaults of `remoteJwks`), or a source. */
  readonly keys: URL | Jwks | KeySource
  /** Where revocations go: the list that `verifyIdentity` looks at. */
  readonly revocation: RevocationList
  /**
   * The issuers for whose subjects the transmitter may speak, as they stand in `identity.issuer`; itself alone unless given,
   * and then to be named too where it is meant.
   */
  readonly subjectsOf?: string | readonly string[]
  /** What the transmitter must present in `Authorization`, scheme included. Two while one replaces the other. Never in `describe()`. */
  readonly authorization?: string | readonly string[]
  /** Allowed `alg`s; every asymmetric one that is known unless given. Secrets are not taken: who can verify could also forge. */
  readonly algorithms?: string | readonly string[]
  /** How long ago a token may have been issued, and how long it is remembered; 604,800 (a week) unless given. */
  readonly maxAge?: number
  /**
   * How long any token of those issuers lives at most: for so long after an event the revocation of what was issued before it
   * is remembered. For ever unless given, and then the list grows with every event. Devices are remembered for ever.
   */
  readonly tokenLifetime?: number
  /** Remembers which tokens were carried out; a memory of its own unless given. */
  readonly store?: StateStore
  /** The `sub` of whom an address names; undefined where it names nobody. Without it subjects named by email are refused. */
  readonly subjectOfEmail?: (email: string) => Awaitable<string | undefined>
  /**
   * The ids (`identity.device.id`) of the device that the transmitter calls so; undefined or none where there is no such
   * device. Without it only thumbprints are taken for devices (32 bytes in base64url), and other names are refused.
   */
  readonly deviceOf?: (name: string) => Awaitable<string | readonly string[] | undefined>
  /**
   * Told of every event when it was carried out, also of those that mean nothing here. What it throws makes the transmitter send
   * the token again; it may be told of one event more than once.
   */
  readonly onEvent?: (event: SsfEvent) => Awaitable<void>
  /**
   * Told why a token of the transmitter was not carried out, and of stores and keys that fail. Writes a line to `console.error`
   * unless given. What strangers send is not told.
   */
  readonly onError?: (error: unknown) => void
  /** The system's unless given. */
  readonly clock?: Clock
}

/** One event as the transmitter stated it, and what came of it. Times are milliseconds since 1970. */
export interface SsfEvent {
  /** The URI of its type. */
  readonly type: string
  readonly issuer: string
  /** The token's `jti`. */
  readonly tokenId: string
  readonly issuedAt: number
  /** Its `event_timestamp`, or when the token was issued. */
  readonly occurredAt: number
  /** The subject identifier (RFC 9493) as it came; undefined where there is none. */
  readonly subject: Attributes | undefined
  /** What the event says; `state` of a verification. */
  readonly payload: Attributes
  /** What was revoked for it. */
  readonly revoked: readonly RevocationTarget[]
}

/** Parsed options. Times are milliseconds. */
export interface SsfSettings {
  readonly issuer: string
  readonly audiences: readonly string[]
  readonly keys: KeySource
  readonly revocation: RevocationList
  readonly subjectsOf: readonly string[]
  readonly authorization: readonly string[]
  readonly algorithms: readonly string[]
  readonly maxAge: number
  readonly tokenLifetime: number
  readonly store: StateStore
  readonly subjectOfEmail: SsfReceiverOptions['subjectOfEmail']
  readonly deviceOf: SsfReceiverOptions['deviceOf']
  readonly onEvent: SsfReceiverOptions['onEvent']
  readonly onError: (error: unknown) => void
  readonly clock: Clock
}

const someTexts = 'a non-empty text or a list of them'
const isDuration = (value: unknown): boolean => typeof value === 'number' && value > 0 && Number.isFinite(value)
const field = /^[A-Za-z][A-Za-z0-9-]* [\x21-\x7e]+$/
const checks: Readonly<Record<keyof SsfReceiverOptions, Check>> = {
  issuer: [isText, 'a non-empty text'],
  audience: [areTexts, someTexts],
  keys: [(value) => typeof value === 'object' && value !== null, 'a URL object, a JWK Set, or a KeySource'],
  revocation: [hasMethods('revoke', 'isRevoked', 'subscribe'), 'a list such as revocationList()'],
  subjectsOf: [optional(areTexts), someTexts],
  authorization: [optional((value) => areTexts(value) && texts(value as string).every((text) => field.test(text))), "such as 'Bearer …'"],
  algorithms: [optional(areTexts), someTexts],
  maxAge: [optional(isDuration), 'a number of seconds above zero'],
  tokenLifetime: [optional(isDuration), 'a number of seconds above zero'],
  store: [optional(hasMethods('add', 'get')), 'a StateStore'],
  subjectOfEmail: [optional(isFunction), 'a function'],
  deviceOf: [optional(isFunction), 'a function'],
  onEvent: [optional(isFunction), 'a function'],
  onError: [optional(isFunction), 'a function'],
  clock: [optional(hasMethods('now', 'monotonic', 'after')), 'a Clock'],
}

/**
 * Receives security events that an identity provider pushes, and revokes what they say: a web-standard handler for the one
 * address that the transmitter was given (RFC 8935; OpenID Shared Signals Framework 1.0; CAEP 1.0).
 *
 * A token (RFC 8417) is taken from its issuer alone: of type `secevent+jwt`, signed with an allowed algorithm by a key of the
 * issuer, for this audience, without `exp` and `sub`, not too old and not from the future. What it says counts for subjects of
 * `subjectsOf` only.
 *
 * - `session-revoked`: the session; where none is named, what was issued to the user or the device before
 * - `credential-change`: what was issued to the user before, whatever changed
 * - `token-claims-change`: the token, or what was issued to the session or the user before
 * - `assurance-level-change`: the same; nothing where the level rose
 * - `device-compliance-change`: the device, where it no longer complies. One that complies again is not let in by that:
 *   call `revocation.lift` where that is wanted, as from `onEvent`
 * - any other type, the verification event among them: nothing; `onEvent` is told
 *
 * "Before" is to the end of the second in which the event occurred. A subject is one of the formats `iss_sub`, `opaque`,
 * `email`, `jwt_id` and `complex`; of a complex one the part counts that says most exactly what is meant, and other parts are
 * not looked at, so that rather more is revoked than less. Sessions are found by the claim `sid`; where the subject names the
 * user as well, a token of that user without `sid` counts as one of the session that was issued before.
 *
 * Answers 202 when everything was carried out, and for a token that was before. Refuses with 400 and `err` as RFC 8935,
 * section 2.4 has it, 401, 405, 413 and 415; with 503 and `retry-after` where a key source, a store, the list, `onEvent` or a
 * mapping fails, so that the transmitter sends the token again. Never rejects.
 *
 * ```ts
 * const receive = ssfReceiver({ issuer: 'https://id.example', audience: 'https://api.example', keys: new URL('https://id.example/jwks'), revocation })
 * ```
 *
 * @throws TypeError for wrong options.
 */
export function ssfReceiver(options: SsfReceiverOptions): (request: Request) => Promise<Response> {
  const settings = ssfSettings(options)
  let loading: Promise<SsfDelivery> | undefined
  const load = (): Promise<SsfDelivery> => {
    loading ??= import('./ssf-delivery.ts').then(
      (loaded) => new loaded.SsfDelivery(settings),
      (error: unknown) => {
        loading = undefined
        throw error
      },
    )
    return loading
  }
  // Begun with the receiver, and not with what a stranger sends.
  load().catch(() => {})
  return async (request) => {
    try {
      return await (await load()).receive(request)
    } catch (error) {
      settings.onError(error)
      return new Response(null, { status: 503, headers: { 'retry-after': '30', 'cache-control': 'no-store' } })
    }
  }
}

function ssfSettings(options: SsfReceiverOptions): SsfSettings {
  checkOptions('ssfReceiver', options, checks)
  const { issuer, maxAge = 604_800, tokenLifetime = Number.POSITIVE_INFINITY, clock = systemClock, onError = report } = options
  const { revocation, store = memoryState(), subjectOfEmail, deviceOf, onEvent, authorization = [] } = options
  const algorithms = algorithmsOf('ssfReceiver', options.algorithms)
  if (algorithms.some((algorithm) => secretAlgorithms.includes(algorithm))) throw new TypeError('ssfReceiver: algorithms: secrets are not taken')
  return Object.freeze({
    issuer,
    audiences: texts(options.audience),
    keys: keysOf('ssfReceiver', options.keys, false),
    revocation,
    subjectsOf: texts(options.subjectsOf ?? issuer),
    authorization: texts(authorization),
    algorithms,
    maxAge: maxAge * 1000,
    tokenLifetime: tokenLifetime * 1000,
    store,
    subjectOfEmail,
    deviceOf,
    onEvent,
    onError,
    clock,
  })
}

function report(error: unknown): void {
  console.error(`sallyport: security events: ${reasonOf(error)}`.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?'))
}
