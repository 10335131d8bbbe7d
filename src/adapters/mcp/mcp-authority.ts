import type { CallOptions } from '../../guard/call-options.ts'
import type { Call, Identity, Known } from '../../guard/context.ts'
import { liveCall } from '../../guard/live-calls.ts'
import { abandon, isThenable } from '../../guard/thenable.ts'

// Beside what a transport hands on and not in it: only what runs in this process can state it.
const calls = new WeakMap<object, Call>()

/**
 * The call behind a request, in a handler of a tool, a resource or a prompt: with the verified identity, and to be named as `onBehalfOf` by what
 * the handler calls. Undefined where no guard stands before it.
 *
 * ```ts
 * server.registerTool('orders', { inputSchema }, (args, extra) => ordersOf(mcpCall(extra)?.identity))
 * ```
 *
 * @param extra what the SDK hands to handlers beside the arguments, of either version.
 */
export function mcpCall(extra: unknown): (Call & Pick<Known, 'identity' | 'decision'>) | undefined {
  const info = authInfoIn(extra)
  const call = info === undefined ? undefined : calls.get(info)
  return call !== undefined && 'identity' in call && 'decision' in call ? (call as Call & Pick<Known, 'identity' | 'decision'>) : undefined
}

/** What handlers are told of a caller, in the SDK's own form and without the token, and which leads to the call. */
export function authInfoFor(call: Call & { readonly identity?: Identity }): object {
  const { identity } = call
  const info = Object.freeze({
    token: '',
    clientId: identity?.subject ?? '',
    scopes: [...(identity?.scopes ?? [])],
    ...(identity !== undefined && Number.isFinite(identity.expiresAt) && { expiresAt: Math.floor(identity.expiresAt / 1000) }),
  })
  calls.set(info, call)
  return info
}

/** Where a request's authority comes from: the call of the HTTP request that carries it, else what it was sent with. */
export function authorityIn(extra: unknown): CallOptions {
  const call = mcpCall(extra)
  if (call !== undefined && liveCall(call) !== undefined) return { onBehalfOf: call }
  const headers = headersIn(extra)
  const [authorization, dpop, apiKey] = ['authorization', 'dpop', 'x-api-key'].map((name) => headers(name))
  const token = tokenIn(extra)
  const presented = authorization ?? (token === undefined ? undefined : `Bearer ${token}`)
  if ((presented ?? dpop ?? apiKey) === undefined) return {}
  return {
    credentials: {
      ...(presented !== undefined && { authorization: presented }),
      ...(dpop !== undefined && { dpop }),
      ...(apiKey !== undefined && { apiKey }),
    },
  }
}

/** What the application says of a request. @throws TypeError for what it says later. */
export function atOnce(given: CallOptions): CallOptions {
  if (!isThenable<unknown>(given)) return given
  abandon(given)
  throw new TypeError('options.request: must not be asynchronous')
}

type Members = Readonly<Record<string, unknown>>

function isRecord(value: unknown): value is Members {
  return typeof value === 'object' && value !== null
}

// The first version of the SDK hands it over as it is, the second one within `http`.
function authInfoIn(extra: unknown): object | undefined {
  if (!isRecord(extra)) return undefined
  const { authInfo, http } = extra
  if (isRecord(authInfo)) return authInfo
  return isRecord(http) && isRecord(http.authInfo) ? http.authInfo : undefined
}

function tokenIn(extra: unknown): string | undefined {
  const info = authInfoIn(extra)
  const token = info !== undefined && 'token' in info ? info.token : undefined
  return typeof token === 'string' && token !== '' ? token : undefined
}

function headersIn(extra: unknown): (name: string) => string | undefined {
  if (!isRecord(extra)) return () => undefined
  const { requestInfo, request, http } = extra
  const web = [request, isRecord(http) ? http.req : undefined].find((each) => each instanceof Request)
  if (web !== undefined) return (name) => web.headers.get(name) ?? undefined
  const fields = isRecord(requestInfo) && isRecord(requestInfo.headers) ? requestInfo.headers : {}
  return (name) => {
    const value = Object.hasOwn(fields, name) ? fields[name] : undefined
    return typeof value === 'string' ? value : undefined
  }
}

/**
 * Fields of an HTTP request that no handler sees: what a caller proves itself with, and what asks for the events of an earlier stream once
 * more, of which the transport does not know whose they are.
 */
const withheld: readonly string[] = [
  'last-event-id',
  'authorization',
  'cookie',
  'dpop',
  'proxy-authorization',
  'x-api-key',
  'approval',
  'step-up-assertion',
]

/** What handlers are given beside a request: who the caller is, and nothing that it proved itself with. */
export function extraFor(call: Call, extra: unknown): unknown {
  const given = isRecord(extra) ? extra : {}
  const { requestInfo, request, http } = given
  const authInfo = authInfoFor(call)
  return {
    ...given,
    authInfo,
    ...(isRecord(http) && { http: { ...http, authInfo, ...(http.req instanceof Request && { req: bare(http.req) }) } }),
    ...(isRecord(requestInfo) && { requestInfo: { ...requestInfo, headers: without(requestInfo.headers) } }),
    ...(request instanceof Request && { request: bare(request) }),
  }
}

function bare(request: Request): Request {
  return new Request(request.url, { method: request.method, headers: cleaned(request.headers) })
}

function without(headers: unknown): object {
  return isRecord(headers) ? Object.fromEntries(Object.entries(headers).filter(([name]) => !withheld.includes(name.toLowerCase()))) : {}
}

/** Header fields without what a caller proves itself with. */
export function cleaned(headers: Headers): Headers {
  const kept = new Headers(headers)
  for (const name of withheld) kept.delete(name)
  return kept
}
