import type { WireCodec } from '../../guard/codec.ts'
import { isGuardError, toProblem } from '../../guard/errors.ts'

/**
 * The answer that says why not: an RFC 9457 problem with the refusal's status and headers. Beside the problem's members
 * stand those in which this protocol's own clients look for an error, so that they find one. Of what is no refusal it
 * tells nothing.
 */
export function refusalResponse(error: unknown, wire?: WireCodec): Response {
  const problem = toProblem(error)
  const headers = new Headers(isGuardError(error) ? error.headers : undefined)
  headers.set('content-type', 'application/problem+json')
  headers.set('cache-control', 'no-store')
  const body = JSON.stringify({ ...(wire && membersOf(wire.errorEvent(problem.code, problem.title))), ...problem })
  return new Response(body, { status: problem.status, headers })
}

function membersOf(event: string): object {
  if (!event.startsWith('{')) return {}
  const value: unknown = JSON.parse(event)
  return typeof value === 'object' && value !== null ? value : {}
}
