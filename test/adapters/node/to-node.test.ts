import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { toNode } from '../../../src/adapters/node/to-node.ts'
import { guardHandler } from '../../../src/adapters/web/guard-handler.ts'
import { chatOperation, chatRequest, chunk, completion } from '../chat.ts'
import { door } from '../door.ts'
import { listen, raw, rawPost, send } from '../loopback.ts'

async function* endless(): AsyncGenerator<unknown> {
  for (;;) {
    yield chunk('x'.repeat(10_000))
    await new Promise((resolve) => setImmediate(resolve))
  }
}

test('serves whole and streamed answers and refusals over a real connection', async (t) => {
  const { guard, seen } = door({ shouts: true, limited: 'eve' })
  const handler = guardHandler(guard, chatOperation, (_request, { input }) =>
    input.stream === true
      ? (async function* () {
          yield chunk('ab')
          yield chunk('cd', 'stop')
        })()
      : completion('hello'),
  )
  const origin = await listen(t, toNode(handler))
  assert.match(await (await send(origin, chatRequest('x'))).text(), /HELLO/)
  const streamed = await send(origin, chatRequest('x', { stream: true }))
  assert.match(streamed.headers.get('content-type') ?? '', /event-stream/)
  assert.match(await streamed.text(), /"AB".*"CD".*\[DONE\]/s)
  const limited = await send(origin, chatRequest('x'), { authorization: 'Bearer eve' })
  assert.equal(limited.status, 429)
  assert.equal(limited.headers.get('retry-after'), '7')
  assert.equal((await send(origin, chatRequest('x'), { authorization: 'Bearer bad' })).status, 401)
  assert.equal(seen.length, 4)
})

test('tells the guard what the socket says, and nothing that the caller writes', async (t) => {
  const { guard, seen } = door()
  const handler = guardHandler(guard, chatOperation, () => completion('x'), { origin: 'https://api.example' })
  const origin = await listen(t, toNode(handler))
  await send(origin, chatRequest('x'), { 'x-forwarded-for': '192.0.2.9', forwarded: 'for=192.0.2.9;proto=https' })
  assert.equal(seen[0]?.remoteAddress, '127.0.0.1')
  assert.equal(seen[0]?.secure, true)
  const body = JSON.stringify(chatRequest('x'))
  for (const target of ['https://evil.example/v1/chat', '//evil.example/v1/chat'])
    await raw(origin, rawPost(body, ['authorization: Bearer ada'], target))
  assert.equal(seen[1]?.url, 'https://api.example/v1/chat')
  assert.equal(seen[2]?.url, 'https://api.example//evil.example/v1/chat')
})

test('a connection without an address is not secure by itself: its peer may have reset it, or it is one of the file system', async (t) => {
  const { guard, seen } = door()
  const server = createServer(toNode(guardHandler(guard, chatOperation, () => completion('x'))))
  const folder = await mkdtemp(join(tmpdir(), 'to-node-'))
  const socketPath = join(folder, 'socket')
  await new Promise<void>((resolve) => server.listen(socketPath, resolve))
  t.after(async () => {
    server.close()
    await rm(folder, { recursive: true })
  })
  const headers = { authorization: 'Bearer ada', 'content-type': 'application/json' }
  await new Promise<void>((resolve, reject) => {
    const sent = request({ socketPath, path: '/v1/chat', method: 'POST', headers, agent: false }, (answer) => answer.resume().on('end', resolve))
    sent.on('error', reject).end(JSON.stringify(chatRequest('x')))
  })
  assert.equal(seen[0]?.secure, false)
  assert.equal(seen[0]?.remoteAddress, undefined)
})

test('hands on two Authorization fields as two, so that they are refused', async (t) => {
  const { guard, seen } = door()
  let ran = 0
  const origin = await listen(
    t,
    toNode(
      guardHandler(guard, chatOperation, () => {
        ran++
        return completion('x')
      }),
    ),
  )
  const body = JSON.stringify(chatRequest('x'))
  for (const fields of [
    ['authorization: Bearer ada', 'authorization: Bearer bob'],
    ['authorization: Bearer ada', 'Authorization: Bearer ada'],
  ])
    assert.match(await raw(origin, rawPost(body, fields)), /^HTTP\/1\.1 401 /)
  assert.equal(ran, 0)
  assert.equal(seen.length, 2)
  assert.match(await raw(origin, rawPost(body, ['authorization: Bearer ada', 'content-type: text/plain'])), /^HTTP\/1\.1 400 /)
})

test('answers 413 to a body that is too large, declared or not, and goes on serving', async (t) => {
  const { guard } = door()
  const origin = await listen(t, toNode(guardHandler(guard, chatOperation, () => completion('x'), { maxBodyBytes: 1000 })))
  const long = JSON.stringify(chatRequest('x'.repeat(2_000_000)))
  assert.equal((await send(origin, long)).status, 413)
  const chunked = await fetch(`${origin}/`, {
    method: 'POST',
    headers: { authorization: 'Bearer ada', 'content-type': 'application/json' },
    body: new Blob([long]).stream(),
    duplex: 'half',
  } as RequestInit)
  assert.equal(chunked.status, 413)
  assert.equal((await send(origin, long, { authorization: 'Bearer bad' })).status, 401)
  assert.equal((await send(origin, chatRequest('x'))).status, 200)
})

