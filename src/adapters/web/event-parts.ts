import type { Clock } from '../../guard/clock.ts'
import type { WireCodec } from '../../guard/codec.ts'
import { type EventParser, eventParser, type ServerSentEvent } from '../../payload/server-sent-events.ts'

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
