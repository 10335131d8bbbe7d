import type { Awaitable } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import { isThenable } from '../guard/thenable.ts'
import { type AeadKind, tagLength } from '../keys/aead.ts'
import { andThen, type InputKey } from '../keys/input-key.ts'
import { commitmentLength, deriveMessageKey, openMessageKey, saltLength } from '../keys/message-key.ts'
import type { Backend } from '../keys/native-crypto.ts'
import { ChunkOpener, ChunkSealer, chunkLength, sealedChunkLength } from './chunks.ts'

/** Bytes before the first chunk: salt and commitment. */
export const prefixLength: number = saltLength + commitmentLength

/** What belongs to one message, beside its text. */
export interface MessageOptions {
  readonly kind: AeadKind
  /** What it is bound to. */
  readonly context: Uint8Array
  readonly backend?: Backend
}

/**
 * Seals a whole message as C2SP chunked-encryption: salt, commitment and chunks of 16 KiB, of which the last is shorter.
 *
 * @param before bytes that stand before it, as they are.
 * @param salt for vectors; 24 random bytes unless given.
 */
export function sealMessage(
  input: InputKey,
  plaintext: Uint8Array,
  { kind, context, backend }: MessageOptions,
  before: Uint8Array = nothing,
  salt: Uint8Array = newSalt(),
): Awaitable<Uint8Array<ArrayBuffer>> {
  let given = plaintext
  const sealing = andThen(deriveMessageKey(input, kind, salt, context, backend), (key) => {
    const chunks = Math.floor(given.length / chunkLength) + 1
    const start = before.length + prefixLength
    const output = new Uint8Array(start + given.length + chunks * tagLength)
    output.set(before)
    output.set(salt, before.length)
    output.set(key.commitment, before.length + saltLength)
    const sealer = new ChunkSealer(key)
    return andThen(
      inOrder(chunks, (number) => {
        const from = number * chunkLength
        const text = given.subarray(from, from + chunkLength)
        const at = start + number * sealedChunkLength
        return sealer.seal(text, output.subarray(at, at + text.length + tagLength), number === chunks - 1)
      }),
      () => output,
    )
  })
  // What has to wait goes on with a copy: nothing that is written over the text meanwhile is sealed in its place.
  if (isThenable(sealing)) given = new Uint8Array(plaintext)
  return sealing
}

/**
 * Opens a whole message. The commitment is compared before anything is decrypted.
 *
 * @throws GuardError `decryption_failed` for another key, context or suite, and for whatever was changed, moved or cut.
 */
export function openMessage(input: InputKey, sealed: Uint8Array, { kind, context, backend }: MessageOptions): Awaitable<Uint8Array<ArrayBuffer>> {
  const length = plaintextLength(sealed.length - prefixLength)
  if (length === undefined) throw unopened('it was cut, or something was put behind it')
  const salt = sealed.subarray(0, saltLength)
  return andThen(openMessageKey(input, kind, salt, sealed.subarray(saltLength, prefixLength), context, backend), (key) => {
    if (key === undefined) throw notCommitted()
    const chunks = Math.floor(length / chunkLength) + 1
    const opener = new ChunkOpener(key)
    if (chunks === 1)
      return andThen(opener.open(0, sealed.subarray(prefixLength)), (text) => {
        opener.end()
        return text
      })
    const output = new Uint8Array(length)
    const opened = inOrder(chunks, (number) => {
      const from = prefixLength + number * sealedChunkLength
      const at = number * chunkLength
      return andThen(opener.open(number, sealed.subarray(from, from + sealedChunkLength)), (text) => output.set(text, at))
    })
    return andThen(opened, () => {
      opener.end()
      return output
    })
  })
}

/** Bytes of text in chunks of so many bytes; undefined where there is no message of that length. */
export function plaintextLength(sealed: number): number | undefined {
  if (sealed < 0) return undefined
  const whole = Math.floor(sealed / sealedChunkLength)
  const rest = sealed - whole * sealedChunkLength
  return rest < tagLength ? undefined : whole * chunkLength + rest - tagLength
}

/** The salt of one message. */
export function newSalt(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(saltLength))
}

/** The refusal of a message whose commitment is another. */
export function notCommitted(): GuardError {
  return unopened('it was sealed with another key, or for another context')
}

function unopened(reason: string): GuardError {
  return new GuardError('decryption_failed', { reason })
}

const nothing: Uint8Array = new Uint8Array()

// One after the other, and at once for as long as nothing has to be waited for.
function inOrder(count: number, step: (number: number) => Awaitable<void>): Awaitable<void> {
  for (let number = 0; number < count; number++) {
    const pending = step(number)
    if (isThenable(pending)) return goOn(pending, number + 1, count, step)
  }
}

async function goOn(pending: Promise<void>, from: number, count: number, step: (number: number) => Awaitable<void>): Promise<void> {
  await pending
  for (let number = from; number < count; number++) await step(number)
}
