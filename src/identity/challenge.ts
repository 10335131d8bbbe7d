import { type GuardError, type GuardErrorCode, toProblem } from '../guard/errors.ts'
import type { Presented } from './presented.ts'

/** What a challenge says beside its scheme: names and values. */
type ChallengeParameters = Readonly<Record<string, string>>

/** What a server says of itself to who must prove something. */
export interface ChallengeOptions {
  /** The schemes that it takes, in order, and what each says of itself, such as `DPoP: { algs: 'ES256' }` (RFC 9449, section 7.1). */
  readonly schemes: Readonly<Record<string, ChallengeParameters>>
  /** What the credentials are for (RFC 9110, section 11.5); the guard's name unless given. */
  readonly realm?: string | undefined
  /** Where the protected resource describes itself (RFC 9728, section 5.1): an https URL. */
  readonly resourceMetadata?: string | undefined
  /** What is asked of who was not authenticated strongly enough (RFC 9470, section 3). */
  readonly wanted?: ChallengeParameters | undefined
}

/** How a credential came; undefined where that is not known. */
type Tried = Presented['scheme'] | undefined

/**
 * The challenges of a server (RFC 9110, section 11.6.1), for bearer tokens (RFC 6750, section 3), proofs of possession (RFC
 * 9449, sections 7.1 and 9), step-up (RFC 9470, section 3) and metadata (RFC 9728, section 5.1). What was configured is checked
 * when it is made. What a caller sent is never written: what there is to say of it is one of a few fixed texts.
 */
export class Challenges {
  readonly #schemes: ReadonlyMap<string, ChallengeParameters>
  readonly #realm: string | undefined
  readonly #wanted: ChallengeParameters
  // Few: for the guards of a process, a few codes and a few schemes.
  readonly #written = new Map<string, string>()

  /** @param owner who complains. @throws TypeError for what cannot stand in a challenge. */
  constructor(owner: string, { schemes, realm, resourceMetadata, wanted = {} }: ChallengeOptions) {
    if (realm !== undefined && !isQuotable(realm)) throw new TypeError(`${owner}: realm: must be printable ASCII without quotes and backslashes`)
    if (resourceMetadata !== undefined && !isHttpsUrl(resourceMetadata)) throw new TypeError(`${owner}: resourceMetadata: must be an https URL`)
    const metadata: ChallengeParameters = resourceMetadata === undefined ? {} : { resource_metadata: resourceMetadata }
    const own = new Map<string, ChallengeParameters>()
    for (const [scheme, parameters] of Object.entries(schemes)) {
      if (!isName(scheme)) throw new TypeError(`${owner}: the scheme of a verifier must be a word`)
      own.set(scheme, tokenSchemes.includes(scheme) ? { ...metadata, ...parameters } : { ...parameters })
    }
    for (const [name, value] of [wanted, ...own.values()].flatMap((each) => Object.entries(each)))
      if (!isName(name) || !isQuotable(value))
        throw new TypeError(`${owner}: what a challenge says must be printable ASCII without quotes and backslashes`)
    this.#schemes = own
    this.#realm = realm
    this.#wanted = { ...wanted }
  }

  /** The value of `www-authenticate` for a refusal: every scheme, and in the one that the caller tried what was wrong. */
  answer(refusal: GuardError, tried: Tried, guard: string): string {
    const wantsNonce = refusal.headers['dpop-nonce'] !== undefined
    const key = `${Object.hasOwn(errors, refusal.code) ? refusal.code : 'none'} ${tried} ${wantsNonce} ${guard}`
    let written = this.#written.get(key)
    if (written === undefined) {
      written = this.#write(refusal, tried, wantsNonce, guard)
      this.#written.set(key, written)
    }
    return written
  }

  #write(refusal: GuardError, tried: Tried, wantsNonce: boolean, guard: string): string {
    const told = this.#told(refusal.code, tried, wantsNonce)
    const challenges: string[] = []
    for (const [scheme, own] of this.#schemes) {
      const isProof = scheme === 'DPoP' && tried === 'dpop'
      const error = scheme === told ? this.#explain(refusal, isProof, scheme === 'DPoP' && wantsNonce) : {}
      challenges.push(challenge(scheme, this.#realm ?? guard, { ...error, ...own }))
    }
    return challenges.join(', ')
  }

  // Who came without a credential, or with one of another kind, did not try a token, and is not told that its token is wrong
  // (RFC 6750, section 3.1). What is to be done about a weak authentication is told to everybody.
  #told(code: GuardErrorCode, tried: Tried, wantsNonce: boolean): string | undefined {
    const isTold = tried === undefined || tried === 'bearer' || tried === 'dpop' || code === 'step_up_required' || wantsNonce
    if (!isTold) return undefined
    const own = tried === 'dpop' || wantsNonce ? 'DPoP' : 'Bearer'
    return this.#schemes.has(own) ? own : tokenSchemes.find((scheme) => this.#schemes.has(scheme))
  }

  #explain(refusal: GuardError, isProof: boolean, wantsNonce: boolean): ChallengeParameters {
    const error = errorOf(refusal.code, isProof, wantsNonce)
    if (error === undefined) return {}
    return { error, error_description: toProblem(refusal).title, ...(refusal.code === 'step_up_required' && this.#wanted) }
  }
}

/** The schemes whose challenges RFC 6750 and RFC 9449 write, and so those that say where tokens are to be had. */
const tokenSchemes: readonly string[] = ['Bearer', 'DPoP']

/**
 * One challenge. Characters that RFC 6750, section 3 does not allow in a value are left out; what an application configures is
 * checked before.
 */
export function challenge(scheme: string, realm: string | undefined, parameters: ChallengeParameters = {}): string {
  const written = realm === undefined ? [] : [`realm="${quotable(realm)}"`]
  for (const [name, value] of Object.entries(parameters)) written.push(`${name}="${quotable(value)}"`)
  return written.length === 0 ? scheme : `${scheme} ${written.join(', ')}`
}

// What RFC 6750, section 3.1 names for what went wrong. Without a credential there is no error.
const errors: Readonly<Partial<Record<GuardErrorCode, string>>> = {
  identity_invalid: 'invalid_token',
  identity_expired: 'invalid_token',
  identity_revoked: 'invalid_token',
  binding_required: 'invalid_token',
  binding_invalid: 'invalid_token',
  replayed: 'invalid_token',
  // RFC 9470, section 3.
  step_up_required: 'insufficient_user_authentication',
}

function errorOf(code: GuardErrorCode, isProof: boolean, wantsNonce: boolean): string | undefined {
  // RFC 9449, section 9.
  if (wantsNonce) return 'use_dpop_nonce'
  // Not the token but its proof (RFC 9449, section 7.1).
  if (isProof && (code === 'binding_invalid' || code === 'replayed')) return 'invalid_dpop_proof'
  return Object.hasOwn(errors, code) ? errors[code] : undefined
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && /^[A-Za-z][A-Za-z0-9_-]*$/.test(value)
}

function isQuotable(value: unknown): boolean {
  return typeof value === 'string' && /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/.test(value)
}

/** Whether a text is an https URL without a password, and as `URL` writes it: clients compare it character by character. */
export function isHttpsUrl(value: unknown): value is string {
  if (typeof value !== 'string' || !isQuotable(value) || !URL.canParse(value)) return false
  const { href, protocol, username, password } = new URL(value)
  return protocol === 'https:' && username === '' && password === '' && (value === href || `${value}/` === href)
}

function quotable(value: string): string {
  return value.replaceAll(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, '')
}
