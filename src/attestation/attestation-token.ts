import { type Check, checkOptions, optional } from '../guard/check-options.ts'
import type { Clock } from '../guard/clock.ts'
import { GuardError, isGuardError } from '../guard/errors.ts'
import { algorithmsOf, areTexts, isText, keysOf, texts } from '../identity/jwt-options.ts'
import { parseTokenPart } from '../identity/presented.ts'
import { mediaType } from '../identity/token-verifier.ts'
import { decodeBase64url, isCanonical } from '../keys/base64url.ts'
import { algorithmOfKey, type Jwks, secretAlgorithms } from '../keys/jwks.ts'
import type { KeySource, VerificationKey } from '../keys/key-source.ts'
import { jwkThumbprint } from '../keys/thumbprint.ts'
import { verifySignature } from '../keys/verify-signature.ts'
import type { Attestation } from './attestation.ts'
import { type AttestationProfile, attestationProfiles, type ClaimPath, type RequiredClaim } from './attestation-profile.ts'
import { type Measurements, pinnedSets, requirePinned } from './measurements.ts'
import { parseRecipientKey, type RecipientKey } from './recipient-key.ts'

/** Options of `attestationToken`. A list may be given as one value. */
export interface AttestationTokenOptions {
  /** How the tokens say what they say: the name of a profile that is known here, or one of one's own. */
  readonly profile: keyof typeof attestationProfiles | AttestationProfile
  /** The `iss` of the tokens, compared exactly. */
  readonly issuer: string
  /** The names by which this service is meant: a token must have one of them in `aud`. Where the profile's tokens have none, left out. */
  readonly audience?: string | readonly string[]
  /** The keys of the attestation service: a JWK Set of public keys, the URL of one, or a source. What a token's header names is not looked at. */
  readonly keys: URL | Jwks | KeySource
  /** What must have been measured, by the names of the profile; or several such sets, one of which must hold as a whole. */
  readonly measurements: Measurements | readonly Measurements[]
  /** Allowed `alg`s, none of them symmetric; those of the profile unless given. */
  readonly algorithms?: string | readonly string[]
  /** How long after it was issued a token is taken, in seconds; 300 unless given. */
  readonly maxAge?: number
  /** How far the clock of the service may be ahead, in seconds; 5 unless given. For `iat` and `nbf` alone. */
  readonly clockTolerance?: number
}

const someTexts = 'a non-empty text or a list of them'
const checks: Readonly<Record<keyof AttestationTokenOptions, Check>> = {
  profile: [
    (value) => isProfile(typeof value === 'string' ? known(value) : value),
    `an AttestationProfile, or one of ${Object.keys(attestationProfiles).join(', ')}`,
  ],
  issuer: [isText, 'a non-empty text'],
  audience: [optional(areTexts), someTexts],
  keys: [(value) => typeof value === 'object' && value !== null, 'a URL object, a JWK Set, or a KeySource'],
  measurements: [(value) => typeof value === 'object' && value !== null, 'values by name, or a list of them'],
  algorithms: [optional(areTexts), someTexts],
  maxAge: [optional((value) => typeof value === 'number' && value > 0 && value <= 3600), 'a number of seconds above zero, at most 3600'],
  clockTolerance: [optional((value) => typeof value === 'number' && value >= 0 && value <= 300), '0 to 300 seconds'],
}

type Claims = Readonly<Record<string, unknown>>

/**
 * Attests workloads by the tokens of an attestation service: Entity Attestation Tokens (RFC 9711) and what vendors make of JWTs. Signature,
 * algorithm, issuer, audience, age, nonce, key, debug status and measurements are what is pinned here, or the workload is refused.
 *
 * ```ts
 * const attestation = attestationToken({
 *   profile: 'confidentialSpace',
 *   issuer: 'https://confidentialcomputing.googleapis.com',
 *   audience: 'https://keys.example',
 *   keys: new URL('https://www.googleapis.com/service_accounts/v1/metadata/jwk/signer@confidentialspace-sign.iam.gserviceaccount.com'),
 *   measurements: { image_digest: 'sha256:…' },
 * })
 * ```
 *
 * @throws TypeError for wrong options: an unknown profile or measurement, no measurement of what runs, a symmetric algorithm, and an audience
 * that is missing or that no token has.
 */
