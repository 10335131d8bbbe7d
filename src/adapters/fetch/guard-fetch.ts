import type { Codec } from '../../guard/codec.ts'
import type { Call, Credentials } from '../../guard/context.ts'
import type { Guard } from '../../guard/guard.ts'
import type { Operation } from '../../guard/operation.ts'
import type { Unprotected } from '../../guard/order.ts'
import { callHandleField } from '../web/call-handle-field.ts'
import { bodyBounds } from '../web/server-options.ts'
import { CallHandles } from './call-handles.ts'
import { Exchange, type Fetch } from './exchange.ts'
import { routesOf } from './routes.ts'

/** Options of `guardFetch`. */
export interface GuardFetchOptions<I> {
  /** How requests and answers are read; by the endpoint (`'auto'`) unless given. */
  readonly codec?: Codec<I> | 'auto'
  /** What every request through this `fetch` does; by the endpoint and the model that the request names unless given. */
  readonly operation?: Operation<I>
  /** Who the caller is, for a request without `through`. Called once a request, at its beginning. */
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
 * and `x-should-retry: false`. What the network throws is rethrown unchanged. A retry of the client is a new call, with a
 * request of its own in the limits. Redirects are refused: the address is part of what was authorized. Lost are `url` and
 * `redirected` of the response, and fields that describe the bytes as they came.
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
  if (typeof options !== 'object' || options === null) throw new TypeError('options: must be an object')
  const { codec = 'auto', operation, credentials, fetch: send = globalThis.fetch } = options
  for (const [name, value] of Object.entries({ credentials, fetch: send }))
    if (value !== undefined && typeof value !== 'function') throw new TypeError(`options.${name}: must be a function`)
  const settings = {
    ...bodyBounds(options, 8 * 1024 * 1024),
    send,
    credentials,
    routes: routesOf(guard, codec as Codec | 'auto', operation as Operation<never> | undefined),
    handles: new CallHandles(),
  }
  const guarded: Fetch = async (input, init) => new Exchange(settings, input, init).run()
  return Object.assign(guarded, {
    through(call: Call): Record<string, string> {
      if (typeof call !== 'object' || call === null) throw new TypeError('through: give the call that a guarded function was given')
      return { [callHandleField]: settings.handles.of(call) }
    },
  })
}
