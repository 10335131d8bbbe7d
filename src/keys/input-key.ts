import type { Awaitable } from '../guard/context.ts'
import { isThenable } from '../guard/thenable.ts'
import { type Backend, defaultBackend } from './native-crypto.ts'

/** Bytes of every key here. */
export const keyLength = 32

const hash = 'SHA-512'
const hashLength = 64

/**
 * A key that others are derived from and that does nothing else: the pseudorandom key of HKDF (RFC 5869). It is held as bytes
 * where the runtime derives at once, and is imported into WebCrypto, once, where it does not.
 */
export class InputKey {
  #bytes: Uint8Array | undefined
  #imported: Promise<CryptoKey> | undefined
  readonly #backend: Backend

  /**
   * @param bytes 32 of them, uniformly random; copied.
   * @throws TypeError for another length.
   */
  constructor(bytes: Uint8Array, backend: Backend = defaultBackend()) {
    if (bytes.length !== keyLength) throw new TypeError(`a key must have ${keyLength} bytes`)
    this.#backend = backend
    this.#bytes = Uint8Array.from(bytes)
  }

  /** Whether it was wiped. */
  get isWiped(): boolean {
    return this.#bytes === undefined && this.#imported === undefined
  }

  /**
   * HKDF-Expand with SHA-512 (RFC 5869, section 2.3). No Extract, since the key is uniformly random already.
   *
   * @param length bytes, at most 255 times 64.
   * @throws Error where the key was wiped: never is anything derived from a key of zeros.
   */
  expand(info: Uint8Array, length: number): Awaitable<Uint8Array<ArrayBuffer>> {
    if (!(length > 0 && length <= 255 * hashLength)) throw new TypeError('so much cannot be derived')
    const crypto = this.#backend
    if (crypto === 'webcrypto') return this.#expandByWebCrypto(info, length)
    const bytes = this.#bytes
    if (bytes === undefined) throw new Error('the key was wiped')
    const output = new Uint8Array(Math.ceil(length / hashLength) * hashLength)
    let previous: Uint8Array | undefined
    for (let block = 1, end = hashLength; end <= output.length; block++, end += hashLength) {
      const hmac = crypto.createHmac('sha512', bytes)
      if (previous !== undefined) hmac.update(previous)
      previous = hmac
        .update(info)
        .update(counters.subarray(block, block + 1))
        .digest()
      output.set(previous, end - hashLength)
    }
    previous?.fill(0)
    return output.subarray(0, length)
  }

  /** Overwrites it, as far as this process can. What was derived from it goes on. */
  wipe(): void {
    this.#bytes?.fill(0)
    this.#bytes = undefined
    this.#imported = undefined
  }

  async #expandByWebCrypto(info: Uint8Array, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const key = await this.#import()
    const output = new Uint8Array(Math.ceil(length / hashLength) * hashLength)
    const input = new Uint8Array(hashLength + info.length + 1)
    input.set(info, hashLength)
    for (let block = 1, end = hashLength; end <= output.length; block++, end += hashLength) {
      input[input.length - 1] = block
      const part = new Uint8Array(await crypto.subtle.sign('HMAC', key, block === 1 ? input.subarray(hashLength) : input))
      output.set(part, end - hashLength)
      input.set(part)
    }
    input.fill(0)
    return output.subarray(0, length)
  }

  #import(): Promise<CryptoKey> {
    if (this.#imported !== undefined) return this.#imported
    const bytes = this.#bytes
    if (bytes === undefined) throw new Error('the key was wiped')
    this.#bytes = undefined
    const own = Uint8Array.from(bytes)
    bytes.fill(0)
    const imported = crypto.subtle.importKey('raw', own, { name: 'HMAC', hash }, false, ['sign']).finally(() => own.fill(0))
    this.#imported = imported
    return imported
  }
}

// Each number of a block as one byte.
const counters: Uint8Array = Uint8Array.from({ length: 256 }, (_, index) => index)

/** Applies a step to what may have to be waited for: at once where it is there. */
export function andThen<T, R>(value: Awaitable<T>, step: (value: T) => Awaitable<R>): Awaitable<R> {
  return isThenable(value) ? Promise.resolve(value).then(step) : step(value)
}
