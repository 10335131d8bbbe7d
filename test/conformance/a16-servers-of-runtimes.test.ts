import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { guardHandler, openaiChat, type ServerOptions } from '../../src/index.ts'
import { chatRequest, chunk, completion } from './chat-payloads.ts'
import { assertRefused } from './refusals.ts'
import { analyst, wholeGuard } from './whole-guard.ts'

type Fetching = (request: Request) => Promise<Response>

/** What serves here: the runtime's own server where it has one, else the handler alone, as a worker is asked. */
interface Served {
  readonly name: string
  ask(body: string, headers: Readonly<Record<string, string>>): Promise<Response>
  close(): Promise<void>
}

interface BunLike {
  serve(options: { port: number; hostname: string; fetch: Fetching }): { readonly port: number; stop(now: boolean): Promise<void> }
}
interface DenoLike {
  serve(
    options: { port: number; hostname: string; onListen(): void },
    fetch: Fetching,
  ): { readonly addr: { readonly port: number }; shutdown(): Promise<void> }
}

async function serveHere(handler: Fetching): Promise<Served> {
  const { Bun, Deno } = globalThis as { readonly Bun?: BunLike; readonly Deno?: DenoLike }
  if (Bun !== undefined) {
    const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: handler })
    return over('Bun.serve', server.port, () => server.stop(true))
  }
  if (Deno !== undefined) {
    const server = Deno.serve({ port: 0, hostname: '127.0.0.1', onListen: () => {} }, handler)
    return over('Deno.serve', server.addr.port, () => server.shutdown())
  }
  const ask: Served['ask'] = (body, headers) => handler(new Request('https://api.example/v1/chat', { method: 'POST', headers, body }))
  return { name: 'a fetch handler', ask, close: async () => {} }
}

function over(name: string, port: number, close: () => Promise<void>): Served {
  const ask: Served['ask'] = (body, headers) => fetch(`http://127.0.0.1:${port}/v1/chat`, { method: 'POST', headers, body })
  return { name, ask, close }
}

async function withServer(options: ServerOptions<Request>, run: (server: Served, ran: readonly unknown[]) => Promise<void>): Promise<void> {
  const ran: unknown[] = []
  const operation = { action: 'chat', resource: { type: 'model', id: 'gpt-5' }, codec: openaiChat }
  const handler = guardHandler(
    wholeGuard(),
    operation,
    (_request, call) => {
      ran.push(call.input)
      if (call.input.stream !== true) return completion('ask ada@example.org')
      return (async function* () {
        yield chunk({ delta: { content: 'ask ada@exam' } })
        yield chunk({ delta: { content: 'ple.org' }, finish_reason: 'stop' })
      })()
    },
    options,
  )
  const server = await serveHere(handler)
  try {
    await run(server, ran)
  } finally {
    await server.close()
  }
}

const json = { 'content-type': 'application/json' }

describe('A16: the server that this runtime has', () => {
  test('answers whole and streamed, through the controls', async () => {
    await withServer({ channel: () => ({ secure: true }) }, async ({ ask }, ran) => {
      const headers = { ...json, ...(await analyst()) }
      const whole = await (await ask(JSON.stringify(chatRequest('I am bob@example.org')), headers)).text()
      assert.match(whole, /ask \[EMAIL\]/)
      assert.doesNotMatch(JSON.stringify(ran), /bob@/)
      const streamed = await (await ask(JSON.stringify(chatRequest('x', { stream: true })), headers)).text()
      assert.match(streamed, /\[EMAIL\]/)
      assert.doesNotMatch(streamed, /ada@|exam|ple\.org/)
    })
  })

  test('takes strict JSON of one type and of bounded bytes and depth, and nothing of it is in a refusal', async () => {
    await withServer({ channel: () => ({ secure: true }), maxBodyBytes: 2_000 }, async ({ ask }, ran) => {
      const headers = { ...json, ...(await analyst()) }
      const message = '"model":"gpt-5","messages":[{"role":"user","content":"s3cret"}]'
      for (const [body, more, code] of [
        [`{${message},"model":"gpt-5"}`, {}, 'payload_invalid'],
        [`{${message},"__proto__":{}}`, {}, 'payload_invalid'],
        [`{"a":${'['.repeat(500)}${']'.repeat(500)}}`, {}, 'payload_invalid'],
        ['s3cret', {}, 'payload_invalid'],
        [JSON.stringify(chatRequest('s3cret'.repeat(500))), {}, 'payload_too_large'],
        [`{${message}}`, { 'content-type': 'text/plain' }, 'payload_unsupported'],
        [`{${message}}`, { 'content-type': 'application/json; charset=utf-16' }, 'payload_unsupported'],
      ] as const) {
        const response = await ask(body, { ...headers, ...more })
        assert.equal(response.headers.get('x-content-type-options'), 'nosniff')
        assert.match(response.headers.get('content-security-policy') ?? '', /default-src 'none'/)
        await assertRefused(response, code, ['s3cret'])
      }
      assert.deepEqual(ran, [])
    })
  })

  test('refuses a connection that is known to be open, and whoever proves nothing', async () => {
    await withServer({ channel: () => ({ secure: false }) }, async ({ ask }, ran) => {
      await assertRefused(await ask(JSON.stringify(chatRequest('x')), { ...json, ...(await analyst()) }), 'denied')
      await assertRefused(await ask(JSON.stringify(chatRequest('x')), json), 'identity_missing')
      assert.deepEqual(ran, [])
    })
  })
})
