import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

/** A receiver of OTLP over HTTP, as JSON, at a loopback address. */
export interface Collector {
  readonly url: string
  /** Everything that came, by signal: `logs`, `traces`, `metrics`. */
  readonly received: ReadonlyMap<string, readonly unknown[]>
  /** What it answers; 200 unless changed. */
  status: number
}

/** Serves until the test ends. */
export async function collector(context: TestContext): Promise<Collector> {
  const received = new Map<string, unknown[]>()
  const state = { status: 200 }
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    if (state.status !== 200) return void response.writeHead(state.status).end()
    const signal = (request.url ?? '').split('/').at(-1) ?? ''
    received.set(signal, [...(received.get(signal) ?? []), JSON.parse(Buffer.concat(chunks).toString())])
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  context.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    received,
    get status() {
      return state.status
    },
    set status(value) {
      state.status = value
    },
  }
}

/** Every object below a value that has a member of that name. */
export function* having(value: unknown, name: string): Generator<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return
  if (Object.hasOwn(value, name)) yield value as Record<string, unknown>
  for (const inner of Object.values(value)) yield* having(inner, name)
}

/** Attributes of OTLP as an object. */
export function attributesIn(value: unknown): Record<string, unknown> {
  const list = (value as { readonly attributes?: readonly { readonly key: string; readonly value: Record<string, unknown> }[] }).attributes ?? []
  return Object.fromEntries(list.map(({ key, value: held }) => [key, Object.values(held)[0]]))
}
