import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import * as oauth from 'oauth4webapi'
import { toNode } from '../../../src/adapters/node/to-node.ts'
import { guardHandler } from '../../../src/adapters/web/guard-handler.ts'
import { audit } from '../../../src/controls/audit.ts'
import { authorize } from '../../../src/controls/authorize.ts'
import { verifyIdentity, type VerifyIdentityOptions } from '../../../src/controls/verify-identity.ts'
import { systemClock, type Clock } from '../../../src/guard/clock.ts'
import type { Identity } from '../../../src/guard/context.ts'
import { guard } from '../../../src/guard/guard.ts'
import { protectedResourceMetadata, protectedResourceMetadataUrl } from '../../../src/identity/protected-resource-metadata.ts'
import { plainText } from '../../../src/payload/plain-text.ts'
import { allowAll } from '../../../src/testing/allow-all.ts'
import { recordingLog, type RecordingLog } from '../../../src/testing/recording-log.ts'
import { sentBy } from './client-fetch.ts'
import { listenSecurely } from './loopback-tls.ts'
import type { OpenIdProvider } from './provider.ts'

/** A server behind a guard, on a real socket. */
export interface GuardedApi {
  /** Its address, by which tokens for it are meant. */
  readonly resource: string
  /** Who was let in, in order. */
  readonly callers: readonly Identity[]
  /** How many calls have come that are not answered yet. */
  readonly open: number
  readonly log: RecordingLog
  /** Closes its guard, which writes down what it has counted. */
  close(): Promise<void>
}

/** How it is served. */
export interface ApiOptions extends Omit<VerifyIdentityOptions, 'verifiers'> {
  /** Over TLS, with metadata; over plain HTTP if false. */
  readonly secure?: boolean
  readonly clock?: Clock
  /** Who verifies calls, by the address by which the server is meant. */
  readonly verifiers: (resource: string) => VerifyIdentityOptions['verifiers'] | Promise<VerifyIdentityOptions['verifiers']>
}

/** Serves until the test ends. It answers with the caller's subject; asked to `stream`, with words until the call ends. */
export async function guardedApi(test: TestContext, { issuer }: Pick<OpenIdProvider, 'issuer'>, options: ApiOptions): Promise<GuardedApi> {
  const { secure = true, clock = systemClock, verifiers, ...rest } = options
  const callers: Identity[] = []
  const log = recordingLog()
  let open = 0
  let answer: ReturnType<typeof toNode> = () => {}
  const counted: typeof answer = (request, response) => {
    open++
    response.once('close', () => open--)
    answer(request, response)
  }
  const origin = secure ? await listenSecurely(test, counted) : await listen(test, counted)
  const resource = `${origin}/chat`
  const base = guard({ clock, deadline: 86_400_000 })
    .use(audit({ log }))
    .use(
      verifyIdentity({
        ...rest,
        verifiers: await verifiers(resource),
        ...(secure && { resourceMetadata: protectedResourceMetadataUrl(resource) }),
      }),
    )
    .use(authorize({ evaluator: allowAll() }))
  const guarded = guardHandler(
    base,
    { action: 'chat', resource: { type: 'model', id: 'm' }, codec: plainText },
    (_request, call) => {
      callers.push(call.identity)
      return call.input === 'stream' ? words(call.signal) : call.identity.subject
    },
    { origin },
  )
  const metadata = secure ? protectedResourceMetadata({ resource, authorizationServers: issuer, scopesSupported: 'chat' }) : undefined
  answer = toNode((request) =>
    metadata !== undefined && request.url === protectedResourceMetadataUrl(resource).href ? metadata(request) : guarded(request),
  )
  return {
    resource,
    callers,
    get open() {
      return open
    },
    log,
    close: () => base.close(),
  }
}

async function* words(signal: AbortSignal): AsyncGenerator<string> {
  yield 'word'
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve))
}

async function listen(test: TestContext, listener: ReturnType<typeof toNode>): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  test.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** How a server is called. */
export interface CallOptions {
  readonly fetch?: typeof fetch
  readonly DPoP?: oauth.DPoPHandle
  readonly input?: string
}

/** Calls it with an access token, as a client does that knows OAuth. Rejects where it is refused. */
export async function call({ resource }: Pick<GuardedApi, 'resource'>, token: string, options: CallOptions = {}): Promise<Response> {
  const { fetch = globalThis.fetch, DPoP, input = 'hello' } = options
  return oauth.protectedResourceRequest(token, 'POST', new URL(resource), new Headers({ 'content-type': 'text/plain' }), input, {
    ...sentBy(fetch),
    [oauth.allowInsecureRequests]: resource.startsWith('http:'),
    ...(DPoP !== undefined && { DPoP }),
  })
}

/** What a client learns of a refusal. */
export interface Refusal {
  readonly status: number
  /** What the problem says. */
  readonly code: string
  /** The `error` of each challenge, by its scheme in lower case. */
  readonly errors: Readonly<Record<string, string | undefined>>
  readonly challenges: readonly oauth.WWWAuthenticateChallenge[]
}

/** What a call was refused with. A client has understood all its challenges. */
export async function refusal(called: Promise<Response>): Promise<Refusal> {
  const error: unknown = await called.then(
    (answer) => new Error(`the call was answered with status ${answer.status}`),
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof oauth.WWWAuthenticateChallengeError)) throw error
  const { code } = (await error.response.json()) as { readonly code: string }
  return {
    status: error.status,
    code,
    errors: Object.fromEntries(error.cause.map(({ scheme, parameters }) => [scheme, parameters.error])),
    challenges: error.cause,
  }
}

/** Begins to read a streamed answer; gives what a client learns of how it ends. */
export async function streamed(answer: Response): Promise<{ readonly end: Promise<string> }> {
  assert.equal(answer.status, 200)
  assert.ok(answer.body)
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader()
  assert.equal((await reader.read()).value, 'data: word\n\n')
  const rest = async (): Promise<string> => {
    let text = ''
    for (let read = await reader.read(); !read.done; read = await reader.read()) text += read.value
    return /"code":"(\w+)"/.exec(text)?.[1] ?? 'it ended by itself'
  }
  return { end: rest() }
}
