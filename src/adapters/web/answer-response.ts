import { isStream } from '../../guard/hidden-stream.ts'
import { SealedPart } from '../../guard/sealed-part.ts'
import type { WireCodec } from '../../guard/codec.ts'
import { type EventEnd, eventBody } from './event-body.ts'
import { noParts } from './received-answer.ts'

/** What stands around an answer. */
export interface AnswerHead {
  readonly status: number
  readonly statusText?: string
  readonly headers: Headers
}

/**
 * A guarded answer as a web response: a value as one body, an iterator of parts as server-sent events.
 *
 * @param given what the function gave, before the controls.
 */
export async function answerResponse(answer: unknown, given: unknown, head: AnswerHead, wire: WireCodec, end: EventEnd): Promise<Response> {
  const { headers } = head
  if (isStream(answer) && Symbol.asyncIterator in answer) {
    const parts = answer[Symbol.asyncIterator]()
    if (given === noParts) {
      await drain(parts)
      return new Response(null, head)
    }
    headers.set('content-type', 'text/event-stream; charset=utf-8')
    headers.set('cache-control', 'no-store')
    // Proxies that gather what they pass on would hold the parts back.
    headers.set('x-accel-buffering', 'no')
    return new Response(eventBody(parts, wire, end), head)
  }
  const isSealed = answer instanceof SealedPart
  headers.set('content-type', isSealed ? answer.mediaType : (wire.mediaTypes[0] ?? 'application/octet-stream'))
  return new Response(isSealed ? answer.body : wire.serialize(answer), head)
}

// To the call's own end. What a control may put at the end of nothing has nowhere to stand.
async function drain(parts: AsyncIterator<unknown>): Promise<void> {
  while ((await parts.next()).done !== true);
}