export function attestationToken(options: AttestationTokenOptions): Attestation {
  checkOptions('attestationToken', options, checks)
  const { issuer, maxAge = 300, clockTolerance = 5 } = options
  const profile = copyProfile(typeof options.profile === 'string' ? attestationProfiles[options.profile] : options.profile)
  const algorithms = algorithmsOf('attestationToken', options.algorithms ?? profile.algorithms)
  if (algorithms.some((algorithm) => secretAlgorithms.includes(algorithm)))
    throw new TypeError('attestationToken: algorithms: whoever verifies with a secret could attest itself')
  const audiences = options.audience === undefined ? undefined : texts(options.audience)
  if ((audiences !== undefined) !== profile.audience)
    throw new TypeError(`attestationToken: audience: must be ${profile.audience ? 'given' : 'left out, since no such token has one'}`)
  const sets = pinnedSets('attestationToken', options.measurements, (name) =>
    Object.hasOwn(profile.measurements, name) ? undefined : 'is no measurement of this profile',
  )
  if (!sets.every((set) => profile.program.some((name) => Object.hasOwn(set, name))))
    throw new TypeError(`attestationToken: measurements: must pin what runs: ${profile.program.join(' or ') || 'the profile must name what says so'}`)
  const keys = keysOf('attestationToken', options.keys, false)

  return Object.freeze<Attestation>({
    async verify({ evidence, key: stated }, nonce, clock) {
      const token = readToken(evidence)
      const { header, claims } = token
      if (!isAlgorithm(header, algorithms)) throw invalid('the algorithm or the type is not allowed')
      // What is cheap first: what was made for somebody else, or for another question, costs no signature.
      if (claims.iss !== issuer) throw invalid('the issuer is another one')
      if (audiences !== undefined && !textsAt(claims, ['aud']).some((audience) => audiences.includes(audience)))
        throw invalid('the token is for another audience')
      if (!textsAt(claims, profile.nonce).includes(nonce)) throw invalid('the token is for another nonce')
      const expiresAt = lifetime(claims, clock.now(), maxAge * 1000, clockTolerance * 1000)
      await verify(token, header.alg, keys, clock)
      // Whoever says something else beside it does not say that nobody looks.
      for (const debug of profile.debug)
        if (Array.isArray(claimAt(claims, debug.claim)) || !holds(claims, debug))
          throw new GuardError('denied', { reason: 'the workload may be looked into while it runs, or does not say' })
      for (const required of profile.required)
        if (!holds(claims, required)) throw new GuardError('denied', { reason: `the claim ${required.claim.join('.')} is not as it must be` })
      const measured = new Map<string, string>()
      for (const [name, path] of Object.entries(profile.measurements)) {
        const value = claimAt(claims, path)
        if ((typeof value === 'string' && value !== '') || typeof value === 'number' || typeof value === 'boolean') measured.set(name, String(value))
      }
      requirePinned(sets, measured)
      const key = await keyIn(claims, profile.key, stated)
      if (key === undefined) throw invalid('the token names no key that anything may be sealed to, or more than one')
      // It may have been waited for the keys of the service.
      if (!(expiresAt > clock.now())) throw expired()
      return Object.freeze({
        kind: profile.name,
        ...(isText(claims.sub) && { subject: claims.sub }),
        measurements: Object.freeze(Object.fromEntries(measured)),
        key,
        expiresAt,
      })
    },
    describe: () => ({
      kind: 'attestationToken',
      profile: profile.name,
      issuer,
      ...(audiences !== undefined && { audience: audiences }),
      algorithms,
      measurements: sets,
      maxAge,
      clockTolerance,
      keys: keys.describe(),
    }),
  })
}

/** More than any token has, in characters: some hold certificates and quotes. */
const maxToken = 32_768
const compact = /^[\w-]+\.[\w-]+\.[\w-]+$/

interface Token {
  readonly header: Claims
  readonly claims: Claims
  /** What is signed. */
  readonly input: string
  readonly signature: Uint8Array
}

/** A JWT in the one allowed spelling, with no name twice in an object. Read, and not verified. */
function readToken(evidence: string | Uint8Array): Token {
  if (typeof evidence !== 'string' || evidence.length > maxToken || !compact.test(evidence)) throw invalid('the evidence is no token')
  const parts = evidence.split('.')
  const [header, claims, signature] = parts.map((part) => (isCanonical(part) ? decodeBase64url(part) : undefined))
  const read = header && parseTokenPart(header)
  const said = claims && parseTokenPart(claims)
  if (read === undefined || said === undefined || signature === undefined) throw invalid('the token is malformed')
  return { header: read, claims: said, input: evidence.slice(0, evidence.lastIndexOf('.')), signature }
}

const types: readonly string[] = ['application/jwt', 'application/eat+jwt']

function isAlgorithm(header: Claims, algorithms: readonly string[]): header is Claims & { readonly alg: string } {
  const { alg, typ, crit, b64 } = header
  if (crit !== undefined || b64 !== undefined) return false
  return typeof alg === 'string' && algorithms.includes(alg) && (typ === undefined || (typeof typ === 'string' && types.includes(mediaType(typ))))
}

