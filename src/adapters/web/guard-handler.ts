import type { Awaitable, Call } from '../../guard/context.ts'
import type { Guard } from '../../guard/guard.ts'
import type { Unprotected } from '../../guard/order.ts'
import { freshRequest } from './fresh-request.ts'
import { serve } from './serve.ts'
import { type RequestHead, type ServerOptions, serverSettings, stateCall } from './server-options.ts'
import { channelOf } from './transport.ts'
import { type WireOperation, wireMediator } from './wire-operation.ts'

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
 * holds the same body as a value. Its answer goes out through the controls: a `Response` keeps its status and headers, a
 * value becomes one body, an async iterable becomes server-sent events. A non-empty body that the codec cannot read is
 * refused; one that reports an error keeps its status and loses its body.
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
