import assert from 'node:assert/strict'
import type { Server } from 'node:http'
import { test } from 'node:test'
import { createAdaptorServer } from '@hono/node-server'
import { type Answer, guardHandler, type HandlerOptions } from '../../../src/adapters/web/guard-handler.ts'
import type { WireOperation } from '../../../src/adapters/web/server-options.ts'
import type { Call } from '../../../src/guard/context.ts'
import { builtIn } from '../../../src/guard/control.ts'
import { GuardError } from '../../../src/guard/errors.ts'
import { guard } from '../../../src/guard/guard.ts'
import { SealedPart } from '../../../src/guard/control.ts'
import { openaiChat } from '../../../src/payload/openai-chat.ts'
import type { ChatRequest } from '../../../src/payload/openai-chat-request.ts'
import { plainText } from '../../../src/payload/plain-text.ts'
import { chop } from '../../../src/testing/chop.ts'
import { testClock } from '../../../src/testing/test-clock.ts'
import { chatOperation, chatRequest, chunk, completion, eventsOf, post } from '../chat.ts'
import { type Door, type DoorOptions, door } from '../door.ts'
import { listen, raw, rawPost } from '../loopback.ts'

type Handle = (request: Request, call: Call & { readonly input: ChatRequest }) => Answer | Promise<Answer>

function served(
  handle: Handle,
  options: DoorOptions = {},
  handlerOptions: HandlerOptions = {},
): Door & { handler: (r: Request) => Promise<Response>; ran: number } {
  const own = door(options)
  const state = { ...own, ran: 0, handler: undefined as unknown as (r: Request) => Promise<Response> }
  state.handler = guardHandler(
    own.guard,
    chatOperation,
    (request, call) => {
      state.ran++
      return handle(request, call)
    },
    handlerOptions,
  )
  return state
}

async function* stream(...parts: unknown[]): AsyncGenerator<unknown> {
  yield* parts
}

async function refused(response: Response, status: number, code: string): Promise<Record<string, unknown>> {
  assert.equal(response.status, status)
  assert.equal(response.headers.get('content-type'), 'application/problem+json')
  assert.equal(response.headers.get('cache-control'), 'no-store')
  const problem = (await response.json()) as Record<string, unknown>
  assert.equal(problem.code, code)
  assert.equal(problem.status, status)
  assert.equal(problem.type, `urn:sallyport:problem:${code}`)
  return problem
}

test('answers a value as JSON, through the controls both ways', async () => {
  let heard = ''
  const door = served(
    (_request, { input }) => {
      heard = JSON.stringify(input.messages)
      return completion('hello you')
    },
    { shouts: true, quota: { limits: [{ name: 'minute', limit: 60, remaining: 58.5, reset: 29.2 }] } },
  )
  const response = await door.handler(post(chatRequest('hi there')))
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('content-type'), 'application/json')
  assert.equal(response.headers.get('ratelimit'), '"minute";r=58;t=30')
  assert.equal(response.headers.get('ratelimit-policy'), '"minute";q=60')
  assert.match(await response.text(), /HELLO YOU/)
  assert.match(heard, /HI THERE/)
  assert.equal(door.seen[0]?.outcome.ending, 'completed')
})

test('gives the handler a fresh request: rewritten body, no credentials, the signal of the call', async () => {
  let seen: Request | undefined
  let signal: AbortSignal | undefined
  const door = served(
    (request, call) => {
      seen = request
      signal = call.signal
      return completion('x')
    },
    { shouts: true },
  )
  const secret = { dpop: 'p', 'x-api-key': 'k', cookie: 'session=1', 'x-sallyport-call': 'h', 'content-digest': 'd' }
  await door.handler(post(chatRequest('quiet'), { ...secret, 'x-request-id': '7' }))
  assert.ok(seen !== undefined && signal !== undefined)
  assert.deepEqual([...seen.headers.keys()], ['content-type', 'x-request-id'])
  assert.equal(seen.method, 'POST')
  assert.equal(seen.url, 'https://server.test/v1/chat?x=1')
  assert.match(await seen.text(), /QUIET/)
})

