// Put it before a Hono route: the handler sees the masked request, and its answer is masked on the way out.
import assert from 'node:assert/strict'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { audit, authorize, detectors, guard, jwt, maskData, memoryLog, openaiChat, policySet, verifyIdentity } from 'sallyport'
import { honoGuard } from 'sallyport/hono'
import { testIssuer } from 'sallyport/testing'
import { completion, listen } from './gateway/model.ts'

const issuer = await testIssuer()
const base = guard({ name: 'hono' })
  .use(audit({ log: memoryLog() }))
  .use(verifyIdentity({ verifiers: [jwt({ issuer: issuer.issuer, audience: issuer.audience, keys: issuer.jwks })] }))
  .use(
    authorize({
      evaluator: policySet({
        id: 'hono',
        version: '1',
        rules: [{ id: 'staff-chat', effect: 'permit', subject: { roles: ['staff'] }, action: ['chat'], resource: { type: 'model' } }],
      }),
    }),
  )
  .use(maskData({ detect: detectors.pii, mode: 'redact', direction: 'both' }))

const app = new Hono()
app.post(
  '/v1/chat/completions',
  honoGuard(base, { action: 'chat', resource: (input) => ({ type: 'model', id: input.model }), codec: openaiChat }),
  async (context) => {
    // Typed, verified and frozen. The body is the masked one.
    const { identity, input } = context.var.call
    const body = await context.req.json<{ messages: { content: string }[] }>()
    assert.equal(JSON.stringify(body), JSON.stringify(input))
    return context.json(completion(input.model, `${identity.subject} said: ${body.messages[0]?.content} Ask bob@example.org.`))
  },
)
const { url, close } = await listen((options, ready) => serve({ fetch: app.fetch, ...options }, ready))

const post = async (token?: string): Promise<Response> =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ model: 'gpt-5', messages: [{ role: 'user', content: 'I am ada@example.org.' }] }),
  })

const answer = (await (await post(await issuer.mint({ sub: 'ada', roles: ['staff'] }))).json()) as ReturnType<typeof completion>
assert.equal(answer.choices[0]?.message.content, 'ada said: I am [EMAIL]. Ask [EMAIL].')

const nobody = await post()
assert.equal(nobody.status, 401)
assert.equal(nobody.headers.get('content-type'), 'application/problem+json')
assert.match(nobody.headers.get('www-authenticate') ?? '', /^Bearer/)
assert.equal((await post(await issuer.mint({ sub: 'ivan' }))).status, 403)

await close()
await base.close()
console.log(`hono: ${answer.choices[0]?.message.content}`)
