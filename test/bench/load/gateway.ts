// The gateway of the examples in a process of its own, or the same server without the guard.
import { mkdirSync, rmdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { exportJWK, generateKeyPair } from 'jose'
import { memoryLimits, planLimit } from '../../../dist/index.js'
import { fileAnchor, fileLog, fileSigner } from '../../../dist/file.js'
import { type CallerLimit, gatewayApp, upstream } from '../../../examples/gateway/gateway.ts'
import { listen } from '../../../examples/gateway/model.ts'
import { serveParent, told } from './child.ts'
import { MeasuredLog } from './measured-log.ts'

export interface GatewaySettings {
  readonly guarded: boolean
  /** For the log; taken away at the end. */
  readonly folder: string
  readonly issuer: { readonly issuer: string; readonly audience: string; readonly jwksUrl: string }
  /** Requests a minute, and calls at the same time, of each caller. */
  readonly requests: number
  readonly places: number
}

/** What the process was like since it was asked last. Megabytes and milliseconds. */
export interface Sample {
  readonly rss: number
  readonly heapLow: number
  readonly heapHigh: number
  readonly external: number
  readonly delay50: number
  readonly delay99: number
  readonly delayMax: number
  /** Milliseconds of processor time. */
  readonly cpu: number
  readonly append50: number
  readonly append99: number
  readonly appendMax: number
  /** Records that wait for the disk now. */
  readonly waiting: number
}

/** Megabytes after a garbage collection. */
export interface Collected {
  readonly heap: number
}

/** What is there when all calls have ended. */
export interface Settled extends Collected {
  /** Places of callers that were not given back. */
  readonly placesHeld: number
  readonly callers: number
  readonly appended: number
  readonly waiting: number
  readonly connections: number
}

const { guarded, folder, issuer, requests, places } = told<GatewaySettings>()
mkdirSync(folder, { recursive: true })
const log = new MeasuredLog(
  await fileLog(join(folder, 'audit'), {
    signer: await fileSigner(join(folder, 'audit.key')),
    origin: 'gateway.example',
    anchor: fileAnchor(join(folder, 'audit.anchor')),
  }),
)
const callers = new Set<string>()
const store = memoryLimits()
// The lease outlives the run, so that a place which is not given back is seen.
const placesLimit = { name: 'places', concurrent: places, lease: 86_400 }
const limits: CallerLimit[] = [
  { name: 'requests', per: (call) => call.identity.key, requests, window: 60 },
  { name: 'tokens', per: (call) => call.identity.key, tokens: requests * 1_000, window: 60 },
  {
    ...placesLimit,
    per({ identity }) {
      callers.add(identity.key)
      return identity.key
    },
  },
]
const { privateKey } = await generateKeyPair('ECDH-ES', { extractable: true })
const privateJwk = { ...(await exportJWK(privateKey)), kid: 'gateway-1', alg: 'ECDH-ES', use: 'enc' }
const whole = gatewayApp({ issuer: { ...issuer, jwksUrl: new URL(issuer.jwksUrl) }, privateJwk, log, limits, store })
const bare = new Hono()
bare.post('/v1/chat/completions', async ({ req }) => upstream(await req.text(), req.raw.signal))
const { fetch } = guarded ? whole.app : bare
const server = await listen((options, ready) => serve({ fetch, ...options }, ready))

const delay = monitorEventLoopDelay({ resolution: 10 })
delay.enable()
let heapLow = Number.POSITIVE_INFINITY
let heapHigh = 0
let cpu = process.cpuUsage()
const megabytes = (bytes: number): number => Math.round(bytes / 1e4) / 100
const look = (): void => {
  const { heapUsed } = process.memoryUsage()
  heapLow = Math.min(heapLow, heapUsed)
  heapHigh = Math.max(heapHigh, heapUsed)
}
setInterval(look, 500).unref()

function sample(): Sample {
  look()
  const { rss, external } = process.memoryUsage()
  const { user, system } = process.cpuUsage(cpu)
  cpu = process.cpuUsage()
  const ms = (nanoseconds: number): number => Math.round(nanoseconds / 1e4) / 100
  const taken = {
    rss: megabytes(rss),
    heapLow: megabytes(heapLow),
    heapHigh: megabytes(heapHigh),
    external: megabytes(external),
    delay50: ms(delay.percentile(50)),
    delay99: ms(delay.percentile(99)),
    delayMax: ms(delay.max),
    cpu: Math.round((user + system) / 10) / 100,
    ...log.take(),
  }
  delay.reset()
  heapLow = Number.POSITIVE_INFINITY
  heapHigh = 0
  return taken
}

function collect(): Collected {
  globalThis.gc?.()
  return { heap: megabytes(process.memoryUsage().heapUsed) }
}

function settled(): Settled {
  const limit = planLimit(placesLimit)
  let placesHeld = 0
  for (const key of callers) {
    const answer = store.reserve([{ limit, key }], { concurrent: 0 }, Date.now())
    placesHeld += answer.allowed ? places - (answer.limits[0]?.remaining ?? 0) : places
    if (answer.allowed) answer.release()
  }
  const connections = process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
  return {
    placesHeld,
    callers: callers.size,
    appended: log.appended,
    waiting: log.waiting,
    ...collect(),
    connections,
  }
}

let isClosed = false
async function close(): Promise<{ key: string | undefined; seconds: number }> {
  const began = performance.now()
  if (!isClosed) await whole.guard.close()
  if (!isClosed) await log.close()
  isClosed = true
  return { key: log.key, seconds: (performance.now() - began) / 1000 }
}

const cpuNow = (): number => {
  const { user, system } = process.cpuUsage()
  return user + system
}
serveParent(server.url, { cpu: cpuNow, sample, collect, settled, close }, async () => {
  await close()
  rmSync(folder, { recursive: true, force: true })
  try {
    // Where whoever started it is gone, and no other gateway is left.
    rmdirSync(dirname(folder))
  } catch {}
})