async function verify({ header, input, signature }: Token, algorithm: string, keys: KeySource, clock: Clock): Promise<void> {
  const { kid } = header
  if (kid !== undefined && !(typeof kid === 'string' && kid.length <= 256)) throw invalid('the kid is no text, or too long')
  let key: VerificationKey | undefined
  let material: CryptoKey | Uint8Array | undefined
  try {
    key = await keys.find({ algorithm, id: kid }, clock)
    material = await key?.load()
  } catch (cause) {
    throw isGuardError(cause) ? cause : new GuardError('keys_unavailable', { reason: 'the keys of the attestation service could not be had', cause })
  }
  // A secret verifies nothing here, whoever gave it.
  if (key === undefined || key.algorithm !== algorithmOfKey(algorithm) || material === undefined || material instanceof Uint8Array)
    throw invalid('the attestation service has no such key')
  if ((await verifySignature(algorithm, material, input, signature)) !== true) throw invalid('the signature does not verify')
}

function lifetime(claims: Claims, now: number, maxAge: number, tolerance: number): number {
  const issuedAt = timeAt(claims, 'iat')
  const expiresAt = timeAt(claims, 'exp')
  const notBefore = claims.nbf === undefined ? issuedAt : timeAt(claims, 'nbf')
  if (issuedAt > now + tolerance || notBefore > now + tolerance) throw invalid('the token is from the future')
  const until = Math.min(expiresAt, issuedAt + maxAge)
  if (!(until > now)) throw expired()
  return until
}

// A NumericDate (RFC 7519, section 2) that a `Date` could hold.
function timeAt(claims: Claims, name: string): number {
  const value = claimAt(claims, [name])
  if (typeof value !== 'number' || !(Math.abs(value) <= 8.64e12)) throw invalid(`the claim ${name} is no time`)
  return value * 1000
}

function claimAt(claims: Claims, path: ClaimPath): unknown {
  let value: unknown = claims
  for (const name of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, name)) return undefined
    value = (value as Claims)[name]
  }
  return value
}

/** A text, or a list of them; nothing, for anything else. */
function textsAt(claims: Claims, path: ClaimPath): readonly string[] {
  const value = claimAt(claims, path)
  const items: readonly unknown[] = Array.isArray(value) ? value : [value]
  return items.every(isText) ? items : []
}

function holds(claims: Claims, { claim, values }: RequiredClaim): boolean {
  const value = claimAt(claims, claim)
  return Array.isArray(value) ? textsAt(claims, claim).some((item) => values.includes(item)) : (values as readonly unknown[]).includes(value)
}

async function keyIn(claims: Claims, place: AttestationProfile['key'], stated: unknown): Promise<RecipientKey | undefined> {
  if ('thumbprint' in place) {
    const key = parseRecipientKey(stated)
    return key !== undefined && textsAt(claims, place.thumbprint).includes(await jwkThumbprint(key)) ? key : undefined
  }
  // What is sent along counts for nothing where the evidence names a key: that one, and no other.
  if (stated !== undefined) return undefined
  if ('jwk' in place) return parseRecipientKey(claimAt(claims, place.jwk))
  const set = claimAt(claims, place.jwks)
  const keys = (Array.isArray(set) ? set : []).map(parseRecipientKey).filter((key) => key !== undefined)
  return keys.length === 1 ? keys[0] : undefined
}

function known(name: string): AttestationProfile | undefined {
  return Object.hasOwn(attestationProfiles, name) ? attestationProfiles[name as keyof typeof attestationProfiles] : undefined
}

const isPath = (value: unknown): boolean => Array.isArray(value) && value.length > 0 && value.every(isText)
const isRequired = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  'claim' in value &&
  isPath(value.claim) &&
  'values' in value &&
  Array.isArray(value.values) &&
  value.values.length > 0 &&
  // With `undefined` among them a claim that is missing would do.
  value.values.every((item: unknown) => isText(item) || typeof item === 'boolean' || Number.isFinite(item))

function isProfile(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { name, algorithms, audience, nonce, key, debug, required, measurements, program }: Claims = { ...value }
  if (!isText(name) || !areTexts(algorithms) || typeof audience !== 'boolean' || !isPath(nonce)) return false
  if (typeof key !== 'object' || key === null || Object.keys(key).length !== 1) return false
  const [[place = '', path] = []] = Object.entries(key)
  if (!['jwk', 'jwks', 'thumbprint'].includes(place) || !isPath(path)) return false
  // One that looks for nothing would let everything be looked into.
  if (!Array.isArray(debug) || debug.length === 0 || !debug.every(isRequired) || !Array.isArray(required) || !required.every(isRequired)) return false
  return (
    typeof measurements === 'object' &&
    measurements !== null &&
    Object.values(measurements).every(isPath) &&
    Array.isArray(program) &&
    program.every(isText)
  )
}

// Of a profile that was checked; what its maker does to it afterwards changes nothing.
function copyProfile(profile: AttestationProfile): AttestationProfile {
  return structuredClone(profile)
}

function invalid(reason: string): GuardError {
  return new GuardError('identity_invalid', { reason })
}

function expired(): GuardError {
  return new GuardError('identity_expired', { reason: 'the token has expired, or was issued too long ago' })
}
