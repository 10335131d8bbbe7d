import type { Codec } from '../../guard/codec.ts'
import type { Guard } from '../../guard/guard.ts'
import type { Operation } from '../../guard/operation.ts'
import { type WireMediator, wireMediator } from '../web/wire-operation.ts'
import { endpoints } from './endpoints.ts'

/** Where a request may go, and the chain and operation for it. */
export interface Route {
  readonly mediator: WireMediator
  matches(method: string, path: string): boolean
  agrees(path: string, payload: unknown): boolean
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
export function routesOf(guard: Guard, codec: Codec | 'auto', operation: Operation<never> | undefined): Routes {
  const read: Codec | 'auto' = operation?.codec === undefined || operation.codec === 'auto' ? codec : operation.codec
  const fitting = endpoints.filter((endpoint) => read === 'auto' || endpoint.codec === read)
  const unknown = wireMediator(guard, { action: unresolved, resource: unresolved, codec: read === 'auto' ? fitting[0]?.codec : read }, 'value')
  if (operation !== undefined && read !== 'auto') {
    // Whoever says what a request does also says where it may go.
    const mediator = wireMediator(guard, { ...operation, codec: read }, 'value')
    return { known: [{ mediator, matches: (method) => method !== 'GET' && method !== 'HEAD', agrees: always }], unknown }
  }
  if (fitting.length === 0) throw new TypeError('options.operation: no endpoint is known for this codec, so say what a request does, and to what')
  const known = fitting.map((endpoint) => ({
    mediator: wireMediator(guard, { ...(operation ?? endpoint.operation), codec: endpoint.codec }, 'value'),
    matches: endpoint.matches,
    agrees: operation === undefined ? endpoint.agrees : always,
  }))
  return { known, unknown }
}

function unresolved(): never {
  throw new TypeError('a request to an endpoint that is not known has no operation')
}

const always = (): boolean => true
