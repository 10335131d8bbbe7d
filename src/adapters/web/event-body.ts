import type { WireCodec } from '../../guard/codec.ts'
import { SealedPart } from '../../guard/sealed-part.ts'
import { serializeEvent } from '../../payload/server-sent-events.ts'

const encoder = new TextEncoder()

/** What follows the last part. */
export interface EventEnd {
  /** Whether the protocol's end marker belongs at the end of these parts. */
  isWhole(): boolean
  /** The data of the last event after this error; undefined where the body itself is to fail with it. */
  failure(error: unknown): string | undefined
  /** What the body fails with, where it does. */
  reason(error: unknown): unknown
}

/**
 * Guarded parts as the body of an answer with server-sent events. A part is asked for when the reader asks, so the
 * slowest of them sets the pace; a reader that leaves ends the call.
 */
export function eventBody(parts: AsyncIterator<unknown>, wire: WireCodec, end: EventEnd): ReadableStream<Uint8Array> {
  let left = false
  let sealed = false
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await parts.next()
          if (left) return
          if (done !== true) {
            sealed ||= value instanceof SealedPart
            return controller.enqueue(event(value instanceof SealedPart ? value.body : wire.serializeEvent(value)))
          }
          // What is sealed says so itself where it ends.
          if (wire.endMarker !== undefined && !sealed && end.isWhole()) controller.enqueue(event(wire.endMarker))
          controller.close()
        } catch (error) {
          if (left) return
          left = true
          // Where it was the writing that failed, the parts go on.
          parts.return?.().catch(() => {})
          const data = end.failure(error)
          if (data === undefined) return controller.error(end.reason(error))
          controller.enqueue(event(data))
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

function event(data: string): Uint8Array {
  return encoder.encode(serializeEvent({ data }))
}
