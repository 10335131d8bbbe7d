import { decodeBase64url, encodeBase64url } from './base64url.ts'

/** What a challenge says, once it is known to be genuine. */
export interface IssuedChallenge {
  readonly nonce: string
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}

// The secret may serve other purposes as well: what is written for one is worth nothing for another.
const purpose = new TextEncoder().encode('sallyport passkey step-up 1\n')
const nonceLength = 16
const macAt = nonceLength + 8
const macLength = 32

/**
 * Challenges that nobody needs to remember: a nonce, until when it is good, and a code (HMAC with SHA-256) over both and the
 * digest of the one call that it is for.
 */
export class StepUpChallenges {
  readonly #secret: Uint8Array<ArrayBuffer> | undefined
  #key: Promise<CryptoKey> | undefined

  /** @param secret shared by all instances that a caller may come back to; a random one unless given. */
  constructor(secret: Uint8Array | undefined) {
    this.#secret = secret === undefined ? undefined : Uint8Array.from(secret)
  }

  /** A new challenge for a call. */
  async issue(digest: Uint8Array, expiresAt: number): Promise<Uint8Array<ArrayBuffer>> {
    const challenge = new Uint8Array(macAt + macLength)
    crypto.getRandomValues(challenge.subarray(0, nonceLength))
    new DataView(challenge.buffer).setBigUint64(nonceLength, BigInt(Math.floor(expiresAt)))
    const mac = await crypto.subtle.sign('HMAC', await this.#loadKey(), messageOf(challenge, digest))
    challenge.set(new Uint8Array(mac), macAt)
    return challenge
  }

  /** What a challenge says; undefined for one that was not issued here for this call. */
  async read(text: unknown, digest: Uint8Array): Promise<IssuedChallenge | undefined> {
    const challenge = typeof text === 'string' && text.length < 100 ? decodeBase64url(text) : undefined
    if (challenge?.length !== macAt + macLength) return undefined
    // Compares in constant time.
    const isOurs = await crypto.subtle.verify('HMAC', await this.#loadKey(), challenge.subarray(macAt), messageOf(challenge, digest))
    if (!isOurs) return undefined
    return {
      nonce: encodeBase64url(challenge.subarray(0, nonceLength)),
      expiresAt: Number(new DataView(challenge.buffer).getBigUint64(nonceLength)),
    }
  }

  // With the first challenge: some runtimes give no random bytes while they start.
  #loadKey(): Promise<CryptoKey> {
    const secret = this.#secret ?? crypto.getRandomValues(new Uint8Array(32))
    this.#key ??= crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify'])
    return this.#key
  }
}

// Every part has a length of its own, so that two never say the same.
function messageOf(challenge: Uint8Array, digest: Uint8Array): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(purpose.length + macAt + digest.length)
  message.set(purpose)
  message.set(challenge.subarray(0, macAt), purpose.length)
  message.set(digest, purpose.length + macAt)
  return message
}