test('ends the call when the client goes: before the answer, within it, and within its own body', async (t) => {
  const own = door()
  let started: () => void = () => {}
  const begun = new Promise<void>((resolve) => (started = resolve))
  const aborted: string[] = []
  const handler = guardHandler(own.guard, chatOperation, (_request, call) => {
    call.signal.addEventListener('abort', () => aborted.push(call.id))
    if (call.input.stream === true) return endless()
    started()
    return new Promise<never>(() => {})
  })
  const origin = await listen(t, toNode(handler))
  const waiting = new AbortController()
  const answer = send(origin, chatRequest('x'), {}, waiting.signal)
  await begun
  waiting.abort()
  await assert.rejects(answer)
  assert.equal((await own.ended(1)).outcome.ending, 'aborted')

  const streaming = new AbortController()
  const response = await send(origin, chatRequest('x', { stream: true }), {}, streaming.signal)
  await response.body?.getReader().read()
  streaming.abort()
  assert.match((await own.ended(2)).outcome.ending, /^(aborted|left)$/)
  assert.equal(aborted.length, 2)

  const body = JSON.stringify(chatRequest('x'))
  const { hostname, port } = new URL(origin)
  const { connect } = await import('node:net')
  const socket = connect(Number(port), hostname, () => {
    socket.write(rawPost(body, ['authorization: Bearer ada']).slice(0, -5))
    setTimeout(() => socket.destroy(), 20)
  })
  assert.equal((await own.ended(3)).outcome.ending, 'aborted')
  assert.equal(own.seen.length, 3)
})

test('makes no more parts than a slow reader takes', async (t) => {
  const own = door()
  let made = 0
  const handler = guardHandler(own.guard, chatOperation, async function* () {
    for (;;) {
      made++
      yield chunk('x'.repeat(100_000))
      await new Promise((resolve) => setImmediate(resolve))
    }
  } as never)
  const origin = await listen(t, toNode(handler))
  const { hostname, port } = new URL(origin)
  const { connect } = await import('node:net')
  const socket = connect(Number(port), hostname, () => socket.write(rawPost(JSON.stringify(chatRequest('x')), ['authorization: Bearer ada'])))
  socket.once('data', () => socket.pause())
  let before = -1
  while (made === 0 || (before !== made && made < 1000)) {
    before = made
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  assert.ok(made < 500, `${made} parts`)
  socket.destroy()
  await own.ended(1)
})

test('answers 500 to what a handler throws, and says why to nobody but the operator', async (t) => {
  const told: unknown[] = []
  const mistake = new Error('secret')
  const origin = await listen(
    t,
    toNode(
      () => {
        throw mistake
      },
      { onError: (error) => told.push(error) },
    ),
  )
  const response = await fetch(origin)
  assert.equal(response.status, 500)
  assert.equal(await response.text(), '')
  assert.deepEqual(told, [mistake])
})

test('answers also where the error handler fails', async (t) => {
  const failing = [
    () => {
      throw new Error('y')
    },
    async () => Promise.reject(new Error('y')),
  ]
  for (const onError of failing) {
    const handler = (): never => {
      throw new Error('x')
    }
    assert.equal((await fetch(await listen(t, toNode(handler, { onError })))).status, 500)
  }
})

test('keeps every cookie, of a request and of a response, and no body for HEAD', async (t) => {
  const headers = new Headers({ 'content-type': 'text/plain' })
  headers.append('set-cookie', 'a=1')
  headers.append('set-cookie', 'b=2')
  let cookie: string | null = null
  const origin = await listen(
    t,
    toNode((request) => {
      cookie = request.headers.get('cookie')
      return new Response('body', { headers })
    }),
  )
  const answer = await raw(origin, 'HEAD / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncookie: c=3\r\ncookie: d=4\r\n\r\n')
  assert.equal(cookie, 'c=3; d=4')
  assert.match(answer, /set-cookie: a=1\r\nset-cookie: b=2/i)
  assert.match(answer, /\r\n\r\n$/)
})

test('answers 501 to a method that no web request has', async (t) => {
  let ran = 0
  const handler = (): Response => {
    ran++
    return new Response()
  }
  const answer = await raw(await listen(t, toNode(handler)), 'TRACE / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
  assert.match(answer, /^HTTP\/1\.1 501 /)
  assert.equal(ran, 0)
})

test('breaks a body off that fails, so that nobody takes it for whole', async (t) => {
  const origin = await listen(
    t,
    toNode(
      () =>
        new Response(
          new ReadableStream({
            start: (controller) => controller.enqueue(new TextEncoder().encode('half')),
            pull: () => Promise.reject(new Error('secret')),
          }),
        ),
    ),
  )
  const response = await fetch(origin)
  await assert.rejects(response.text())
})

test('a wrong set-up is a TypeError when it is made', () => {
  assert.throws(() => toNode(undefined as never), TypeError)
  assert.throws(() => toNode(() => new Response(), { origin: 'x' }), TypeError)
  assert.throws(() => toNode(() => new Response(), { onError: 'x' as never }), TypeError)
})
