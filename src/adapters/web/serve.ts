import type { Call, Settled } from '../../guard/context.ts'
import { isGuardError, toProblem } from '../../guard/errors.ts'
import { mediate } from '../../guard/mediate.ts'
import { answerResponse } from './answer-response.ts'
import { EventParts } from './event-parts.ts'
import { quotaHeaders } from '../../guard/quota-headers.ts'
import { isResponse, type ReceivedAnswer, receiveAnswer } from './received-answer.ts'
import { refusalResponse } from './refusal-response.ts'
import { parseArrival, RequestBody } from './request-body.ts'
import type { ServerSettings, StatedCall } from './server-options.ts'
import type { WireMediator } from './wire-operation.ts'

/** One request, as an adapter hands it to the core. */
export interface ServedRequest {
  readonly headers: Headers
  readonly body: ReadableStream<Uint8Array> | null
  /** What comes with the call. */
  readonly stated: StatedCall
  /** The body, where somebody has read it already. */
  readonly bytes?: (() => Promise<Uint8Array>) | undefined
  /** The handler. Called at most once, once the call is admitted. */
  handle(input: unknown, call: Call): unknown
}

/**
 * One request through a guard and back: the core of every server adapter. Always resolves to a response: a refusal and a
 * handler's error become one as well.
 */
export async function serve(mediator: WireMediator, settings: ServerSettings<never>, request: ServedRequest): Promise<Response> {
  const { chain, plan, codec, wire } = mediator
  const body = new RequestBody({ wire, opens: mediator.opens, maxBodyBytes: settings.maxBodyBytes }, request.headers, request.body)
  const { options, mistake } = request.stated
  let granted: Settled | undefined
  let received: ReceivedAnswer | undefined
  let given: unknown
  const source = {
    arrive() {
      // Here, and not at once: the engine records what is refused here.
      if (mistake !== undefined) throw mistake
      return request.bytes === undefined ? body.read() : body.take(request.bytes)
    },
    parse: parseArrival.bind(undefined, wire),
  }
  const handler = async (input: unknown, call: Call): Promise<unknown> => {
    granted = call
    given = await request.handle(input, call)
    if (!isResponse(given)) return given
    received = await receiveAnswer(given, { codec, wire, clock: chain.clock, maxAnswerBytes: settings.maxAnswerBytes, signal: call.signal })
    given = received.answer
    return given
  }
  const failed = (error: unknown): void => {
    if (granted === undefined || isGuardError(error)) return
    try {
      chain.onError(error, granted)
    } catch {
      // An error handler that throws changes no answer.
    }
  }
  try {
    const answer = await mediate(chain, plan, source, options, handler, true)
    const headers = new Headers(received?.headers)
    for (const [name, value] of Object.entries(quotaHeaders(granted?.quota))) headers.set(name, value)
    const head = { status: received?.status ?? 200, statusText: received?.statusText ?? '', headers }
    return await answerResponse(answer, given, head, wire, {
      isWhole: () => !(given instanceof EventParts) || given.sawEnd,
      failure(error) {
        failed(error)
        const { code, title } = toProblem(error)
        return wire.errorEvent(code, title)
      },
      reason: (error) => error,
    })
  } catch (error) {
    failed(error)
    return refusalResponse(error, wire)
  } finally {
    body.cancel()
  }
}
