import type { WireCodec } from '../../guard/codec.ts'
import type { Awaitable, Call, Channel, Settled } from '../../guard/context.ts'
import type { SealAnswer } from '../../guard/control.ts'
import { isGuardError, toProblem } from '../../guard/errors.ts'
import type { Guard } from '../../guard/guard.ts'
import { liveCall } from '../../guard/live-calls.ts'
import { mediate } from '../../guard/mediate.ts'
import type { Unprotected } from '../../guard/order.ts'
import { quotaHeaders } from '../../guard/quota-headers.ts'
import { abandon } from '../../guard/thenable.ts'
import { answerResponse, discard, refusalResponse, sealedResponse } from './answer-response.ts'
import { rebuiltFields } from './answer-fields.ts'
import { forwardedCertificateFields } from './forwarded-certificate.ts'
import { EventParts, isResponse, noParts, receiveAnswer, type ReceivedAnswer } from './received-answer.ts'
import { parseArrival, RequestBody } from './request-body.ts'
import {
  type RequestHead,
  type ServerOptions,
  serverSettings,
  type ServerSettings,
  stateCall,
  type StatedCall,
  unstatedChannel,
  wireMediator,
  type WireMediator,
  type WireOperation,
} from './server-options.ts'

/** What a handler may answer: a response, parts that become server-sent events, or a value that becomes one body. */
export type Answer = Response | AsyncIterable<unknown> | ReadableStream<unknown> | object | string | number | boolean | null

/** Options of `guardHandler`. */
export type HandlerOptions = ServerOptions<Request>

/**
 * A web-standard request handler behind the controls of a guard, for any server that speaks `Request` and `Response`.
 *
 * Credentials are taken from `authorization`, `dpop` and `x-api-key`; the body is read when the caller is known, up to
 * `maxBodyBytes`, and must be of one of the codec's media types, in UTF-8 and without a content encoding. The handler gets a
 * fresh request with the body as the controls rewrote it and without the caller's credentials and cookies; `call.input`
 * holds the same body as a value. Its answer goes out through the controls: a `Response` keeps its status and its header
 * fields, which no control reads (one that a `fetch` gave keeps only those that a client needs), a value becomes one body, an async iterable becomes server-sent events. A non-empty body that the codec cannot read is
 * refused; one that reports an error keeps its status and loses its body.
 *
 * Whether the connection is secure is what `toNode` saw, else what `options.channel` states, else no: a request's URL proves
 * nothing.
 *
 * A refusal becomes an RFC 9457 problem with its status and headers. What the handler throws becomes a problem that tells
 * nothing, and is told to the guard's `onError`. After the first part of a stream the status is sent, so a refusal becomes the
 * protocol's own error event. Every method goes through it, and one without a body is refused: answer CORS preflights before it.
 *
 * ```ts
 * const handler = guardHandler(base, { action: 'chat', resource: { type: 'model', id: 'gpt-5' }, codec: openaiChat },
 *   (request, call) => model.create(call.input, { signal: call.signal }))
 * ```
 *
 * @throws TypeError for an incomplete chain, a wrong operation or a wrong option.
 */
export function guardHandler<C extends Call, I>(
  guard: Guard<C> & ([Unprotected<C>] extends [never] ? unknown : Unprotected<C>),
  operation: WireOperation<I>,
  handler: (request: Request, call: C & { readonly input: I }) => Awaitable<Answer>,
  options: HandlerOptions = {},
): (request: Request) => Promise<Response> {
  const mediator = wireMediator(guard, operation, 'wire')
  const settings = serverSettings(options)
  if (typeof handler !== 'function') throw new TypeError('guardHandler: the handler must be a function')
  return (request) => {
    const { headers, body } = request
    return serve(mediator, settings, {
      headers,
      body,
      stated: stateCall(settings, request, headOf(request), channelOf(request)),
      // The engine hands over the context that the chain has built, which is what its type says.
      handle: (input, call) => handler(freshRequest(request, mediator.wire, input, call.signal), call as C & { readonly input: I }),
    })
  }
}

