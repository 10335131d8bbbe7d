// Put it before an Express route. `expressGuard` mediates the whole exchange; `expressAdmit` only decides who gets in.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import express from 'express'
import { audit, authorize, detectors, guard, jwt, maskData, memoryLog, openaiChat, policySet, verifyIdentity } from 'sallyport'
import { expressAdmit, expressGuard } from 'sallyport/express'
import { testIssuer } from 'sallyport/testing'
import { completion, listen } from './gateway/model.ts'

const issuer = await testIssuer()
const policy = policySet({
  id: 'express',
  version: '1',
  rules: [{ id: 'staff', effect: 'permit', subject: { roles: ['staff'] }, action: ['chat', 'read_report'], resource: { type: '*' } }],
})
const admission = guard({ name: 'express' })
  .use(audit({ log: memoryLog() }))
  .use(verifyIdentity({ verifiers: [jwt({ issuer: issuer.issuer, audience: issuer.audience, keys: issuer.jwks })] }))
  .use(authorize({ evaluator: policy }))
const mediation = admission.use(maskData({ detect: detectors.pii, mode: 'redact', direction: 'both' }))

// Admission writes nothing into answers, so a guard that masks is refused at start-up and not found out in production.
assert.throws(() => expressAdmit(mediation, { action: 'read_report', resource: { type: 'report', id: 'q3' } }), TypeError)

const app = express()
// Before any body parser: a guard reads the body itself.
app.post(
  '/v1/chat/completions',
  expressGuard(mediation, { action: 'chat', resource: (input) => ({ type: 'model', id: input.model }), codec: openaiChat }, (_request, call) =>
    completion(call.input.model, `${call.identity.subject}: write to bob@example.org`),
  ),
)
app.get('/report', expressAdmit(admission, { action: 'read_report', resource: { type: 'report', id: 'q3' } }), (_request, response) => {
  response.json({ reader: (response.locals.call as { identity: { subject: string } }).identity.subject })
})
const server = createServer(app)
const { url, close } = await listen((options, ready) => server.listen(options, () => ready(server.address() as { port: number })))

const headers = { 'content-type': 'application/json', authorization: `Bearer ${await issuer.mint({ sub: 'ada', roles: ['staff'] })}` }
const body = JSON.stringify({ model: 'gpt-5', messages: [{ role: 'user', content: 'Whom do I ask?' }] })
const answer = (await (await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body })).json()) as ReturnType<typeof completion>
assert.equal(answer.choices[0]?.message.content, 'ada: write to [EMAIL]')
assert.deepEqual(await (await fetch(`${url}/report`, { headers })).json(), { reader: 'ada' })
assert.equal((await fetch(`${url}/report`)).status, 401)
assert.equal((await fetch(`${url}/v1/chat/completions`, { method: 'POST', body })).status, 401)

await close()
await admission.close()
console.log(`express: ${answer.choices[0]?.message.content}`)
