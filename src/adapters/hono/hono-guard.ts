import type { Context, MiddlewareHandler } from 'hono'
import type { Call, Channel } from '../../guard/context.ts'
import { GuardError, isGuardError } from '../../guard/errors.ts'
import type { Guard } from '../../guard/guard.ts'
import type { Unprotected } from '../../guard/order.ts'
import { channelOf, freshRequest, headOf, serve } from '../web/guard-handler.ts'
import { channelOfSocket } from '../web/socket-channel.ts'
import { type ServerOptions, serverSettings, stateCall, wireMediator, type WireOperation } from '../web/server-options.ts'

/** Options of `honoGuard`. */
export type HonoOptions = ServerOptions<Context>

/**
 * Hono middleware that puts the controls of a guard around everything behind it. What is behind sees the body as the
 * controls rewrote it, also where an earlier middleware had read it, and no credentials; `c.var.call` is the call, with
 * `input`. Its response goes out through the controls as with `guardHandler`, and so do its errors: what a handler throws
 * becomes a problem that tells nothing, told to the guard's `onError`; of an `HTTPException` the status stands.
 *
 * Mount it before `validator()`s of the body: what those have kept cannot be rewritten, so the call is refused.
 *
 * ```ts
 * app.post('/chat', honoGuard(base, operation), (c) => c.json(answerFor(c.var.call.input)))
 * ```
 *
 * @throws TypeError for an incomplete chain, a wrong operation or a wrong option.
 */
export function honoGuard<C extends Call, I>(
  guard: Guard<C> & ([Unprotected<C>] extends [never] ? unknown : Unprotected<C>),
  operation: WireOperation<I>,
  options: HonoOptions = {},
): MiddlewareHandler<{ Variables: { call: C & { readonly input: I } } }> {
  const mediator = wireMediator(guard, operation, 'wire')
  const settings = serverSettings(options)
  return async function honoGuard(c, next) {
    const { raw } = c.req
    const isRead = raw.bodyUsed || Object.keys(c.req.bodyCache).length > 0
    let ran = false
    let earlier: Headers | undefined
    const stated = stateCall(settings, c, headOf(raw), channelIn(c))
    const response = await serve(mediator, settings, {
      headers: raw.headers,
      body: isRead ? null : raw.body,
      bytes: isRead ? async () => new Uint8Array(await c.req.arrayBuffer()) : undefined,
      stated: isValidated(c) ? { ...stated, mistake: lateGuard() } : stated,
      async handle(input, call) {
        ran = true
        c.req.raw = freshRequest(raw, mediator.wire, input, call.signal)
        // Hono answers from here before it looks at the request: what an earlier middleware had read is not rewritten.
        c.req.bodyCache = {}
        c.set('call', call as C & { readonly input: I })
        // With a response in its place Hono would copy what the handler gives, and a copy hides that it was fetched. The
        // fields that earlier middleware has set, such as those of CORS, come back at the end.
        earlier = new Headers(c.res.headers)
        c.res = undefined
        c.finalized = false
        await next()
        // Hono catches what a handler throws; `next` resolves all the same.
        return c.error === undefined ? c.res : errorAnswer(c.error)
      },
    })
    // With the fields that earlier middleware has set, such as those of CORS.
    if (!ran) return c.newResponse(response.body, response)
    // Setting a response over another one would copy the old one's fields onto it.
    c.res = undefined
    for (const [name, value] of earlier ?? []) if (name === 'set-cookie' || !response.headers.has(name)) response.headers.append(name, value)
    c.res = response
    return undefined
  }
}

// An error that names a status and makes a response was thrown on purpose. Its text is nothing that a control has seen.
function errorAnswer(error: Error): Response {
  if (!isGuardError(error) && 'getResponse' in error && 'status' in error) {
    const { status } = error
    if (typeof status === 'number' && Number.isInteger(status) && status >= 400 && status <= 599) return new Response(null, { status })
  }
  throw error
}

function lateGuard(): GuardError {
  return new GuardError('misconfigured', { reason: 'a validator() of the body stands before honoGuard()' })
}

function isValidated(c: Context): boolean {
  const valid: (target: 'json' | 'form') => unknown = c.req.valid.bind(c.req) as never
  return valid('json') !== undefined || valid('form') !== undefined
}

// `@hono/node-server` hands the connection over beside the request. Elsewhere it is what `toNode` or the application states.
function channelIn(c: Context): Channel {
  const environment: unknown = c.env
  if (!isRecord(environment) || !isRecord(environment.incoming) || !isRecord(environment.incoming.socket)) return channelOf(c.req.raw)
  return channelOfSocket(environment.incoming.socket)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
