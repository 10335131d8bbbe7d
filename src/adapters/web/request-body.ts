import type { WireCodec } from '../../guard/codec.ts'
import type { Arrival } from '../../guard/control.ts'
import { GuardError, isGuardError } from '../../guard/errors.ts'
import { mediaTypeOf } from './media-type.ts'
import { readBounded } from './read-bounded.ts'

/** What a sealed request is called (RFC 7515, section 9.2.1). */
const sealedType = 'application/jose'

/** How bodies are read. */
export interface BodyRules {
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
