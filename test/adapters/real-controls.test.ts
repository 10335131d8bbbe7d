import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import express from 'express'
import { Hono } from 'hono'
import OpenAI from 'openai'
import { expressAdmit } from '../../src/adapters/express/express-admit.ts'
import { expressGuard } from '../../src/adapters/express/express-guard.ts'
import { guardFetch } from '../../src/adapters/fetch/guard-fetch.ts'
import { honoGuard } from '../../src/adapters/hono/hono-guard.ts'
import { toNode } from '../../src/adapters/node/to-node.ts'
import { type Answer, guardHandler } from '../../src/adapters/web/guard-handler.ts'
import { audit } from '../../src/controls/audit.ts'
import { authorize } from '../../src/controls/authorize.ts'
import { maskData } from '../../src/controls/mask-data.ts'
import { rateLimit } from '../../src/controls/rate-limit.ts'
import { verifyIdentity } from '../../src/controls/verify-identity.ts'
import { guard } from '../../src/guard/guard.ts'
import { jwt } from '../../src/identity/jwt.ts'
import { detectors } from '../../src/masking/detectors.ts'
import type { ChatRequest } from '../../src/payload/openai-chat-request.ts'
import { policySet } from '../../src/policy/policy-set.ts'
import { recordingLog } from '../../src/testing/recording-log.ts'
import { testIssuer } from '../../src/testing/test-issuer.ts'
import { chatOperation, chatRequest, chunk, completion, eventsOf } from './chat.ts'
import { listen, raw, rawPost, send } from './loopback.ts'

const secret = 'anna.kowalska@example.org'
const policy = {
  id: 'p',
  version: '1',
  rules: [{ id: 'readers-chat', effect: 'permit', subject: { roles: ['reader'] }, action: ['chat'], resource: { type: 'model', id: ['m'] } }],
}

function chain() {
  const issuer = testIssuer()
  const log = recordingLog()
  const admitting = guard({ onError: () => {} })
    .use(audit({ log }))
    .use(verifyIdentity({ verifiers: [jwt(issuer.options)] }))
    .use(rateLimit({ limits: [{ name: 'minute', per: (call) => call.identity?.key ?? '', requests: 3, window: 60 }] }))
    .use(authorize({ evaluator: policySet(policy) }))
  const masking = admitting.use(maskData({ detect: detectors.pii, mode: 'redact', direction: 'both' }))
  const token = async (claims: Record<string, unknown>): Promise<{ authorization: string }> => issuer.bearer(claims)
  return { admitting, masking, log, token, issuer }
}

const heard: string[] = []

// The address is cut between two parts.
function answer(input: ChatRequest): Answer {
  heard.push(JSON.stringify(input))
  if (input.stream !== true) return completion(`write to ${secret}`)
  return new Response(eventsOf([chunk(`write to ${secret.slice(0, 9)}`), chunk(secret.slice(9)), chunk('', 'stop')]), {
    headers: { 'content-type': 'text/event-stream' },
  })
}

async function tour(t: TestContext, own: ReturnType<typeof chain>, origin: string): Promise<void> {
  const { token, log, issuer } = own
  const reader = await token({ sub: 'ada', roles: ['reader'] })
  const request = chatRequest(`my address is ${secret}`)
  heard.length = 0

  const whole = await send(origin, request, reader)
  assert.equal(whole.status, 200)
  assert.match(whole.headers.get('ratelimit') ?? '', /^"minute";r=2;t=\d+$/)
  assert.match(whole.headers.get('ratelimit-policy') ?? '', /^"minute";q=3;w=60$/)
  assert.match(await whole.text(), /write to \[EMAIL\]/)

  const streamed = await send(origin, { ...request, stream: true }, reader)
  const text = await streamed.text()
  assert.doesNotMatch(text, /anna|kowalska|example\.org/)
  const said = [...text.matchAll(/"content":"([^"]*)"/g)].map(([, piece]) => piece).join('')
  assert.equal(said, 'write to [EMAIL]')
  assert.match(text, /\[DONE\]\n\n$/)

  assert.equal(heard.length, 2)
  assert.doesNotMatch(heard.join(), /anna/)

  const stranger = await send(origin, request, await token({ sub: 'eve', roles: [] }))
  assert.equal(stranger.status, 403)
  assert.doesNotMatch(await stranger.text(), /readers-chat|eve|anna/)

  assert.equal((await send(origin, request, reader)).status, 200)
  const limited = await send(origin, request, reader)
  assert.equal(limited.status, 429)
  assert.ok(Number(limited.headers.get('retry-after')) >= 1)
  assert.match(limited.headers.get('ratelimit') ?? '', /^"minute";r=0/)

  const expired = await issuer.bearer({ sub: 'ada', roles: ['reader'] }, { expiresIn: -600 })
  const late = await send(origin, request, expired)
  assert.equal(late.status, 401)
  assert.match(late.headers.get('www-authenticate') ?? '', /^Bearer .*error="invalid_token"/)

  const other = await token({ sub: 'bob', roles: ['reader'] })
  const twice = [`authorization: ${other.authorization}`, `authorization: ${other.authorization}`]
  assert.match(await raw(origin, rawPost(JSON.stringify(request), twice)), /^HTTP\/1\.1 401 /)
  assert.match(
    await raw(origin, rawPost(JSON.stringify(request), [`authorization: ${other.authorization}, ${other.authorization}`])),
    /^HTTP\/1\.1 401 /,
  )
  assert.equal(heard.length, 3)
  assert.doesNotMatch(JSON.stringify(log.entries), /anna|kowalska|eyJ/)
  assert.ok(t)
}

