import { type Clock, within } from '../guard/clock.ts'
import { GuardError } from '../guard/errors.ts'
import { isThenable } from '../guard/thenable.ts'
import { decodeBase64url } from '../keys/base64url.ts'
import { hashOfText, jwkThumbprint } from '../keys/thumbprint.ts'
import { verifySignature } from '../keys/verify-signature.ts'
import { DpopKeys } from './dpop-keys.ts'
import { DpopNonces, isGoodNonce } from './dpop-nonces.ts'
import type { DpopSettings } from './dpop-options.ts'
import { proofTarget } from './dpop-target.ts'
import { readJwt } from './presented.ts'

/** What a proof must be for. */
export interface DpopBound {
  /** The SHA-256 of the access token in base64url (RFC 9449, section 4.2). */
  readonly ath: string
  /** The thumbprint of the key that the token is bound to (RFC 9449, section 6.1). */
  readonly jkt: string
  /** The method of the request; undefined where the transport did not say. */
  readonly method: string | undefined
  /** The address of the request, by the configured origin; undefined where there is none. */
  readonly url: string | undefined
}

/** No proof is longer, in characters: enough for an RSA key of 4096 bits and its signature. */
const maxProofLength = 4096
const maxIdLength = 256
/** How long the memory of used proofs may take, in milliseconds. */
const replayDeadline = 450

/**
 * Judges proofs of possession as the server of a resource must (RFC 9449, sections 4.3 and 7). What is cheap to see is
 * refused first, and a proof of another key before any signature is looked at. A proof is remembered only after its
 * signature verified, and then never taken again.
 */
export class DpopProofs {
  readonly #settings: DpopSettings
  readonly #algorithms: ReadonlySet<string>
  readonly #nonces: DpopNonces | undefined
  readonly #keys = new DpopKeys()
  /** The latest time that was seen, and until when the used proof that stays longest is remembered. */
  #latest = Number.NEGATIVE_INFINITY
  #longest = Number.NEGATIVE_INFINITY

  constructor(settings: DpopSettings) {
    this.#settings = settings
    this.#algorithms = new Set(settings.algorithms)
    this.#nonces = settings.nonces && new DpopNonces(settings.nonces)
  }

  /**
   * Resolves where a proof holds for what it must be for: to the nonce that the client should use from now on, where it used
   * the one before (RFC 9449, section 8.2).
   *
   * @param proof the `DPoP` field as it came; of two fields that were joined none is taken.
   * @throws GuardError `binding_invalid`, with the header field `dpop-nonce` where a nonce is missing or too old, so that
   * the challenge is `use_dpop_nonce`; `replayed`; `keys_unavailable` where the memory of used proofs does not take it;
   * `misconfigured` where method or address of the request are not known.
   */
  async check(proof: string, bound: DpopBound, clock: Clock): Promise<string | undefined> {
    const target = targetOf(bound)
    const { algorithm, jwk, claims, input, signature } = this.#read(proof)
    if ((await thumbprintOf(jwk)) !== bound.jkt) throw invalid('the proof is of another key than the token is bound to')
    const now = this.#look(clock)
    const { id, expiresAt } = this.#checkClaims(claims, bound, target, now)
    const fresh = this.#nonces && (await checkNonce(claims.nonce, this.#nonces, now))
    const key = await this.#load(bound.jkt, jwk, algorithm)
    if (!(await verifySignature(algorithm, key, input, signature))) throw invalid('the signature of the proof does not verify')
    await this.#keys.remember(bound.jkt, algorithm, key)
    await this.#use(`dpop:${bound.jkt}:${await hashOfText(`${target.length}:${target}${id}`)}`, expiresAt, clock)
    return fresh
  }

  #read(proof: string): Proof {
    if (proof.length > maxProofLength) throw invalid('the proof is too long')
    const read = readJwt(proof)
    const end = proof.lastIndexOf('.')
    const signature = decodeBase64url(proof.slice(end + 1))
    if (read === undefined || signature === undefined) throw invalid('the proof is no JWT, or there are several')
    const { header, claims } = read
    const { typ, alg, jwk } = header
    if (typ !== 'dpop+jwt') throw invalid('the type of the proof is another one')
    if (typeof alg !== 'string' || !this.#algorithms.has(alg)) throw invalid('the algorithm of the proof is not allowed')
    if (Object.hasOwn(header, 'crit')) throw invalid('the proof has critical parameters, and none is known here')
    // Known through `crit` alone (RFC 7797, section 6).
    if (Object.hasOwn(header, 'b64')) throw invalid('the payload of the proof is said not to be encoded')
    if (typeof jwk !== 'object' || jwk === null || Array.isArray(jwk)) throw invalid('the proof brings no key along')
    return { algorithm: alg, jwk: jwk as Record<string, unknown>, claims, input: proof.slice(0, end), signature }
  }

