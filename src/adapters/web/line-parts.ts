import { jsonLinesParser } from '../../payload/json-lines.ts'

/** Media types of JSON values in a line each: of NDJSON, and of JSON Lines. The first is the one that is written. */
export const lineTypes: readonly string[] = ['application/x-ndjson', 'application/jsonl', 'application/ndjson', 'application/json-lines']

const done: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined })

/**
 * The parts that a body of JSON lines holds, read as they are asked for. Written by hand, as `EventParts` is: the body must be let go also
 * where nobody ever asked for a part.
 */
export class LineParts implements AsyncIterableIterator<unknown> {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly #lines = jsonLinesParser()
  #waiting: unknown[] = []
  #next = 0
  #ended = false

  constructor(body: ReadableStream<Uint8Array>) {
    this.#reader = body.getReader()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<unknown>> {
    for (;;) {
      if (this.#next < this.#waiting.length) return { done: false, value: this.#waiting[this.#next++] }
      if (this.#ended) return done
      const { done: isDone, value } = await this.#reader.read()
      this.#next = 0
      this.#waiting = isDone ? this.#lines.end() : this.#lines.push(value)
      this.#ended ||= isDone
    }
  }

  async return(): Promise<IteratorResult<unknown>> {
    this.#ended = true
    this.#waiting = []
    await this.#reader.cancel()
    return done
  }
}
