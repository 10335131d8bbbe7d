import type { WireCodec } from '../../guard/codec.ts'
import { GuardError, toProblem } from '../../guard/errors.ts'
import { GuardedParts } from '../../guard/guarded-parts.ts'
import { isStream } from '../../guard/guarded-parts.ts'
import { type SealAnswer, SealedPart } from '../../guard/control.ts'
import { serializeEvent } from '../../payload/server-sent-events.ts'
import { refusalFields } from './answer-fields.ts'
import { LineParts, lineTypes } from './line-parts.ts'
import { noParts } from './received-answer.ts'

/** What stands around an answer. */
interface AnswerHead {
  readonly status: number
  readonly headers: Headers
}

/**
 * A guarded answer as a web response: a value as one body, an iterator of parts as server-sent events, or in lines where they came so.
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
    const isLines = given instanceof LineParts
    headers.set('content-type', isLines ? (lineTypes[0] ?? '') : 'text/event-stream; charset=utf-8')
    headers.set('cache-control', 'no-store')
    // Proxies that gather what they pass on would hold the parts back.
    headers.set('x-accel-buffering', 'no')
    return new Response(partsBody(parts, wire, end, isLines ? lines : events), head)
  }
  const isSealed = answer instanceof SealedPart
  headers.set('content-type', isSealed ? answer.mediaType : (wire.mediaTypes[0] ?? 'application/octet-stream'))
  return new Response(isSealed ? answer.body : wire.serialize(answer), head)
}

// To the call's own end. What a control may put at the end of nothing has nowhere to stand.
async function drain(parts: AsyncIterator<unknown>): Promise<void> {
  while ((await parts.next()).done !== true);
}

const encoder = new TextEncoder()

/** What follows the last part. */
interface EventEnd {
  /** Whether the protocol's end marker belongs at the end of these parts. */
  isWhole(): boolean
  /** The data of the last event after this error; undefined where the body itself is to fail with it. */
  failure(error: unknown): string | undefined
  /** What the body fails with, where it does. */
  reason(error: unknown): unknown
}

/** How parts are written. */
interface Framing {
  part(value: unknown, wire: WireCodec): Uint8Array
  readonly hasMarker: boolean
  failure(data: string, wire: WireCodec): Uint8Array
}

const events: Framing = {
  part: (value, wire) => (value instanceof SealedPart ? event(value.body, undefined) : event(wire.serializeEvent(value), wire.eventType?.(value))),
  hasMarker: true,
  failure: (data, wire) => event(data, wire.errorEventType),
}

const lines: Framing = {
  part(value, wire) {
    // Whoever opens sealed parts reads them from events.
    if (value instanceof SealedPart) throw new GuardError('payload_unsupported', { reason: 'sealed parts in JSON lines' })
    return encoder.encode(`${wire.serialize(value)}\n`)
  },
  hasMarker: false,
  failure: (data) => encoder.encode(`${data}\n`),
}

/**
 * Guarded parts as the body of an answer. A part is asked for when the reader asks, so the
 * slowest of them sets the pace; a reader that leaves ends the call.
 */
function partsBody(parts: AsyncIterator<unknown>, wire: WireCodec, end: EventEnd, framing: Framing): ReadableStream<Uint8Array> {
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
            return controller.enqueue(framing.part(value, wire))
          }
          // What is sealed says so itself where it ends.
          if (wire.endMarker !== undefined && framing.hasMarker && !sealed && end.isWhole()) controller.enqueue(event(wire.endMarker, undefined))
          controller.close()
        } catch (error) {
          if (left) return
          left = true
          // Where it was the writing that failed, the parts go on.
          parts.return?.().catch(() => {})
          const data = end.failure(error)
          if (data === undefined) return controller.error(end.reason(error))
          controller.enqueue(framing.failure(data, wire))
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

function event(data: string, type: string | undefined): Uint8Array {
  return encoder.encode(serializeEvent(type === undefined ? { data } : { data, event: type }))
}

/** Ends the call whose answer nobody will read, where it is a stream and has not ended by itself. */
export function discard(answer: unknown): void {
  if (answer instanceof GuardedParts) answer.return().catch(() => {})
}

/**
 * The answer that says why not: an RFC 9457 problem with the refusal's status and headers, and a challenge where a 401 brings
 * none. Beside the problem's members stands `error`, where this protocol has it: in it the vendors' clients look for what went
 * wrong. Of what is no refusal it tells nothing.
 */
export function refusalResponse(error: unknown, wire?: WireCodec): Response {
  const problem = toProblem(error)
  const headers = refusalFields(error)
  // RFC 9110, section 11.6.1: a 401 without a challenge tells nobody what to present.
  if (problem.status === 401 && !headers.has('www-authenticate')) headers.set('www-authenticate', 'Bearer')
  headers.set('content-type', 'application/problem+json')
  headers.set('cache-control', 'no-store')
  // What a browser shows of it is text and nothing more, wherever it was embedded.
  headers.set('x-content-type-options', 'nosniff')
  headers.set('content-security-policy', "default-src 'none'; frame-ancestors 'none'")
  const body = JSON.stringify({ ...(wire && errorMember(wire.errorEvent(problem.code, problem.title))), ...problem })
  return new Response(body, { status: problem.status, headers })
}

/** Statuses that a response with a body cannot have. */
const bodiless: readonly number[] = [204, 205, 304]

/** What no `response` phase has seen, sealed where the caller asked sealed; nothing of it in clear, whatever fails. */
export async function sealedResponse(response: Response, seal: SealAnswer | undefined): Promise<Response> {
  if (seal === undefined) return response
  const { status } = response
  const headers = new Headers(response.headers)
  try {
    const { mediaType, body } = await seal(await response.text(), headers.get('content-type') ?? 'text/plain', status)
    headers.set('content-type', mediaType)
    return new Response(body, { status: bodiless.includes(status) ? 200 : status, headers })
  } catch {
    return new Response(null, { status: 500 })
  }
}

function errorMember(event: string): object {
  if (!event.startsWith('{')) return {}
  const value: unknown = JSON.parse(event)
  return typeof value === 'object' && value !== null && 'error' in value ? { error: value.error } : {}
}
