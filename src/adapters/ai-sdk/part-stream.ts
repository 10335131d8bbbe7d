import { isGuardError } from '../../guard/errors.ts'

/**
 * Guarded parts as the stream that the AI SDK reads. A refusal becomes its own part for errors, and ends it; what the model's stream
 * threw breaks it off, as without a guard. A part is asked for when the reader asks; a reader that leaves ends the call.
 *
 * @param reason what the stream fails with, for this error.
 */
export function partStream(parts: AsyncIterableIterator<unknown>, reason: (error: unknown) => unknown): ReadableStream<unknown> {
  let left = false
  return new ReadableStream<unknown>(
    {
      async pull(controller) {
        try {
          const { done, value } = await parts.next()
          if (left) return
          if (done === true) controller.close()
          else controller.enqueue(value)
        } catch (error) {
          if (left) return
          left = true
          const why = reason(error)
          if (!isGuardError(why)) return controller.error(why)
          controller.enqueue({ type: 'error', error: why })
          controller.close()
        }
      },
      async cancel() {
        left = true
        await parts.return?.()
      },
    },
    // Nothing is asked for before the reader asks.
    { highWaterMark: 0 },
  )
}
