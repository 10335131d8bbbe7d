import type { Chain } from '../../guard/chain.ts'
import { type Check, checkOptions, hasMethods, isFunction, optional } from '../../guard/check-options.ts'
import type { WireCodec } from '../../guard/codec.ts'
import type { Awaitable, Call, Identity } from '../../guard/context.ts'
import { GuardError, isGuardError } from '../../guard/errors.ts'
import { type Guard, type Mediator, mediator } from '../../guard/guard.ts'
import { liveCall } from '../../guard/live-calls.ts'
import { mediate } from '../../guard/mediate.ts'
import type { Unprotected } from '../../guard/order.ts'
import { asRefusal } from '../../guard/refusing.ts'
import { abandon } from '../../guard/thenable.ts'
import { protectedResourceMetadata, protectedResourceMetadataUrl } from '../../identity/protected-resource-metadata.ts'
import { jsonWire } from '../../payload/json-codec.ts'
import { memoryState } from '../../state/memory-state.ts'
import type { StateStore } from '../../state/state-store.ts'
import { refusalResponse } from '../web/answer-response.ts'
import { channelOf, headOf } from '../web/guard-handler.ts'
import { parseArrival, RequestBody } from '../web/request-body.ts'
import { type ServerOptions, type ServerSettings, serverSettings, stateCall } from '../web/server-options.ts'
import { authInfoFor, cleaned } from './mcp-authority.ts'
import { mcpExchange } from './mcp-exchange.ts'
import { McpSessions } from './mcp-sessions.ts'

/** Options of `mcpHandler`. */
export interface McpHandlerOptions extends ServerOptions<Request> {
  /**
   * What this server is to those who give out tokens: an https URL without a fragment, which tokens must name as their audience (RFC 8707).
   * Its origin is where callers reach this server, unless `origin` says otherwise.
   */
  readonly resource: string
  /** The issuers whose tokens it takes: https URLs. Told in the metadata of the resource (RFC 9728). */
  readonly authorizationServers: string | readonly string[]
  readonly scopesSupported?: string | readonly string[]
  /** What policy and the log call this server; `mcp` unless given. The same as of `guardServer`. */
  readonly name?: string
  /** Origins of web pages that may call; others are refused, so that no page can reach a server behind a name of its own. None unless given. */
  readonly allowedOrigins?: readonly string[]
  /** Where is remembered whose session each is, shared by all instances; a memory of its own unless given. */
  readonly store?: StateStore
  /** How long after its last request a session is its caller's, in seconds; 86,400 unless given. */
  readonly sessionTtl?: number
}

/**
 * What serves a request that was let in: a transport's `handleRequest` of version 1 of the SDK, or the `fetch` of `createMcpHandler` of version 2.
 * The request has no body any more, and no credentials: the body is `parsedBody`.
 */
export type ServeMcp = (request: Request, options: { readonly authInfo: never; readonly parsedBody: never }) => Awaitable<Response>

const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText)
const own: Readonly<Record<string, Check>> = {
  name: [optional(isText), 'a non-empty string'],
  allowedOrigins: [optional(isTexts), 'a list of origins'],
  store: [optional(hasMethods('get', 'set', 'delete')), 'a StateStore'],
  sessionTtl: [optional((value) => typeof value === 'number' && value > 0 && value < 1e9), 'seconds above zero'],
}

/**
 * The HTTP side of a guarded server of the Model Context Protocol (Streamable HTTP), as a web-standard handler before the SDK's own:
 *
 * - Each request is a guarded call: the action `connect` on `{ type: 'mcp_server', id: name }`. Without a valid credential it is a 401 that names the
 *   metadata of the resource, also before a message is read; where policy says no, a 403. The open answer ends when the caller's right does.
 * - It serves that metadata (RFC 9728) at its well-known path, to everybody.
 * - A token with an audience must name `resource` in it (RFC 8707), whatever the verifier takes.
 * - A session belongs to whoever began it; for everybody else there is none (404).
 * - Bodies are read up to `maxBodyBytes`, and as strict JSON. `Origin` must be allowed where a browser sends one.
 *
 * The messages themselves are guarded by `guardServer`, each on behalf of the request that carries it.
 *
 * ```ts
 * const handler = mcpHandler(base, (request, options) => transport.handleRequest(request, options), {
 *   resource: 'https://mcp.example/mcp', authorizationServers: 'https://id.example',
 * })
 * ```
 *
 * @throws TypeError for an incomplete chain and wrong options.
 */
