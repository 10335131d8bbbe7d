import assert from 'node:assert/strict'
import { test } from 'node:test'
import express from 'express'
import { expressAdmit } from '../../../src/adapters/express/express-admit.ts'
import { expressGuard } from '../../../src/adapters/express/express-guard.ts'
import { GuardError } from '../../../src/guard/errors.ts'
import type { ChatRequest } from '../../../src/payload/openai-chat-request.ts'
import { chatOperation, chatRequest, chunk, completion } from '../chat.ts'
import { door } from '../door.ts'
import { listen, raw, rawPost, send } from '../loopback.ts'

const path = '/v1/chat'

test('mediates fully: rewritten body in, guarded answer out, no credentials between', async (t) => {
  const { guard, seen } = door({ shouts: true, quota: { limits: [{ name: 'm', limit: 5, remaining: 4, reset: 1 }] } })
  const heard: unknown[] = []
  const router = express.Router()
  router.post(
    '/chat',
    expressGuard(
      guard,
      chatOperation,
      (request, call) => {
        const input: ChatRequest = call.input
        const { authorization, cookie, 'x-api-key': key } = request.headers
        heard.push(
          request.body,
          input,
          [authorization, cookie, key],
          request.rawHeaders.join(),
          request.headersDistinct.authorization,
          request.get('x-request-id'),
        )
        return completion('soft')
      },
      { origin: 'https://api.example' },
    ),
  )
  const app = express().use('/v1', router)
  const origin = await listen(t, app)
  const response = await send(origin, chatRequest('quiet'), { cookie: 'a=1', 'x-api-key': 'ada', 'x-request-id': '7' })
  assert.match(await response.text(), /SOFT/)
  assert.equal(response.headers.get('ratelimit'), '"m";r=4;t=1')
  assert.equal(heard[0], heard[1])
  assert.match(JSON.stringify(heard[0]), /QUIET/)
  assert.ok(Object.isFrozen(heard[0]))
  assert.deepEqual(heard[2], [undefined, undefined, undefined])
  assert.doesNotMatch(String(heard[3]), /Bearer|a=1|api-key/i)
  assert.equal(heard[4], undefined)
  assert.equal(heard[5], '7')
  assert.equal(seen[0]?.url, 'https://api.example/v1/chat')
  assert.equal(seen[0]?.remoteAddress, '127.0.0.1')
})

test('hides the fields behind the body, also those that come after it was admitted', async (t) => {
  const { guard } = door()
  const heard: unknown[] = []
  const hear = ({ trailers, rawTrailers, trailersDistinct }: express.Request): void => void heard.push(trailers, rawTrailers, { ...trailersDistinct })
  const app = express()
  const admit = expressAdmit(guard, { action: 'a', resource: { type: 't', id: 'i' } })
  const mediate = expressGuard(guard, chatOperation, (request) => {
    hear(request)
    return completion('x')
  })
  app.post('/mediated', mediate)
  app.post('/both', admit as express.RequestHandler, mediate)
  app.post('/admitted', admit, express.json(), (request, response) => {
    hear(request as unknown as express.Request)
    response.end()
  })
  const origin = await listen(t, app)
  const body = JSON.stringify(chatRequest('x'))
  for (const place of ['/mediated', '/both', '/admitted']) {
    const head = `POST ${place} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer ada\r\ncontent-type: application/json\r\n`
    const pieces = `${body.length.toString(16)}\r\n${body}\r\n0\r\nauthorization: Bearer late\r\nx-note: ada@example.org\r\n\r\n`
    assert.match(await raw(origin, `${head}transfer-encoding: chunked\r\n\r\n${pieces}`), /^HTTP\/1\.1 200 /)
  }
  assert.deepEqual(heard, [{}, [], {}, {}, [], {}, {}, [], {}])
})

test('streams an async iterable and takes a Response apart', async (t) => {
  const { guard } = door({ shouts: true })
  const app = express()
  app.post(
    path,
    expressGuard(guard, chatOperation, (_request, { input }) =>
      input.stream === true
        ? (async function* () {
            yield chunk('ab')
            yield chunk('cd', 'stop')
          })()
        : Response.json(completion('soft'), { status: 203, headers: { 'x-model': 'm' } }),
    ),
  )
  const origin = await listen(t, app)
  assert.match(await (await send(origin, chatRequest('x', { stream: true }))).text(), /"AB".*"CD".*\[DONE\]/s)
  const whole = await send(origin, chatRequest('x'))
  assert.equal(whole.status, 203)
  assert.equal(whole.headers.get('x-model'), 'm')
  assert.match(await whole.text(), /SOFT/)
})

