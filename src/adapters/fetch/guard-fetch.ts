import { checkNames } from '../../guard/check-options.ts'
import type { Codec } from '../../guard/codec.ts'
import type { Call, Credentials } from '../../guard/context.ts'
import type { Guard } from '../../guard/guard.ts'
import type { Operation } from '../../guard/operation.ts'
import type { Unprotected } from '../../guard/order.ts'
import { callHandleField } from '../web/answer-fields.ts'
import { bodyBounds, type WireMediator, wireMediator } from '../web/server-options.ts'
import { CallHandles } from './call-handles.ts'
import { endpoints } from './endpoints.ts'
import { Exchange, type Fetch } from './exchange.ts'
import { Retries } from './retries.ts'

/** Options of `guardFetch`. */
export interface GuardFetchOptions<I> {
  /** How requests and answers are read; by the endpoint (`'auto'`) unless given. */
  readonly codec?: Codec<I> | 'auto'
  /** What every request through this `fetch` does; by the endpoint and the model that the request names unless given. */
  readonly operation?: Operation<I>
  /** Who the caller is, for a request without `through`. Called once a request, at its beginning. Must not wait. */
  readonly credentials?: () => Credentials | undefined
  /** What sends the requests; the runtime's own `fetch`, as it is now, unless given. */
  readonly fetch?: Fetch
  /** The longest request body, in bytes; 8 MiB unless given. */
  readonly maxBodyBytes?: number
  /** The longest whole answer, in bytes; 8 MiB unless given. */
  readonly maxAnswerBytes?: number
}

/** A `fetch` behind the controls of a guard. */
export interface GuardedFetch extends Fetch {
  /**
   * Header fields that carry a call's authority into one request of an SDK: an unguessable handle that is valid in this
   * process while the call lasts, and is taken off before the wire.
   */
  through(call: Call): Record<string, string>
}

/**
 * A `fetch` whose every request goes through the controls of a guard: give it to a model client as its `fetch`. Works for
 * whatever the client does, since all of it ends here: helpers, streams, raw requests.
 *
 * A request's JSON body is read by the codec, rewritten by the controls and built anew; the answer goes back through the
 * controls, whole or as server-sent events, errors of the vendor included. An endpoint that is not known is refused unless
 * `operation` says what it does. The client's own `Authorization` is the vendor's key and never the caller's credential.
 *
 * A refusal is *returned*: a response with the refusal's status, a body in which the client finds an error of its own kind,
 * and `x-should-retry: false`. What the network throws is rethrown unchanged. A retry of the client is a new call. It has no
 * request of its own in the limits where it acts for the same call (`through`), with the same bytes, after an attempt that failed;
 * that holds at most twice. Redirects are refused: the address is part of what was authorized. Of the response's
 * header fields, which no control reads, request ids, retry times and rate limits are handed on where they have a plain form;
 * lost are all others, `statusText`, `url` and `redirected`.
 *
 * ```ts
 * const guarded = guardFetch(base, { credentials: () => ({ authorization: `Bearer ${token}` }) })
 * const client = new OpenAI({ apiKey, fetch: guarded })
 * await client.chat.completions.create(request, { headers: guarded.through(call) })
 * ```
 *
 * @throws TypeError for an incomplete chain or a wrong option.
 */
export function guardFetch<C extends Call, I>(
  guard: Guard<C> & ([Unprotected<C>] extends [never] ? unknown : Unprotected<C>),
  options: GuardFetchOptions<I> = {},
): GuardedFetch {
  checkNames('guardFetch', options, ['codec', 'operation', 'credentials', 'fetch', 'maxBodyBytes', 'maxAnswerBytes'])
  const { codec = 'auto', operation, credentials, fetch: send = globalThis.fetch } = options
  for (const [name, value] of Object.entries({ credentials, fetch: send }))
    if (value !== undefined && typeof value !== 'function') throw new TypeError(`options.${name}: must be a function`)
  const settings = {
    ...bodyBounds(options, 8 * 1024 * 1024),
    send,
    credentials,
    routes: routesOf(guard, codec as Codec | 'auto', operation as Operation<never> | undefined),
    handles: new CallHandles(),
    retries: new Retries(),
  }
  const guarded: Fetch = async (input, init) => new Exchange(settings, input, init).run()
  return Object.assign(guarded, {
    through(call: Call): Record<string, string> {
      if (typeof call !== 'object' || call === null) throw new TypeError('through: give the call that a guarded function was given')
      return { [callHandleField]: settings.handles.of(call) }
    },
  })
}

/** Where a request may go, and the chain and operation for it. */
export interface Route {
  readonly mediator: WireMediator
  matches(method: string, path: string): boolean
  agrees(path: string, payload: unknown): boolean
  /** The payload with what the path says of it. */
  complete(path: string, payload: unknown): unknown
}

/** How requests find their operation. */
export interface Routes {
  readonly known: readonly Route[]
  /** For a request that no route takes: it is refused, and recorded as what nobody knows. */
  readonly unknown: WireMediator
}

/**
 * The routes for these options: the known endpoints, or everything that carries a body where the application says what it
 * does and how to read it.
 *
 * @throws TypeError for options from which no action follows.
 */
function routesOf(guard: Guard, codec: Codec | 'auto', operation: Operation<never> | undefined): Routes {
  const read: Codec | 'auto' = operation?.codec === undefined || operation.codec === 'auto' ? codec : operation.codec
  // By its name: one that lets pass what lies at the vendor reads the same endpoint.
  const fitting = endpoints.filter((endpoint) => read === 'auto' || endpoint.codec.name === read.name)
  const unknown = wireMediator(guard, { action: unresolved, resource: unresolved, codec: read === 'auto' ? fitting[0]?.codec : read }, 'value')
  if (operation !== undefined && read !== 'auto') {
    // Whoever says what a request does also says where it may go.
    const mediator = wireMediator(guard, { ...operation, codec: read }, 'value')
    return { known: [{ mediator, matches: (method) => method !== 'GET' && method !== 'HEAD', agrees: always, complete: asItIs }], unknown }
  }
  if (fitting.length === 0) throw new TypeError('options.operation: no endpoint is known for this codec, so say what a request does, and to what')
  const known = fitting.map((endpoint) => ({
    mediator: wireMediator(guard, { ...(operation ?? endpoint.operation), codec: read === 'auto' ? endpoint.codec : read }, 'value'),
    matches: endpoint.matches,
    agrees: operation === undefined ? endpoint.agrees : always,
    complete: endpoint.complete ?? asItIs,
  }))
  return { known, unknown }
}

function unresolved(): never {
  throw new TypeError('a request to an endpoint that is not known has no operation')
}

const always = (): boolean => true
const asItIs = (_path: string, payload: unknown): unknown => payload
