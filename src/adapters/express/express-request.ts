import type { Request as ExpressRequest } from 'express'
import type { WireCodec } from '../../guard/codec.ts'
import { GuardError } from '../../guard/errors.ts'
import { channelOf, headOf, withheld } from '../web/guard-handler.ts'
import { type ServerSettings, stateCall, type StatedCall } from '../web/server-options.ts'

/**
 * What comes with the call of this request. The transport is what the socket says: where the application trusts a proxy, it
 * says so in `options.channel`, as with `(request) => ({ secure: request.secure, remoteAddress: request.ip })`. Where the
 * body is to be read and a body parser was faster, the call is refused.
 */
export function stateExpressCall(settings: ServerSettings<ExpressRequest>, request: ExpressRequest, web: Request, readsBody: boolean): StatedCall {
  const stated = stateCall(settings, request, headOf(web), channelOf(web))
  return readsBody && request.readableDidRead ? { ...stated, mistake: lateGuard() } : stated
}

function lateGuard(): GuardError {
  return new GuardError('misconfigured', { reason: 'the body was read already: mount the guard before express.json() and other body parsers' })
}

/** Takes off the request what no handler sees. */
export function withhold(request: ExpressRequest): void {
  // Node makes the other two out of the raw ones when they are first asked for, by the number of fields that came.
  const { headers, headersDistinct, rawHeaders } = request
  const kept = rawHeaders.filter((_, index) => !withheld.includes((rawHeaders[index - (index % 2)] ?? '').toLowerCase()))
  rawHeaders.splice(0, rawHeaders.length, ...kept)
  for (const name of withheld) {
    delete headers[name]
    delete headersDistinct[name]
  }
  withholdTrailers(request)
}

const ignore = (): void => {}
const noTrailers: PropertyDescriptorMap = {
  trailers: { get: () => ({}), set: ignore },
  rawTrailers: { get: () => [], set: ignore },
  trailersDistinct: { get: () => ({}), set: ignore },
}

/**
 * Takes the fields behind the body off the request, also those that are still to come: no credential counts there (RFC 9110,
 * section 6.5.1), and no control reads them.
 */
export function withholdTrailers(request: ExpressRequest): void {
  Object.defineProperties(request, noTrailers)
}

/** Puts the body as the controls left it where handlers look for it, and keeps body parsers from looking for another. */
export function replaceBody(request: ExpressRequest & { _body?: boolean }, input: unknown, wire: WireCodec): void {
  request.headers['content-type'] = wire.mediaTypes[0]
  request.body = input
  request._body = true
}
