import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { cors } from 'hono/cors'
import { HTTPException } from 'hono/http-exception'
import { streamSSE } from 'hono/streaming'
import { validator } from 'hono/validator'
import type { Server } from 'node:http'
import { honoGuard } from '../../../src/adapters/hono/hono-guard.ts'
import { toNode } from '../../../src/adapters/node/to-node.ts'
import { GuardError } from '../../../src/guard/errors.ts'
import type { ChatRequest } from '../../../src/payload/openai-chat-request.ts'
import { chatOperation, chatRequest, chunk, completion, eventsOf, post } from '../chat.ts'
import { door } from '../door.ts'
import { listen, send } from '../loopback.ts'

const path = '/v1/chat'

test('types c.var.call, with its input', async () => {
  const { guard } = door()
  const app = new Hono().post(path, honoGuard(guard, chatOperation), (c) => {
    const input: ChatRequest = c.var.call.input
    const subject: string = c.var.call.identity.subject
    // @ts-expect-error the call has no such entry: nothing in the chain adds it
    void c.var.call.sealed
    return c.json(completion(`${subject} ${input.model}`))
  })
  assert.match(await (await app.request(post(chatRequest('x')))).text(), /ada m/)
})

test('hands on the rewritten body, also where an earlier middleware had read it', async () => {
  for (const read of ['json', 'text', 'arrayBuffer', 'none'] as const) {
    const { guard } = door({ shouts: true })
    const heard: string[] = []
    const app = new Hono()
    app.use(async (c, next) => {
      if (read !== 'none') await c.req[read]()
      await next()
    })
    app.post(path, honoGuard(guard, chatOperation), async (c) => {
      heard.push(await c.req.raw.clone().text(), JSON.stringify(await c.req.json()), String(c.req.header('authorization')))
      return c.json(completion('soft'))
    })
    const response = await app.request(post(chatRequest('quiet')))
    assert.match(await response.text(), /SOFT/)
    assert.equal(heard.length, 3)
    assert.doesNotMatch(heard.join(), /quiet/, read)
    assert.match(heard.join(), /QUIET.*undefined$/s, read)
  }
})

test('guards streams, and keeps the fields that other middleware sets', async () => {
  const { guard, seen } = door({ shouts: true, quota: { limits: [{ name: 'm', limit: 5, remaining: 4, reset: 1 }] } })
  const app = new Hono()
  app.use(async (c, next) => {
    c.header('x-before', '1')
    await next()
    c.header('x-after', '2')
  })
  app.post(path, honoGuard(guard, chatOperation), (c) =>
    streamSSE(c, async (stream) => {
      await stream.writeSSE({ data: JSON.stringify(chunk('ab')) })
      await stream.writeSSE({ data: JSON.stringify(chunk('cd', 'stop')) })
      await stream.writeSSE({ data: '[DONE]' })
    }),
  )
  const response = await app.request(post(chatRequest('x', { stream: true })))
  assert.match(await response.text(), /"AB".*"CD".*\[DONE\]/s)
  assert.equal(response.headers.get('x-before'), '1')
  assert.equal(response.headers.get('x-after'), '2')
  assert.equal(response.headers.get('ratelimit'), '"m";r=4;t=1')
  assert.equal(response.headers.get('transfer-encoding'), null)
  assert.equal(seen[0]?.outcome.ending, 'completed')
})

test('refuses without running what is behind it', async () => {
  const cases = [
    [{}, { authorization: 'Bearer bad' }, 401],
    [{ deny: true }, {}, 403],
    [{ limited: 'ada' }, {}, 429],
  ] as const
  for (const [options, headers, status] of cases) {
    const { guard } = door(options)
    let ran = 0
    const app = new Hono().use(async (c, next) => {
      c.header('x-before', '1')
      await next()
    })
    app.post(path, honoGuard(guard, chatOperation), (c) => {
      ran++
      return c.json(completion('x'))
    })
    const response = await app.request(post(chatRequest('x'), headers))
    assert.equal(response.status, status)
    assert.equal(response.headers.get('content-type'), 'application/problem+json')
    assert.equal(response.headers.get('x-before'), '1')
    if (status === 429) assert.equal(response.headers.get('retry-after'), '7')
    assert.equal(ran, 0)
  }
})

test('never passes what a handler throws, nor what an error handler writes about it', async () => {
  const mistake = new Error('password=hunter2')
  const throwing = [
    [mistake, 500, 'failed'],
    [new HTTPException(404, { message: 'password=hunter2' }), 404, 'completed'],
    [new GuardError('denied', { reason: 'password=hunter2' }), 403, 'failed'],
  ] as const
  for (const [error, status, ending] of throwing) {
    const { guard, seen, told } = door()
    const app = new Hono()
    app.onError((thrown, c) => c.text(`oops ${thrown.message}`, 500))
    app.post(path, honoGuard(guard, chatOperation), () => {
      throw error
    })
    const response = await app.request(post(chatRequest('x')))
    assert.equal(response.status, status)
    assert.doesNotMatch(await response.text(), /hunter2|oops/)
    assert.equal(seen[0]?.outcome.ending, ending)
    assert.deepEqual(told, error === mistake ? [mistake] : [])
  }
})

