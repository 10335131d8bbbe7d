import { type Check, checkOptions, hasMethods, isFunction, optional } from '../guard/check-options.ts'
import { type Clock, systemClock, within } from '../guard/clock.ts'
import type { Awaitable } from '../guard/context.ts'
import { GuardError, isGuardError } from '../guard/errors.ts'
import { keyLength } from '../keys/input-key.ts'
import type { KeyProvider } from '../keys/key-provider.ts'
import { ProviderAccess } from '../keys/provider-access.ts'
import { memoryState } from '../state/memory-state.ts'
import type { StateStore } from '../state/state-store.ts'
import type { Attestation, AttestationEvidence, AttestedWorkload } from './attestation.ts'
import { algorithmOf, importRecipientKey, parseRecipientKey, type RecipientKey, type ReleaseAlgorithm, releaseAlgorithms } from './recipient-key.ts'
import { type ReleaseNonce, ReleaseNonces } from './release-nonces.ts'
import { copyRequest, type KeyRequest, requestDigest, sealReleasedKey } from './released-key.ts'

/** Options of `releasePolicy`. */
export interface ReleasePolicyOptions {
  /** Who wrapped the data keys. */
  readonly keys: KeyProvider
  /** How workloads prove what they are. */
  readonly attestation: Attestation
  /**
   * Which data keys a workload may have. What is attested says which program it is, and not whose data it works on. Only `true`
   * permits; what throws or takes too long does not.
   */
  readonly permits: (workload: AttestedWorkload, asked: KeyRequest) => Awaitable<boolean>
  /** How data keys may be sealed to workloads: `ECDH-ES+A256KW` and `RSA-OAEP-256` unless given. */
  readonly algorithms?: readonly ReleaseAlgorithm[]
  /** Seconds that a nonce is good for; 120 unless given, at most 3600. */
  readonly nonceLifetime?: number
  /**
   * For several processes that answer each other's nonces: a secret of 32 random bytes that all of them have, and a store in which
   * all of them remember what was used, and which outlives them. Unless given, nonces are good in this process alone, and none is
   * after it was started anew.
   */
  readonly shared?: { readonly secret: Uint8Array; readonly state: StateStore }
  /** Milliseconds that each of attestation, store, `permits` and provider may take; 5,000 unless given. */
  readonly deadline?: number
  /** The system's unless given. */
  readonly clock?: Clock
}

/** What a workload sends to have a data key. */
export interface ReleaseRequest extends KeyRequest, AttestationEvidence {
  /** What `challenge` gave for the same request. */
  readonly nonce: string
}

/** Data keys for attested workloads alone. */
export interface KeyRelease {
  /** A nonce for this request. @throws GuardError `payload_invalid` */
  challenge(asked: KeyRequest): Promise<ReleaseNonce>
  /**
   * The data key, as a JWE in compact form to the key that the evidence names.
   *
   * @throws GuardError `payload_invalid`; `identity_invalid` and `identity_expired` for evidence or a nonce that does not hold; `replayed`;
   * `denied` for a workload that may not have this key; what the provider refuses; `keys_unavailable`.
   */
  release(request: ReleaseRequest): Promise<string>
  /** Plain data for `guard.describe()`. Never a secret. */
  describe(): Readonly<Record<string, unknown>>
}

const isAlgorithms = (value: unknown): boolean =>
  Array.isArray(value) && value.length > 0 && value.every((item) => (releaseAlgorithms as readonly unknown[]).includes(item))
const isShared = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  'secret' in value &&
  value.secret instanceof Uint8Array &&
  value.secret.length === keyLength &&
  'state' in value &&
  hasMethods('add', 'describe')(value.state)

const checks: Readonly<Record<keyof ReleasePolicyOptions, Check>> = {
  keys: [hasMethods('unwrap', 'describe'), 'a KeyProvider'],
  attestation: [hasMethods('verify', 'describe'), 'an Attestation, as nitroAttestation and attestationToken make it'],
  permits: [isFunction, 'a function that says which workload may have which key'],
  algorithms: [optional(isAlgorithms), `a list of ${releaseAlgorithms.join(', ')}`],
  nonceLifetime: [optional((value) => typeof value === 'number' && value >= 1 && value <= 3600), '1 to 3600 seconds'],
  shared: [optional(isShared), 'a secret of 32 bytes and a StateStore'],
  deadline: [optional((value) => typeof value === 'number' && value > 0 && value <= 2 ** 31 - 1), 'a number of milliseconds above zero'],
  clock: [optional(hasMethods('now', 'monotonic', 'after')), 'a Clock'],
}

/**
 * Releases data keys to attested workloads and to nobody else: "encrypted during processing". A workload asks for a nonce, has itself
 * attested with it, and sends the evidence; the data key is then unwrapped and sealed (JWE, A256GCM) to the key that the evidence
 * names. It never leaves here in clear, and is not kept: the next workload has to prove itself as well.
 *
 * A nonce is good once, for one request, and for a while. Who may ask at all is for the handler before it to say: put it behind a guard.
 *
 * ```ts
 * const release = releasePolicy({
 *   keys,
 *   attestation: nitroAttestation({ measurements: { PCR0: '…', PCR1: '…', PCR2: '…' } }),
 *   permits: (_workload, { context }) => context.tenant === 'acme',
 * })
 * ```
 *
 * @throws TypeError for wrong options.
 */