test('streams an async iterable as server-sent events', async () => {
  const door = served(() => stream(chunk('ab'), chunk('cd', 'stop')), { shouts: true })
  const response = await door.handler(post(chatRequest('x', { stream: true })))
  assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/)
  assert.equal(response.headers.get('cache-control'), 'no-store')
  assert.equal(response.headers.get('x-accel-buffering'), 'no')
  const text = await response.text()
  assert.match(text, /"AB".*\n\ndata: .*"CD".*\n\ndata: \[DONE\]\n\n$/)
  assert.equal(door.seen[0]?.outcome.parts, 2)
})

test('takes a Response apart: status and fields stand, the body goes through the controls', async () => {
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    'x-model': 'm',
    'content-length': '9999',
    'content-encoding': 'gzip',
    etag: '"1"',
  }
  const whole = await served(() => new Response(JSON.stringify(completion('soft')), { status: 201, headers }), { shouts: true }).handler(
    post(chatRequest('x')),
  )
  assert.equal(whole.status, 201)
  assert.equal(whole.headers.get('x-model'), 'm')
  for (const name of ['content-length', 'content-encoding', 'etag']) assert.equal(whole.headers.get(name), null)
  assert.match(await whole.text(), /SOFT/)

  const events = eventsOf([chunk('one'), chunk('two', 'stop')])
  const cut = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const byte of new TextEncoder().encode(events)) controller.enqueue(Uint8Array.of(byte))
      controller.close()
    },
  })
  const streamed = await served(() => new Response(cut, { headers: { 'content-type': 'text/event-stream' } }), { shouts: true }).handler(
    post(chatRequest('x')),
  )
  const text = await streamed.text()
  assert.match(text, /ONE.*\n\n.*TWO.*\n\ndata: \[DONE\]\n\n$/s)
})

test('does not say that a stream was whole where its sender did not', async () => {
  const door = served(() => new Response(eventsOf([chunk('one')], ''), { headers: { 'content-type': 'text/event-stream' } }))
  assert.doesNotMatch(await (await door.handler(post(chatRequest('x')))).text(), /DONE/)
})

test('answers the same however a stream is cut', async () => {
  const events = new TextEncoder().encode(eventsOf([chunk('grüße '), chunk('an '), chunk('alle 👋', 'stop')]))
  const texts = new Set<string>()
  for (let seed = 0; seed < 40; seed++) {
    const pieces = chop(events, seed)
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const piece of pieces) controller.enqueue(piece)
        controller.close()
      },
    })
    const door = served(() => new Response(body, { headers: { 'content-type': 'text/event-stream' } }), { shouts: true })
    texts.add(await (await door.handler(post(chatRequest('x')))).text())
  }
  assert.equal(texts.size, 1)
  assert.match([...texts].join(), /GRÜSSE .*AN .*ALLE 👋.*DONE/s)
})

test('passes nothing that comes after the end marker, and drops a sender that does not close', async () => {
  const clock = testClock()
  let cancelled = false
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode(eventsOf([chunk('early')]) + eventsOf([chunk('late')]))),
    cancel: () => void (cancelled = true),
  })
  const door = served(() => new Response(body, { headers: { 'content-type': 'text/event-stream' } }), { clock })
  const text = await (await door.handler(post(chatRequest('x')))).text()
  assert.match(text, /early.*\n\ndata: \[DONE\]\n\n$/s)
  assert.doesNotMatch(text, /late/)
  assert.equal(door.seen[0]?.outcome.ending, 'completed')
  assert.equal(cancelled, false)
  clock.advance(1000)
  assert.equal(cancelled, true)
})