test('the tour, over guardHandler and toNode', async (t) => {
  const own = chain()
  await tour(t, own, await listen(t, toNode(guardHandler(own.masking, chatOperation, (_request, { input }) => answer(input)))))
})

test('the tour, over Hono', async (t) => {
  const own = chain()
  const app = new Hono().post('/v1/chat', honoGuard(own.masking, chatOperation), (c) => {
    const given = answer(c.var.call.input)
    return given instanceof Response ? given : c.json(given)
  })
  await tour(t, own, await listen(t, toNode(app.fetch)))
})

test('the tour, over Express', async (t) => {
  const own = chain()
  const app = express().post(
    '/v1/chat',
    expressGuard(own.masking, chatOperation, (request) => answer(request.body as ChatRequest)),
  )
  await tour(t, own, await listen(t, app))
})

test('mere admission over Express, with the real controls that allow it', async (t) => {
  const { admitting, masking, token, log } = chain()
  assert.throws(() => expressAdmit(masking, chatOperation), /maskData/)
  const app = express()
  app.post('/v1/chat', expressAdmit(admitting, chatOperation), (request, response) => {
    assert.equal(response.locals.call.decision.allowed, true)
    response.json(request.body)
  })
  const { action, resource } = chatOperation
  app.post('/bare', expressAdmit(admitting, { action, resource } as never), (_request, response) => void response.json(1))
  const origin = await listen(t, app)
  const reader = await token({ sub: 'ada', roles: ['reader'] })
  assert.deepEqual(await (await send(origin, chatRequest('x'), reader)).json(), chatRequest('x'))
  assert.equal((await fetch(`${origin}/bare`, { method: 'POST', headers: reader })).status, 200)
  assert.equal((await send(origin, chatRequest('x'), await token({ sub: 'eve' }))).status, 403)
  while (log.entries.length < 6) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.doesNotMatch(JSON.stringify(log.entries), /eyJ/)
})

test('the real openai client, through guardFetch and through a guarded server', async (t) => {
  const { masking, token } = chain()
  heard.length = 0
  const vendor = await listen(t, async (incoming, response) => {
    let body = ''
    for await (const piece of incoming) body += piece
    assert.equal(incoming.headers.authorization, 'Bearer vendor-key')
    const given = answer(JSON.parse(body) as ChatRequest)
    const isStream = given instanceof Response
    response.writeHead(200, { 'content-type': isStream ? 'text/event-stream' : 'application/json' })
    response.end(isStream ? await given.text() : JSON.stringify(given))
  })
  const reader = await token({ sub: 'ada', roles: ['reader'] })
  const guarded = guardFetch(masking, { credentials: () => reader })
  const server = await listen(t, toNode(guardHandler(chain().masking, chatOperation, (_request, { input }) => answer(input))))
  const clients = [
    new OpenAI({ apiKey: 'vendor-key', baseURL: `${vendor}/v1`, fetch: guarded }),
    new OpenAI({ apiKey: 'nonsense', baseURL: `${server}/v1`, maxRetries: 0 }),
  ]
  const [through, refused] = clients
  const request = { model: 'm', messages: [{ role: 'user' as const, content: `I am ${secret}` }] }
  const whole = await through?.chat.completions.create(request)
  assert.equal(whole?.choices[0]?.message.content, 'write to [EMAIL]')
  assert.equal(await through?.chat.completions.stream(request).finalContent(), 'write to [EMAIL]')
  assert.doesNotMatch(heard.join(), /anna/)
  await assert.rejects(Promise.resolve(through?.chat.completions.create({ ...request, model: 'other' })), OpenAI.PermissionDeniedError)
  await assert.rejects(Promise.resolve(refused?.post('/chat', { body: request })), (error) => {
    assert.ok(error instanceof OpenAI.AuthenticationError)
    assert.equal(error.code, 'identity_invalid')
    return true
  })
})
