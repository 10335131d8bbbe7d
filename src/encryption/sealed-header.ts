import { GuardError } from '../guard/errors.ts'
import { isWrappedKey, type WrappedKey } from '../keys/key-provider.ts'
import { encodeUtf8 } from '../keys/utf8.ts'
import { contextVersion } from './seal-context.ts'
import { suiteOf, type SuiteNumber } from './suites.ts'

/** What stands before a sealed value (docs/format.md). */
export interface SealedHeader {
  readonly suite: SuiteNumber
  readonly content: Content
  readonly wrapped: WrappedKey
  /** Bytes of all of it. */
  readonly length: number
}

/** What a sealed value is when it was opened. */
export type Content = 'bytes' | 'json'

/** "SPE", and the version of the format. */
const magic: Uint8Array = Uint8Array.of(0x53, 0x50, 0x45, 1)
const contents: readonly Content[] = ['bytes', 'json']
/** The part of a header that goes into the derivation: it stays the same when the key is wrapped anew. */
const boundLength = 7
/** Bytes that a header can have at most. */
export const maxHeaderLength: number = boundLength + 2 + 2048 + 1 + 255 + 2 + 16_384

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The header that was written last for a wrapped key: one data key seals many values of one kind. */
const written = new WeakMap<WrappedKey, { readonly suite: SuiteNumber; readonly content: Content; readonly header: Uint8Array }>()

/** The bytes of a header, for the caller to read only. */
export function writeHeader(suite: SuiteNumber, content: Content, wrapped: WrappedKey): Uint8Array {
  const known = written.get(wrapped)
  if (known?.suite === suite && known.content === content) return known.header
  const header = makeHeader(suite, content, wrapped)
  written.set(wrapped, { suite, content, header })
  return header
}

function makeHeader(suite: SuiteNumber, content: Content, { id, version, bytes: key }: WrappedKey): Uint8Array {
  const idText = encodeUtf8(id)
  const versionText = encodeUtf8(version)
  const header = new Uint8Array(boundLength + 2 + idText.length + 1 + versionText.length + 2 + key.length)
  const view = new DataView(header.buffer)
  header.set(boundPart(suite, content))
  let place = boundLength
  view.setUint16(place, idText.length)
  header.set(idText, place + 2)
  place += 2 + idText.length
  header[place] = versionText.length
  header.set(versionText, place + 1)
  place += 1 + versionText.length
  view.setUint16(place, key.length)
  header.set(key, place + 2)
  return header
}

/** The first seven bytes of a header: format, suite, version of the context's encoding, content. */
export function boundPart(suite: SuiteNumber, content: Content): Uint8Array {
  const bytes = new Uint8Array(boundLength)
  bytes.set(magic)
  bytes[4] = suite
  bytes[5] = contextVersion
  bytes[6] = contents.indexOf(content)
  return bytes
}

/**
 * Reads a header. Nothing of it is authentic until the key was unwrapped and the commitment compared.
 *
 * @returns undefined where the bytes end within it.
 * @throws GuardError `decryption_failed` for anything but a header of this format.
 */
export function readHeader(bytes: Uint8Array): SealedHeader | undefined {
  for (let index = 0; index < Math.min(magic.length, bytes.length); index++)
    if (bytes[index] !== magic[index]) throw unreadable('it is no sealed value of this format')
  if (bytes.length < boundLength) return undefined
  const suite = suiteOf(bytes[4])
  if (suite === undefined) throw unreadable('its suite is not known')
  if (bytes[5] !== contextVersion) throw unreadable('the version of its context is not known')
  const content = contents[bytes[6] ?? contents.length]
  if (content === undefined) throw unreadable('its content is of no known kind')
  const id = textAt(bytes, boundLength, 2)
  if (id === undefined) return undefined
  const version = textAt(bytes, id.end, 1)
  if (version === undefined) return undefined
  const key = bytesAt(bytes, version.end, 2)
  if (key === undefined) return undefined
  const wrapped = { id: id.text, version: version.text, bytes: key.bytes }
  if (!isWrappedKey(wrapped)) throw unreadable('its wrapped key is none')
  return { suite, content, wrapped, length: key.end }
}

interface Found {
  readonly bytes: Uint8Array
  readonly end: number
}

function bytesAt(all: Uint8Array, at: number, size: 1 | 2): Found | undefined {
  if (all.length < at + size) return undefined
  const length = size === 1 ? (all[at] ?? 0) : ((all[at] ?? 0) << 8) | (all[at + 1] ?? 0)
  const end = at + size + length
  // A copy: what it was cut from may be written over. `slice` makes none of a Buffer.
  return all.length < end ? undefined : { bytes: new Uint8Array(all.subarray(at + size, end)), end }
}

function textAt(all: Uint8Array, at: number, size: 1 | 2): { readonly text: string; readonly end: number } | undefined {
  const found = bytesAt(all, at, size)
  if (found === undefined) return undefined
  try {
    return { text: decoder.decode(found.bytes), end: found.end }
  } catch {
    throw unreadable('a name in its header is no UTF-8')
  }
}

function unreadable(reason: string): GuardError {
  return new GuardError('decryption_failed', { reason })
}