test('passes a response without a body', async () => {
  for (const make of [() => new Response(null, { status: 204 }), () => new Response('', { headers: { 'content-type': 'text/html', 'x-a': 'b' } })]) {
    const door = served(make)
    const response = await door.handler(post(chatRequest('x')))
    assert.equal(await response.text(), '')
    assert.equal(response.status, make().status)
    assert.equal(response.headers.get('x-a'), make().headers.get('x-a'))
    assert.equal(door.seen[0]?.outcome.ending, 'completed')
  }
})

test('refuses an answer that no control can read', async () => {
  const bodies = [
    new Response('<p>secret</p>', { headers: { 'content-type': 'text/html' } }),
    new Response(Uint8Array.of(1, 2), { headers: { 'content-type': 'application/octet-stream' } }),
    new Response('{"unknown":"shape"}', { headers: { 'content-type': 'application/json' } }),
    new Response(JSON.stringify(completion('x')), { headers: { 'content-type': 'application/json; charset=utf-16' } }),
  ]
  for (const body of bodies) {
    const response = await served(() => body).handler(post(chatRequest('x')))
    const problem = await refused(response, 400, 'payload_unsupported')
    assert.doesNotMatch(JSON.stringify(problem), /secret/)
  }
  await refused(
    await served(() => new Response('{', { headers: { 'content-type': 'application/json' } })).handler(post(chatRequest('x'))),
    400,
    'payload_invalid',
  )
  await refused(await served(() => 'text').handler(post(chatRequest('x'))), 400, 'payload_unsupported')
})

test('keeps the status of an error and drops a body that no control can read', async () => {
  for (const body of ['<p>secret</p>', '{"detail":"secret"}']) {
    const type = body.startsWith('{') ? 'application/json' : 'text/html'
    const response = await served(() => new Response(body, { status: 404, headers: { 'content-type': type } })).handler(post(chatRequest('x')))
    assert.equal(response.status, 404)
    assert.equal(await response.text(), '')
  }
  const known = await served(() => Response.json({ error: { message: 'no such model' } }, { status: 404 }), { shouts: true }).handler(
    post(chatRequest('x')),
  )
  assert.equal(known.status, 404)
  assert.match(await known.text(), /NO SUCH MODEL/)
})

test('refuses before it reads a body, with status, headers and a problem', async () => {
  let pulled = false
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        pulled = true
        controller.enqueue(new TextEncoder().encode(JSON.stringify(chatRequest('x'))))
        controller.close()
      },
    },
    { highWaterMark: 0 },
  )
  const door = served(() => completion('x'))
  const init = { method: 'POST', body, duplex: 'half', headers: { 'content-type': 'application/json' } }
  const response = await door.handler(new Request('https://server.test/', init as RequestInit))
  assert.equal(response.headers.get('www-authenticate'), 'Bearer')
  const problem = await refused(response, 401, 'identity_missing')
  assert.deepEqual(problem.error, { message: 'Authentication is required.', type: 'guard_error', param: null, code: 'identity_missing' })
  assert.equal(pulled, false)
  assert.equal(door.ran, 0)
})

test('refuses bad and doubled credentials, denials and limits, and tells nothing of why', async () => {
  const twice = new Headers({ 'content-type': 'application/json' })
  twice.append('authorization', 'Bearer ada')
  twice.append('authorization', 'Bearer bob')
  const doubled = new Request('https://server.test/', { method: 'POST', headers: twice, body: JSON.stringify(chatRequest('x')) })
  const open = served(() => completion('x'))
  await refused(await open.handler(doubled), 401, 'identity_invalid')
  const bad = await open.handler(post(chatRequest('x'), { authorization: 'Bearer bad' }))
  assert.doesNotMatch(JSON.stringify(await refused(bad, 401, 'identity_invalid')), /secret/)
  assert.equal(open.ran, 0)

  const closed = served(() => completion('x'), { deny: true })
  assert.doesNotMatch(JSON.stringify(await refused(await closed.handler(post(chatRequest('x'))), 403, 'denied')), /secret-rule/)
  assert.equal(closed.ran, 0)

  const limited = await served(() => completion('x'), { limited: 'ada' }).handler(post(chatRequest('x')))
  assert.equal(limited.headers.get('retry-after'), '7')
  assert.equal(limited.headers.get('ratelimit'), '"minute";r=0;t=7')
  await refused(limited, 429, 'limit_exceeded')
})

