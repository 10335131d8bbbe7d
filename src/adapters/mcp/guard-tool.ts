import type { CallOptions } from '../../guard/call-options.ts'
import { checkNames } from '../../guard/check-options.ts'
import type { Call, Resource } from '../../guard/context.ts'
import { type Guard, mediator } from '../../guard/guard.ts'
import { mediate } from '../../guard/mediate.ts'
import type { Unprotected } from '../../guard/order.ts'
import { mcpTool } from '../../payload/mcp-tool.ts'
import { atOnce, authorityIn, extraFor } from './mcp-authority.ts'

/** Options of `guardTool`. */
export interface GuardToolOptions {
  /** What the tool is to policy; `{ type: 'tool', id: name }` unless given. */
  readonly resource?: Resource
  /** What comes with a call; the HTTP request's own fields unless given, as with `guardServer`. Must not wait. */
  readonly request?: (extra: unknown) => CallOptions
}

/**
 * One tool's handler behind the controls of a guard, for `registerTool` of either version of the SDK, which checks the arguments by the
 * tool's schema before it calls the handler. Where a whole server is to be guarded, use `guardServer`: this one cannot see what else the
 * server does.
 *
 * The handler gets a copy of the arguments as the controls left them; its result goes out through them. What is refused is thrown, and the
 * SDK makes it a result with `isError`.
 *
 * ```ts
 * server.registerTool('pay', { inputSchema }, guardTool(base, 'pay', async (args, extra) => pay(args)))
 * ```
 *
 * @throws TypeError for an incomplete chain, a wrong name and wrong options.
 */
export function guardTool<C extends Call, P extends readonly unknown[], R>(
  guard: Guard<C> & ([Unprotected<C>] extends [never] ? unknown : Unprotected<C>),
  name: string,
  handler: (...parameters: P) => R,
  options: GuardToolOptions = {},
): (...parameters: P) => Promise<Awaited<R>> {
  checkNames('guardTool', options, ['resource', 'request'])
  if (typeof name !== 'string' || name === '') throw new TypeError('guardTool: the name must be a non-empty string')
  if (typeof handler !== 'function') throw new TypeError('guardTool: the handler must be a function')
  const { resource = { type: 'tool', id: name }, request } = options
  if (request !== undefined && typeof request !== 'function') throw new TypeError('guardTool: request: must be a function')
  const { chain, plan } = mediator(guard, { action: 'execute_tool', resource, codec: mcpTool }, 'value')
  return async (...parameters: P): Promise<Awaited<R>> => {
    // A tool without a schema is called with what comes beside the arguments alone.
    const hasArguments = parameters.length > 1
    const extra = parameters[parameters.length - 1]
    const source = { value: { name, ...(hasArguments && { arguments: parameters[0] }) } }
    const call = request === undefined ? authorityIn(extra) : atOnce(request(extra))
    const signal = signalIn(extra)
    const answer = await mediate(chain, plan, source, { ...call, ...(signal && { signal }) }, (input, live) => {
      const own = structuredClone((input as { readonly arguments?: unknown }).arguments)
      const beside = extraFor(live, extra)
      return handler(...((hasArguments ? [own, beside] : [beside]) as unknown as P))
    })
    return answer as Awaited<R>
  }
}

// Of the first version beside the arguments, of the second one within the request.
function signalIn(extra: unknown): AbortSignal | undefined {
  if (typeof extra !== 'object' || extra === null) return undefined
  const { signal, mcpReq } = extra as { readonly signal?: unknown; readonly mcpReq?: { readonly signal?: unknown } }
  return [signal, mcpReq?.signal].find((each) => each instanceof AbortSignal)
}