export function mcpHandler<C extends Call>(
  guard: Guard<C> & ([Unprotected<C>] extends [never] ? unknown : Unprotected<C>),
  serve: ServeMcp,
  options: McpHandlerOptions,
): (request: Request) => Promise<Response> {
  if (typeof options !== 'object' || options === null) throw new TypeError('mcpHandler: the options must be an object')
  const {
    resource,
    authorizationServers,
    scopesSupported,
    name = 'mcp',
    allowedOrigins = [],
    store = memoryState(),
    sessionTtl = 86_400,
    ...server
  } = options
  checkOptions('mcpHandler', Object.fromEntries(Object.entries(options).filter(([each]) => each in own)), own)
  if (!isFunction(serve)) throw new TypeError('mcpHandler: the second argument must serve requests')
  const metadata = protectedResourceMetadata({ resource, authorizationServers, ...(scopesSupported !== undefined && { scopesSupported }) })
  const metadataUrl = protectedResourceMetadataUrl(resource)
  const door: Door = {
    mediator: mediator(guard, { action: 'connect', resource: { type: 'mcp_server', id: name }, codec: mcpExchange }, 'value'),
    settings: serverSettings({ origin: new URL(resource).origin, ...server }),
    sessions: new McpSessions(store, name, sessionTtl * 1000),
    allowedOrigins: [...allowedOrigins],
    resource,
    serve,
  }
  return async (request) => {
    const { pathname } = new URL(request.url)
    if (pathname === metadataUrl.pathname) return metadata(request)
    return named(await admit(door, request), metadataUrl)
  }
}

/** What all requests of one server share. */
interface Door {
  readonly mediator: Mediator
  readonly settings: ServerSettings<Request>
  readonly sessions: McpSessions
  readonly allowedOrigins: readonly string[]
  readonly resource: string
  readonly serve: ServeMcp
}

async function admit(door: Door, request: Request): Promise<Response> {
  const { mediator, settings, allowedOrigins } = door
  const { chain, plan } = mediator
  const { method, headers } = request
  const body = new RequestBody({ wire, opens: false, maxBodyBytes: settings.maxBodyBytes }, headers, request.body)
  const { options: stated, mistake } = stateCall(settings, request, headOf(request), channelOf(request))
  const source = {
    async arrive() {
      if (mistake !== undefined) throw mistake
      checkOrigin(headers.get('origin'), allowedOrigins)
      return method === 'POST' ? body.read() : empty
    },
    parse: (arrival: Parameters<typeof parseArrival>[1]) =>
      arrival.body.length === 0 ? { method } : { method, message: parseArrival(wire, arrival) },
  }
  let given: Response | undefined
  let admitted: Call | undefined
  try {
    const parts = (await mediate(chain, plan, source, stated, async (input, call) => {
      admitted = call
      given = await judged(call, () => answer(door, request, input, call))
      return given.body ?? nothing
    })) as AsyncIterableIterator<unknown>
    const { status = 200, headers: fields = new Headers(), body: bytes = null } = given ?? {}
    if (bytes === null) await drain(parts)
    return new Response(bytes === null ? null : bytesOf(parts), { status, headers: fields })
  } catch (error) {
    given?.body?.cancel().catch(() => {})
    if (admitted !== undefined && !isGuardError(error)) tell(chain, error, admitted)
    return refusalResponse(error, wire)
  } finally {
    body.cancel()
  }
}