test('refuses bodies that are missing, too large, encoded, or of another type or alphabet, and records it', async () => {
  const door = served(() => completion('x'), {}, { maxBodyBytes: 200 })
  const long = JSON.stringify(chatRequest('x'.repeat(300)))
  const chunked = new Request('https://server.test/', {
    method: 'POST',
    headers: { authorization: 'Bearer ada', 'content-type': 'application/json' },
    body: new Blob([long]).stream(),
    duplex: 'half',
  } as RequestInit)
  const cases: [Request, number, string][] = [
    [post(long), 413, 'payload_too_large'],
    [post(long, { 'content-length': '500' }), 413, 'payload_too_large'],
    [chunked, 413, 'payload_too_large'],
    [post('', {}), 400, 'payload_invalid'],
    [post('{"model":"m","model":"n","messages":[]}'), 400, 'payload_invalid'],
    [new Request('https://server.test/', { headers: { authorization: 'Bearer ada', 'content-type': 'application/json' } }), 400, 'payload_invalid'],
    [post(chatRequest('x'), { 'content-encoding': 'gzip' }), 400, 'payload_unsupported'],
    [post(chatRequest('x'), { 'content-type': 'text/plain' }), 400, 'payload_unsupported'],
    [post(chatRequest('x'), { 'content-type': 'application/json, text/plain' }), 400, 'payload_unsupported'],
    [post(chatRequest('x'), { 'content-type': 'application/json; charset=latin1' }), 400, 'payload_unsupported'],
    [post(chatRequest('x'), { 'content-type': 'application/jose' }), 400, 'payload_unsupported'],
    [post({ prompt: 'another endpoint' }), 400, 'payload_unsupported'],
  ]
  for (const [request, status, code] of cases) await refused(await door.handler(request), status, code)
  assert.equal(door.ran, 0)
  assert.equal(door.seen.length, cases.length)
  for (const { outcome } of door.seen) assert.equal(outcome.ending, 'refused')
  const fine = await door.handler(post(chatRequest('x'), { 'content-type': 'Application/JSON; charset="UTF-8"', 'content-encoding': 'identity' }))
  assert.equal(fine.status, 200)
})

test('tells nothing of what a handler throws, but its guard', async () => {
  const mistake = new Error('password=hunter2')
  const door = served(() => {
    throw mistake
  })
  const response = await door.handler(post(chatRequest('x')))
  const problem = await refused(response, 500, 'misconfigured')
  assert.doesNotMatch(JSON.stringify(problem), /hunter2/)
  assert.deepEqual(door.told, [mistake])
  assert.equal(door.seen[0]?.outcome.ending, 'failed')

  const onPurpose = served(() => {
    throw new GuardError('limit_exceeded', { headers: { 'retry-after': '3' } })
  })
  const limited = await onPurpose.handler(post(chatRequest('x')))
  assert.equal(limited.headers.get('retry-after'), '3')
  await refused(limited, 429, 'limit_exceeded')
  assert.deepEqual(onPurpose.told, [])

  const used = new Response('{}')
  await used.text()
  await refused(await served(() => used).handler(post(chatRequest('x'))), 500, 'misconfigured')
})

