import type { Awaitable } from '../guard/context.ts'
import { isThenable } from '../guard/thenable.ts'
import { type Backend, defaultBackend, type NativeCrypto } from './native-crypto.ts'

/** Bytes of every key here. */
export const keyLength = 32

const hash = 'SHA-512'
const hashLength = 64
/** Bytes of a block of SHA-512. */
const blockLength = 128

/**
 * A key that others are derived from and that does nothing else: the pseudorandom key of HKDF (RFC 5869). It is held as bytes
 * where the runtime derives at once, and is imported into WebCrypto, once, where it does not.
 */
export class InputKey {
  #expander: NativeExpander | undefined
  #bytes: Uint8Array<ArrayBuffer> | undefined
  #imported: Promise<CryptoKey> | undefined

  /**
   * @param bytes 32 of them, uniformly random; copied.
   * @throws TypeError for another length.
   */
  constructor(bytes: Uint8Array, backend: Backend = defaultBackend()) {
    if (bytes.length !== keyLength) throw new TypeError(`a key must have ${keyLength} bytes`)
    if (backend === 'webcrypto') this.#bytes = Uint8Array.from(bytes)
    else this.#expander = new NativeExpander(backend, bytes)
  }

  /** Whether it was wiped. */
  get isWiped(): boolean {
    return this.#expander === undefined && this.#bytes === undefined && this.#imported === undefined
  }

  /**
   * HKDF-Expand with SHA-512 (RFC 5869, section 2.3). No Extract, since the key is uniformly random already.
   *
   * @param length bytes, at most 128.
   * @param info in parts.
   * @returns bytes that are valid until the next call, and for the caller to overwrite.
   * @throws Error where the key was wiped: never is anything derived from a key of zeros.
   */
  expand(length: number, ...info: readonly Uint8Array[]): Awaitable<Uint8Array<ArrayBuffer>> {
    if (!(length > 0 && length <= 2 * hashLength)) throw new TypeError('so much cannot be derived')
    if (this.#expander !== undefined) return this.#expander.expand(length, info)
    return expandByWebCrypto(this.#import(), length, info)
  }

  /** Overwrites it, as far as this process can. What was derived from it goes on. */
  wipe(): void {
    this.#expander?.wipe()
    this.#bytes?.fill(0)
    this.#expander = undefined
    this.#bytes = undefined
    this.#imported = undefined
  }

  #import(): Promise<CryptoKey> {
    if (this.#imported !== undefined) return this.#imported
    const bytes = this.#bytes
    if (bytes === undefined) throw new Error('the key was wiped')
    this.#bytes = undefined
    this.#imported = crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash }, false, ['sign']).finally(() => bytes.fill(0))
    return this.#imported
  }
}

/**
 * Derives with hashes alone: HMAC is two of them (RFC 2104, section 2), and one call for each, over bytes that are laid out
 * once, takes 2 us where `createHmac` takes 3 and leaves three objects behind.
 */
export class NativeExpander {
  readonly #hash: (data: Uint8Array) => Uint8Array
  /** The key padded for the outer hash, then the inner hash. */
  readonly #outer: Uint8Array = new Uint8Array(blockLength + hashLength)
  /** The key padded for the inner hash. */
  readonly #pad: Uint8Array = new Uint8Array(blockLength)
  /** That, the previous block (left out the first time), info, and the number of the block. */
  #inner: Uint8Array = new Uint8Array(512)
  readonly #output: Uint8Array<ArrayBuffer> = new Uint8Array(2 * hashLength)

  /** @param key at most as long as a block. */
  constructor(native: NativeCrypto, key: Uint8Array) {
    const { hash } = native
    this.#hash = hash === undefined ? (data) => native.createHash('sha512').update(data).digest() : (data) => hash('sha512', data, 'buffer')
    this.#outer.fill(0x5c)
    this.#pad.fill(0x36)
    for (let index = 0; index < key.length; index++) {
      const byte = key[index] ?? 0
      this.#outer[index] = 0x5c ^ byte
      this.#pad[index] = 0x36 ^ byte
    }
  }

  expand(length: number, info: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
    const start = blockLength + hashLength
    let end = start
    for (const part of info) end += part.length
    if (end >= this.#inner.length) {
      this.#inner.fill(0)
      this.#inner = new Uint8Array(2 * end)
    }
    const inner = this.#inner
    let place = start
    for (const part of info) {
      inner.set(part, place)
      place += part.length
    }
    inner.set(this.#pad, hashLength)
    inner[end] = 1
    this.#block(inner.subarray(hashLength, end + 1), 0)
    if (length > hashLength) {
      inner.set(this.#pad)
      inner.set(this.#output.subarray(0, hashLength), blockLength)
      inner[end] = 2
      this.#block(inner.subarray(0, end + 1), hashLength)
    }
    return this.#output.subarray(0, length)
  }

  wipe(): void {
    for (const bytes of [this.#outer, this.#pad, this.#inner, this.#output]) bytes.fill(0)
  }

  #block(message: Uint8Array, at: number): void {
    this.#outer.set(this.#hash(message), blockLength)
    const block = this.#hash(this.#outer)
    this.#output.set(block, at)
    block.fill(0)
  }
}

/** The same by WebCrypto. @param key for HMAC with SHA-512. */
export async function expandByWebCrypto(key: Promise<CryptoKey>, length: number, info: readonly Uint8Array[]): Promise<Uint8Array<ArrayBuffer>> {
  const output = new Uint8Array(2 * hashLength)
  const message = new Uint8Array(info.reduce((sum, part) => sum + part.length, hashLength + 1))
  let place = hashLength
  for (const part of info) {
    message.set(part, place)
    place += part.length
  }
  message[place] = 1
  const mac = { name: 'HMAC' }
  output.set(new Uint8Array(await crypto.subtle.sign(mac, await key, message.subarray(hashLength))))
  if (length > hashLength) {
    message.set(output.subarray(0, hashLength))
    message[place] = 2
    output.set(new Uint8Array(await crypto.subtle.sign(mac, await key, message)), hashLength)
    message.fill(0)
  }
  return output.subarray(0, length)
}

/** Applies a step to what may have to be waited for: at once where it is there. */
export function andThen<T, R>(value: Awaitable<T>, step: (value: T) => Awaitable<R>): Awaitable<R> {
  return isThenable(value) ? Promise.resolve(value).then(step) : step(value)
}
