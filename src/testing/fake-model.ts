import { GuardError } from '../guard/errors.ts'

/** What a fake model answers: a whole value, a stream of chunks, or an error. */
export type FakeAnswer<T> = { readonly reply: T } | { readonly chunks: readonly T[] } | { readonly error: unknown }

/** A model that a test can read. Give it to `guard.protect`. */
export interface FakeModel<I, O> {
  (input: I, call?: { readonly signal?: AbortSignal }): O
  /** Inputs so far, oldest first. */
  readonly inputs: readonly I[]
  /** How many of its streams were stopped before their end. */
  readonly stopped: number
}

/** A model that always gives this answer. */
export function fakeModel<T, I = unknown>(answer: { readonly reply: T }): FakeModel<I, Promise<T>>
/** A model that always streams these chunks. */
export function fakeModel<T, I = unknown>(answer: { readonly chunks: readonly T[] }): FakeModel<I, AsyncIterable<T>>
/** A model that always fails in this way. */
export function fakeModel<I = unknown>(answer: { readonly error: unknown }): FakeModel<I, Promise<never>>
export function fakeModel<T, I>(answer: FakeAnswer<T>): FakeModel<I, unknown> {
  const inputs: I[] = []
  let stopped = 0
  async function* stream(chunks: readonly T[], signal: AbortSignal | undefined): AsyncGenerator<T> {
    let whole = false
    try {
      for (const chunk of chunks) {
        if (signal?.aborted === true) throw new GuardError('aborted', { cause: signal.reason })
        yield chunk
      }
      whole = true
    } finally {
      if (!whole) stopped++
    }
  }
  const model = (input: I, call?: { readonly signal?: AbortSignal }): unknown => {
    inputs.push(input)
    if ('chunks' in answer) return stream(answer.chunks, call?.signal)
    return 'error' in answer ? Promise.reject(answer.error) : Promise.resolve(answer.reply)
  }
  return Object.defineProperties(model, { inputs: { get: () => inputs }, stopped: { get: () => stopped } }) as FakeModel<I, unknown>
}
