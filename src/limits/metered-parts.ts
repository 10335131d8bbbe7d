import type { Step } from '../guard/control.ts'
import type { GuardError } from '../guard/errors.ts'
import { isThenable } from '../guard/thenable.ts'
import type { Spending } from './spending.ts'

/** The parts of an answer, each counted before it goes on. Written by hand: every part of every stream passes here. */
export class MeteredParts implements AsyncIterableIterator<unknown> {
  readonly #inner: AsyncIterator<unknown>
  readonly #spending: Spending
  readonly #step: Step

  constructor(parts: AsyncIterable<unknown>, spending: Spending, step: Step) {
    this.#inner = parts[Symbol.asyncIterator]()
    this.#spending = spending
    this.#step = step
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<unknown>> {
    const part = await this.#inner.next()
    if (part.done === true) return part
    const verdict = this.#spending.take(part.value, this.#step.streamed)
    const error: GuardError | undefined = isThenable(verdict) ? await verdict : verdict
    if (error === undefined) return part
    this.#step.end(error)
    throw error
  }

  async return(): Promise<IteratorResult<unknown>> {
    return (await this.#inner.return?.()) ?? { done: true, value: undefined }
  }
}
