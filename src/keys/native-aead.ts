import { type Aead, tagLength } from './aead.ts'
import type { NativeCrypto } from './native-crypto.ts'

/** An authenticated cipher of the runtime's synchronous cryptography, with nonces of 12 bytes and tags of 16. */
export class NativeAead implements Aead {
  readonly #cipher: 'aes-256-gcm' | 'chacha20-poly1305'
  readonly #key: Uint8Array
  readonly #crypto: NativeCrypto
  readonly #options: { readonly authTagLength: number } | undefined

  constructor(cipher: 'aes-256-gcm' | 'chacha20-poly1305', key: Uint8Array, crypto: NativeCrypto) {
    this.#cipher = cipher
    this.#key = key
    this.#crypto = crypto
    // For AES-GCM it need not be said, and takes time to: 16 bytes are what a cipher makes, and what `open` gives to a decipher.
    this.#options = cipher === 'aes-256-gcm' ? undefined : { authTagLength: tagLength }
  }

  seal(nonce: Uint8Array, plaintext: Uint8Array, aad: Uint8Array | undefined, into: Uint8Array): void {
    const cipher = this.#crypto.createCipheriv(this.#cipher, this.#key, nonce, this.#options)
    if (aad !== undefined) cipher.setAAD(aad, { plaintextLength: plaintext.length })
    into.set(cipher.update(plaintext))
    cipher.final()
    into.set(cipher.getAuthTag(), plaintext.length)
  }

  open(nonce: Uint8Array, sealed: Uint8Array, aad: Uint8Array | undefined): Uint8Array<ArrayBuffer> {
    const end = sealed.length - tagLength
    if (end < 0) throw new RangeError('there is no tag')
    const decipher = this.#crypto.createDecipheriv(this.#cipher, this.#key, nonce, this.#options)
    if (aad !== undefined) decipher.setAAD(aad, { plaintextLength: end })
    decipher.setAuthTag(sealed.subarray(end))
    const plaintext = decipher.update(sealed.subarray(0, end))
    decipher.final()
    return inOwnMemory(plaintext)
  }

  wipe(): void {
    this.#key.fill(0)
  }
}

/** No `Buffer`, and none of the memory that buffers share: what is around it belongs to others. */
function inOwnMemory(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, length } = bytes
  return buffer instanceof ArrayBuffer && buffer.byteLength === length ? new Uint8Array(buffer) : Uint8Array.from(bytes)
}