test('ends a stream that fails with the error event of the protocol, never with its end marker', async () => {
  const mistake = new Error('password=hunter2')
  const door = served(async function* () {
    yield chunk('ab')
    throw mistake
  } as unknown as Handle)
  const text = await (await door.handler(post(chatRequest('x')))).text()
  assert.match(text, /"ab"/)
  assert.match(text, /"error":.*"code":"misconfigured"/)
  assert.doesNotMatch(text, /DONE|hunter2/)
  assert.deepEqual(door.told, [mistake])

  const ended = served(() => stream(chunk('ab'), chunk('cd'), chunk('ef')), { endAt: { part: 1, error: new GuardError('identity_revoked') } })
  const cut = await (await ended.handler(post(chatRequest('x')))).text()
  assert.match(cut, /"ab".*\n\ndata: \{"error":.*"code":"identity_revoked".*\}\n\n$/)
  assert.doesNotMatch(cut, /DONE|"cd"/)
  assert.equal(ended.seen[0]?.outcome.ending, 'refused')
  assert.equal(ended.seen.length, 1)

  const unknown = served(() => stream(chunk('ab'), { secret: 'shape' }))
  const hidden = await (await unknown.handler(post(chatRequest('x')))).text()
  assert.match(hidden, /payload_unsupported/)
  assert.doesNotMatch(hidden, /secret|DONE/)
})

test('ends the call when the reader cancels, the client goes, or nobody reads before the deadline', async () => {
  const upstream: string[] = []
  const endless: Handle = (_request, call) =>
    new Response(
      new ReadableStream<Uint8Array>({
        start() {
          call.signal.addEventListener('abort', () => upstream.push('aborted'))
        },
        pull: (controller) => controller.enqueue(new TextEncoder().encode(`data: ${JSON.stringify(chunk('x'))}\n\n`)),
        cancel: () => void upstream.push('cancelled'),
      }),
      { headers: { 'content-type': 'text/event-stream' } },
    )
  const left = served(endless)
  const reader = (await left.handler(post(chatRequest('x')))).body?.getReader()
  await reader?.read()
  await reader?.cancel()
  assert.equal((await left.ended(1)).outcome.ending, 'left')
  assert.deepEqual(upstream.splice(0).sort(), ['aborted', 'cancelled'])

  const gone = served(endless)
  const controller = new AbortController()
  const answer = await gone.handler(post(chatRequest('x'), {}, controller.signal))
  controller.abort()
  assert.equal((await gone.ended(1)).outcome.ending, 'aborted')
  assert.doesNotMatch(await answer.text(), /DONE/)
  assert.deepEqual(upstream.splice(0).sort(), ['aborted', 'cancelled'])

  const clock = testClock()
  const never = served(endless, { deadline: 20, clock })
  await never.handler(post(chatRequest('x')))
  clock.advance(20)
  assert.equal((await never.ended(1)).outcome.ending, 'left')
  assert.deepEqual(upstream.splice(0).sort(), ['aborted', 'cancelled'])
  for (const { seen } of [left, gone, never]) assert.equal(seen.length, 1)
})

test('asks for a part only when the reader does', async () => {
  let made = 0
  const door = served(async function* () {
    for (;;) {
      made++
      yield chunk('x')
    }
  } as unknown as Handle)
  const reader = (await door.handler(post(chatRequest('x')))).body?.getReader()
  for (let count = 0; count < 3; count++) await reader?.read()
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(made, 3)
  await reader?.cancel()
})

test('refuses a body that does not come before the deadline, and stops waiting for it', async () => {
  let cancelled = false
  const body = new ReadableStream<Uint8Array>({ cancel: () => void (cancelled = true) })
  const clock = testClock()
  const door = served(() => completion('x'), { deadline: 20, clock })
  const init = { method: 'POST', body, duplex: 'half', headers: { authorization: 'Bearer ada', 'content-type': 'application/json' } }
  const answer = door.handler(new Request('https://server.test/', init as RequestInit))
  await new Promise((resolve) => setImmediate(resolve))
  clock.advance(20)
  await refused(await answer, 504, 'deadline_exceeded')
  assert.equal(cancelled, true)
})

