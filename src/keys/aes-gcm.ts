import type { Awaitable } from '../guard/context.ts'
import { type Aead, type AeadKind, tagLength } from './aead.ts'
import { NativeAead } from './native-aead.ts'
import type { NativeCrypto } from './native-crypto.ts'

/**
 * AES-256-GCM (NIST SP 800-38D) with nonces of 12 bytes and tags of 16.
 *
 * Which backend, and why, in microseconds for one text on a shared machine of two cores (Node 20, Bun 1.4, Deno 2.9):
 *
 * | bytes     | Node: `node:crypto`, WebCrypto | Bun: same | Deno: same   | pure JavaScript |
 * | --------- | ------------------------------ | --------- | ------------ | --------------- |
 * | 40        | 3, 31                          | 0.8, 12   | 8, 9         | 30 to 150       |
 * | 4,096     | 5, 30                          | 3, 13     | 42, 17       | 80 to 350       |
 * | 16,384    | 8, 42                          | 7, 22     | 144, 31      | 270 to 1,060    |
 * | 1,048,576 | 240, 505                       | 223, 336  | 9,500, 1,240 | 14,000 and more |
 *
 * So `node:crypto` where there is one, but on Deno, whose own is slow, only for short texts; WebCrypto elsewhere, with the key
 * imported once a message. Every runtime has one of them, so that AES in JavaScript, slow and open to timing, is not used.
 */
export const aesGcm: AeadKind = {
  name: 'AEAD_AES_256_GCM',
  nonceLength: 12,
  create(key, _nonce, backend) {
    if (backend === 'webcrypto') return new WebGcm(key)
    return 'Deno' in globalThis ? new MixedGcm(key, backend) : new NativeAead(cipher, key, backend)
  },
}

const cipher = 'aes-256-gcm'

class WebGcm implements Aead {
  readonly #key: Promise<CryptoKey>

  /** @param key overwritten once it was imported. */
  constructor(key: Uint8Array<ArrayBuffer>) {
    this.#key = crypto.subtle.importKey('raw', key, 'AES-GCM', false, ['encrypt', 'decrypt']).finally(() => key.fill(0))
    // Where the import fails, whoever seals or opens is told.
    this.#key.catch(() => {})
  }

  async seal(nonce: Uint8Array, plaintext: Uint8Array, aad: Uint8Array | undefined, into: Uint8Array): Promise<void> {
    // Copied before the first wait: the caller writes the next nonce into the same bytes, and its own caller whatever it likes into the text.
    const parameters = parametersOf(nonce, aad)
    const text = new Uint8Array(plaintext)
    into.set(new Uint8Array(await crypto.subtle.encrypt(parameters, await this.#key, text)))
  }

  async open(nonce: Uint8Array, sealed: Uint8Array, aad: Uint8Array | undefined): Promise<Uint8Array<ArrayBuffer>> {
    const parameters = parametersOf(nonce, aad)
    return new Uint8Array(await crypto.subtle.decrypt(parameters, await this.#key, asOwn(sealed)))
  }

  // A CryptoKey cannot be wiped; it cannot be exported either, and goes with this object.
  wipe(): void {}
}

/** Below this many bytes what WebCrypto costs beside its work is more than its work saves, on Deno. */
const worthAsking = 1024

class MixedGcm implements Aead {
  readonly #native: NativeAead
  readonly #key: Uint8Array<ArrayBuffer>
  #web: WebGcm | undefined

  constructor(key: Uint8Array<ArrayBuffer>, crypto: NativeCrypto) {
    this.#key = key
    this.#native = new NativeAead(cipher, key, crypto)
  }

  seal(nonce: Uint8Array, plaintext: Uint8Array, aad: Uint8Array | undefined, into: Uint8Array): Awaitable<void> {
    return this.#for(plaintext).seal(nonce, plaintext, aad, into)
  }

  open(nonce: Uint8Array, sealed: Uint8Array, aad: Uint8Array | undefined): Awaitable<Uint8Array<ArrayBuffer>> {
    return this.#for(sealed).open(nonce, sealed, aad)
  }

  wipe(): void {
    this.#native.wipe()
  }

  #for(text: Uint8Array): NativeAead | WebGcm {
    return text.length < worthAsking ? this.#native : (this.#web ??= new WebGcm(this.#key.slice()))
  }
}

function parametersOf(nonce: Uint8Array, aad: Uint8Array | undefined): AesGcmParams {
  const parameters = { name: 'AES-GCM', iv: Uint8Array.from(nonce), tagLength: tagLength * 8 }
  return aad === undefined ? parameters : { ...parameters, additionalData: Uint8Array.from(aad) }
}

// WebCrypto takes no bytes that others may change at the same time.
function asOwn(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : Uint8Array.from(bytes)
}
