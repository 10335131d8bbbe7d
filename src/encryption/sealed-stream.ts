import { GuardError } from '../guard/errors.ts'
import { tagLength } from '../keys/aead.ts'
import type { DataKeys, HeldKey } from '../keys/data-keys.ts'
import { deriveMessageKey, type MessageKey, openMessageKey, saltLength } from '../keys/message-key.ts'
import { newSalt, notCommitted, prefixLength } from './chunked-message.ts'
import { ChunkOpener, ChunkSealer, chunkLength, sealedChunkLength } from './chunks.ts'
import { encodeContext, keyContextOf, type SealContext } from './seal-context.ts'
import { boundPart, maxHeaderLength, readHeader, type SealedHeader, writeHeader } from './sealed-header.ts'
import { kindOf, type SuiteNumber } from './suites.ts'

/** Seals a stream. Holds 16 KiB of it at a time. */
export async function* sealStream(
  source: AsyncIterable<Uint8Array>,
  context: SealContext,
  suite: SuiteNumber,
  dataKeys: DataKeys,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  const salt = newSalt()
  const bound = encodeContext(context, boundPart(suite, 'bytes'))
  let held: HeldKey | undefined
  const key = await dataKeys.toSeal(keyContextOf(context), 0, (own) => {
    held = own
    return deriveMessageKey(own.input, kindOf(suite), salt, bound)
  })
  if (held === undefined) throw new GuardError('keys_unavailable', { reason: 'there is no data key' })
  const header = writeHeader(suite, 'bytes', held.wrapped)
  const sealer = new ChunkSealer(key)
  try {
    yield concat(header, salt, key.commitment)
    const pieces = new Pieces()
    for await (const piece of source) {
      held.add(piece.length)
      pieces.push(piece)
      // A full chunk is never the last one.
      for (let text = pieces.take(chunkLength); text !== undefined; text = pieces.take(chunkLength)) yield await sealed(sealer, text, false)
    }
    yield await sealed(sealer, pieces.rest(), true)
  } finally {
    sealer.end()
  }
}

async function sealed(sealer: ChunkSealer, text: Uint8Array, isLast: boolean): Promise<Uint8Array<ArrayBuffer>> {
  const output = new Uint8Array(text.length + tagLength)
  await sealer.seal(text, output, isLast)
  return output
}

/** Opens a stream. Holds 16 KiB of it at a time, and its header until that is whole. */
export async function* openStream(
  source: AsyncIterable<Uint8Array>,
  context: SealContext,
  dataKeys: DataKeys,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  const pieces = new Pieces()
  let opener: ChunkOpener | undefined
  let number = 0
  try {
    for await (const piece of source) {
      pieces.push(piece)
      if (opener === undefined) {
        const key = await start(pieces, context, dataKeys)
        if (key === undefined) continue
        opener = new ChunkOpener(key)
      }
      for (let part = pieces.take(sealedChunkLength); part !== undefined; part = pieces.take(sealedChunkLength)) {
        const text = new Uint8Array(chunkLength)
        await opener.open(number++, part, text)
        yield text
      }
    }
    const part = pieces.rest()
    // The last chunk is the one that is not full: where there is none the end is missing.
    if (opener === undefined || part.length < tagLength) throw new GuardError('decryption_failed', { reason: 'it was cut short' })
    const text = new Uint8Array(part.length - tagLength)
    await opener.open(number, part, text)
    if (text.length > 0) yield text
  } finally {
    opener?.end()
  }
}

/** Reads header, salt and commitment off the pieces; undefined while they are not all there. */
async function start(pieces: Pieces, context: SealContext, dataKeys: DataKeys): Promise<MessageKey | undefined> {
  const known = pieces.peek(maxHeaderLength + prefixLength)
  const header = readHeader(known)
  if (header === undefined || known.length < header.length + prefixLength) return undefined
  const prefix = known.slice(header.length, header.length + prefixLength)
  pieces.skip(header.length + prefixLength)
  return openKey(header, prefix, context, dataKeys)
}

/** The key of a message, of which header, salt and commitment are known. @throws GuardError `decryption_failed` */
export async function openKey(header: SealedHeader, prefix: Uint8Array, context: SealContext, dataKeys: DataKeys): Promise<MessageKey> {
  if (header.content !== 'bytes') throw new GuardError('decryption_failed', { reason: 'it holds a value, and no bytes' })
  const bound = encodeContext(context, boundPart(header.suite, header.content))
  const salt = prefix.subarray(0, saltLength)
  const commitment = prefix.subarray(saltLength)
  const key = await dataKeys.toOpen(header.wrapped, keyContextOf(context), (input) =>
    openMessageKey(input, kindOf(header.suite), salt, commitment, bound),
  )
  if (key === undefined) throw notCommitted()
  return key
}

/** Bytes as they came, and as they are wanted. Each is copied at most twice, however the pieces are cut. */
class Pieces {
  #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(2 * sealedChunkLength)
  #start = 0
  #end = 0

  push(piece: Uint8Array): void {
    if (!(piece instanceof Uint8Array)) throw new TypeError('a stream that is sealed or opened must be of bytes')
    if (this.#end + piece.length > this.#buffer.length) {
      const length = this.#end - this.#start
      const fits = length + piece.length <= this.#buffer.length / 2
      const buffer = fits ? this.#buffer : new Uint8Array(Math.max(this.#buffer.length, 2 * (length + piece.length)))
      const held = this.#buffer.subarray(this.#start, this.#end)
      if (fits) buffer.copyWithin(0, this.#start, this.#end)
      else buffer.set(held)
      this.#buffer = buffer
      this.#start = 0
      this.#end = length
    }
    this.#buffer.set(piece, this.#end)
    this.#end += piece.length
  }

  /** So many bytes, valid until the next `push`; undefined where there are fewer. */
  take(length: number): Uint8Array<ArrayBuffer> | undefined {
    if (this.#end - this.#start < length) return undefined
    const taken = this.#buffer.subarray(this.#start, this.#start + length)
    this.#start += length
    return taken
  }

  /** At most so many bytes, which stay. */
  peek(length: number): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(this.#start, Math.min(this.#end, this.#start + length))
  }

  skip(length: number): void {
    this.#start += length
  }

  rest(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(this.#start, this.#end)
  }
}

function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let place = 0
  for (const part of parts) {
    bytes.set(part, place)
    place += part.length
  }
  return bytes
}