/** What the first lines of a web request say. */
export function headOf(request: Request): RequestHead {
  const { method, url, headers, signal } = request
  const { pathname, search } = new URL(url)
  return { method, target: pathname + search, headers, signal }
}

/**
 * Fields that a handler does not see: what the caller proved itself with, which is nobody's after the identity is known,
 * and what describes the bytes that came, which are not those that are handed on.
 */
export const withheld: readonly string[] = [
  'approval',
  'authorization',
  'cookie',
  'dpop',
  'proxy-authorization',
  'step-up-assertion',
  ...forwardedCertificateFields,
  'x-api-key',
  ...rebuiltFields,
]

/** The request as a handler gets it: the same method and URL, the rewritten body, and the call's own signal. */
export function freshRequest(request: Request, wire: WireCodec, input: unknown, signal: AbortSignal): Request {
  const headers = new Headers(request.headers)
  for (const name of withheld) headers.delete(name)
  headers.set('content-type', wire.mediaTypes[0] ?? 'application/octet-stream')
  return new Request(request.url, { method: request.method, headers, body: wire.serialize(input), signal })
}

// Beside the request and not in its headers: only what runs in this process can state it.
const channels = new WeakMap<Request, Channel>()

/** Says what the transport saw of a request. For servers that make web requests out of connections, such as `toNode`. */
export function stateChannel(request: Request, channel: Channel): void {
  channels.set(request, channel)
}

/**
 * What the transport saw of a request. Where nobody stated it, it counts as not secure: the scheme of a request's URL may be
 * the caller's to write (RFC 9112, section 3.2.2).
 */
export function channelOf(request: Request): Channel {
  return channels.get(request) ?? unstatedChannel
}

/** One request, as an adapter hands it to the core. */
interface ServedRequest {
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
  let fields: Readonly<Record<string, string>> = {}
  let received: ReceivedAnswer | undefined
  let given: unknown
  let seal: SealAnswer | undefined
  const source = {
    arrive() {
      // Here, and not at once: the engine records what is refused here.
      if (mistake !== undefined) throw mistake
      return request.bytes === undefined ? body.read() : body.take(request.bytes)
    },
    parse: parseArrival.bind(undefined, wire),
    sealWith(how: SealAnswer) {
      seal = how
    },
  }
  const handler = async (input: unknown, call: Call): Promise<unknown> => {
    granted = call
    // Before anything is asked of the handler: a quota that cannot be written spends nothing.
    fields = { ...liveCall(call)?.fields, ...quotaHeaders(granted.quota) }
    given = await request.handle(input, call)
    if (!isResponse(given)) return given
    const { maxAnswerBytes } = settings
    // What a `fetch` gave has a URL. Its fields are those of whoever answered there.
    const isForeign = given.url !== ''
    received = await receiveAnswer(given, { codec, wire, clock: chain.clock, maxAnswerBytes, isForeign, signal: call.signal })
    given = received.answer
    const live = liveCall(call)
    if (live !== undefined) live.status = received.status
    return given
  }
  const failed = (error: unknown): void => {
    if (granted === undefined || isGuardError(error)) return
    try {
      abandon(chain.onError(error, granted))
    } catch {
      // An error handler that throws changes no answer.
    }
  }
  let answer: unknown
  try {
    answer = await mediate(chain, plan, source, options, handler, true)
    const headers = new Headers(received?.headers)
    for (const [name, value] of Object.entries(fields)) headers.set(name, value)
    const response = await answerResponse(answer, given, { status: received?.status ?? 200, headers }, wire, {
      isWhole: () => !(given instanceof EventParts) || given.sawEnd,
      failure(error) {
        failed(error)
        const { code, title } = toProblem(error)
        return wire.errorEvent(code, title)
      },
      reason: (error) => error,
    })
    return given === noParts ? await sealedResponse(response, seal) : response
  } catch (error) {
    discard(answer)
    failed(error)
    return sealedResponse(refusalResponse(error, wire), seal)
  } finally {
    body.cancel()
  }
}
