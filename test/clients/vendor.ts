import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import {
  audit,
  authorize,
  type Call,
  detectors,
  type GuardedFetch,
  guard,
  guardFetch,
  type Known,
  maskData,
  rateLimit,
  verifyIdentity,
} from '../../src/index.ts'
import { allowAll, denyAll, identityOf, type RecordingLog, recordingLog } from '../../src/testing/index.ts'

/** An address in what is asked, and one in what is answered: neither may get through. */
export const asked = 'ada@example.org'
export const answered = 'bob@example.org'

/** What a vendor answers. Events are typed where the protocol's readers go by types. */
export type Answer =
  | { readonly status?: number; readonly headers?: Readonly<Record<string, string>>; readonly json: unknown }
  | { readonly events: readonly unknown[]; readonly end?: string; readonly endless?: boolean }
  | 'broken'

/** A request that reached the vendor. */
export interface Hit {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly json: Readonly<Record<string, unknown>>
  readonly closed: Promise<void>
}

/** A client's vendor on this machine, and the guarded `fetch` before it. */
export interface Scene {
  readonly origin: string
  readonly hits: readonly Hit[]
  readonly log: RecordingLog
  readonly guarded: GuardedFetch
  /** The same, counted: what the client does, whether it leaves or not. */
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>
  readonly attempts: () => number
  readonly base: ReturnType<typeof clientGuard>
}

export interface SceneOptions {
  readonly deny?: boolean
  /** Requests a minute. */
  readonly requests?: number
}

/** A guard with every control that works on values, each real. */
export function clientGuard(log: RecordingLog, { deny = false, requests = 100_000 }: SceneOptions = {}) {
  return guard({ name: 'clients', onError: () => {} })
    .use(audit({ log, content: 'digest', onError: () => {} }))
    .use(verifyIdentity({ verifiers: [identityOf({ subject: 'ada' })] }))
    .use(
      rateLimit<Call & Pick<Known, 'identity'>>({
        limits: [
          { name: 'requests', per: (call) => call.identity.key, requests, window: 60 },
          { name: 'tokens', per: (call) => call.identity.key, tokens: 1_000_000_000, window: 60 },
        ],
      }),
    )
    .use(authorize({ evaluator: deny ? denyAll() : allowAll() }))
    .use(maskData({ detect: detectors.email, mode: 'redact', direction: 'both' }))
}

/** Serves on a port of this machine, cut unkindly, and guards what is sent there. */
export async function scene(t: TestContext, answer: (hit: Hit, count: number) => Answer, options: SceneOptions = {}): Promise<Scene> {
  const hits: Hit[] = []
  const server = createServer((request, response) => {
    void serve(request, response, hits, answer)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const log = recordingLog()
  const base = clientGuard(log, options)
  const guarded = guardFetch(base, { credentials: () => ({ authorization: 'Bearer ada' }) })
  let attempts = 0
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hits,
    log,
    guarded,
    fetch(input, init) {
      attempts++
      return guarded(input, init)
    },
    attempts: () => attempts,
    base,
  }
}

async function serve(request: IncomingMessage, response: ServerResponse, hits: Hit[], answer: (hit: Hit, count: number) => Answer): Promise<void> {
  let body = ''
  for await (const piece of request.setEncoding('utf8')) body += piece
  const closed = new Promise<void>((resolve) => response.on('close', resolve))
  const hit = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body, json: objectIn(body), closed }
  hits.push(hit)
  const given = answer(hit, hits.length)
  if (given === 'broken') return void response.destroy()
  if ('json' in given) {
    response.writeHead(given.status ?? 200, { 'content-type': 'application/json', 'x-request-id': 'req_1', ...given.headers })
    return void response.end(JSON.stringify(given.json))
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  const bytes = Buffer.from(given.events.map(event).join('') + (given.end === undefined ? '' : `data: ${given.end}\n\n`))
  for (let at = 0; at < bytes.length; at += 97) response.write(bytes.subarray(at, at + 97))
  if (given.endless !== true) return void response.end()
  const last = event(given.events.at(-1))
  const timer = setInterval(() => response.write(last), 2)
  response.on('close', () => clearInterval(timer))
}

function event(value: unknown): string {
  const type = typeof value === 'object' && value !== null && 'type' in value ? `event: ${String(value.type)}\n` : ''
  return `${type}data: ${JSON.stringify(value)}\n\n`
}

function objectIn(body: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(body) as Readonly<Record<string, unknown>>
  } catch {
    return {}
  }
}
