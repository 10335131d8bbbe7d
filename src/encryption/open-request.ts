import type { Arrival } from '../guard/control.ts'
import { GuardError, isGuardError } from '../guard/errors.ts'
import { importPublicKey } from '../keys/agreement-key.ts'
import type { DecryptionKey, AgreementKeys } from '../keys/agreement-keys.ts'
import { maxSealedLength, openCompact, readCompact } from './compact-jwe.ts'
import type { ReplayMemory } from './replay-memory.ts'
import { criticalParameters, parseRequestHeader, type RequestHeader, unopened } from './request-header.ts'
import { deriveAnswerKey, type Recipient } from './sealed-answer.ts'

/** What a sealed request must match. */
export interface Expected {
  readonly keys: AgreementKeys
  readonly replay: ReplayMemory
  /** The hash of the credential that the caller presents; undefined where it presents none. */
  readonly ath: string | undefined
  /** Where the request came to, without query and fragment, in its normal form. */
  readonly address: string
  /** How old it may be, in seconds. */
  readonly maxAge: number
  /** Milliseconds since 1970. */
  readonly now: number
}

/** A request that was opened, and where its answer goes. */
export interface OpenedRequest {
  readonly content: Arrival
  readonly recipient: Recipient
}

/** How far apart two clocks may be, in seconds: so far in the future a request may have been sealed. */
const clockSkew = 5

// What is not ASCII is no base64url afterwards either.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/**
 * Opens a sealed request: a JWE in compact form (RFC 7516) that is bound to the caller's credential, to this address and
 * to now, and that works once.
 *
 * @throws GuardError `decryption_failed` for whatever cannot be opened, `replayed` for what was opened before,
 * `payload_too_large`, `keys_unavailable` where the key provider fails, `limits_unavailable` where the replay memory is full
 * or fails.
 */
export async function openRequest(body: Uint8Array, expected: Expected): Promise<OpenedRequest> {
  if (body.length > maxSealedLength) throw new GuardError('payload_too_large', { reason: 'the sealed payload is too long' })
  const compact = decoder.decode(body)
  const raw = readCompact(compact)
  if (raw === undefined) throw unopened('the payload is no JWE in compact form')
  const header = parseRequestHeader(raw)
  checkBinding(header, expected)
  const key = await keyFor(header, expected.keys)
  const replyKey = await importForReply(header)
  const plaintext = await decrypt(compact, key, header)
  const proof = await deriveAnswerKey(key.key, await importPublicKey(header.epk))
  // Only what was authentic may take a place in the memory.
  await claim(header, expected)
  return {
    content: { mediaType: header.cty, body: plaintext },
    recipient: { alg: header.alg, key: replyKey, proof, request: header.jti },
  }
}

function checkBinding(header: RequestHeader, expected: Expected): void {
  if (expected.ath === undefined) throw unopened('the caller presented no credential that the payload could be bound to')
  if (header.ath !== expected.ath) throw unopened('the payload is bound to another credential')
  if (!isTarget(header.htu, expected)) throw unopened('the payload is bound to another address')
  const age = expected.now / 1000 - header.iat
  if (age >= expected.maxAge) throw unopened('the payload was sealed too long ago')
  if (age < -clockSkew) throw unopened('the payload was sealed in the future')
}

// RFC 9449, section 4.3, number 9: compared in the normal form of a URL.
function isTarget(htu: string, { address }: Expected): boolean {
  return URL.canParse(htu) && new URL(htu).href === address
}

async function claim({ ath, jti, iat }: RequestHeader, { replay, maxAge, now }: Expected): Promise<void> {
  let isNew: boolean
  try {
    // Longer than it is fresh by the skew: others who share the memory may have a clock that is behind.
    isNew = await replay.add(`jwe:${ath}:${jti}`, (iat + maxAge + clockSkew) * 1000, now)
  } catch (error) {
    throw isGuardError(error) ? error : new GuardError('limits_unavailable', { reason: 'the replay memory failed', cause: error })
  }
  // Compared with true, so that a memory that answers something else opens nothing.
  if (isNew !== true) throw new GuardError('replayed', { reason: 'this sealed request was opened before' })
}

async function keyFor(header: RequestHeader, keys: AgreementKeys): Promise<DecryptionKey> {
  let key: DecryptionKey | undefined
  try {
    key = await keys.decryptionKey(header.kid)
  } catch (error) {
    throw isGuardError(error) ? error : new GuardError('keys_unavailable', { reason: 'the key provider failed', cause: error })
  }
  if (key === undefined) throw unopened('no key has this kid')
  if (key.curve !== header.epk.crv || !key.algorithms.includes(header.alg)) throw unopened('the key of this kid is for another algorithm or curve')
  return key
}

// Before the function runs: an answer that cannot be sealed later would have been made for nothing.
async function importForReply(header: RequestHeader): Promise<CryptoKey> {
  try {
    return await importPublicKey(header.replyKey)
  } catch {
    throw unopened('reply_jwk is not on its curve')
  }
}

async function decrypt(compact: string, { key }: DecryptionKey, { alg }: RequestHeader): Promise<Uint8Array> {
  try {
    return await openCompact(compact, key, alg, criticalParameters)
  } catch (error) {
    // A code of jose's own; the message may quote the header.
    const code = error instanceof Error && 'code' in error && /^ERR_J[A-Z_]+$/.test(String(error.code)) ? `: ${String(error.code)}` : ''
    throw unopened(`the payload does not decrypt${code}`)
  }
}
