import { within } from '../guard/clock.ts'
import type { Attributes } from '../guard/context.ts'
import { GuardError, isGuardError } from '../guard/errors.ts'
import { snapshotJson } from '../guard/snapshot.ts'
import { decodeBase64url } from '../keys/base64url.ts'
import { algorithmOfKey } from '../keys/jwks.ts'
import type { VerificationKey } from '../keys/key-source.ts'
import { hashOfText } from '../keys/thumbprint.ts'
import { verifySignature } from '../keys/verify-signature.ts'
import { readJwt } from './presented.ts'
import type { SsfSettings } from './ssf-receiver.ts'
import { invalidRequest, SsfRefusal } from './ssf-refusal.ts'
import { mediaType } from './token-verifier.ts'

/** A security event token (RFC 8417) whose signature and claims were verified. */
export interface SecurityEventToken {
  readonly id: string
  /** The SHA-256 of what it says, in base64url: the same where it was signed anew. */
  readonly digest: string
  /** Milliseconds since 1970. */
  readonly issuedAt: number
  /** Its `sub_id` (RFC 9493, section 4.1); undefined where it has none. */
  readonly subject: Attributes | undefined
  /** Each type of event, and what is said of it. */
  readonly events: readonly (readonly [type: string, payload: Attributes])[]
}

/** How far the transmitter's clock may be ahead, in milliseconds. */
export const tolerance = 60_000

const deadline = 10_000
const maxIdLength = 256
/** SSF 1.0, section 4.2.1: one, or several names of the same. */
const maxEvents = 8

/**
 * Verifies a token: what is cheap to see first, so that nothing that a stranger makes up costs a signature.
 *
 * @param tell told what is wrong with a token that the issuer did sign: it meant something, and it is not done.
 * @throws SsfRefusal for whatever is wrong with it; GuardError `keys_unavailable` where the keys cannot be had.
 */
export async function verifyToken(text: string, settings: SsfSettings, tell: (error: GuardError) => void): Promise<SecurityEventToken> {
  const read = readJwt(text)
  if (read === undefined) throw invalidRequest('The body is no signed token in compact form.')
  const { algorithm, id: keyId } = readHeader(read.header, settings)
  requireMeantForUs(read.claims, settings)
  await requireSignature(text, algorithm, await findKey(algorithm, keyId, settings))
  try {
    const { id, issuedAt } = readClaims(read.claims, settings)
    return { id, issuedAt, digest: await hashOfText(text.split('.')[1] ?? ''), ...eventsIn(ownCopy(read.claims)) }
  } catch (error) {
    if (error instanceof SsfRefusal) tell(new GuardError('payload_invalid', { reason: `a security event token was refused: ${error.message}` }))
    throw error
  }
}

function eventsIn({ events, sub_id: subject }: Attributes): Pick<SecurityEventToken, 'events' | 'subject'> {
  const named = isRecord(events) ? Object.entries(events) : []
  if (named.length === 0 || named.length > maxEvents) throw invalidRequest(`The claim events must be an object of 1 to ${maxEvents} events.`)
  if (subject !== undefined && !isRecord(subject)) throw invalidRequest('The claim sub_id must be an object.')
  return {
    subject,
    events: named.map(([type, payload]) => {
      if (!isRecord(payload)) throw invalidRequest('What is said of an event must be an object.')
      return [type, payload]
    }),
  }
}

export function isRecord(value: unknown): value is Attributes {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function readHeader({ typ, alg, crit, kid }: Readonly<Record<string, unknown>>, { algorithms }: SsfSettings): { algorithm: string; id?: string } {
  // SSF 1.0, section 4.1.1.
  if (typeof typ !== 'string' || mediaType(typ) !== 'application/secevent+jwt') throw invalidRequest('The typ must be secevent+jwt.')
  if (crit !== undefined) throw invalidRequest('The header has critical parameters, and none is known here.')
  if (typeof alg !== 'string' || !algorithms.includes(alg)) throw new SsfRefusal('invalid_key', 'The algorithm of the signature is not accepted.')
  if (kid === undefined) return { algorithm: alg }
  if (typeof kid !== 'string' || kid.length > maxIdLength) throw invalidRequest('The kid is no text, or too long.')
  return { algorithm: alg, id: kid }
}

function requireMeantForUs({ iss, aud }: Readonly<Record<string, unknown>>, settings: SsfSettings): void {
  if (iss !== settings.issuer) throw new SsfRefusal('invalid_issuer', 'The issuer is another one than this receiver listens to.')
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  if (!settings.audiences.some((audience) => audiences.includes(audience)))
    throw new SsfRefusal('invalid_audience', 'The token is for another receiver.')
}

function readClaims(claims: Readonly<Record<string, unknown>>, settings: SsfSettings): { id: string; issuedAt: number } {
  const { iat, nbf, jti } = claims
  // SSF 1.0, sections 4.1.2 and 4.1.7: neither is in these tokens, so that no other kind of token passes for one.
  for (const name of ['exp', 'sub']) if (Object.hasOwn(claims, name)) throw invalidRequest(`The claim ${name} must not be there.`)
  const now = settings.clock.now()
  if (typeof iat !== 'number') throw invalidRequest('The claim iat is missing, or no number.')
  const issuedAt = iat * 1000
  if (!(issuedAt <= now + tolerance)) throw invalidRequest('The token was issued in the future.')
  if (!(now - issuedAt <= settings.maxAge)) throw invalidRequest('The token was issued too long ago.')
  if (nbf !== undefined && !(typeof nbf === 'number' && nbf * 1000 <= now + tolerance)) throw invalidRequest('The token is not valid yet.')
  if (typeof jti !== 'string' || jti === '' || jti.length > maxIdLength)
    throw invalidRequest(`The claim jti must be a text of 1 to ${maxIdLength} characters.`)
  return { id: jti, issuedAt }
}

async function findKey(algorithm: string, id: string | undefined, { keys, clock }: SsfSettings): Promise<CryptoKey | Uint8Array> {
  try {
    const key: unknown = await within(clock, deadline, 'The key source', keys.find({ algorithm, id }, clock))
    if (key === undefined) throw new SsfRefusal('invalid_key', 'The issuer has no such key.')
    if (!isKey(key)) throw new TypeError('what the key source gave is no key')
    if (key.algorithm !== algorithmOfKey(algorithm)) throw new SsfRefusal('invalid_key', 'The issuer has no such key.')
    return await within(clock, deadline, 'The key', key.load())
  } catch (error) {
    throw error instanceof SsfRefusal || isGuardError(error)
      ? error
      : new GuardError('keys_unavailable', { reason: 'the key source failed', cause: error })
  }
}

function isKey(value: unknown): value is VerificationKey {
  return typeof value === 'object' && value !== null && 'algorithm' in value && 'load' in value && typeof value.load === 'function'
}

async function requireSignature(text: string, algorithm: string, key: CryptoKey | Uint8Array): Promise<void> {
  const end = text.lastIndexOf('.')
  const signature = decodeBase64url(text.slice(end + 1))
  const isVerified = signature !== undefined && (await verifySignature(algorithm, key, text.slice(0, end), signature))
  if (isVerified !== true) throw new SsfRefusal('invalid_key', 'The signature does not verify with the key that the token names.')
}

// Frozen, and without what JSON allows and nobody should: the application gets it.
function ownCopy(claims: Readonly<Record<string, unknown>>): Attributes {
  try {
    const own = snapshotJson(claims)
    if (isRecord(own)) return own
  } catch {
    // Refused below.
  }
  throw invalidRequest('The claims hold what no text or number can be.')
}
