import type { Awaitable } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import { tagLength } from '../keys/aead.ts'
import { aesGcm } from '../keys/aes-gcm.ts'
import { andThen, InputKey, keyLength } from '../keys/input-key.ts'
import { deriveMessageKey, saltLength } from '../keys/message-key.ts'
import { ChunkOpener, ChunkSealer } from './chunks.ts'

/** Which way frames go: what was sealed for one way does not open on the other. */
export type FrameDirection = 'request' | 'response'

/** Bytes of the secret that the frames of one stream are sealed with: a key and a salt. */
export const frameSecretLength: number = keyLength + saltLength

const encoder = new TextEncoder()
const running = 0
const last = 1

/** What was sealed in one frame. */
export interface OpenedFrame {
  readonly text: Uint8Array<ArrayBuffer>
  readonly isLast: boolean
}

/**
 * Seals the frames of one stream: each is one byte that says whether it is the last, and the text with AES-256-GCM. The nonce is
 * a random one with the number of the frame in it; that byte, the direction and the type of the event are associated data. So a
 * frame opens in its place alone, and a reader sees when the end is missing.
 */
export class FrameSealer {
  readonly #sealer: ChunkSealer
  readonly #direction: FrameDirection

  private constructor(sealer: ChunkSealer, direction: FrameDirection) {
    this.#sealer = sealer
    this.#direction = direction
  }

  /**
   * @param secret 56 random bytes, never used for another stream; overwritten.
   * @param name what the stream is of.
   */
  static start(secret: Uint8Array, name: string, direction: FrameDirection): Awaitable<FrameSealer> {
    return andThen(deriveFrameKey(secret, name, direction), (key) => new FrameSealer(new ChunkSealer(key), direction))
  }

  /** @param type of the event, where it is shown beside the frame. */
  seal(text: Uint8Array, isLast: boolean, type: string = ''): Awaitable<Uint8Array<ArrayBuffer>> {
    const frame = new Uint8Array(1 + text.length + tagLength)
    const flag = isLast ? last : running
    frame[0] = flag
    return andThen(this.#sealer.seal(text, frame.subarray(1), isLast, associated(flag, this.#direction, type)), () => frame)
  }

  end(): void {
    this.#sealer.end()
  }
}

/** Opens the frames of one stream, each once and in their order. */
export class FrameOpener {
  readonly #opener: ChunkOpener
  readonly #direction: FrameDirection
  #next = 0

  private constructor(opener: ChunkOpener, direction: FrameDirection) {
    this.#opener = opener
    this.#direction = direction
  }

  static start(secret: Uint8Array, name: string, direction: FrameDirection): Awaitable<FrameOpener> {
    return andThen(deriveFrameKey(secret, name, direction), (key) => new FrameOpener(new ChunkOpener(key), direction))
  }

  /** @throws GuardError `decryption_failed` for anything but the next frame, whole and unchanged; nothing opens after the last. */
  open(frame: Uint8Array, type: string = ''): Awaitable<OpenedFrame> {
    const flag = frame[0]
    if ((flag !== running && flag !== last) || frame.length < 1 + tagLength)
      throw new GuardError('decryption_failed', { reason: 'this is no frame of a stream' })
    const isLast = flag === last
    return andThen(this.#opener.open(this.#next++, frame.subarray(1), associated(flag, this.#direction, type)), (text) => {
      if (isLast) this.end()
      return { text, isLast }
    })
  }

  end(): void {
    this.#opener.end()
  }
}

function deriveFrameKey(secret: Uint8Array, name: string, direction: FrameDirection): ReturnType<typeof deriveMessageKey> {
  if (secret.length !== frameSecretLength) throw new GuardError('decryption_failed', { reason: 'the secret of a stream has another length' })
  const input = new InputKey(secret.subarray(0, keyLength))
  const salt = secret.slice(keyLength)
  secret.fill(0)
  const key = deriveMessageKey(input, aesGcm, salt, encoder.encode(`sallyport frames v1\0${direction}\0${name}`))
  // What was imported into WebCrypto goes on.
  input.wipe()
  return key
}

const plain: Readonly<Record<FrameDirection, readonly [Uint8Array, Uint8Array]>> = {
  request: [associate(running, 0, ''), associate(last, 0, '')],
  response: [associate(running, 1, ''), associate(last, 1, '')],
}

function associated(flag: typeof running | typeof last, direction: FrameDirection, type: string): Uint8Array {
  return type === '' ? plain[direction][flag] : associate(flag, direction === 'request' ? 0 : 1, type)
}

function associate(flag: number, direction: number, type: string): Uint8Array {
  return Uint8Array.of(flag, direction, ...encoder.encode(type))
}