test('builds the URL of the channel from the configured origin and from nothing that the caller writes', async () => {
  const plain = served(() => completion('x'))
  await plain.handler(post(chatRequest('x')))
  assert.equal(plain.seen[0]?.url, undefined)
  // The scheme of the request's URL is https.
  assert.equal(plain.seen[0]?.secure, false)
  const own = served(() => completion('x'), {}, { origin: 'https://api.example', channel: () => ({ secure: false, remoteAddress: '192.0.2.1' }) })
  await own.handler(post(chatRequest('x'), { host: 'evil.example' }))
  assert.equal(own.seen[0]?.url, 'https://api.example/v1/chat?x=1')
  assert.equal(own.seen[0]?.secure, false)
  assert.equal(own.seen[0]?.remoteAddress, '192.0.2.1')
  const stated = served(() => completion('x'), {}, { channel: () => ({ secure: true }) })
  await stated.handler(post(chatRequest('x')))
  assert.equal(stated.seen[0]?.secure, true)
})

test('takes no absolute request line for a secure connection, also under a server that hands on no socket', async (t) => {
  const door = served(() => completion('x'))
  const origin = await listen(t, createAdaptorServer({ fetch: door.handler, overrideGlobalObjects: false }) as Server)
  const body = JSON.stringify(chatRequest('x'))
  for (const target of ['/v1/chat', 'https://evil.example/v1/chat'])
    assert.match(await raw(origin, rawPost(body, ['authorization: Bearer ada'], target)), /^HTTP\/1\.1 200 /)
  assert.deepEqual(
    door.seen.map(({ secure }) => secure),
    [false, false],
  )
})

test('refuses and records a call whose own options fail', async () => {
  const broken: HandlerOptions[] = [
    {
      attributes: () => {
        throw new Error('secret')
      },
    },
    { attributes: () => ({ risk: Number.NaN }) },
    { channel: () => ({ secure: 'yes' }) as never },
    { channel: () => true as never },
    { channel: () => undefined as never },
    { channel: (async () => ({ secure: true })) as never },
    { channel: (() => Promise.reject(new Error('secret'))) as never },
    { channel: () => ({ secure: Promise.reject(new Error('secret')) }) as never },
    { attributes: (async () => ({ risk: 0 })) as never },
    { attributes: (() => Promise.reject(new Error('secret'))) as never },
    { attributes: () => ({ risk: Promise.reject(new Error('secret')) }) as never },
  ]
  for (const options of broken) {
    const door = served(() => completion('x'), {}, options)
    await refused(await door.handler(post(chatRequest('x'))), 500, 'misconfigured')
    assert.equal(door.ran, 0)
    assert.equal(door.seen.length, 1)
  }
})

test('drops the fields of a refusal that no answer can hold, and keeps the refusal', async () => {
  const headers = {
    'x-note': 'caf\u2713',
    'x y': '1',
    'x-break': 'a\r\nb: c',
    'content-length': '7',
    'transfer-encoding': 'chunked',
    'retry-after': '3',
  }
  const door = served(() => {
    throw new GuardError('limit_exceeded', { headers })
  })
  const response = await door.handler(post(chatRequest('x')))
  const kept = ['cache-control', 'content-security-policy', 'content-type', 'retry-after', 'x-content-type-options']
  assert.deepEqual([...response.headers.keys()], kept)
  await refused(response, 429, 'limit_exceeded')
})

test('sends no 401 without a challenge', async () => {
  const throwing = (headers: Record<string, string>) =>
    served(() => {
      throw new GuardError('replayed', { headers })
    }).handler(post(chatRequest('x')))
  assert.equal((await throwing({})).headers.get('www-authenticate'), 'Bearer')
  assert.equal((await throwing({ 'www-authenticate': 'caf\u2713' })).headers.get('www-authenticate'), 'Bearer')
  assert.equal((await throwing({ 'www-authenticate': 'DPoP' })).headers.get('www-authenticate'), 'DPoP')
  assert.equal((await served(() => '', { deny: true }).handler(post(chatRequest('x')))).headers.get('www-authenticate'), null)
})

