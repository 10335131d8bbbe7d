import type { Request as ExpressRequest, Response as ExpressResponse, RequestHandler } from 'express'
import type { Chain } from '../../guard/chain.ts'
import type { Attributes, Call, Resource, Settled } from '../../guard/context.ts'
import type { Arrival } from '../../guard/control.ts'
import { type Guard, mediator } from '../../guard/guard.ts'
import { mediate } from '../../guard/mediate.ts'
import type { Planned } from '../../guard/operation.ts'
import type { Unprotected } from '../../guard/order.ts'
import { liveCall } from '../../guard/live-calls.ts'
import { quotaHeaders } from '../../guard/quota-headers.ts'
import { nodeRequest } from '../node/node-request.ts'
import { writeResponse } from '../node/node-response.ts'
import { withholdTrailers } from '../node/withhold.ts'
import { refusalResponse } from '../web/answer-response.ts'
import { parseArrival, RequestBody } from '../web/request-body.ts'
import { type ServerSettings, serverSettings, type WireMediator, wireMediator, type WireOperation } from '../web/server-options.ts'
import type { ExpressOptions } from './express-guard.ts'
import { replaceBody, stateExpressCall } from './express-request.ts'

/** An operation whose payload nobody reads: what is done, to what. */
export interface AdmittedOperation {
  readonly action: string
  readonly resource: Resource
  readonly codec?: never
  readonly attributes?: Attributes
}

/** Express middleware behind which `response.locals.call` is the admitted call. */
export type AdmittingHandler<L> = RequestHandler<Record<string, string | string[]>, unknown, unknown, ExpressRequest['query'], { call: L }>

/**
 * Express middleware that admits calls and nothing more: identity, limits and policy are checked and recorded, then
 * `next` runs. What the handlers behind it write is not read by anybody; use `expressGuard` where it must be. The call is
 * `response.locals.call`; it ends when the response was sent or the connection closed. A call that must stop earlier (its
 * deadline, a revocation) is cut: with a problem where nothing was sent yet, else by closing the connection.
 *
 * With a codec the body is read and checked, and `request.body` is the engine's own frozen copy; mount it before body parsers
 * then and there. Without one the body is left alone, and action and resource must be values.
 *
 * @throws TypeError for an incomplete chain, a wrong operation or option, and for a guard that rewrites payloads: mere
 * admission would skip that silently.
 */
export function expressAdmit<C extends Call, I>(
  guard: Guard<C> & ([Unprotected<C>] extends [never] ? unknown : Unprotected<C>),
  operation: WireOperation<I>,
  options?: ExpressOptions,
): AdmittingHandler<C & { readonly input: I }>
export function expressAdmit<C extends Call>(
  guard: Guard<C> & ([Unprotected<C>] extends [never] ? unknown : Unprotected<C>),
  operation: AdmittedOperation,
  options?: ExpressOptions,
): AdmittingHandler<C>
export function expressAdmit(guard: Guard, operation: WireOperation | AdmittedOperation, options: ExpressOptions = {}): AdmittingHandler<Call> {
  const admission = admissionOf(guard, operation)
  const settings = serverSettings(options)
  return async function expressAdmit(request, response, next) {
    const leaving = new Leaving(response)
    const refusal = await admit(admission, settings, request as ExpressRequest, response, leaving)
    if (refusal !== undefined) return writeResponse(refusal, response)
    next()
    await leaving.cutWhenStopped()
  }
}

interface Admission {
  readonly chain: Chain
  readonly plan: Planned
  /** Absent where the body is left alone. */
  readonly reads: WireMediator | undefined
}

function admissionOf(guard: Guard, operation: WireOperation | AdmittedOperation): Admission {
  const readsBody = typeof operation === 'object' && operation !== null && operation.codec !== undefined
  const reads = readsBody ? wireMediator(guard, operation as WireOperation, 'wire') : undefined
  const { chain, plan } = reads ?? mediator(guard, operation as AdmittedOperation, 'wire')
  for (const { name, adds, phases, traits } of chain.controls) {
    // A control of this package adds something of its name; what another one does with payloads cannot be known.
    const isOwn = !adds.some((entry) => known.includes(entry))
    if (traits.rewrites === true || (isOwn && (phases.request !== undefined || phases.response !== undefined)))
      throw new TypeError(`expressAdmit: the control '${name}' works on payloads, which mere admission does not hand it: use expressGuard()`)
  }
  if (reads === undefined && (typeof plan.action === 'function' || typeof plan.resource === 'function'))
    throw new TypeError('expressAdmit: without a codec no body is read, so action and resource must be values')
  return { chain, plan: reads === undefined ? Object.freeze({ ...plan, codec: undefined }) : plan, reads }
}

const known: readonly string[] = ['entry', 'identity', 'sealed', 'quota', 'decision', 'masked']
const nothing: Arrival = Object.freeze({ mediaType: '', body: new Uint8Array() })

/** Runs a call up to its handler. Gives the refusal, or nothing where the handler may run. */
async function admit(
  { chain, plan, reads }: Admission,
  settings: ServerSettings<ExpressRequest>,
  request: ExpressRequest,
  response: ExpressResponse,
  leaving: Leaving,
): Promise<Response | undefined> {
  const web = nodeRequest(request, response, request.originalUrl)
  if (web === undefined) return new Response(null, { status: 501 })
  const body = reads && new RequestBody({ wire: reads.wire, opens: false, maxBodyBytes: settings.maxBodyBytes }, web.headers, web.body)
  const { options, mistake } = stateExpressCall(settings, request, web, body !== undefined)
  const source = {
    arrive() {
      if (mistake !== undefined) throw mistake
      return body === undefined ? nothing : body.read()
    },
    parse: (arrival: Arrival) => (reads === undefined ? null : parseArrival(reads.wire, arrival)),
  }
  const run = (input: unknown, call: Call): AsyncIterable<unknown> => {
    withholdTrailers(request)
    if (reads !== undefined) replaceBody(request, input, reads.wire)
    response.locals.call = call
    const fields = { ...liveCall(call)?.fields, ...quotaHeaders((call as Settled).quota) }
    for (const [name, value] of Object.entries(fields)) response.setHeader(name, value)
    return leaving
  }
  try {
    leaving.parts = (await mediate(chain, plan, source, options, run, reads !== undefined)) as AsyncIterator<unknown>
    return undefined
  } catch (error) {
    return refusalResponse(error, reads?.wire)
  } finally {
    body?.cancel()
  }
}

/** The answer of an admitted call, for the engine: a stream without parts that ends when the response was sent. */
class Leaving implements AsyncIterable<unknown> {
  /** The same stream, as the engine guards it. */
  parts: AsyncIterator<unknown> | undefined
  readonly #response: ExpressResponse
  readonly #sent: Promise<IteratorResult<unknown>>

  constructor(response: ExpressResponse) {
    this.#response = response
    // Where the connection closes first, the request's signal is aborted, and the engine waits for nothing more.
    this.#sent = new Promise((resolve) => response.once('finish', () => resolve({ done: true, value: undefined })))
  }

  [Symbol.asyncIterator](): AsyncIterator<unknown> {
    return { next: () => this.#sent }
  }

  /** Waits for the end of the call, and ends the response where the call must stop before it. */
  async cutWhenStopped(): Promise<void> {
    try {
      await this.parts?.next()
    } catch (error) {
      if (this.#response.headersSent) this.#response.destroy()
      else await writeResponse(refusalResponse(error), this.#response)
    }
  }
}
