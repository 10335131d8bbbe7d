import type { Request, RequestHandler } from 'express'
import type { Awaitable, Call } from '../../guard/context.ts'
import type { Guard } from '../../guard/guard.ts'
import type { Unprotected } from '../../guard/order.ts'
import { nodeRequest } from '../node/node-request.ts'
import { writeResponse } from '../node/node-response.ts'
import { withhold } from '../node/withhold.ts'
import { type Answer, serve } from '../web/guard-handler.ts'
import { type ServerOptions, serverSettings, wireMediator, type WireOperation } from '../web/server-options.ts'
import { replaceBody, stateExpressCall } from './express-request.ts'

/** Options of `expressGuard` and `expressAdmit`. */
export type ExpressOptions = ServerOptions<Request>

/**
 * An Express handler behind the controls of a guard: full mediation, as with `guardHandler`. The handler gets Express's own
 * request, with the body as the controls rewrote it in `request.body` and without the caller's credentials and cookies, and
 * returns its answer; it does not write one.
 *
 * Mount it before body parsers: after one the bytes that came are gone, and every call is refused with 500 `misconfigured`.
 *
 * ```ts
 * app.post('/chat', expressGuard(base, operation, (request, call) => model.create(call.input, { signal: call.signal })))
 * ```
 *
 * @throws TypeError for an incomplete chain, a wrong operation or a wrong option.
 */
export function expressGuard<C extends Call, I>(
  guard: Guard<C> & ([Unprotected<C>] extends [never] ? unknown : Unprotected<C>),
  operation: WireOperation<I>,
  handler: (request: Request, call: C & { readonly input: I }) => Awaitable<Answer>,
  options: ExpressOptions = {},
): RequestHandler {
  const mediator = wireMediator(guard, operation, 'wire')
  const settings = serverSettings(options)
  if (typeof handler !== 'function') throw new TypeError('expressGuard: the handler must be a function')
  return async function expressGuard(request, response) {
    const web = nodeRequest(request, response, request.originalUrl)
    if (web === undefined) return writeResponse(new Response(null, { status: 501 }), response)
    const { headers, body } = web
    const answer = await serve(mediator, settings, {
      headers,
      body,
      stated: stateExpressCall(settings, request, web, true),
      handle(input, call) {
        withhold(request)
        replaceBody(request, input, mediator.wire)
        return handler(request, call as C & { readonly input: I })
      },
    })
    await writeResponse(answer, response)
  }
}