export function releasePolicy(options: ReleasePolicyOptions): KeyRelease {
  checkOptions('releasePolicy', options, checks)
  const { keys, attestation, permits, nonceLifetime = 120, shared, deadline = 5000, clock = systemClock } = options
  const algorithms: readonly ReleaseAlgorithm[] = Object.freeze([...(options.algorithms ?? releaseAlgorithms)])
  // After a start it would take for new what was used before.
  if (shared !== undefined && shared.state.describe().kind === 'memory')
    throw new TypeError('releasePolicy: shared.state: must outlive this process, as the secret does')
  const secret = shared?.secret ?? crypto.getRandomValues(new Uint8Array(keyLength))
  const nonces = new ReleaseNonces(secret, shared?.state ?? memoryState({ clock }), nonceLifetime * 1000)
  const access = new ProviderAccess({ deadline, retries: 2, clock })

  async function inTime<T>(what: string, answer: Promise<T>): Promise<T> {
    try {
      return await within(clock, deadline, what, answer)
    } catch (cause) {
      throw isGuardError(cause) ? cause : new GuardError('keys_unavailable', { reason: `${what} failed`, cause })
    }
  }

  async function mayHave(workload: AttestedWorkload, asked: KeyRequest): Promise<void> {
    let answer: unknown
    try {
      answer = await within(clock, deadline, 'permits', permits(workload, asked))
    } catch (cause) {
      throw isGuardError(cause) ? cause : new GuardError('denied', { reason: 'whether the workload may have this key could not be told', cause })
    }
    if (answer !== true) throw new GuardError('denied', { reason: 'this workload may not have this key' })
  }

  async function unwrap(asked: KeyRequest): Promise<Uint8Array> {
    const { wrapped, context } = asked
    // A provider gets its own bytes: what it does to them, a second attempt and the answer do not see.
    const key = await access.ask(
      (signal) => keys.unwrap({ ...wrapped, bytes: wrapped.bytes.slice() }, context, signal),
      (late) => late.fill(0),
    )
    if (key.length !== keyLength) throw new GuardError('decryption_failed', { reason: 'what the provider unwrapped is no data key' })
    return key
  }

  return Object.freeze<KeyRelease>({
    async challenge(asked) {
      return nonces.issue(await requestDigest(copyRequest(asked)), clock)
    },
    async release(request) {
      // Everything is read once, here, and never again from what the caller may still change.
      const asked = copyRequest(request)
      const { nonce } = request
      const given = copyEvidence(request)
      const digest = await requestDigest(asked)
      const until = await nonces.check(nonce, digest, clock)
      const workload = await inTime('the attestation', attestation.verify(given, nonce, clock))
      const to = await sealable(workload.key)
      if (!algorithms.includes(algorithmOf(to))) throw new GuardError('denied', { reason: 'nothing may be sealed to a key of this kind' })
      await inTime('the store of used nonces', nonces.use(nonce, until, clock))
      await mayHave(workload, asked)
      const key = await unwrap(asked)
      try {
        // The provider may have taken its time.
        if (!(Math.min(until, workload.expiresAt) > clock.now()))
          throw new GuardError('identity_expired', { reason: 'the evidence has expired meanwhile' })
        return await sealReleasedKey(key, to, { nonce, digest })
      } finally {
        key.fill(0)
      }
    },
    describe: () => ({
      kind: 'release',
      attestation: attestation.describe(),
      keys: keys.describe(),
      algorithms,
      nonceLifetime,
      shared: shared !== undefined,
    }),
  })
}

// Known before anything is used up or unwrapped: whether a point is on its curve is found when it is imported.
async function sealable(attested: RecipientKey): Promise<RecipientKey> {
  const key = parseRecipientKey(attested)
  try {
    if (key !== undefined) await importRecipientKey(key)
  } catch (cause) {
    throw new GuardError('identity_invalid', { reason: 'the key that was attested is not on its curve', cause })
  }
  if (key === undefined) throw new GuardError('identity_invalid', { reason: 'nothing may be sealed to the key that was attested' })
  return key
}

/** More than any evidence has, in bytes or characters. */
const maxEvidence = 32_768

function copyEvidence({ evidence, key }: ReleaseRequest): AttestationEvidence {
  if ((typeof evidence !== 'string' && !(evidence instanceof Uint8Array)) || evidence.length === 0 || evidence.length > maxEvidence)
    throw new GuardError('payload_invalid', { reason: 'the evidence is no text and no bytes, or too long' })
  const own = typeof evidence === 'string' ? evidence : Uint8Array.from(evidence)
  return Object.freeze({ evidence: own, ...(key !== undefined && { key }) })
}
