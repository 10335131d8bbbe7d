import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expressAdmit } from '../../src/adapters/express/express-admit.ts'
import { expressGuard } from '../../src/adapters/express/express-guard.ts'
import { guardFetch } from '../../src/adapters/fetch/guard-fetch.ts'
import { honoGuard } from '../../src/adapters/hono/hono-guard.ts'
import { guardHandler } from '../../src/adapters/web/guard-handler.ts'
import { unaudited } from '../../src/controls/unaudited.ts'
import type { Call, Trusted } from '../../src/guard/context.ts'
import { type Guard, guard } from '../../src/guard/guard.ts'
import type { ChatRequest } from '../../src/payload/openai-chat-request.ts'
import { openaiChat } from '../../src/payload/openai-chat.ts'
import { mockGuard } from '../../src/testing/mock-guard.ts'
import { chatOperation, chatRequest, completion, post } from './chat.ts'

test('an incomplete guard is a compile error that says what is missing, and a TypeError with the same sentence', () => {
  const open = guard().use(unaudited())
  const sentence = { name: 'TypeError', message: 'protect() needs an identity: put verifyIdentity() into the chain.' }
  // @ts-expect-error 'protect() needs an identity: put verifyIdentity() into the chain.'
  assert.throws(() => guardHandler(open, chatOperation, () => ''), sentence)
  // @ts-expect-error the same
  assert.throws(() => honoGuard(open, chatOperation), sentence)
  // @ts-expect-error the same
  assert.throws(() => expressGuard(open, chatOperation, () => ''), sentence)
  // @ts-expect-error the same
  assert.throws(() => expressAdmit(open, chatOperation), sentence)
  // @ts-expect-error the same
  assert.throws(() => guardFetch(open), sentence)
})

test('an application may take any trusted guard, and mocks one in its tests', async () => {
  const make = (base: Guard<Call & Trusted>) =>
    guardHandler(base, { ...chatOperation, action: (input) => (input.stream === true ? 'chat' : 'chat') }, (request, call) => {
      const input: ChatRequest = call.input
      const url: string = request.url
      // @ts-expect-error nothing says that this chain has limits
      void call.quota
      return completion(`${input.model} ${url} ${call.identity.subject}`)
    })
  const mock = mockGuard({ identity: { subject: 'ada' } })
  assert.match(await (await make(mock)(post(chatRequest('x')))).text(), /"m https:\/\/server\.test\/v1\/chat\?x=1 ada"/)
  assert.equal(mock.calls.length, 1)
  mock.refuse('rateLimit', 'limit_exceeded')
  assert.equal((await make(mock)(post(chatRequest('x')))).status, 429)
})

test('a server names its codec, and a handler answers something', () => {
  const base = mockGuard()
  // @ts-expect-error the codec is missing
  assert.throws(() => guardHandler(base, { action: 'chat', resource: { type: 'model', id: 'm' } }, () => ''), TypeError)
  // @ts-expect-error bytes do not choose how they are read
  assert.throws(() => guardHandler(base, { action: 'chat', resource: { type: 'model', id: 'm' }, codec: 'auto' }, () => ''), TypeError)
  // @ts-expect-error a handler that answers nothing
  assert.ok(guardHandler(base, { action: 'chat', resource: { type: 'model', id: 'm' }, codec: openaiChat }, () => {}))
})