/** What the server answers to a request that was let in. */
async function answer({ mediator: { chain }, sessions, resource, serve }: Door, request: Request, input: unknown, call: Call): Promise<Response> {
  const { method, headers, url } = request
  const identity = identityIn(call)
  checkAudience(identity, resource)
  const session = headers.get('mcp-session-id')
  if (session !== null && !(await sessions.belongs(session, identity, chain.clock))) return noSession()
  const given = await serve(new Request(url, { method, headers: cleaned(headers), signal: call.signal }), handed(call, input))
  if (!(given instanceof Response)) throw new TypeError('the server gave no Response')
  const begun = given.headers.get('mcp-session-id')
  if (begun !== null && begun !== session) await sessions.bind(begun, identity, chain.clock)
  if (method === 'DELETE' && session !== null && given.ok) await sessions.end(session, chain.clock)
  return given
}

function tell(chain: Chain, error: unknown, call: Call): void {
  try {
    abandon(chain.onError(error, call))
  } catch {
    // An error handler that throws changes no answer.
  }
}

const wire: WireCodec = jsonWire({
  errorEvent: (code, message) => JSON.stringify({ jsonrpc: '2.0', id: null, error: { code: -32_000, message, data: { code } } }),
})

const empty = Object.freeze({ mediaType: 'application/json', body: new Uint8Array() })

const nothing: AsyncIterable<unknown> = Object.freeze({
  [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve<IteratorResult<unknown>>({ done: true, value: undefined }) }),
})

function handed(call: Call, input: unknown): Parameters<ServeMcp>[1] {
  const message = typeof input === 'object' && input !== null && 'message' in input ? structuredClone(input.message) : undefined
  return { authInfo: authInfoFor(call), ...(message !== undefined && { parsedBody: message }) } as unknown as Parameters<ServeMcp>[1]
}

function identityIn(call: Call): Identity {
  if (!('identity' in call)) throw new GuardError('identity_missing')
  return call.identity as Identity
}

// A page in a browser reaches whatever its name can be made to lead to; its origin stays what it is.
function checkOrigin(origin: string | null, allowed: readonly string[]): void {
  if (origin !== null && !allowed.includes(origin)) throw new GuardError('denied', { reason: 'a web page of an origin that is not allowed' })
}

/** A token for another service is none for this one (RFC 8707, section 2). What has no audience, such as an API key, was made for its verifier. */
function checkAudience({ claims }: Identity, resource: string): void {
  const { aud } = claims
  if (aud === undefined) return
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  if (!audiences.includes(resource))
    throw new GuardError('identity_invalid', {
      reason: 'the audience of the token is another resource',
      headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
    })
}

function noSession(): Response {
  const body = JSON.stringify({ jsonrpc: '2.0', id: null, error: { code: -32_001, message: 'Session not found' } })
  return new Response(body, { status: 404, headers: { 'content-type': 'application/json', 'cache-control': 'no-store' } })
}

/** A challenge that says where the metadata of the resource are (RFC 9728, section 5.1). */
function named(response: Response, metadata: URL): Response {
  const challenge = response.headers.get('www-authenticate')
  if (challenge === null || challenge.includes('resource_metadata=')) return response
  const separator = challenge.includes('=') ? ', ' : ' '
  response.headers.set('www-authenticate', `${challenge}${separator}resource_metadata="${metadata.href}"`)
  return response
}

async function judged<T>(call: Call, task: () => Promise<T>): Promise<T> {
  try {
    return await task()
  } catch (error) {
    if (isGuardError(error)) liveCall(call)?.step.end(asRefusal(error))
    throw error
  }
}

async function drain(parts: AsyncIterableIterator<unknown>): Promise<void> {
  while ((await parts.next()).done !== true);
}

/** The parts of an answer as its body. Whoever stops reading ends the call; a call that ends breaks the body off. */
function bytesOf(parts: AsyncIterableIterator<unknown>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await parts.next()
        if (done === true) controller.close()
        else controller.enqueue(value as Uint8Array)
      },
      async cancel() {
        await parts.return?.()
      },
    },
    { highWaterMark: 0 },
  )
}
