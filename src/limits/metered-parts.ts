import type { Awaitable } from '../guard/context.ts'
import type { Step } from '../guard/control.ts'
import type { GuardError } from '../guard/errors.ts'
import { isThenable } from '../guard/thenable.ts'
import type { Spending } from './spending.ts'

/** A part of an answer, once it was counted. @throws GuardError that the call has to end with, if it has to. */
export function metered(part: unknown, spending: Spending, step: Step): Awaitable<unknown> {
  const verdict = spending.take(part, step.streamed)
  return isThenable(verdict) ? verdict.then((error) => passed(part, error, step)) : passed(part, verdict, step)
}

function passed(part: unknown, error: GuardError | undefined, step: Step): unknown {
  if (error === undefined) return part
  step.end(error)
  throw error
}

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
    const counted = metered(part.value, this.#spending, this.#step)
    if (isThenable(counted)) await counted
    return part
  }

  async return(): Promise<IteratorResult<unknown>> {
    return (await this.#inner.return?.()) ?? { done: true, value: undefined }
  }
}
