import { GuardError } from './errors.ts'
import { asRefusal } from './refusing.ts'
import type { Run } from './run.ts'
import { tell } from './settle.ts'

/** How long a stream may go on before timers get a turn, in milliseconds: what is checked by a timer is then checked in time. */
const turnPeriod = 100

// Not every runtime has the quicker one.
const giveTurn: (task: () => void) => void = globalThis.setImmediate ?? ((task) => setTimeout(task, 0))

const done: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined })

/** Reads the function's own stream: each part becomes the engine's copy before any control sees it. */
export class SourceParts implements AsyncIterableIterator<unknown> {
  readonly #run: Run
  readonly #inner: AsyncIterator<unknown>
  #finished = false
  #turnAt: number
  /** What the function's stream threw, to tell it from what a control throws. */
  failure: { readonly error: unknown } | undefined

  constructor(run: Run, stream: AsyncIterable<unknown> | ReadableStream<unknown>) {
    this.#run = run
    this.#turnAt = run.chain.clock.monotonic()
    this.#inner = isReadable(stream) ? readerOf(stream) : stream[Symbol.asyncIterator]()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<unknown>> {
    const { plan } = this.#run
    // By the clock as well: a stream that is never out of work leaves no turn for a timer, unless it is given one.
    this.#run.checkDeadline()
    const now = this.#run.chain.clock.monotonic()
    if (now - this.#turnAt >= turnPeriod) {
      this.#turnAt = now
      await new Promise<void>((resolve) => giveTurn(() => resolve()))
    }
    if (this.#run.stopped !== undefined) throw this.#run.stopped.error
    let part: IteratorResult<unknown>
    try {
      part = await this.#inner.next()
    } catch (error) {
      this.#finished = true
      this.failure = { error }
      throw error
    }
    if (part.done === true) {
      this.#finished = true
      return done
    }
    return plan.codec === undefined ? part : { done: false, value: plan.codec.answer.snapshot(part.value, true) }
  }

  return(): Promise<IteratorResult<unknown>> {
    this.cancel()
    return Promise.resolve(done)
  }

  /** Tells the function that nobody reads any more. Does not wait: a stream that hangs would hang its end as well. */
  cancel(): void {
    if (this.#finished) return
    this.#finished = true
    try {
      this.#inner.return?.().then(undefined, () => {})
    } catch {
      // It is of no use to anybody any more; how it fails neither.
    }
  }
}

function readerOf(stream: ReadableStream<unknown>): AsyncIterator<unknown> {
  const reader = stream.getReader()
  return {
    next: async () => {
      const { done: isDone, value } = await reader.read()
      return isDone ? done : { done: false, value }
    },
    return: async () => {
      await reader.cancel()
      return done
    },
  }
}

/**
 * A guarded stream as its reader gets it. Written by hand and not as a generator, since a generator that was never
 * started does not run its `finally`: here every way to end, and every way not to begin, leads to the call's one end.
 */
export class GuardedParts implements AsyncIterableIterator<unknown> {
  readonly #run: Run
  readonly #source: SourceParts
  readonly #inner: AsyncIterator<unknown>
  #pulling: Promise<IteratorResult<unknown>> = Promise.resolve(done)
  #started = false
  #ended = false
  #told = false

  constructor(run: Run, source: SourceParts, parts: AsyncIterable<unknown>) {
    this.#run = run
    this.#source = source
    this.#inner = parts[Symbol.asyncIterator]()
    run.onStop = () => void this.#end()
    if (run.stopped !== undefined) void this.#end()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<unknown>> {
    this.#started = true
    // Whoever asks again before the last part came waits for its turn, as with a generator.
    this.#pulling = this.#pulling.then(this.#next, this.#next)
    return this.#pulling
  }

  /** The reader leaves: what runs is aborted, and the call ends. */
  async return(): Promise<IteratorResult<unknown>> {
    if (!this.#ended) this.#run.stop('left', new GuardError('aborted', { reason: 'the reader left the stream' }))
    this.#told = true
    await this.#end()
    return done
  }

  async throw(error: unknown): Promise<IteratorResult<unknown>> {
    await this.return()
    throw error
  }

  readonly #next = (): Promise<IteratorResult<unknown>> => this.#pull()

  async #pull(): Promise<IteratorResult<unknown>> {
    const run = this.#run
    if (this.#ended) return this.#after()
    let part: IteratorResult<unknown>
    try {
      part = await run.wait(this.#inner.next())
      // Stopped in the same turn in which the part came: it is not delivered any more.
      if (run.stopped !== undefined) throw run.stopped.error
    } catch (error) {
      if (this.#ended) return this.#after()
      return this.#fail(error)
    }
    if (part.done === true) {
      this.#ended = true
      this.#told = true
      const problem = await run.settle('completed')
      if (problem !== undefined) throw problem
      return done
    }
    run.parts++
    return part
  }

  // The first `next` after a stop tells why; later ones say that there is no more.
  async #after(): Promise<IteratorResult<unknown>> {
    const error = await this.#end()
    if (this.#told) return done
    this.#told = true
    throw error
  }

  async #fail(thrown: unknown): Promise<never> {
    const run = this.#run
    this.#told = true
    if (run.stopped !== undefined) throw await this.#end()
    this.#ended = true
    const failure = this.#source.failure
    const isForeign = failure !== undefined && failure.error === thrown
    const refusal = asRefusal(thrown)
    if (!isForeign && refusal.code === 'misconfigured') tell(run, refusal)
    const ended = isForeign ? run.settle('failed', thrown) : run.settle('refused', refusal)
    this.#cancel()
    throw await ended
  }

  async #end(): Promise<unknown> {
    const { stopped } = this.#run
    if (stopped === undefined) return undefined
    const wasEnded = this.#ended
    this.#ended = true
    // A reader that never began to read has left; the deadline only found it out.
    const ending = stopped.ending === 'deadline' && !this.#started ? 'left' : stopped.ending
    const ended = this.#run.settle(ending, stopped.error)
    if (!wasEnded) this.#cancel()
    return await ended
  }

  #cancel(): void {
    this.#source.cancel()
    // The controls' own stages as well, so that what they hold is let go.
    try {
      this.#inner.return?.().then(undefined, () => {})
    } catch {
      // As above.
    }
  }
}

const maxDepth = 4
const maxNodes = 10_000

/**
 * Whether a value carries a stream somewhere inside, past every control: a member that is one, or an accessor that makes
 * one, as in `Response.body` and in result objects of model SDKs. Accessors are judged by name and never called. It finds
 * an oversight near the surface; who means to hide a stream from the own guard writes the guarded function anyway.
 */
export function hidesStream(value: unknown): boolean {
  return hides(value, 0, { nodes: 0 })
}

/** Whether a value is a stream by itself. */
export function isStream(value: unknown): value is AsyncIterable<unknown> | ReadableStream<unknown> {
  if (typeof value !== 'object' || value === null) return false
  try {
    return isReadable(value) || (Symbol.asyncIterator in value && typeof value[Symbol.asyncIterator] === 'function')
  } catch {
    // A proxy that throws when it is looked at.
    return false
  }
}

/** Whether a value is a web stream that can be read. */
function isReadable(value: unknown): value is ReadableStream<unknown> {
  return typeof ReadableStream === 'function' && value instanceof ReadableStream
}

function hides(value: unknown, depth: number, spent: { nodes: number }): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (isStream(value)) return true
  if (depth >= maxDepth || ArrayBuffer.isView(value) || ++spent.nodes > maxNodes) return false
  const prototype: object | null = Object.getPrototypeOf(value)
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null && !Array.isArray(value) && offersStream(value)) return true
  for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(value)))
    if ('value' in property ? hides(property.value, depth + 1, spent) : isStreamName(name)) return true
  return false
}

// An instance of a class: its accessors stand on its prototypes.
function offersStream(value: object): boolean {
  for (let holder = Object.getPrototypeOf(value); holder !== null && holder !== Object.prototype; holder = Object.getPrototypeOf(holder))
    for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(holder)))
      if (property.get !== undefined && isStreamName(name)) return true
  return false
}

function isStreamName(name: string): boolean {
  return name === 'body' || /stream/i.test(name)
}