test('keeps the fields of a response that the application made, and of a fetched one those that a client needs', async (t) => {
  const origin = await listen(t, (_incoming, response) => {
    response.writeHead(200, 'card 4111111111111111', {
      'content-type': 'application/json',
      'set-cookie': 'track=ada@example.org',
      'x-debug': 'ada@example.org',
      'x-request-id': 'req_1',
    })
    response.end(JSON.stringify(completion('x')))
  })
  const fetched = await served(() => fetch(origin)).handler(post(chatRequest('x')))
  assert.equal(fetched.statusText, '')
  assert.deepEqual([...fetched.headers.keys()], ['content-type', 'date', 'x-request-id'])
  const init = { statusText: 'card 4111111111111111', headers: { 'content-type': 'application/json', 'set-cookie': 'session=1', 'x-model': 'm' } }
  const made = await served(() => new Response(JSON.stringify(completion('x')), init)).handler(post(chatRequest('x')))
  assert.equal(made.statusText, '')
  assert.deepEqual([...made.headers.keys()], ['content-type', 'set-cookie', 'x-model'])
})

test('a fetched answer keeps an id or a limit only in a form that has no room for a key', async (t) => {
  for (const [name, value] of [
    ['x-request-id', 'AKIAIOSFODNN7EXAMPLE'],
    ['x-request-id', 'ghp_0123456789abcdefghijABCDEFGHIJ012345'],
    ['request-id', 'DE89370400440532013000'],
    ['request-id', '4111111111111111'],
    ['ratelimit', '"AKIAIOSFODNN7EXAMPLE";r=1'],
  ] as const) {
    const origin = await listen(t, (_incoming, response) => {
      response.writeHead(200, { 'content-type': 'application/json', [name]: value })
      response.end(JSON.stringify(completion('x')))
    })
    const fetched = await served(() => fetch(origin)).handler(post(chatRequest('x')))
    assert.equal(fetched.status, 200)
    assert.equal(fetched.headers.get(name), null, `${name}: ${value}`)
  }
})

test('an answer that cannot be written ends its call, and a quota that cannot be written runs nothing', async () => {
  const quotas: unknown[] = [{ limits: [null] }, { limits: [{ name: Symbol('x') }] }, { limits: [{ name: 'a', limit: 1n, remaining: 1n }] }, {}]
  for (const quota of quotas) {
    const door = served(() => stream(chunk('x')), { quota: quota as never })
    await refused(await door.handler(post(chatRequest('x'))), 500, 'misconfigured')
    assert.equal(door.ran, 0)
    assert.equal(door.told.length, 1)
    await door.guard.close()
  }
  let cancelled = false
  const body = new ReadableStream<Uint8Array>({ cancel: () => void (cancelled = true) })
  // No response of this status has a body.
  const odd = served(() => Object.defineProperty(new Response(body, { headers: { 'content-type': 'text/event-stream' } }), 'status', { value: 204 }))
  await refused(await odd.handler(post(chatRequest('x'))), 500, 'misconfigured')
  await odd.guard.close()
  assert.equal(odd.seen[0]?.outcome.ending, 'left')
  assert.equal(cancelled, true)
})

test('an error handler that rejects ends no process', async () => {
  const door = served(
    () => {
      throw new Error('x')
    },
    { onError: (async () => Promise.reject(new Error('y'))) as never },
  )
  await refused(await door.handler(post(chatRequest('x'))), 500, 'misconfigured')
  await new Promise((resolve) => setImmediate(resolve))
})

