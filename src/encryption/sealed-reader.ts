import type { Awaitable } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import { tagLength } from '../keys/aead.ts'
import type { DataKeys } from '../keys/data-keys.ts'
import { plaintextLength, prefixLength } from './chunked-message.ts'
import { ChunkOpener, chunkLength, sealedChunkLength } from './chunks.ts'
import type { SealContext } from './seal-context.ts'
import { maxHeaderLength, readHeader } from './sealed-header.ts'
import { openKey } from './sealed-stream.ts'

/** Where a large sealed value lies: a file, an object in a store. */
export interface ByteSource {
  /** Bytes of all of it. */
  readonly size: number
  /** Exactly these bytes: so many from that place on. */
  read(position: number, length: number): Awaitable<Uint8Array>
}

/** Reads parts of a sealed value. */
export interface SealedReader {
  /** Bytes of the value. Authentic: the last chunk was opened. */
  readonly size: number
  /**
   * So many bytes from that place on; fewer where the value ends before.
   *
   * @throws TypeError for places that are none; GuardError `decryption_failed` where a chunk that it needs was changed.
   */
  read(position: number, length: number): Promise<Uint8Array<ArrayBuffer>>
  /** Forgets the key. */
  close(): void
}

/** Opens a value to read parts of it. Its commitment and its last chunk, and so its length, are checked at once. */
export async function openReader(source: ByteSource, context: SealContext, dataKeys: DataKeys): Promise<SealedReader> {
  const { size } = source
  if (!Number.isSafeInteger(size) || size < 0) throw new TypeError('a source must say its size')
  const first = await exactly(source, 0, Math.min(size, maxHeaderLength + prefixLength))
  const header = readHeader(first)
  if (header === undefined || first.length < header.length + prefixLength) throw damaged('it was cut within its header')
  const start = header.length + prefixLength
  const length = plaintextLength(size - start)
  if (length === undefined) throw damaged('it was cut, or something was put behind it')
  const opener = new ChunkOpener(await openKey(header, first.subarray(header.length, start), context, dataKeys))
  const chunk = async (number: number): Promise<Uint8Array> => {
    const size = Math.min(chunkLength, length - number * chunkLength)
    return opener.open(number, await exactly(source, start + number * sealedChunkLength, size + tagLength))
  }
  try {
    await chunk(Math.floor(length / chunkLength))
  } catch (error) {
    opener.end()
    throw error
  }
  return Object.freeze({
    size: length,
    async read(position: number, wanted: number): Promise<Uint8Array<ArrayBuffer>> {
      if (!Number.isSafeInteger(position) || !Number.isSafeInteger(wanted) || position < 0 || wanted < 0)
        throw new TypeError('position and length must be whole numbers of zero or more')
      const end = Math.min(length, position + wanted)
      const output = new Uint8Array(Math.max(0, end - position))
      for (let place = position; place < end; ) {
        const number = Math.floor(place / chunkLength)
        const text = await chunk(number)
        const from = place - number * chunkLength
        const part = text.subarray(from, Math.min(text.length, from + end - place))
        output.set(part, place - position)
        place += part.length
      }
      return output
    },
    close: () => opener.end(),
  })
}

async function exactly(source: ByteSource, position: number, length: number): Promise<Uint8Array> {
  const bytes = await source.read(position, length)
  if (!(bytes instanceof Uint8Array) || bytes.length !== length) throw damaged('the source gave other bytes than it was asked for')
  return bytes
}

function damaged(reason: string): GuardError {
  return new GuardError('decryption_failed', { reason })
}
