import type { Clock } from '../guard/clock.ts'
import { GuardError, isGuardError } from '../guard/errors.ts'
import { decodeBase64url, encodeBase64url } from '../keys/base64url.ts'
import type { StateStore } from '../state/state-store.ts'

/** A nonce to be put into the evidence. */
export interface ReleaseNonce {
  /** 72 characters of base64url. */
  readonly nonce: string
  /** When it expires, in milliseconds since 1970. */
  readonly expiresAt: number
}

const timeLength = 6
const randomLength = 16
const codeLength = 32
const length = timeLength + randomLength + codeLength
const bodyLength = timeLength + randomLength
/** Milliseconds that clocks of processes which share a secret may be apart. */
const clockSkew = 5000

/**
 * Nonces that are good once, for a while, and for one request. Nothing is remembered of those that are handed out, so that a flood of
 * questions takes no room: each holds its end and a code of this secret over it and the request. What was used is remembered, and only
 * what came with genuine evidence is ever used.
 */
export class ReleaseNonces {
  readonly #key: () => Promise<CryptoKey>
  readonly #used: StateStore
  /** Milliseconds. */
  readonly #lifetime: number

  /** @param secret 32 bytes; copied. */
  constructor(secret: Uint8Array, used: StateStore, lifetime: number) {
    const own = Uint8Array.from(secret)
    let imported: Promise<CryptoKey> | undefined
    this.#key = () => (imported ??= crypto.subtle.importKey('raw', own, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify']))
    this.#used = used
    this.#lifetime = lifetime
  }

  /** @param digest of the request that it is for. */
  async issue(digest: Uint8Array, clock: Clock): Promise<ReleaseNonce> {
    const expiresAt = Math.floor(clock.now()) + this.#lifetime
    const nonce = new Uint8Array(length)
    const view = new DataView(nonce.buffer)
    view.setUint16(0, Math.floor(expiresAt / 2 ** 32))
    view.setUint32(2, expiresAt % 2 ** 32)
    crypto.getRandomValues(nonce.subarray(timeLength, bodyLength))
    nonce.set(new Uint8Array(await crypto.subtle.sign('HMAC', await this.#key(), coded(nonce, digest))), bodyLength)
    return { nonce: encodeBase64url(nonce), expiresAt }
  }

  /**
   * When a nonce expires that was made here for this request. Cheap: before anything else is verified.
   *
   * @throws GuardError `identity_invalid` for another one, `identity_expired`.
   */
  async check(nonce: unknown, digest: Uint8Array, clock: Clock): Promise<number> {
    const bytes = typeof nonce === 'string' && nonce.length === (length / 3) * 4 ? decodeBase64url(nonce) : undefined
    if (bytes === undefined || !(await crypto.subtle.verify('HMAC', await this.#key(), bytes.slice(bodyLength), coded(bytes, digest))))
      throw new GuardError('identity_invalid', { reason: 'the nonce is none that was made here, for this request' })
    const view = new DataView(bytes.buffer)
    const expiresAt = view.getUint16(0) * 2 ** 32 + view.getUint32(2)
    const now = clock.now()
    // One from the future was made before the clock was set back: its evidence may be as old as that.
    if (!(expiresAt > now) || expiresAt > now + this.#lifetime + clockSkew)
      throw new GuardError('identity_expired', { reason: 'the nonce has expired' })
    return expiresAt
  }

  /** Uses a nonce up. @throws GuardError `replayed`, and `keys_unavailable` where the store fails. */
  async use(nonce: string, expiresAt: number, clock: Clock): Promise<void> {
    let isNew: unknown
    try {
      // Longer than it is good by the skew: others who share the store may have a clock that is behind.
      isNew = await this.#used.add(`release:${nonce}`, expiresAt + clockSkew, clock.now())
    } catch (cause) {
      throw isGuardError(cause) ? cause : new GuardError('keys_unavailable', { reason: 'used nonces cannot be remembered', cause })
    }
    // Compared with true, so that a store that answers something else releases nothing.
    if (isNew !== true) throw new GuardError('replayed', { reason: 'a key was released for this nonce before' })
  }
}

const separation = new TextEncoder().encode('sallyport release nonce v1\0')

function coded(nonce: Uint8Array, digest: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(separation.length + bodyLength + digest.length)
  bytes.set(separation)
  bytes.set(nonce.subarray(0, bodyLength), separation.length)
  bytes.set(digest, separation.length + bodyLength)
  return bytes
}
