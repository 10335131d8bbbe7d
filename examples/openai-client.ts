// Guard the real `openai` client: one option, and every request it makes goes through the controls.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import OpenAI from 'openai'
import { audit, authorize, detectors, guard, guardFetch, maskData, memoryLog, policySet, verifyIdentity } from 'sallyport'
import { toNode } from 'sallyport/node'
import { identityOf } from 'sallyport/testing'
import { embeddedModel, listen } from './gateway/model.ts'

// A vendor on loopback that speaks the real wire format.
const vendor = createServer(toNode(embeddedModel))
const { url, close } = await listen((options, ready) => vendor.listen(options, () => ready(vendor.address() as { port: number })))

const log = memoryLog()
const base = guard({ name: 'openai-client' })
  .use(audit({ log }))
  .use(verifyIdentity({ verifiers: [identityOf({ subject: 'nightly-report', kind: 'service' })] }))
  .use(
    authorize({
      evaluator: policySet({
        id: 'models',
        version: '1',
        rules: [{ id: 'small-only', effect: 'permit', action: ['chat'], resource: { type: 'model', id: ['small-*'] } }],
      }),
    }),
  )
  .use(maskData({ detect: detectors.pii, mode: 'redact', direction: 'both' }))

const client = new OpenAI({
  apiKey: 'the vendor’s, never a caller’s'.slice(0, 10),
  baseURL: `${url}/v1`,
  fetch: guardFetch(base, { credentials: () => ({}) }),
})
const messages = [{ role: 'user' as const, content: 'My address is ada@example.org. Whom do I ask?' }]

// Whole.
const whole = await client.chat.completions.create({ model: 'small-1', messages })
assert.match(whole.choices[0]?.message.content ?? '', /My address is \[EMAIL\].*\[EMAIL\]/)

// Streamed, also through the client's own helper.
let streamed = ''
for await (const chunk of await client.chat.completions.create({ model: 'small-1', messages, stream: true }))
  streamed += chunk.choices[0]?.delta.content ?? ''
assert.equal(streamed, whole.choices[0]?.message.content)
assert.equal(await client.chat.completions.stream({ model: 'small-1', messages }).finalContent(), streamed)

// Refused: the client's own typed error, after one attempt, and nothing left the process.
await assert.rejects(client.chat.completions.create({ model: 'large-1', messages }), OpenAI.PermissionDeniedError)
await assert.rejects(client.files.list(), OpenAI.BadRequestError)

await close()
await base.close()
const allowed = log.entries.filter((entry) => entry.kind === 'decision' && entry.allowed)
assert.equal(allowed.length, 3)
console.log(`openai-client: ${streamed}`)
