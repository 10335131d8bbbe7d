import { type Check, checkOptions, hasMethods, oneOf, optional } from '../guard/check-options.ts'
import type { Json } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import { snapshotJson } from '../guard/snapshot.ts'
import { type DataKeyMetrics, type DataKeyOptions, DataKeys } from '../keys/data-keys.ts'
import type { KeyProvider } from '../keys/key-provider.ts'
import { openMessage, prefixLength, sealMessage } from './chunked-message.ts'
import { encodeContext, joinContext, keyContextOf, type SealContext } from './seal-context.ts'
import { boundPart, readHeader, type SealedHeader, writeHeader } from './sealed-header.ts'
import { type ByteSource, openReader, type SealedReader } from './sealed-reader.ts'
import { openStream, sealStream } from './sealed-stream.ts'
import { kindOf, type Suite, suites } from './suites.ts'

/** Options of `sealer`. */
export interface SealerOptions {
  /** Wraps the data keys. */
  readonly keys: KeyProvider
  /** `aes-256-gcm` unless given. What it opens may have been sealed with either. */
  readonly suite?: Suite
  /** Parts of the context that are the same for everything it seals and opens. */
  readonly context?: SealContext
  /** Bounds on the use of data keys. */
  readonly dataKeys?: DataKeyOptions
}

/** Seals values to be kept, and opens them. */
export interface Sealer {
  /**
   * Seals bytes or a JSON value for a context.
   *
   * @throws TypeError for a context that is none; GuardError `payload_invalid` for what JSON cannot hold, `keys_unavailable`.
   */
  seal(value: Uint8Array | Json, context?: SealContext): Promise<Uint8Array<ArrayBuffer>>
  /**
   * Opens what was sealed for this very context: bytes as bytes, a JSON value as a value.
   *
   * @throws TypeError for a context that is none; GuardError `decryption_failed` for another context or key and for whatever was
   * changed or cut, `keys_unavailable`.
   */
  open(sealed: Uint8Array, context?: SealContext): Promise<Uint8Array<ArrayBuffer> | Json>
  /** As `open`, for bytes alone. */
  openBytes(sealed: Uint8Array, context?: SealContext): Promise<Uint8Array<ArrayBuffer>>
  /** Seals a stream of bytes of any length, at most 64 KiB at a time. It opens as a whole as well, and the other way round. */
  sealStream(source: AsyncIterable<Uint8Array>, context?: SealContext): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined>
  /**
   * Opens a stream piece by piece. Every piece is genuine and in its place; that nothing is missing is known when it ends without
   * a throw, and not before.
   */
  openStream(source: AsyncIterable<Uint8Array>, context?: SealContext): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined>
  /** Opens parts of a large value without reading the rest. */
  openReader(source: ByteSource, context?: SealContext): Promise<SealedReader>
  /** The same value with its data key wrapped by the current key; the value itself is not opened. Only the header changes. */
  rewrap(sealed: Uint8Array, context?: SealContext): Promise<Uint8Array<ArrayBuffer>>
  /** What became of requests for data keys. */
  metrics(): DataKeyMetrics
  /** Forgets the data keys that it keeps. */
  clear(): void
  /** Forgets the data keys and works no more. */
  close(): void
  /** As `close`. */
  [Symbol.dispose](): void
}

const checks: Readonly<Record<keyof SealerOptions, Check>> = {
  keys: [hasMethods('generate', 'wrap', 'unwrap', 'rewrap', 'state', 'describe'), 'a KeyProvider, such as localKeys({ primary, keys })'],
  suite: oneOfOrNone('aes-256-gcm', 'xchacha20-poly1305'),
  context: [optional((value) => typeof value === 'object' && value !== null), 'an object'],
  dataKeys: [optional((value) => typeof value === 'object' && value !== null), 'an object'],
}

const positive: Check = [optional((value) => typeof value === 'number' && value > 0 && Number.isFinite(value)), 'a number above zero']
const whole: Check = [optional((value) => Number.isSafeInteger(value) && Number(value) > 0), 'a whole number above zero']
const none: Check = [optional((value) => typeof value === 'number' && value >= 0 && Number.isFinite(value)), 'a number of zero or more']

const bounds: Readonly<Record<keyof DataKeyOptions, Check>> = {
  maxAge: positive,
  maxMessages: whole,
  maxBytes: whole,
  staleWhileDown: none,
  // Room for so many is made with the first key.
  maxKeys: [optional((value) => Number.isSafeInteger(value) && Number(value) > 0 && Number(value) <= 1e6), 'a whole number from 1 to 1,000,000'],
  deadline: positive,
  retries: [optional((value) => Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) <= 10), 'a whole number from 0 to 10'],
  clock: [optional(hasMethods('now', 'monotonic', 'after')), 'a Clock'],
}

/**
 * Makes a sealer: an envelope with a data key that the provider wraps, a key of its own for every message, a commitment to key and
 * context, and a format that does not depend on the runtime (docs/format.md).
 *
 * ```ts
 * const box = sealer({ keys: localKeys({ primary: 'k1', keys: { k1 } }) })
 * const sealed = await box.seal(bytes, { tenant: 'acme', field: '/notes' })
 * const opened = await box.open(sealed, { tenant: 'acme', field: '/notes' })
 * ```
 *
 * @throws TypeError for wrong options.
 */
