import type { Clock } from '../../guard/clock.ts'
import type { Codec, WireCodec } from '../../guard/codec.ts'
import { GuardError } from '../../guard/errors.ts'
import { type EventParser, eventParser, type ServerSentEvent } from '../../payload/server-sent-events.ts'
import { foreignFields, ownFields } from './answer-fields.ts'
import { LineParts, lineTypes } from './line-parts.ts'
import { mediaTypeOf, readBounded } from './request-body.ts'

/** How answers are read. */
interface AnswerRules {
  readonly codec: Codec
  readonly wire: WireCodec
  readonly clock: Clock
  readonly maxAnswerBytes: number
  /** Whether somebody else than the application wrote the header fields. */
  readonly isForeign: boolean
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal
}

/** A `Response`, taken apart: what the controls must see, and what may stand around it. */
export interface ReceivedAnswer {
  readonly status: number
  readonly headers: Headers
  /** A whole answer, the parts of a streamed one, or `noParts`. */
  readonly answer: unknown
}

/** The answer of a `Response` without a body: it has nothing that a control could read. */
export const noParts: AsyncIterable<unknown> = Object.freeze({
  [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve<IteratorResult<unknown>>({ done: true, value: undefined }) }),
})

/** Whether a value is a web response, also one of a framework's own class. */
export function isResponse(value: unknown): value is Response {
  return value instanceof Response
}

/**
 * Takes a response apart. A body of the codec's own type becomes a value, server-sent events and JSON lines become parts. Anything else
 * that is not empty cannot be scanned: with a status that reports an error it is dropped and the status stands, otherwise
 * the answer is refused. The reason phrase is dropped: no control reads it.
 *
 * @throws GuardError `payload_unsupported`, `payload_invalid` or `payload_too_large`; what the body itself throws passes.
 */
export async function receiveAnswer(response: Response, rules: AnswerRules): Promise<ReceivedAnswer> {
  const { status, headers, body } = response
  if (rules.signal.aborted) {
    body?.cancel().catch(() => {})
    throw new GuardError('aborted', { reason: 'the answer came too late' })
  }
  if (status < 200) throw new GuardError('payload_unsupported', { reason: 'the answer is an error or a switch of protocols' })
  return {
    status,
    headers: rules.isForeign ? foreignFields(headers) : ownFields(headers),
    answer: body === null ? noParts : await bodyOf(response, body, rules),
  }
}

async function bodyOf(response: Response, body: ReadableStream<Uint8Array>, rules: AnswerRules): Promise<unknown> {
  const { wire, clock, maxAnswerBytes } = rules
  const { essence, utf8 } = mediaTypeOf(response.headers.get('content-type'))
  const isError = response.status >= 400
  if (essence === 'text/event-stream') return new EventParts(body, wire, clock)
  // Of a protocol whose bodies are no JSON a line is none of its parts.
  if (lineTypes.includes(essence) && utf8 && wire.mediaTypes.includes('application/json') && !isError) return new LineParts(body)
  const reader = body.getReader()
  const cancel = (): void => void reader.cancel().catch(() => {})
  rules.signal.addEventListener('abort', cancel, { once: true })
  try {
    if (!wire.mediaTypes.includes(essence) || !utf8) return await nothing(reader, isError)
    const bytes = await readBounded(reader, maxAnswerBytes)
    if (bytes.length === 0) return noParts
    return isError ? errorIn(bytes, rules) : wire.parse(bytes)
  } finally {
    rules.signal.removeEventListener('abort', cancel)
    // Does nothing where all was read.
    cancel()
  }
}

async function nothing(reader: ReadableStreamDefaultReader<Uint8Array>, isError: boolean): Promise<unknown> {
  if (isError) return noParts
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return noParts
    if (value.length > 0) throw new GuardError('payload_unsupported', { reason: 'the answer has a media type that no control can read' })
  }
}

// A server may report errors in a shape of its own: what the codec does not know is not passed, and the status says enough.
function errorIn(bytes: Uint8Array, { codec, wire }: AnswerRules): unknown {
  try {
    const value = wire.parse(bytes)
    codec.answer.snapshot(value, false)
    return value
  } catch {
    return noParts
  }
}

/** How long a sender may take to close after its end marker before its connection is dropped, in milliseconds. */
const closing = 1_000

const done: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined })

/**
 * The parts that a body of server-sent events holds, read as they are asked for. Written by hand: the body must be let go
 * also where nobody ever asked for a part, and a generator that was never started would not.
 */
export class EventParts implements AsyncIterableIterator<unknown> {
  /** Whether the sender said that this was all. A stream that was cut does not. */
  sawEnd = false
  readonly #wire: WireCodec
  readonly #clock: Clock
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly #events: EventParser
  #waiting: ServerSentEvent[] = []
  #next = 0
  #ended = false

  constructor(body: ReadableStream<Uint8Array>, wire: WireCodec, clock: Clock) {
    this.#reader = body.getReader()
    this.#wire = wire
    this.#clock = clock
    this.#events = eventParser()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<unknown>> {
    while (!this.#ended) {
      const event = this.#waiting[this.#next++]
      if (event === undefined) {
        await this.#read()
        continue
      }
      const part = this.#wire.parseEvent(event.data)
      if (part !== undefined) return { done: false, value: part }
      this.sawEnd = true
      this.#ended = true
      void this.#close()
    }
    return done
  }

  async return(): Promise<IteratorResult<unknown>> {
    this.#ended = true
    await this.#reader.cancel()
    return done
  }

  async #read(): Promise<void> {
    const { done: isDone, value } = await this.#reader.read()
    this.#next = 0
    this.#waiting = isDone ? [] : this.#events.push(value)
    if (!isDone) return
    this.#ended = true
    this.#events.end()
  }

  // What follows the end marker is nobody's, but a body that was read to its end leaves its connection usable.
  async #close(): Promise<void> {
    const drop = (): void => void this.#reader.cancel().catch(() => {})
    const cancel = this.#clock.after(closing, drop)
    try {
      while (!(await this.#reader.read()).done);
    } catch {
      // It has ended, in whatever way.
    } finally {
      cancel()
    }
  }
}