test('keeps the status of what is not found, and refuses what no control can read', async () => {
  const { guard } = door()
  const app = new Hono().use(honoGuard(guard, chatOperation))
  app.post('/html', (c) => c.html('<p>secret</p>'))
  const missing = await app.request(post(chatRequest('x')))
  assert.equal(missing.status, 404)
  assert.equal(await missing.text(), '')
  const request = post(chatRequest('x'))
  const html = await app.request('https://server.test/html', { method: 'POST', headers: request.headers, body: await request.text() })
  assert.equal(html.status, 400)
  assert.doesNotMatch(await html.text(), /secret/)
})

test('refuses a call whose body a validator has kept', async () => {
  const { guard, seen } = door()
  let ran = 0
  const app = new Hono().post(
    path,
    validator('json', (value) => value),
    honoGuard(guard, chatOperation),
    (c) => {
      ran++
      return c.json(completion('x'))
    },
  )
  const response = await app.request(post(chatRequest('x')))
  assert.equal(response.status, 500)
  assert.equal(((await response.json()) as { code: string }).code, 'misconfigured')
  assert.equal(ran, 0)
  assert.equal(seen.length, 1)
})

test('bounds a body also where it was read before', async () => {
  const { guard } = door()
  const app = new Hono().use(async (c, next) => {
    await c.req.text()
    await next()
  })
  app.post(path, honoGuard(guard, chatOperation, { maxBodyBytes: 100 }), (c) => c.json(completion('x')))
  assert.equal((await app.request(post(chatRequest('x'.repeat(200))))).status, 413)
})

test('works under its own server and under toNode, and knows the socket', async (t) => {
  const { guard, seen, ended } = door({ shouts: true })
  const app = new Hono().post(path, honoGuard(guard, chatOperation), async (c) => {
    const { input } = c.var.call
    if (input.stream !== true) return new Response(JSON.stringify(completion('hello')), { headers: { 'content-type': 'application/json' } })
    return new Response(eventsOf([chunk('ab'), chunk('cd', 'stop')]), { headers: { 'content-type': 'text/event-stream' } })
  })
  const origins = [await listen(t, toNode(app.fetch)), await listen(t, createAdaptorServer({ fetch: app.fetch }) as Server)]
  for (const origin of origins) {
    assert.match(await (await send(origin, chatRequest('x'))).text(), /HELLO/)
    assert.match(await (await send(origin, chatRequest('x', { stream: true }))).text(), /"AB".*\[DONE\]/s)
    assert.equal((await send(origin, chatRequest('x'), { authorization: 'Bearer bad' })).status, 401)
  }
  await ended(6)
  for (const { remoteAddress, secure } of seen) assert.deepEqual([remoteAddress, secure], ['127.0.0.1', true])
})

test('takes no URL for a secure connection where no socket is known', async () => {
  const { guard, seen } = door()
  const answer = () => Response.json(completion('x'))
  const app = new Hono().post(path, honoGuard(guard, chatOperation), answer)
  await app.request(post(chatRequest('x')))
  const stated = new Hono().post(path, honoGuard(guard, chatOperation, { channel: () => ({ secure: true }) }), answer)
  await stated.request(post(chatRequest('x')))
  assert.deepEqual(
    seen.map(({ secure }) => secure),
    [false, true],
  )
})

test('ends the call when the client goes, under either server', async (t) => {
  const { guard, ended } = door()
  const app = new Hono().post(path, honoGuard(guard, chatOperation), (c) =>
    streamSSE(c, async (stream) => {
      while (!stream.aborted) {
        await stream.writeSSE({ data: JSON.stringify(chunk('x')) })
        await stream.sleep(1)
      }
    }),
  )
  const servers = [toNode(app.fetch), createAdaptorServer({ fetch: app.fetch }) as Server]
  for (const [index, server] of servers.entries()) {
    const origin = await listen(t, server)
    const controller = new AbortController()
    const response = await send(origin, chatRequest('x', { stream: true }), {}, controller.signal)
    await response.body?.getReader().read()
    controller.abort()
    assert.match((await ended(index + 1)).outcome.ending, /^(left|aborted)$/)
  }
})

test('a wrong set-up is a TypeError when it is made', () => {
  const { guard } = door()
  assert.throws(() => honoGuard({} as never, chatOperation), TypeError)
  assert.throws(() => honoGuard(guard, { ...chatOperation, codec: 'auto' } as never), TypeError)
  assert.throws(() => honoGuard(guard, chatOperation, { maxBodyBytes: -1 }), TypeError)
})

test('an answer that was fetched keeps only harmless fields, also behind middleware that set some of its own before', async (t) => {
  const url = await listen(t, (_incoming, response) => {
    response.writeHead(200, {
      'content-type': 'application/json',
      'x-leak': 'ada@example.org',
      'set-cookie': 'k=secret',
      'x-request-id': 'req_12345678',
    })
    response.end(JSON.stringify(completion('x')))
  })
  const { guard } = door()
  const app = new Hono()
  app.use(cors())
  app.use(async (c, next) => {
    c.header('set-cookie', 'own=1')
    await next()
  })
  app.post(path, honoGuard(guard, chatOperation), () => fetch(url))
  const response = await app.request(post(chatRequest('x')))
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('x-leak'), null)
  assert.equal(response.headers.get('access-control-allow-origin'), '*')
  assert.equal(response.headers.get('x-request-id'), 'req_12345678')
  assert.deepEqual(response.headers.getSetCookie(), ['own=1'])
})
