import type { CallOptions } from '../../guard/call-options.ts'
import { checkNames } from '../../guard/check-options.ts'
import type { Call } from '../../guard/context.ts'
import { type Guard, mediator } from '../../guard/guard.ts'
import type { Unprotected } from '../../guard/order.ts'
import { atOnce, authorityIn } from './mcp-authority.ts'
import { GuardedConnection } from './guarded-connection.ts'
import type { GuardedMethod, ServerRules } from './guarded-request.ts'
import { mcpMethods } from './mcp-methods.ts'
import { type McpTransport, tapTransport } from './tap-transport.ts'
import { checkPins, type PinOptions, PinnedTools } from './tool-pins.ts'

/** What can be connected to a transport: a client of either version of the SDK, or a `Server`. */
export interface McpClientLike {
  /** As the SDK has it. */
  connect(transport: never): Promise<void>
}

/** A server of either version of the SDK: an `McpServer`, or the `Server` within it. */
export interface McpServerLike {
  /** As the SDK has it. */
  connect(transport: never): Promise<void>
  /** The server within, where there is one. */
  readonly server?: McpClientLike
}

/** Options of `guardServer`. */
export interface GuardServerOptions extends PinOptions {
  /** What policy and the log call this server; `mcp` unless given. */
  readonly name?: string
  /**
   * What comes with a request: `onBehalfOf` or `credentials`, `attributes`. Unless given, the HTTP request's: the call of `mcpHandler`, or
   * its own `authorization`, `dpop` and `x-api-key` fields. For transports that carry none, such as stdio. Must not wait.
   */
  readonly request?: (extra: unknown) => CallOptions
  /**
   * Methods of the server's own requests and notifications that pass although no control looks at them, such as `sampling/createMessage`,
   * `elicitation/create` and `notifications/message`. None unless given.
   */
  readonly unscanned?: readonly string[]
}

const guarded = new WeakSet<object>()

/**
 * Puts the controls of a guard around a server of the Model Context Protocol (`@modelcontextprotocol/sdk` 1, `@modelcontextprotocol/server`
 * 2), whatever it registers, before or afterwards. It stands in the transport: each request of a client is a guarded call of its own.
 *
 * | method | action | resource |
 * | --- | --- | --- |
 * | `tools/call` | `execute_tool` | `{ type: 'tool', id: name }` |
 * | `resources/read`, `subscribe`, `unsubscribe` | `read` | `{ type: 'mcp_resource', id: uri }` |
 * | `prompts/get`, `completion/complete` | `read` | `{ type: 'mcp_prompt', id: name }`, or the resource |
 * | `tools/list`, `resources/list`, `resources/templates/list`, `prompts/list` | `list` | `{ type: 'mcp_server', id: name }` |
 * | `initialize`, `server/discover`, `logging/setLevel` | `connect`, `configure` | the same |
 *
 * - A list shows only what its caller may use: what it may not it need not know of, and a model does not try.
 * - Texts in both directions go through the controls. Pictures, sound and bytes are refused; so is every method that is not named here, but
 *   `ping`. The server's own requests are refused, and its log lines are dropped, unless `unscanned` names them; of progress the numbers pass.
 * - With `pins` a tool whose descriptor is not the one that was approved is neither listed nor run.
 * - Handlers see no credentials; `mcpCall(extra)` is the call.
 * - A refusal is an error of JSON-RPC with the code in `data.code`. Approvals come in `_meta['sallyport/approvals']`.
 *
 * ```ts
 * const server = guardServer(base, new McpServer({ name: 'orders', version: '1.0.0' }), { name: 'orders' })
 * ```
 *
 * @returns the same server.
 * @throws TypeError for an incomplete chain, what is no server, one that is guarded or connected already, and wrong options.
 */
export function guardServer<C extends Call, S extends McpServerLike>(
  guard: Guard<C> & ([Unprotected<C>] extends [never] ? unknown : Unprotected<C>),
  server: S,
  options: GuardServerOptions = {},
): S {
  checkNames('guardServer', options, ['name', 'request', 'unscanned', 'pins', 'onUnpinned'])
  const { name = 'mcp', request, unscanned = [], pins, onUnpinned = () => {} } = options
  if (typeof name !== 'string' || name === '') throw new TypeError('guardServer: name: must be a non-empty string')
  if (request !== undefined && typeof request !== 'function') throw new TypeError('guardServer: request: must be a function')
  if (!Array.isArray(unscanned) || !unscanned.every((method) => typeof method === 'string'))
    throw new TypeError('guardServer: unscanned: must be a list of methods')
  checkPins('guardServer', options)
  const methods = Object.entries(mcpMethods).map(([method, rule]): [string, GuardedMethod] => {
    const operation = { action: rule.action, resource: (input: never) => rule.resource(input, name), codec: rule.codec as never }
    return [method, { ...rule, mediator: mediator(guard, operation, 'value') }]
  })
  const rules: ServerRules = {
    methods: new Map(methods),
    authority: request === undefined ? authorityIn : (extra) => atOnce(request(extra)),
    pinned: pins === undefined ? undefined : new PinnedTools(pins, onUnpinned),
    unscanned: new Set(unscanned),
  }
  tapConnections('guardServer', server, (ends) => new GuardedConnection(rules, ends))
  return server
}

/**
 * Taps every transport that this object will be connected to.
 *
 * @throws TypeError for what cannot be connected, or is guarded or connected already.
 */
export function tapConnections(factory: string, server: McpServerLike, tapOf: Parameters<typeof tapTransport>[1]): void {
  // Where one stands within the other, it is the inner one that connects.
  const inner = typeof server === 'object' && server !== null && typeof server.server === 'object' ? server.server : server
  if (typeof inner !== 'object' || inner === null || typeof inner.connect !== 'function')
    throw new TypeError(`${factory}: give a server or a client of @modelcontextprotocol`)
  if (guarded.has(inner)) throw new TypeError(`${factory}: this one is guarded already`)
  if ('transport' in inner && inner.transport !== undefined) throw new TypeError(`${factory}: this one is connected already`)
  const connect = inner.connect.bind(inner) as (transport: McpTransport, ...more: readonly unknown[]) => Promise<void>
  Object.defineProperty(inner, 'connect', {
    configurable: false,
    writable: false,
    value: async (transport: McpTransport, ...more: readonly unknown[]): Promise<void> => {
      tapTransport(transport, tapOf)
      await connect(transport, ...more)
    },
  })
  guarded.add(inner)
}
