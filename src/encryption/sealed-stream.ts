import { GuardError } from '../guard/errors.ts'
import { isThenable } from '../guard/thenable.ts'
import { tagLength } from '../keys/aead.ts'
import type { DataKeys, HeldKey } from '../keys/data-keys.ts'
import { deriveMessageKey, type MessageKey, openMessageKey, saltLength } from '../keys/message-key.ts'
import { newSalt, notCommitted, prefixLength } from './chunked-message.ts'
import { ChunkCutter } from './chunk-cutter.ts'
import { ChunkOpener, ChunkSealer, chunkLength, sealedChunkLength } from './chunks.ts'
import { encodeContext, keyContextOf, type SealContext } from './seal-context.ts'
import { boundPart, readHeader, type SealedHeader, writeHeader } from './sealed-header.ts'
import { kindOf, type SuiteNumber } from './suites.ts'

/** Chunks that come out as one piece at most: what a piece costs is paid once for all of them. */
const mostChunks = 4

/** Seals a stream. Holds less than 16 KiB of it, beside the piece that came. */
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
    const cutter = new ChunkCutter(chunkLength)
    for await (const piece of source) {
      cutter.push(piece)
      held.add(piece.length)
      // A full chunk is never the last one.
      for (let count = cutter.whole; count > 0; count = cutter.whole) {
        const output = new Uint8Array(Math.min(count, mostChunks) * sealedChunkLength)
        for (let at = 0; at < output.length; at += sealedChunkLength) {
          const pending = sealer.seal(cutter.take(), output.subarray(at, at + sealedChunkLength), false)
          if (isThenable(pending)) await pending
        }
        yield output
      }
      cutter.keep()
    }
    const rest = cutter.rest()
    const output = new Uint8Array(rest.length + tagLength)
    await sealer.seal(rest, output, true)
    yield output
  } finally {
    sealer.end()
  }
}

/** Opens a stream. Holds less than 17 KiB of it, beside the piece that came, and its header until that is whole. */
export async function* openStream(
  source: AsyncIterable<Uint8Array>,
  context: SealContext,
  dataKeys: DataKeys,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  const cutter = new ChunkCutter(sealedChunkLength)
  let before: Uint8Array = new Uint8Array()
  let opener: ChunkOpener | undefined
  let number = 0
  try {
    for await (const piece of source) {
      cutter.push(piece)
      if (opener === undefined) {
        before = concat(before, piece)
        const begun = await start(before, context, dataKeys)
        if (begun === undefined) continue
        opener = new ChunkOpener(begun.key)
        cutter.push(before.subarray(begun.length))
        before = new Uint8Array()
      }
      for (let count = cutter.whole; count > 0; count--) {
        const text = opener.open(number++, cutter.take())
        yield isThenable(text) ? await text : text
      }
      cutter.keep()
    }
    const part = cutter.rest()
    // The last chunk is the one that is not full: where there is none the end is missing.
    if (opener === undefined || part.length < tagLength) throw new GuardError('decryption_failed', { reason: 'it was cut short' })
    const text = await opener.open(number, part)
    if (text.length > 0) yield text
  } finally {
    opener?.end()
  }
}

/** The key, once header, salt and commitment are all there, and how long they are; undefined before. */
async function start(
  known: Uint8Array,
  context: SealContext,
  dataKeys: DataKeys,
): Promise<{ readonly key: MessageKey; readonly length: number } | undefined> {
  const header = readHeader(known)
  if (header === undefined || known.length < header.length + prefixLength) return undefined
  const length = header.length + prefixLength
  return { key: await openKey(header, known.slice(header.length, length), context, dataKeys), length }
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

function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let place = 0
  for (const part of parts) {
    bytes.set(part, place)
    place += part.length
  }
  return bytes
}
