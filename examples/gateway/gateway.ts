// A Hono server that takes OpenAI chat requests, puts all controls around them, and calls a model.
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import {
  type AuditLog,
  audit,
  authorize,
  type Call,
  detectors,
  encryptPayload,
  guard,
  isGuardError,
  jwt,
  type Known,
  type Limit,
  type LimitStore,
  localKeys,
  maskData,
  memoryLimits,
  openaiChat,
  policySet,
  rateLimit,
  verifyIdentity,
} from 'sallyport'
import { fileAnchor, fileLog, fileSigner } from 'sallyport/file'
import { honoGuard } from 'sallyport/hono'
import type { Issuer } from './issuer.ts'
import { embeddedModel, listen } from './model.ts'
import { policy } from './policy.ts'

/** Where the log, its key and its anchor are. In production the key and the anchor are not beside the log. */
export const files = { log: 'var/gateway/audit', key: 'var/gateway/audit.key', anchor: 'var/gateway/audit.anchor' }

/** The address that callers know, which sealed requests are bound to: never taken from a request. */
export const origin = 'https://gateway.example'

/** Any OpenAI-compatible endpoint, or the embedded model. */
export function upstream(body: string, signal: AbortSignal): Promise<Response> {
  const { OPENAI_BASE_URL, OPENAI_API_KEY } = process.env
  const init = { method: 'POST', body, signal, headers: { 'content-type': 'application/json', authorization: `Bearer ${OPENAI_API_KEY}` } }
  if (OPENAI_BASE_URL === undefined) return embeddedModel(new Request('http://embedded/v1/chat/completions', init))
  return fetch(`${OPENAI_BASE_URL.replace(/\/$/, '')}/chat/completions`, init)
}

/** A limit that is kept for each caller. */
export type CallerLimit = Limit<Call & Pick<Known, 'identity'>>

const usualLimits: readonly CallerLimit[] = [
  { name: 'requests', per: (call) => call.identity.key, requests: 30, window: 60, burst: 6 },
  { name: 'tokens', per: (call) => call.identity.key, tokens: 20_000, window: 60 },
]

/** What the gateway is made of: its maker opens and closes it. */
export interface GatewayParts {
  readonly issuer: Pick<Issuer, 'issuer' | 'audience' | 'jwksUrl'>
  /** The private key that sealed requests are opened with. */
  readonly privateJwk: object
  readonly log: AuditLog
  readonly limits?: readonly CallerLimit[]
  readonly store?: LimitStore
}

/** The server's routes behind all controls, and the guard, which is to be closed. */
export function gatewayApp({ issuer, privateJwk, log, limits = usualLimits, store = memoryLimits() }: GatewayParts) {
  const keys = localKeys({ jwks: { keys: [privateJwk] } })
  const base = guard({ name: 'gateway', deadline: 60_000 })
    .use(audit({ log, content: 'digest' }))
    .use(verifyIdentity({ verifiers: [jwt({ issuer: issuer.issuer, audience: issuer.audience, keys: issuer.jwksUrl })] }))
    // Sealed requests are opened and answered sealed; clear ones are let in, since `curl` cannot seal.
    .use(encryptPayload({ keys, direction: 'both', required: false }))
    .use(rateLimit({ limits, store }))
    .use(authorize({ evaluator: policySet(policy) }))
    .use(maskData({ detect: detectors.pii, mode: 'redact', direction: 'both' }))

  const app = new Hono<{ Variables: { call: { input: object; signal: AbortSignal } } }>()
  // The guard answers for what is thrown behind it. That a client left is no error worth a line on the console.
  app.onError((error, c) => {
    if (!isGuardError(error)) console.error(error)
    return c.body(null, 500)
  })
  app.post(
    '/v1/chat/completions',
    honoGuard(base, { action: 'chat', resource: (input) => ({ type: 'model', id: input.model }), codec: openaiChat }, { origin }),
    // What arrives here is masked and capped; what leaves here is masked again, chunk by chunk.
    (context) => upstream(JSON.stringify(context.var.call.input), context.var.call.signal),
  )
  return { app, keys, guard: base }
}

/** Starts the gateway on a free port, or on that one. */
export async function startGateway(issuer: Issuer, privateJwk: object, port = 0) {
  const log = await fileLog(files.log, { signer: await fileSigner(files.key), origin: 'gateway.example', anchor: fileAnchor(files.anchor) })
  const { app, keys, guard: base } = gatewayApp({ issuer, privateJwk, log })
  const server = await listen((options, ready) => serve({ fetch: app.fetch, ...options }, ready), port)
  return {
    url: server.url,
    log,
    keys,
    async close() {
      await server.close()
      await base.close()
      await log.close()
    },
  }
}

export type Gateway = Awaited<ReturnType<typeof startGateway>>
