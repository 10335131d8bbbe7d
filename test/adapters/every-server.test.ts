import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { connect } from 'node:net'
import { describe, test, type TestContext } from 'node:test'
import { serve as serveHono } from '@hono/node-server'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { guardHandler } from '../../src/index.ts'
import { expressGuard } from '../../src/adapters/express/index.ts'
import { fastifyGuard } from '../../src/adapters/fastify/index.ts'
import { honoGuard } from '../../src/adapters/hono/index.ts'
import { toNode } from '../../src/adapters/node/index.ts'
import type { ServerOptions } from '../../src/adapters/web/server-options.ts'
import { chatOperation, chatRequest, chunk, completion } from './chat.ts'
import { type Door, door } from './door.ts'
import { listen, raw, rawPost } from './loopback.ts'

type Handling = (input: unknown, seen: { readonly body: unknown; readonly headers: Record<string, unknown> }, signal: AbortSignal) => unknown

/** A server that people use, with one guarded route at `/v1/chat`. */
interface Host {
  readonly name: string
  start(t: TestContext, guard: Door['guard'], handle: Handling, options?: ServerOptions<unknown>): Promise<string>
}

const hosts: readonly Host[] = [
  {
    name: 'node:http',
    start: (t, guard, handle, options) =>
      listen(
        t,
        toNode(
          guardHandler(
            guard,
            chatOperation,
            async (request, call) => {
              const seen = { body: await request.json(), headers: Object.fromEntries(request.headers) }
              return handle(call.input, seen, call.signal) as object
            },
            options,
          ),
        ),
      ),
  },
  {
    // The contract of a route of Next: a file that exports a function for each method, from Request to Response.
    name: 'a Next route handler',
    start(t, guard, handle, options) {
      const route = {
        POST: guardHandler(
          guard,
          chatOperation,
          async (request, call) => {
            const seen = { body: await request.json(), headers: Object.fromEntries(request.headers) }
            return handle(call.input, seen, call.signal) as object
          },
          options,
        ) satisfies (request: Request) => Promise<Response>,
      }
      return listen(
        t,
        toNode((request) => (request.method === 'POST' ? route.POST(request) : new Response(null, { status: 405 }))),
      )
    },
  },
  {
    name: 'Express 5',
    start(t, guard, handle, options) {
      const app = express()
      app.post(
        '/v1/chat',
        expressGuard(guard, chatOperation, (request, call) => handle(call.input, request, call.signal) as object, options),
      )
      return listen(t, app as unknown as RequestListener)
    },
  },
  {
    name: 'Hono 4',
    async start(t, guard, handle, options) {
      const app = new Hono()
      app.post('/v1/chat', honoGuard(guard, chatOperation, options), async (c) => {
        const { input, signal } = c.var.call
        const answer = handle(input, { body: await c.req.json(), headers: c.req.header() }, signal)
        if (typeof answer === 'object' && answer !== null && Symbol.asyncIterator in answer) {
          const events = answer as AsyncIterable<object>
          const encoder = new TextEncoder()
          const iterator = events[Symbol.asyncIterator]()
          const body = new ReadableStream<Uint8Array>({
            async pull(controller) {
              const { done, value } = await iterator.next()
              if (done === true) controller.close()
              else controller.enqueue(encoder.encode(`data: ${JSON.stringify(value)}\n\n`))
            },
            cancel: async () => void (await iterator.return?.()),
          })
          return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
        }
        return c.json((await answer) as object)
      })
      const server = serveHono({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
      await once(server, 'listening')
      t.after(() => {
        if ('closeAllConnections' in server) server.closeAllConnections()
        server.close()
      })
      const address = server.address()
      assert.ok(typeof address === 'object' && address !== null)
      return `http://127.0.0.1:${address.port}`
    },
  },
  {
    name: 'Fastify 5',
    async start(t, guard, handle, options) {
      const app = fastify()
      app.post(
        '/v1/chat',
        fastifyGuard(guard, chatOperation, (request, call) => handle(call.input, request, call.signal) as object, options),
      )
      t.after(() => app.close())
      return app.listen({ port: 0, host: '127.0.0.1' })
    },
  },
]

const ask = (origin: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${origin}/v1/chat`, {
    method: 'POST',
    headers: { authorization: 'Bearer ada', 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })

async function assertRefused(response: Response, status: number, what: string): Promise<void> {
  const text = await response.text()
  assert.equal(response.status, status, `${what}: ${text.slice(0, 200)}`)
  assert.equal(response.headers.get('content-type'), 'application/problem+json', what)
  assert.equal(response.headers.get('cache-control'), 'no-store', what)
  assert.equal(response.headers.get('x-content-type-options'), 'nosniff', what)
  assert.match(response.headers.get('content-security-policy') ?? '', /default-src 'none'/, what)
  assert.doesNotMatch(text, /s3cret|stack|\.ts:/, what)
}

for (const host of hosts)
  describe(`every server: ${host.name}`, () => {
    test('whole and streamed answers go through, with the body as the controls left it and without credentials', async (t) => {
      const { guard, seen } = door({ shouts: true })
      const heard: { readonly body: unknown; readonly headers: Record<string, unknown> }[] = []
      const origin = await host.start(t, guard, (input, { body, headers }) => {
        heard.push({ body, headers })
        const { stream } = input as { stream?: boolean }
        if (stream !== true) return completion('whole')
        return (async function* () {
          yield chunk('pa')
          yield chunk('rt', 'stop')
        })()
      })
      assert.match(await (await ask(origin, chatRequest('quiet'), { cookie: 'a=b', dpop: 'x' })).text(), /WHOLE/)
      const streamed = await ask(origin, chatRequest('quiet', { stream: true }))
      assert.match(streamed.headers.get('content-type') ?? '', /^text\/event-stream/)
      assert.match(await streamed.text(), /"PA".*"RT"/s)
      assert.equal(heard.length, 2)
      assert.match(JSON.stringify(heard[0]?.body), /QUIET/)
      for (const name of ['authorization', 'cookie', 'dpop']) assert.equal(heard[0]?.headers[name], undefined, name)
      assert.deepEqual(
        seen.map(({ subject, secure }) => [subject, secure]),
        [
          ['ada', true],
          ['ada', true],
        ],
      )
    })

    test('A16: bodies are strict JSON of one type, of bounded bytes and depth; nothing of them is in a refusal', async (t) => {
      const { guard } = door()
      let ran = 0
      const origin = await host.start(t, guard, () => ran++, { maxBodyBytes: 2_000 })
      const message = '"model":"m","messages":[{"role":"user","content":"s3cret"}]'
      const cases: readonly [what: string, body: string, headers: Record<string, string>, status: number][] = [
        ['a name twice', `{${message},"model":"s3cret"}`, {}, 400],
        ['__proto__', `{${message},"__proto__":{"s3cret":1}}`, {}, 400],
        ['a lone surrogate', `{"model":"m","messages":[{"role":"user","content":"s3cret\\ud800"}]}`, {}, 400],
        ['no JSON', 's3cret', {}, 400],
        ['too deep', `{"model":"m","messages":${'['.repeat(500)}"s3cret"${']'.repeat(500)}}`, {}, 400],
        ['too long', JSON.stringify(chatRequest('s3cret'.repeat(400))), {}, 413],
        ['another type', `{${message}}`, { 'content-type': 'text/plain' }, 400],
        ['a form', 'model=s3cret', { 'content-type': 'application/x-www-form-urlencoded' }, 400],
        ['other characters', `{${message}}`, { 'content-type': 'application/json; charset=utf-16' }, 400],
        ['an encoding', `{${message}}`, { 'content-encoding': 'gzip' }, 400],
        ['nothing', '', {}, 400],
      ]
      for (const [what, body, headers, status] of cases) await assertRefused(await ask(origin, body, headers), status, what)
      assert.equal(ran, 0)
    })

    test('A1: two Authorization fields are none, and a bad credential is told how to be a good one', async (t) => {
      const { guard } = door()
      const origin = await host.start(t, guard, () => assert.fail('ran'))
      const bad = await ask(origin, chatRequest('s3cret'), { authorization: 'Bearer bad' })
      assert.match(bad.headers.get('www-authenticate') ?? '', /^Bearer/)
      await assertRefused(bad, 401, 'bad')
      const two = await raw(origin, rawPost(JSON.stringify(chatRequest('s3cret')), ['authorization: Bearer ada', 'authorization: Bearer eve']))
      assert.match(two, /^HTTP\/1\.1 401/)
      assert.doesNotMatch(two, /s3cret/)
    })

    test('a connection that is known to be open to others is refused, unless that was said to be all right', async (t) => {
      const { guard } = door()
      const channel = () => ({ secure: false, remoteAddress: '203.0.113.9' })
      const refusing = await host.start(t, guard, () => assert.fail('ran'), { channel })
      await assertRefused(await ask(refusing, chatRequest('s3cret')), 403, 'open')
      const allowing = await host.start(t, guard, () => completion('hi'), { channel, insecure: 'allow' })
      assert.equal((await ask(allowing, chatRequest('x'))).status, 200)
      const proxied = await host.start(t, guard, () => completion('hi'), { channel: () => ({ secure: true, remoteAddress: '10.0.0.7' }) })
      assert.equal((await ask(proxied, chatRequest('x'))).status, 200)
    })

    test('what a handler throws tells nobody anything', async (t) => {
      const { guard, told } = door()
      const origin = await host.start(t, guard, () => {
        throw new Error('s3cret')
      })
      await assertRefused(await ask(origin, chatRequest('x')), 500, 'thrown')
      assert.equal(told.length, 1)
    })

    test('A19: a client that goes ends what it left', async (t) => {
      const scene = door()
      let left = false
      let signal: AbortSignal | undefined
      const origin = await host.start(t, scene.guard, (_input, _seen, callSignal) => {
        signal = callSignal
        return (async function* () {
          try {
            for (;;) {
              yield chunk('a')
              await new Promise((resolve) => setImmediate(resolve))
            }
          } finally {
            left = true
          }
        })()
      })
      const { hostname, port } = new URL(origin)
      const socket = connect(Number(port), hostname)
      const body = JSON.stringify(chatRequest('x', { stream: true }))
      socket.write(rawPost(body, ['authorization: Bearer ada']))
      await once(socket, 'data')
      socket.destroy()
      const { outcome } = await scene.ended(1)
      assert.ok(['aborted', 'left'].includes(outcome.ending), outcome.ending)
      assert.equal(outcome.ran, true)
      while (!left) await new Promise((resolve) => setImmediate(resolve))
      assert.equal(signal?.aborted, true)
    })
  })

test('a socket that is neither encrypted nor of this machine is known to be open', async (t) => {
  const { guard } = door()
  const handler = toNode(guardHandler(guard, chatOperation, () => assert.fail('ran')))
  const server = createServer((incoming: IncomingMessage, response) => {
    Object.defineProperty(incoming.socket, 'remoteAddress', { value: '203.0.113.9' })
    handler(incoming, response)
  })
  const origin = await listen(t, server)
  await assertRefused(await ask(origin, chatRequest('x')), 403, 'open')
})
