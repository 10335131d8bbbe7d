import { type Check, checkOptions, hasMethods, optional } from '../guard/check-options.ts'
import { type Clock, systemClock, within } from '../guard/clock.ts'
import { algorithmOfKey, type Jwks, localJwks, publicAlgorithms, secretAlgorithms } from '../keys/jwks.ts'
import type { KeySource } from '../keys/key-source.ts'
import { verifySignature } from '../keys/verify-signature.ts'
import { PolicyError } from './policy-error.ts'
import { maxPolicyLength, textOf } from './policy-text.ts'
import { invalid, readSigned, type SignedPolicy } from './signed-policy.ts'

/** By whose signature a policy counts. */
export interface PolicySignature {
  /** Public keys of those who may sign. */
  readonly keys: Jwks | KeySource
  /** Only these of `ES256`, `ES384`, `ES512`, `EdDSA`, `PS256`, …; all of them unless given. A key is for one anyway. */
  readonly algorithms?: string | readonly string[]
  /** What was signed before this moment does not count: milliseconds since 1970. */
  readonly since?: number
}

const isAlgorithm = (value: unknown): boolean => typeof value === 'string' && publicAlgorithms.includes(value)
const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null

/** The checks of its options. */
const signatureChecks: Readonly<Record<keyof PolicySignature, Check>> = {
  keys: [isObject, 'a JWK Set or a KeySource'],
  algorithms: [
    optional((value) => isAlgorithm(value) || (Array.isArray(value) && value.length > 0 && value.every(isAlgorithm))),
    'asymmetric JWS algorithms',
  ],
  since: [optional(Number.isFinite), 'milliseconds since 1970'],
}

/** Checked options. */
export interface SignatureSettings {
  readonly keys: KeySource
  readonly algorithms: readonly string[]
  readonly since: number
}

/** Checks and copies. @throws TypeError */
export function signatureSettings(name: string, options: PolicySignature): SignatureSettings {
  checkOptions(name, options, signatureChecks)
  const { keys, algorithms = publicAlgorithms, since = Number.NEGATIVE_INFINITY } = options
  const list = typeof algorithms === 'string' ? [algorithms] : algorithms
  return { keys: isKeySource(keys) ? keys : publicKeys(name, keys), algorithms: list.map(algorithmOfKey), since }
}

const isKeySource = hasMethods('find', 'describe') as (value: unknown) => value is KeySource

/** Keys at hand that verify and cannot sign. @throws TypeError */
function publicKeys(name: string, jwks: Jwks): KeySource {
  const keys: unknown = jwks.keys
  // Whoever can verify with a secret could also sign.
  if (Array.isArray(keys) && keys.some((key) => key?.kty === 'oct' || secretAlgorithms.includes(key?.alg)))
    throw new TypeError(`${name}: keys: no secrets`)
  return localJwks(jwks)
}

/** What a signed text holds, and when it was signed. */
export interface OpenedPolicy {
  readonly policy: unknown
  /** Milliseconds since 1970. */
  readonly signedAt: number
}

/** Options of `openPolicy`. */
export interface OpenPolicyOptions extends PolicySignature {
  /** The system's unless given. */
  readonly clock?: Clock
}

/**
 * The policy in a text that `signPolicy` made: a JWS in compact form (RFC 7515) of type `policy+jws`, by one of these keys.
 * Whether it is a policy is for `policySet` to say. A signature says who wrote a policy and not for what: where one key signs
 * several, compare the policy's `id`, as `livePolicy` does.
 *
 * ```ts
 * const policy = policySet(await openPolicy(text, { keys: { keys: [publicJwk] } }))
 * ```
 *
 * @throws PolicyError `unsigned`, `signature_invalid`, `malformed`, and `unavailable` where the keys cannot be had. TypeError for
 * wrong options.
 */
export async function openPolicy(text: string, options: OpenPolicyOptions): Promise<unknown> {
  const { clock = systemClock, ...signature } = options
  const settings = signatureSettings('openPolicy', signature)
  if (typeof text !== 'string') throw new TypeError('openPolicy: the first argument must be the signed text')
  return (await openSigned(textOf(text, maxPolicyLength), settings, clock)).policy
}

/** The same with settings, and with when it was signed. */
export async function openSigned(text: string, settings: SignatureSettings, clock: Clock): Promise<OpenedPolicy> {
  const signed = readSigned(text)
  checkHeader(signed, settings, clock.now())
  const key = await keyOf(signed, settings, clock)
  if (!(await verifySignature(signed.algorithm, key, signed.input, signed.signature))) throw invalid('it does not verify')
  return { policy: signed.readPolicy(), signedAt: signed.signedAt }
}

/** How far the clock of whoever signed may be ahead, in milliseconds. */
const tolerance = 300_000

/** Checks what a signature says of itself. @throws PolicyError */
export function checkHeader({ algorithm, signedAt }: SignedPolicy, { algorithms, since }: SignatureSettings, now: number): void {
  if (!algorithms.includes(algorithmOfKey(algorithm)) || !publicAlgorithms.includes(algorithm)) throw invalid('its algorithm is not allowed')
  // It would keep every later one from being loaded.
  if (signedAt > now + tolerance) throw invalid('it was made in the future')
  if (signedAt < since) throw invalid('it was made before what still counts (since)')
}

/** How long a source of keys may take, in milliseconds. */
const patience = 10_000

async function keyOf({ algorithm, keyId }: SignedPolicy, { keys }: SignatureSettings, clock: Clock): Promise<CryptoKey> {
  let key: CryptoKey | Uint8Array | undefined
  try {
    const found = Promise.resolve(keys.find({ algorithm, id: keyId }, clock)).then((one) => one?.load())
    key = await within(clock, patience, 'the source of keys', found)
  } catch (error) {
    throw new PolicyError('unavailable', 'the keys of those who may sign could not be had', { cause: error })
  }
  if (key === undefined) throw invalid('none of the keys is meant')
  if (key instanceof Uint8Array) throw invalid('its key is a secret')
  return key
}
