import type { WireCodec } from '../../guard/codec.ts'
import type { Arrival } from '../../guard/control.ts'
import { GuardError, isGuardError } from '../../guard/errors.ts'

/** What a sealed request is called (RFC 7515, section 9.2.1). */
const sealedType = 'application/jose'

/** How bodies are read. */
interface BodyRules {
  readonly wire: WireCodec
  /** Whether a control opens what arrives sealed. */
  readonly opens: boolean
  readonly maxBodyBytes: number
}

/** The body of one request: read at most once, only when the engine asks for it, and no longer than somebody waits for it. */
export class RequestBody {
  readonly #rules: BodyRules
  readonly #headers: Headers
  readonly #body: ReadableStream<Uint8Array> | null
  #reader: ReadableStreamDefaultReader<unknown> | undefined

  constructor(rules: BodyRules, headers: Headers, body: ReadableStream<Uint8Array> | null) {
    this.#rules = rules
    this.#headers = headers
    this.#body = body
  }

  /** @throws GuardError for a body that is missing, too large, encoded, or of a type that the operation does not take. */
  async read(): Promise<Arrival> {
    const mediaType = this.check()
    const { maxBodyBytes } = this.#rules
    if (this.#body === null) throw new GuardError('payload_invalid', { reason: 'the request has no body' })
    if (this.#body.locked) throw new GuardError('misconfigured', { reason: 'something else reads the body of the request already' })
    this.#reader = this.#body.getReader()
    return arrival(mediaType, await readBounded(this.#reader, maxBodyBytes).catch(broken))
  }

  /** As `read`, where somebody else has read the body already. */
  async take(bytes: () => Promise<Uint8Array>): Promise<Arrival> {
    const mediaType = this.check()
    const body = await bytes()
    if (body.length > this.#rules.maxBodyBytes)
      throw new GuardError('payload_too_large', { reason: `the body is longer than ${this.#rules.maxBodyBytes} bytes` })
    return arrival(mediaType, body)
  }

  /** The media type, after everything that can be known without reading was checked. */
  check(): string {
    const { wire, opens, maxBodyBytes } = this.#rules
    const encoding = this.#headers.get('content-encoding')
    if (encoding !== null && encoding.trim().toLowerCase() !== 'identity')
      throw new GuardError('payload_unsupported', { reason: 'the body has a content encoding' })
    const { essence, utf8 } = mediaTypeOf(this.#headers.get('content-type'))
    if (!utf8) throw new GuardError('payload_unsupported', { reason: 'the body is in other characters than UTF-8' })
    if (!wire.mediaTypes.includes(essence) && !(opens && essence === sealedType))
      throw new GuardError('payload_unsupported', { reason: 'the body has a media type that the operation does not take' })
    const declared = this.#headers.get('content-length')
    if (declared !== null && Number(declared) > maxBodyBytes)
      throw new GuardError('payload_too_large', { reason: `the body says that it is longer than ${maxBodyBytes} bytes` })
    return essence
  }

  /** Nobody waits for the body any more. */
  cancel(): void {
    const cancelled = this.#reader === undefined ? undefined : this.#reader.cancel()
    cancelled?.catch(() => {})
  }
}

/** What an arrival holds, once it is open. @throws GuardError for a type that the operation does not take, and for malformed bytes. */
export function parseArrival(wire: WireCodec, { mediaType, body }: Arrival): unknown {
  if (!wire.mediaTypes.includes(mediaTypeOf(mediaType).essence))
    throw new GuardError('payload_unsupported', { reason: 'what arrived has a media type that the operation does not take' })
  return wire.parse(body)
}

function arrival(mediaType: string, body: Uint8Array): Arrival {
  if (body.length === 0) throw new GuardError('payload_invalid', { reason: 'the body of the request is empty' })
  return { mediaType, body }
}

function broken(error: unknown): never {
  if (isGuardError(error)) throw error
  throw new GuardError('aborted', { reason: 'the body of the request broke off', cause: error })
}

/** A media type without its parameters, and what its parameters say of the characters. */
interface MediaType {
  /** Type and subtype in lower case. */
  readonly essence: string
  /** Whether every `charset` parameter says UTF-8; true where there is none. */
  readonly utf8: boolean
}

/** Reads a `Content-Type` field (RFC 9110, section 8.3.1). What is no media type comes back as an essence that nobody knows. */
export function mediaTypeOf(field: string | null): MediaType {
  const [first = '', ...parameters] = (field ?? '').split(';')
  let utf8 = true
  for (const parameter of parameters) {
    const at = parameter.indexOf('=')
    if (parameter.slice(0, at).trim().toLowerCase() !== 'charset') continue
    const value = parameter
      .slice(at + 1)
      .trim()
      .toLowerCase()
    if (value !== 'utf-8' && value !== '"utf-8"' && value !== 'utf8') utf8 = false
  }
  return { essence: first.trim().toLowerCase(), utf8 }
}

/** Bytes that a body's first buffer holds, unless the body says that it is shorter. */
const firstBuffer = 16 * 1024

/**
 * A body as one array of bytes. Holds at most about twice what came, however small the pieces are.
 *
 * @throws GuardError `payload_too_large` as soon as the body is longer than `bound`; then nothing more is read.
 */
export async function readBounded(reader: ReadableStreamDefaultReader<unknown>, bound: number): Promise<Uint8Array<ArrayBuffer>> {
  let buffer = new Uint8Array(Math.min(firstBuffer, bound))
  let length = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return buffer.slice(0, length)
    if (!(value instanceof Uint8Array)) throw new GuardError('payload_invalid', { reason: 'the body is not made of bytes' })
    const needed = length + value.length
    if (needed > bound) throw new GuardError('payload_too_large', { reason: `the body is longer than ${bound} bytes` })
    if (needed > buffer.length) {
      const larger = new Uint8Array(Math.min(bound, Math.max(needed, buffer.length * 2)))
      larger.set(buffer.subarray(0, length))
      buffer = larger
    }
    buffer.set(value, length)
    length = needed
  }
}