export function sealer(options: SealerOptions): Sealer {
  checkOptions('sealer', options, checks)
  if (options.dataKeys !== undefined) checkOptions('sealer: dataKeys', options.dataKeys, bounds)
  const { keys, suite = 'aes-256-gcm', context: given } = options
  const fixed: SealContext = given === undefined ? {} : joinContext({}, given)
  const number = suites[suite]
  const dataKeys = new DataKeys(keys, options.dataKeys)
  const split = splitter()
  const joined = (own: SealContext = {}): SealContext => joinContext(fixed, own)

  async function open(sealed: Uint8Array, own: SealContext | undefined, only?: 'bytes'): Promise<Uint8Array<ArrayBuffer> | Json> {
    const context = joined(own)
    const { header, message } = split(sealed)
    if (only !== undefined && header.content !== only) throw new GuardError('decryption_failed', { reason: 'it holds a value, and no bytes' })
    const bound = encodeContext(context, boundPart(header.suite, header.content))
    const opened = await dataKeys.toOpen(header.wrapped, keyContextOf(context), (input) =>
      openMessage(input, message, { kind: kindOf(header.suite), context: bound }),
    )
    return header.content === 'bytes' ? opened : parse(opened)
  }

  const box: Sealer = {
    async seal(value, own) {
      const context = joined(own)
      const isBytes = value instanceof Uint8Array
      const content = isBytes ? 'bytes' : 'json'
      const plaintext = isBytes ? value : serialize(value)
      const bound = encodeContext(context, boundPart(number, content))
      let text = plaintext
      let hasBegun = false
      const sealing = dataKeys.toSeal(keyContextOf(context), plaintext.length, (key) => {
        hasBegun = true
        return sealMessage(key.input, text, { kind: kindOf(number), context: bound }, writeHeader(number, content, key.wrapped))
      })
      // What is sealed is what was given, whatever is written over it while a data key is waited for.
      if (isBytes && !hasBegun) text = new Uint8Array(plaintext)
      return sealing
    },
    open: (sealed, own) => open(sealed, own),
    openBytes: async (sealed, own) => asBytes(await open(sealed, own, 'bytes')),
    sealStream: (source, own) => sealStream(source, joined(own), number, dataKeys),
    openStream: (source, own) => openStream(source, joined(own), dataKeys),
    openReader: async (source, own) => openReader(source, joined(own), dataKeys),
    async rewrap(sealed, own) {
      const context = joined(own)
      const { header, message } = split(sealed)
      const wrapped = await dataKeys.rewrap(header.wrapped, keyContextOf(context))
      const renewed = writeHeader(header.suite, header.content, wrapped)
      const output = new Uint8Array(renewed.length + message.length)
      output.set(renewed)
      output.set(message, renewed.length)
      return output
    },
    metrics: () => dataKeys.metrics(),
    clear: () => dataKeys.clear(),
    close: () => dataKeys.close(),
    [Symbol.dispose]: () => dataKeys.close(),
  }
  return Object.freeze(box)
}

interface Split {
  readonly header: SealedHeader
  readonly message: Uint8Array
}

/** Takes values apart. Remembers the last header: values that are read together were often sealed with one data key. */
function splitter(): (sealed: Uint8Array) => Split {
  let last: { readonly bytes: Uint8Array; readonly header: SealedHeader } | undefined
  return (sealed) => {
    if (!(sealed instanceof Uint8Array)) throw new TypeError('what is opened must be bytes')
    let header = last !== undefined && startsWith(sealed, last.bytes) ? last.header : undefined
    if (header === undefined) {
      header = readHeader(sealed)
      if (header !== undefined) last = { bytes: new Uint8Array(sealed.subarray(0, header.length)), header }
    }
    if (header === undefined || sealed.length < header.length + prefixLength)
      throw new GuardError('decryption_failed', { reason: 'it was cut within its header' })
    return { header, message: sealed.subarray(header.length) }
  }
}

function startsWith(bytes: Uint8Array, beginning: Uint8Array): boolean {
  if (bytes.length < beginning.length) return false
  for (let index = 0; index < beginning.length; index++) if (bytes[index] !== beginning[index]) return false
  return true
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function serialize(value: unknown): Uint8Array {
  return encoder.encode(
    JSON.stringify(snapshotJson(value), (_name, part: unknown) => {
      if (part instanceof Uint8Array) throw new GuardError('payload_invalid', { reason: 'bytes within a value' })
      return part
    }),
  )
}

function parse(bytes: Uint8Array): Json {
  // It is authentic, and so what `serialize` wrote.
  return JSON.parse(decoder.decode(bytes)) as Json
}

function asBytes(opened: Uint8Array<ArrayBuffer> | Json): Uint8Array<ArrayBuffer> {
  if (opened instanceof Uint8Array) return opened as Uint8Array<ArrayBuffer>
  throw new GuardError('decryption_failed', { reason: 'it holds a value, and no bytes' })
}

function oneOfOrNone(...words: readonly string[]): Check {
  const [accepts, wanted] = oneOf(...words)
  return [optional(accepts), wanted]
}