test('refuses with status, headers and a problem, and never runs the handler', async (t) => {
  const cases = [
    [{}, ['authorization: Bearer ada', 'authorization: Bearer bob'], /^HTTP\/1\.1 401 .*www-authenticate: Bearer error/is],
    [{}, [], /^HTTP\/1\.1 401 /],
    [{ deny: true }, ['authorization: Bearer ada'], /^HTTP\/1\.1 403 /],
    [{ limited: 'ada' }, ['authorization: Bearer ada'], /^HTTP\/1\.1 429 .*retry-after: 7/is],
    [{}, ['authorization: Bearer ada', 'content-encoding: gzip'], /^HTTP\/1\.1 400 .*payload_unsupported/s],
  ] as const
  for (const [options, fields, expected] of cases) {
    const { guard } = door(options)
    let ran = 0
    const app = express().post(
      path,
      expressGuard(guard, chatOperation, () => {
        ran++
        return completion('x')
      }),
    )
    const answer = await raw(await listen(t, app), rawPost(JSON.stringify(chatRequest('x')), fields))
    assert.match(answer, expected)
    assert.match(answer, /content-type: application\/problem\+json/i)
    assert.equal(ran, 0)
  }
})

test('answers 501 to a method that no web request has, and never runs what is behind', async (t) => {
  const { guard } = door()
  let ran = 0
  const app = express()
  app.use(
    '/mediated',
    expressGuard(guard, chatOperation, () => String(ran++)),
  )
  app.use('/admitted', expressAdmit(guard, { action: 'a', resource: { type: 't', id: 'i' } }), () => ran++)
  const origin = await listen(t, app)
  for (const place of ['/mediated', '/admitted'])
    assert.match(await raw(origin, `TRACE ${place} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`), /^HTTP\/1\.1 501 /)
  assert.equal(ran, 0)
})

test('bounds the body', async (t) => {
  const { guard } = door()
  const origin = await listen(
    t,
    express().post(
      path,
      expressGuard(guard, chatOperation, () => completion('x'), { maxBodyBytes: 100 }),
    ),
  )
  assert.equal((await send(origin, chatRequest('x'.repeat(1_000_000)))).status, 413)
})

test('behind a body parser every call is refused as misconfigured, and recorded', async (t) => {
  const { guard, seen } = door()
  let ran = 0
  const app = express().use(express.json())
  app.post(
    path,
    expressGuard(guard, chatOperation, () => {
      ran++
      return completion('x')
    }),
  )
  const response = await send(await listen(t, app), chatRequest('x'))
  assert.equal(response.status, 500)
  assert.equal(((await response.json()) as { code: string }).code, 'misconfigured')
  assert.equal(ran, 0)
  const error = seen[0]?.outcome.error as GuardError
  assert.match(String((error.cause as Error).message), /before express\.json\(\)/)
})

test('tells nothing of what a handler throws, but its guard', async (t) => {
  const { guard, told } = door()
  const mistake = new Error('password=hunter2')
  const app = express()
  app.post(
    path,
    expressGuard(guard, chatOperation, (request) => {
      throw request.get('x-on-purpose') === '1' ? new GuardError('denied', { reason: 'hunter2' }) : mistake
    }),
  )
  const origin = await listen(t, app)
  const response = await send(origin, chatRequest('x'))
  assert.equal(response.status, 500)
  assert.doesNotMatch(await response.text(), /hunter2/)
  assert.deepEqual(told, [mistake])
  const onPurpose = await send(origin, chatRequest('x'), { 'x-on-purpose': '1' })
  assert.equal(onPurpose.status, 403)
  assert.doesNotMatch(await onPurpose.text(), /hunter2/)
})

test('ends the call when the client goes', async (t) => {
  const { guard, ended } = door()
  let aborted = false
  const app = express()
  app.post(
    path,
    expressGuard(guard, chatOperation, (_request, call) => {
      call.signal.addEventListener('abort', () => (aborted = true))
      return (async function* () {
        for (;;) {
          yield chunk('x')
          await new Promise((resolve) => setImmediate(resolve))
        }
      })()
    }),
  )
  const controller = new AbortController()
  const response = await send(await listen(t, app), chatRequest('x'), {}, controller.signal)
  await response.body?.getReader().read()
  controller.abort()
  assert.match((await ended(1)).outcome.ending, /^(left|aborted)$/)
  assert.equal(aborted, true)
})

test('a wrong set-up is a TypeError when it is made', () => {
  const { guard } = door()
  assert.throws(() => expressGuard({} as never, chatOperation, () => ''), TypeError)
  assert.throws(() => expressGuard(guard, chatOperation, undefined as never), TypeError)
  assert.throws(() => expressGuard(guard, { action: 'chat', resource: chatOperation.resource } as never, () => ''), TypeError)
  assert.throws(() => expressGuard(guard, chatOperation, () => '', { origin: 'ftp://x' }), TypeError)
})
