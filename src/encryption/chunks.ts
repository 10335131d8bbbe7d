import type { Awaitable } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import { isThenable } from '../guard/thenable.ts'
import { tagLength } from '../keys/aead.ts'
import { type MessageKey, writeNonce } from '../keys/message-key.ts'

/** Bytes of text in every chunk but the last, which has fewer. */
export const chunkLength = 16_384
/** The same, sealed. */
export const sealedChunkLength: number = chunkLength + tagLength
/** A message has fewer chunks than this: 4 PiB. */
const maxChunks: number = 2 ** 38

/** Seals the chunks of one message. It counts them itself, so that no nonce can be used twice. */
export class ChunkSealer {
  readonly #key: MessageKey
  readonly #nonce: Uint8Array
  #next = 0

  constructor(key: MessageKey) {
    this.#key = key
    this.#nonce = new Uint8Array(key.nonce.length)
  }

  /**
   * @param into as long as the text and a tag.
   * @param isLast whether nothing follows; then the key goes.
   */
  seal(text: Uint8Array, into: Uint8Array, isLast: boolean, aad?: Uint8Array): Awaitable<void> {
    const number = this.#next++
    // The first refuses as well whatever comes after the last.
    if (number >= maxChunks) throw new GuardError('payload_too_large', { reason: 'a message has at most 2^38 chunks' })
    if (isLast) this.#next = maxChunks
    writeNonce(this.#key.nonce, number, this.#nonce)
    const sealing = this.#key.aead.seal(this.#nonce, text, aad, into)
    if (!isLast) return sealing
    if (isThenable(sealing)) return sealing.finally(() => this.#key.aead.wipe())
    this.#key.aead.wipe()
  }

  /** Before its time: nothing can be sealed any more. */
  end(): void {
    this.#next = maxChunks
    this.#key.aead.wipe()
  }
}

/** Opens chunks of one message, in any order. */
export class ChunkOpener {
  readonly #key: MessageKey
  readonly #nonce: Uint8Array
  #isOver = false

  constructor(key: MessageKey) {
    this.#key = key
    this.#nonce = new Uint8Array(key.nonce.length)
  }

  /**
   * @returns the text, in memory of its own.
   * @throws GuardError `decryption_failed`, or rejects with it, for anything but the chunk of that number.
   */
  open(number: number, sealed: Uint8Array, aad?: Uint8Array): Awaitable<Uint8Array<ArrayBuffer>> {
    if (this.#isOver || sealed.length < tagLength || number >= maxChunks) throw damaged()
    writeNonce(this.#key.nonce, number, this.#nonce)
    try {
      const opening = this.#key.aead.open(this.#nonce, sealed, aad)
      if (!isThenable(opening)) return opening
      return opening.catch(() => {
        throw damaged()
      })
    } catch {
      throw damaged()
    }
  }

  end(): void {
    this.#isOver = true
    this.#key.aead.wipe()
  }
}

function damaged(): GuardError {
  return new GuardError('decryption_failed', { reason: 'a part of it was changed, moved or left out' })
}