  #checkClaims(claims: Proof['claims'], { ath, method }: DpopBound, target: string, now: number): Checked {
    const { jti, htm, htu } = claims
    if (typeof jti !== 'string' || jti === '' || jti.length > maxIdLength || !jti.isWellFormed())
      throw invalid('the jti of the proof is no short text')
    if (htm !== method) throw invalid('the proof is for another method')
    if (typeof htu !== 'string' || proofTarget(htu) !== target) throw invalid('the proof is for another address')
    if (claims.ath !== ath) throw invalid('the proof is for another token')
    const { maxAge, tolerance } = this.#settings
    const issuedAt = time(claims, 'iat')
    if (issuedAt === undefined || !(issuedAt <= now + tolerance)) throw invalid('the proof says no time, or was made in the future')
    if (!(now < issuedAt + maxAge)) throw invalid('the proof is too old')
    // Not asked for, and not to be overlooked (RFC 7519, sections 4.1.4 and 4.1.5).
    const expiry = time(claims, 'exp')
    if (expiry !== undefined && expiry <= now) throw invalid('the proof has expired')
    const notBefore = time(claims, 'nbf')
    if (notBefore !== undefined && notBefore > now + tolerance) throw invalid('the proof is not valid yet')
    // As long as an instance whose clock is behind could take it.
    return { id: jti, expiresAt: issuedAt + maxAge + tolerance }
  }

  #look(clock: Clock): number {
    const now = clock.now()
    this.#latest = Math.max(this.#latest, now)
    return now
  }

  async #load(jkt: string, jwk: Proof['jwk'], algorithm: string): Promise<CryptoKey> {
    try {
      return await this.#keys.load(jkt, jwk, algorithm)
    } catch (error) {
      throw new GuardError('binding_invalid', { reason: 'the key of the proof cannot be used', cause: error })
    }
  }

  async #use(key: string, expiresAt: number, clock: Clock): Promise<void> {
    const now = this.#look(clock)
    // Where the clock was set back, what was forgotten may look fresh again: whether it was used cannot be told any more.
    if (expiresAt <= Math.min(this.#latest, this.#longest))
      throw new GuardError('replayed', { reason: 'the clock was set back: it may have been used' })
    let isNew: unknown
    try {
      const answer = this.#settings.store.add(key, expiresAt, now)
      isNew = isThenable(answer) ? await within(clock, replayDeadline, 'The memory of used proofs', answer) : answer
    } catch (error) {
      throw new GuardError('keys_unavailable', { reason: 'the memory of used proofs failed', cause: error })
    }
    if (isNew === false) throw new GuardError('replayed', { reason: 'the proof was used before' })
    if (isNew !== true) throw new GuardError('keys_unavailable', { reason: 'the memory of used proofs gave no answer' })
    this.#longest = Math.max(this.#longest, expiresAt)
  }
}

/** A proof as it was read and before anything was verified. */
interface Proof {
  readonly algorithm: string
  readonly jwk: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
  readonly input: string
  readonly signature: Uint8Array
}

interface Checked {
  readonly id: string
  /** When it may be forgotten. */
  readonly expiresAt: number
}

function targetOf({ method, url }: DpopBound): string {
  const target = url === undefined ? undefined : proofTarget(url)
  // An address that no proof can name is the caller's to write.
  if (url !== undefined && target === undefined) throw invalid('the request is for an address that no proof can be for')
  if (method === undefined || target === undefined)
    throw new GuardError('misconfigured', {
      reason: 'a proof is for a method and an address, and those of the request are not known: set `origin` where the requests come in',
    })
  return target
}

async function thumbprintOf(jwk: object): Promise<string | undefined> {
  try {
    return await jwkThumbprint(jwk)
  } catch {
    return undefined
  }
}

async function checkNonce(nonce: unknown, nonces: DpopNonces, now: number): Promise<string | undefined> {
  const good = await nonces.at(now)
  if (typeof nonce === 'string' && isGoodNonce(nonce, good)) return nonce === good.current ? undefined : good.current
  throw new GuardError('binding_invalid', {
    reason: 'the proof has no nonce of this server, or an old one',
    headers: { 'dpop-nonce': good.current },
  })
}

/** A NumericDate (RFC 7519, section 2) in milliseconds; undefined where it is not there. */
function time(claims: Proof['claims'], name: string): number | undefined {
  if (!Object.hasOwn(claims, name)) return undefined
  const value = claims[name]
  if (typeof value !== 'number' || !(Math.abs(value) <= 8.64e12)) throw invalid(`the claim ${name} of the proof is no time`)
  return value * 1000
}

function invalid(reason: string): GuardError {
  return new GuardError('binding_invalid', { reason })
}
