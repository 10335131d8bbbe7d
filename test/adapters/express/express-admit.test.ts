import assert from 'node:assert/strict'
import { test } from 'node:test'
import express from 'express'
import { expressAdmit } from '../../../src/adapters/express/express-admit.ts'
import type { Call } from '../../../src/guard/context.ts'
import { builtIn, control } from '../../../src/guard/control.ts'
import { GuardError } from '../../../src/guard/errors.ts'
import type { ChatRequest } from '../../../src/payload/openai-chat-request.ts'
import { testClock } from '../../../src/testing/test-clock.ts'
import { chatOperation, chatRequest } from '../chat.ts'
import { capitals, door } from '../door.ts'
import { listen, send } from '../loopback.ts'

const path = '/v1/chat'
const operation = { action: 'read_document', resource: { type: 'document', id: '7' } } as const

test('admits a call, lets Express go on, and ends the call when the response was sent', async (t) => {
  const { guard, ended, seen } = door({ quota: { limits: [{ name: 'm', limit: 5, remaining: 4, reset: 1 }] } })
  const app = express()
  app.post(path, expressAdmit(guard, operation), express.json(), (request, response) => {
    const subject: string = response.locals.call.identity.subject
    assert.equal(response.locals.call.signal.aborted, false)
    assert.equal(seen.length, 0)
    response.json({ subject, body: request.body })
  })
  const response = await send(await listen(t, app), { any: 'thing' })
  assert.deepEqual(await response.json(), { subject: 'ada', body: { any: 'thing' } })
  assert.equal(response.headers.get('ratelimit'), '"m";r=4;t=1')
  const { outcome, action, resource } = await ended(1)
  assert.equal(outcome.ending, 'completed')
  assert.deepEqual([action, resource], ['read_document', '7'])
})

test('admits a call without a body', async (t) => {
  const { guard } = door()
  const app = express()
  app.get('/documents/7', expressAdmit(guard, operation), (_request, response) => void response.send(response.locals.call.identity.subject))
  const origin = await listen(t, app)
  const response = await fetch(`${origin}/documents/7`, { headers: { authorization: 'Bearer ada' } })
  assert.equal(await response.text(), 'ada')
})

test('with a codec reads the body, and hands on what was checked', async (t) => {
  const { guard } = door()
  const app = express()
  app.post(path, expressAdmit(guard, chatOperation), express.json(), (request, response) => {
    const input: ChatRequest = response.locals.call.input
    assert.equal(request.body, input)
    assert.ok(Object.isFrozen(input))
    response.json(input.model)
  })
  const origin = await listen(t, app)
  assert.equal(await (await send(origin, chatRequest('x'))).json(), 'm')
  assert.equal((await send(origin, { prompt: 'unknown shape' })).status, 400)
  assert.equal((await send(origin, '{"model":"m","model":"n"}')).status, 400)
})

test('refuses without going on', async (t) => {
  const cases = [
    [{}, { authorization: 'Bearer bad' }, 401],
    [{ deny: true }, {}, 403],
    [{ limited: 'ada' }, {}, 429],
  ] as const
  for (const [options, headers, status] of cases) {
    const { guard } = door(options)
    let ran = 0
    const app = express()
    app.post(path, expressAdmit(guard, operation), (_request, response) => {
      ran++
      response.end()
    })
    const response = await send(await listen(t, app), {}, headers)
    assert.equal(response.status, status)
    assert.equal(response.headers.get('content-type'), 'application/problem+json')
    if (status === 429) assert.equal(response.headers.get('retry-after'), '7')
    assert.equal(ran, 0)
  }
})

test('with a codec, behind a body parser every call is refused as misconfigured', async (t) => {
  const { guard } = door()
  const app = express().use(express.json())
  app.post(path, expressAdmit(guard, chatOperation), (_request, response) => void response.end())
  assert.equal((await send(await listen(t, app), chatRequest('x'))).status, 500)
})

test('ends the call once when the client goes', async (t) => {
  const { guard, ended, seen } = door()
  const app = express()
  app.post(path, expressAdmit(guard, operation), (_request, response) => void response.write('x'))
  const controller = new AbortController()
  const response = await send(await listen(t, app), {}, {}, controller.signal)
  await response.body?.getReader().read()
  controller.abort()
  assert.equal((await ended(1)).outcome.ending, 'aborted')
  assert.equal(seen.length, 1)
})

test('cuts a call that must stop: with a problem where nothing was sent, else by closing', async (t) => {
  const clock = testClock()
  const { guard, ended } = door({ deadline: 1000, clock })
  let begun: () => void = () => {}
  const app = express()
  app.post('/silent', expressAdmit(guard, operation), () => begun())
  app.post('/half', expressAdmit(guard, operation), (_request, response) => {
    response.write('half')
    begun()
  })
  const origin = await listen(t, app)
  const wait = (): Promise<void> => new Promise((resolve) => (begun = resolve))
  const init = { method: 'POST', headers: { authorization: 'Bearer ada' } }
  let started = wait()
  const silent = fetch(`${origin}/silent`, init)
  await started
  await new Promise((resolve) => setImmediate(resolve))
  clock.advance(1000)
  assert.equal((await silent).status, 504)
  started = wait()
  const half = await fetch(`${origin}/half`, init)
  await started
  clock.advance(1000)
  await assert.rejects(half.text())
  await ended(2)
})

test('refuses a guard that rewrites payloads, and other wrong set-ups, when it is made', () => {
  const { guard } = door()
  const masks = builtIn<Call, { readonly masked: { readonly counts: object } }>('maskData', {}, { adds: ['masked'] }, { rewrites: true })
  const controls = [masks, capitals(), control('reads-in', { request: () => undefined }), control('reads-out', { response: (parts) => parts })]
  for (const own of controls) assert.throws(() => expressAdmit(guard.use(own as typeof masks), operation), /expressAdmit.*use expressGuard/)
  assert.doesNotThrow(() => expressAdmit(guard.use(control('enters', { enter: () => undefined })), operation))
  assert.throws(() => expressAdmit(guard, { ...operation, action: (() => 'x') as never }), TypeError)
  assert.throws(() => expressAdmit({} as never, operation), TypeError)
  assert.throws(() => expressAdmit(guard, undefined as never), TypeError)
  assert.throws(() => expressAdmit(guard, operation, { maxBodyBytes: 0.5 }), TypeError)
  assert.ok(new GuardError('denied'))
})
