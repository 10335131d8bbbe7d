import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Awaitable, Call } from '../../guard/context.ts'
import { GuardError } from '../../guard/errors.ts'
import type { Guard } from '../../guard/guard.ts'
import type { Unprotected } from '../../guard/order.ts'
import { nodeRequest } from '../node/node-request.ts'
import { withhold } from '../node/withhold.ts'
import { type Answer, channelOf, headOf, serve } from '../web/guard-handler.ts'
import { type ServerOptions, serverSettings, stateCall, wireMediator, type WireOperation } from '../web/server-options.ts'

/** Options of `fastifyGuard`. */
export type FastifyOptions = ServerOptions<FastifyRequest>

/** A route of Fastify: its options, to be given as they are, or spread into more. */
export interface FastifyRoute {
  /** Where the whole exchange takes place: before Fastify reads the body. */
  readonly onRequest: (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>
  /** Never runs: what comes to it has been answered. */
  readonly handler: (request: FastifyRequest, reply: FastifyReply) => Promise<never>
}

/**
 * A route of Fastify (5) behind the controls of a guard: full mediation, as with `guardHandler`. The handler gets Fastify's own request,
 * with the body as the controls rewrote it in `request.body` and without the caller's credentials and cookies, and returns its answer; it
 * does not send one.
 *
 * It stands in the route's `onRequest`, since Fastify reads the body right behind it. Hooks of the application that come before it run
 * before it; those that come later than `onRequest` and before the handler (`preParsing`, `preValidation`, `preHandler`) do not run for this route, and
 * neither do Fastify's own schemas: the operation's codec reads the body.
 *
 * ```ts
 * app.post('/chat', fastifyGuard(base, operation, (request, call) => model.create(call.input, { signal: call.signal })))
 * ```
 *
 * @throws TypeError for an incomplete chain, a wrong operation or a wrong option.
 */
export function fastifyGuard<C extends Call, I>(
  guard: Guard<C> & ([Unprotected<C>] extends [never] ? unknown : Unprotected<C>),
  operation: WireOperation<I>,
  handler: (request: FastifyRequest, call: C & { readonly input: I }) => Awaitable<Answer>,
  options: FastifyOptions = {},
): FastifyRoute {
  const mediator = wireMediator(guard, operation, 'wire')
  const settings = serverSettings(options)
  if (typeof handler !== 'function') throw new TypeError('fastifyGuard: the handler must be a function')
  return {
    async onRequest(request, reply) {
      const { raw } = request
      const web = nodeRequest(raw, reply.raw, request.originalUrl)
      if (web === undefined) return reply.code(501).send()
      const { headers, body } = web
      const stated = stateCall(settings, request, headOf(web), channelOf(web))
      const answer = await serve(mediator, settings, {
        headers,
        body,
        stated: raw.readableDidRead ? { ...stated, mistake: lateGuard() } : stated,
        handle(input, call) {
          withhold(raw)
          raw.headers['content-type'] = mediator.wire.mediaTypes[0]
          request.body = input
          return handler(request, call as C & { readonly input: I })
        },
      })
      return reply.send(answer)
    },
    handler: () => Promise.reject(new TypeError('fastifyGuard: its onRequest was taken out of the route')),
  }
}

function lateGuard(): GuardError {
  return new GuardError('misconfigured', { reason: 'the body was read already, by a hook before the guard' })
}
