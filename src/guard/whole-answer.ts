import type { Awaitable } from './context.ts'
import { GuardError } from './errors.ts'
import { isThenable } from './thenable.ts'

type Change = (answer: unknown) => Awaitable<unknown>

const done: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined })

/**
 * A whole answer on its way out. For controls it is a stream of one part, like any other; those that know better treat it
 * with `treatWhole`, so that nobody waits where there is nothing to wait for.
 */
export class WholeAnswer implements AsyncIterable<unknown> {
  readonly #inner: WholeAnswer | undefined
  readonly #value: unknown
  readonly #change: Change | undefined
  #isTaken = false

  private constructor(inner: WholeAnswer | undefined, value: unknown, change: Change | undefined) {
    this.#inner = inner
    this.#value = value
    this.#change = change
  }

  /** An answer that nobody has treated. */
  static of(value: unknown): WholeAnswer {
    return new WholeAnswer(undefined, value, undefined)
  }

  /** The same, with this done to it last. */
  after(change: Change): WholeAnswer {
    return new WholeAnswer(this, undefined, change)
  }

  /** The answer, treated by all who are further in: now and not before. Once, like any stream. */
  take(): Awaitable<unknown> {
    if (this.#isTaken) throw new GuardError('misconfigured', { reason: 'a control swallowed the answer' })
    this.#isTaken = true
    const change = this.#change
    if (this.#inner === undefined || change === undefined) return this.#value
    const before = this.#inner.take()
    return isThenable(before) ? Promise.resolve(before).then(change) : change(before)
  }

  [Symbol.asyncIterator](): AsyncIterator<unknown> {
    return {
      next: async () => (this.#isTaken ? done : { done: false, value: await this.take() }),
      return: () => {
        this.#isTaken = true
        return Promise.resolve(done)
      },
    }
  }
}

/** What becomes of each part of an answer that is whole: at once where nothing has to be waited for. */
export function treatWhole(parts: AsyncIterable<unknown>, change: Change): AsyncIterable<unknown> {
  return parts instanceof WholeAnswer ? parts.after(change) : treatEach(parts, change)
}

async function* treatEach(parts: AsyncIterable<unknown>, change: Change): AsyncGenerator<unknown, void, undefined> {
  for await (const part of parts) yield await change(part)
}
