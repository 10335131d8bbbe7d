import { systemClock } from '../../guard/clock.ts'
import { GuardError, isGuardError } from '../../guard/errors.ts'
import { secureUrl } from '../../keys/secure-url.ts'
import { parseJson } from '../../payload/strict-json.ts'
import { mediaTypeOf, readBounded } from '../web/request-body.ts'

/** How a policy decision point is asked. */
export interface DecisionPointRequest {
  readonly fetch: typeof globalThis.fetch
  /** Milliseconds, to the last byte. */
  readonly timeout: number
  /** Bytes of the answer, after any content coding. */
  readonly maxBytes: number
  readonly headers: Readonly<Record<string, string>>
  /** JSON; sent with `POST`. Without it the request is a `GET`. */
  readonly body?: string
  /** Aborted when nobody waits for the answer any more. */
  readonly signal?: AbortSignal | undefined
}

/** What a decision point answered. */
export interface DecisionPointReply {
  readonly status: number
  readonly headers: Headers
  /** The body, where the status is 200. */
  readonly value: unknown
}

/**
 * Asks a policy decision point over HTTP: one request, no redirect followed, no more bytes held than allowed, however slowly they
 * drip. An answer of status 200 is JSON in which no name stands twice.
 *
 * @throws GuardError `policy_unavailable`. What was sent and what was answered stand nowhere in it.
 */
export function askDecisionPoint(url: URL, request: DecisionPointRequest): Promise<DecisionPointReply> {
  const { timeout, signal } = request
  const abort = new AbortController()
  return new Promise((resolve, reject) => {
    // Not left to `fetch` alone, which may be anybody's and may not heed the signal.
    const giveUp = (reason: string): void => {
      reject(unavailable(reason))
      abort.abort()
    }
    const leave = (): void => giveUp('nobody waits for the decision point any more')
    const cancel = systemClock.after(timeout, () => giveUp(`the decision point did not answer within ${timeout} ms`))
    if (signal?.aborted === true) leave()
    else signal?.addEventListener('abort', leave, { once: true })
    const over = (): void => {
      cancel()
      signal?.removeEventListener('abort', leave)
    }
    replyTo(url, request, abort.signal).then(resolve, reject).finally(over)
  })
}

async function replyTo(url: URL, { fetch, headers, body, maxBytes }: DecisionPointRequest, signal: AbortSignal): Promise<DecisionPointReply> {
  signal.throwIfAborted()
  const response = await attempt('the decision point could not be reached', () =>
    fetch(url, {
      method: body === undefined ? 'GET' : 'POST',
      redirect: 'manual',
      signal,
      headers: { accept: 'application/json', ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body }),
    }),
  )
  const { status } = response
  if (status !== 200 || response.body === null) {
    forget(response.body)
    if (status === 200) throw unavailable('the answer of the decision point is empty')
    return { status, headers: response.headers, value: undefined }
  }
  const { essence, utf8 } = mediaTypeOf(response.headers.get('content-type'))
  if (essence !== 'application/json' || !utf8) {
    forget(response.body)
    throw unavailable('the answer of the decision point is no JSON')
  }
  const reader = response.body.getReader()
  // A body that is not fetched by the runtime's own `fetch` need not end with the signal.
  const stop = (): void => forget(reader)
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  try {
    const bytes = await attempt('the answer of the decision point broke off, or is too long', () => readBounded(reader, maxBytes))
    return { status, headers: response.headers, value: parsed(bytes) }
  } finally {
    stop()
  }
}

async function attempt<T>(reason: string, task: () => Promise<T>): Promise<T> {
  try {
    return await task()
  } catch (cause) {
    throw unavailable(reason, cause)
  }
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return parseJson(bytes)
  } catch (error) {
    if (!isGuardError(error)) throw error
    throw unavailable('the answer of the decision point is no JSON in which each name stands once', error)
  }
}

function forget(stream: { cancel(): Promise<void> } | null): void {
  // Whether it minds is of no interest any more.
  stream?.cancel().catch(() => {})
}

function unavailable(reason: string, cause?: unknown): GuardError {
  return new GuardError('policy_unavailable', { reason, cause })
}

/**
 * What an answer says.
 *
 * @throws GuardError `policy_unavailable` where reading it throws, with the place and no value.
 */
export function understand<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw error instanceof TypeError ? unavailable(`the answer is no decision: ${error.message}`) : error
  }
}

/**
 * The address of a decision point, copied, without a slash at its end.
 *
 * @throws TypeError for what is no address without query and fragment, and for one that is not secure: https, or http at a
 * loopback address, without a password.
 */
export function decisionPointUrl(option: string, value: unknown): URL {
  const url = secureUrl(option, typeof value === 'string' && URL.canParse(value) ? new URL(value) : value)
  if (url.search !== '' || url.hash !== '' || url.href.endsWith('?') || url.href.endsWith('#'))
    throw new TypeError(`${option}: must have no query and no fragment`)
  return url
}

/** The address of something below a decision point's address. */
export function below(base: URL, path: string): URL {
  const url = new URL(base)
  url.pathname = `${base.pathname.replace(/\/$/, '')}${path}`
  return url
}

/** What a decision point knows its client by: a bearer token, or a function that gives one. */
export type DecisionPointToken = string | (() => string | Promise<string>)

/** Whether a value can be such a token. */
export function isDecisionPointToken(value: unknown): boolean {
  return typeof value === 'function' || isToken(value)
}

/** The header fields that a token makes (RFC 6750, section 2.1). @throws GuardError `policy_unavailable` where there is none. */
export async function authorizationOf(token: DecisionPointToken | undefined): Promise<Readonly<Record<string, string>>> {
  if (token === undefined) return {}
  const given: unknown = typeof token === 'string' ? token : await attempt('there is no token for the decision point', async () => token())
  if (!isToken(given)) throw unavailable('there is no token for the decision point')
  return { authorization: `Bearer ${given}` }
}

function isToken(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]+$/.test(value)
}
