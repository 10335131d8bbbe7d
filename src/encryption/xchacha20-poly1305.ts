import { type Aead, type AeadKind, tagLength } from '../keys/aead.ts'
import { NativeAead } from '../keys/native-aead.ts'
import { type Backend, type NativeCrypto, nativeCrypto } from '../keys/native-crypto.ts'

type Noble = typeof import('@noble/ciphers/chacha.js')

let loaded: Noble | undefined

// Loaded at the first use: most processes never do.
async function load(): Promise<Noble> {
  loaded ??= await import('@noble/ciphers/chacha.js')
  return loaded
}

/**
 * XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03): for whoever has no AES in hardware, or wants none.
 *
 * HChaCha20, once a message, is `@noble/ciphers`' everywhere. ChaCha20-Poly1305 is that of `node:crypto` where it has one (Node
 * and Deno: 4 and 5 us for 40 bytes, 14 and 18 for 16,384), else `@noble/ciphers`' (Bun and workerd: 100 and 200; Node would take
 * 53 and 84). WebCrypto has none.
 */
export const xchacha20Poly1305: AeadKind = {
  name: 'AEAD_XCHACHA20_POLY1305',
  nonceLength: 24,
  create(key, nonce, backend) {
    return loaded === undefined ? load().then((noble) => make(noble, key, nonce, backend)) : make(loaded, key, nonce, backend)
  },
}

function make(noble: Noble, key: Uint8Array, nonce: Uint8Array, backend: Backend): Aead {
  const subkey = deriveSubkey(noble, key, nonce)
  const isNative = backend !== 'webcrypto' && hasChaCha(backend)
  return new ShortNonces(isNative ? new NativeAead('chacha20-poly1305', subkey, backend) : new NobleChaCha(noble, subkey))
}

// "expand 32-byte k"
const sigma: Uint32Array = Uint32Array.of(0x61707865, 0x3320646e, 0x79622d32, 0x6b206574)

/** HChaCha20 of the key and the first 16 bytes of the nonce (section 2.2 of the draft). */
function deriveSubkey({ hchacha }: Noble, key: Uint8Array, nonce: Uint8Array): Uint8Array {
  const words = new Uint32Array(8)
  hchacha(sigma, toWords(key), toWords(nonce.subarray(0, 16)), words)
  const subkey = new Uint8Array(32)
  const view = new DataView(subkey.buffer)
  for (const [index, word] of words.entries()) view.setUint32(index * 4, word, true)
  words.fill(0)
  return subkey
}

function toWords(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return Uint32Array.from({ length: bytes.length / 4 }, (_, index) => view.getUint32(index * 4, true))
}

/**
 * Takes the nonces of XChaCha20: the first 16 bytes are in the key already; four zero bytes and the last eight are the nonce of
 * ChaCha20 (section 2.3).
 */
class ShortNonces implements Aead {
  readonly #inner: NativeAead | NobleChaCha
  readonly #nonce: Uint8Array = new Uint8Array(12)

  constructor(inner: NativeAead | NobleChaCha) {
    this.#inner = inner
  }

  seal(nonce: Uint8Array, plaintext: Uint8Array, aad: Uint8Array | undefined, into: Uint8Array): void {
    this.#inner.seal(this.#short(nonce), plaintext, aad, into)
  }

  open(nonce: Uint8Array, sealed: Uint8Array, aad: Uint8Array | undefined): Uint8Array<ArrayBuffer> {
    return this.#inner.open(this.#short(nonce), sealed, aad)
  }

  wipe(): void {
    this.#inner.wipe()
  }

  #short(nonce: Uint8Array): Uint8Array {
    this.#nonce.set(nonce.subarray(16), 4)
    return this.#nonce
  }
}

class NobleChaCha implements Aead {
  readonly #key: Uint8Array
  readonly #noble: Noble

  constructor(noble: Noble, key: Uint8Array) {
    this.#key = key
    this.#noble = noble
  }

  seal(nonce: Uint8Array, plaintext: Uint8Array, aad: Uint8Array | undefined, into: Uint8Array): void {
    into.set(this.#noble.chacha20poly1305(this.#key, nonce, aad).encrypt(plaintext))
  }

  open(nonce: Uint8Array, sealed: Uint8Array, aad: Uint8Array | undefined): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(this.#noble.chacha20poly1305(this.#key, nonce, aad).decrypt(sealed))
  }

  wipe(): void {
    this.#key.fill(0)
  }
}

let nativeHas: boolean | undefined

// Bun has the module and not the cipher.
function hasChaCha(crypto: NativeCrypto): boolean {
  if (crypto !== nativeCrypto()) return false
  if (nativeHas === undefined) {
    try {
      crypto.createCipheriv('chacha20-poly1305', new Uint8Array(32), new Uint8Array(12), { authTagLength: tagLength }).final()
      nativeHas = true
    } catch {
      nativeHas = false
    }
  }
  return nativeHas
}