test('writes sealed parts as they are, and no end marker in clear behind them', async () => {
  const seals = builtIn<Call, { readonly sealed: { readonly request: boolean; readonly response: boolean } }>(
    'encryptPayload',
    {
      enter(_call, step) {
        const { body } = step.arrival ?? { body: new Uint8Array() }
        step.open({ mediaType: 'application/json', body: Uint8Array.from(body, (byte) => byte ^ 1) })
        return { sealed: { request: true, response: true } }
      },
      async *response(parts) {
        for await (const part of parts) yield new SealedPart('application/jose', `sealed.${JSON.stringify(part).length > 0}`)
      },
    },
    { adds: ['sealed'], needs: [] },
    { opens: true, wireOnly: true, rewrites: true },
  )
  const base = door()
  const stand = (name: 'entry' | 'identity' | 'decision', value: unknown) =>
    builtIn<Call, never>(name, { enter: () => ({ [name]: value }) as never }, { adds: [name as never] }, {})
  const chain = guard()
    .use(stand('entry', undefined))
    .use(stand('identity', {}))
    .use(seals)
    .use(stand('decision', { obligations: [] })) as never as typeof base.guard
  const sealed = (request: object): Request =>
    new Request('https://server.test/', {
      method: 'POST',
      headers: { 'content-type': 'application/jose' },
      body: Uint8Array.from(new TextEncoder().encode(JSON.stringify(request)), (byte) => byte ^ 1),
    })
  let contentType: string | null = ''
  const whole = await guardHandler(chain, chatOperation, (request) => {
    contentType = request.headers.get('content-type')
    return completion('x')
  })(sealed(chatRequest('x')))
  assert.equal(contentType, 'application/json')
  assert.equal(whole.headers.get('content-type'), 'application/jose')
  assert.equal(await whole.text(), 'sealed.true')
  const streamed = await guardHandler(chain, chatOperation, () => stream(chunk('x')))(sealed(chatRequest('x')))
  assert.equal(await streamed.text(), 'data: sealed.true\n\n')
  const plain = await guardHandler(chain, { ...chatOperation, codec: plainText } as never, () => 'x')(sealed(chatRequest('x')))
  assert.equal(plain.status, 400)
})

test('speaks plain text as well', async () => {
  const base = door({ shouts: true })
  const handler = guardHandler(
    base.guard,
    { action: 'chat', resource: { type: 'model', id: 'm' }, codec: plainText },
    (_request, call) => `${call.input}, you`,
  )
  const response = await handler(post('hello', { 'content-type': 'text/plain' }))
  assert.equal(response.headers.get('content-type'), 'text/plain')
  assert.equal(await response.text(), 'HELLO, YOU')
})

test('a wrong set-up is a TypeError when it is made', () => {
  const { guard: base } = door()
  const handle = (): Answer => ''
  const operation = chatOperation as WireOperation<ChatRequest>
  const makes: (() => unknown)[] = [
    () => guardHandler({} as never, operation, handle),
    () => guardHandler(guard() as never, operation, handle),
    () => guardHandler(base, { ...operation, codec: 'auto' } as never, handle),
    () => guardHandler(base, { action: 'chat', resource: operation.resource } as never, handle),
    () => guardHandler(base, { ...operation, codec: { ...openaiChat, wire: undefined } } as never, handle),
    () => guardHandler(base, operation, undefined as never),
    () => guardHandler(base, operation, handle, { origin: 'https://api.example/path' }),
    () => guardHandler(base, operation, handle, { origin: 'api.example' }),
    () => guardHandler(base, operation, handle, { maxBodyBytes: 0 }),
    () => guardHandler(base, operation, handle, { maxBodyBytes: Number.NaN }),
    () => guardHandler(base, operation, handle, { attributes: {} as never }),
  ]
  for (const make of makes) assert.throws(make, TypeError)
  assert.doesNotThrow(() => guardHandler(base, operation, handle, { origin: 'https://api.example:8443' }))
})
