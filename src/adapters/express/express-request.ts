import type { Request as ExpressRequest } from 'express'
import type { WireCodec } from '../../guard/codec.ts'
import { GuardError } from '../../guard/errors.ts'
import { channelOf, headOf } from '../web/guard-handler.ts'
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

/** Puts the body as the controls left it where handlers look for it, and keeps body parsers from looking for another. */
export function replaceBody(request: ExpressRequest & { _body?: boolean }, input: unknown, wire: WireCodec): void {
  request.headers['content-type'] = wire.mediaTypes[0]
  request.body = input
  request._body = true
}
