import type { IncomingMessage, ServerResponse } from 'node:http'
import { checkNames } from '../../guard/check-options.ts'
import type { Awaitable } from '../../guard/context.ts'
import { abandon } from '../../guard/thenable.ts'
import { originOf } from '../web/server-options.ts'
import { nodeRequest } from './node-request.ts'
import { writeResponse } from './node-response.ts'

/** Options of `toNode`. */
export interface NodeOptions {
  /** What the URL of a request begins with; the `Host` field, which the caller writes, unless given. */
  readonly origin?: string
  /** Told of what the handler throws; the caller is told nothing. Writes a line to `console.error` unless given. */
  readonly onError?: (error: unknown) => void
}

/**
 * A web-standard handler as a listener for `node:http` and `node:https`. The request's signal is aborted when
 * the client goes; an answer is written no faster than it is read. A `guardHandler` behind it knows the remote address,
 * whether the connection is encrypted and by which version of TLS, and the client's certificate, from the socket and from no
 * header field: a certificate where the server asks for one (`requestCert`) and has verified it.
 *
 * ```ts
 * createServer(toNode(guardHandler(base, operation, handler))).listen(8080)
 * ```
 *
 * @throws TypeError for a wrong option.
 */
export function toNode(
  handler: (request: Request) => Awaitable<Response>,
  options: NodeOptions = {},
): (incoming: IncomingMessage, response: ServerResponse) => void {
  if (typeof handler !== 'function') throw new TypeError('toNode: the handler must be a function')
  checkNames('toNode', options, ['origin', 'onError'])
  const { onError = report } = options
  const origin = options.origin === undefined ? undefined : originOf(options.origin)
  if (typeof onError !== 'function') throw new TypeError('options.onError: must be a function')
  return (incoming, response) => void respond(incoming, response)

  async function respond(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    let answer: Response
    try {
      const request = nodeRequest(incoming, response, incoming.url, origin)
      answer = request === undefined ? new Response(null, { status: 501 }) : await handler(request)
      if (!(answer instanceof Response)) throw new TypeError('the handler gave no Response')
    } catch (error) {
      tell(error)
      answer = new Response(null, { status: 500 })
    }
    await writeResponse(answer, response)
  }

  function tell(error: unknown): void {
    try {
      abandon(onError(error))
    } catch {
      // An error handler that throws changes no answer.
    }
  }
}

function report(error: unknown): void {
  console.error(`sallyport: a handler failed: ${error instanceof Error ? error.message : 'it threw what is no error'}`)
}
