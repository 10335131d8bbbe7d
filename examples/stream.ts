// Guard a stream: an e-mail address that the model says is masked, also where it is cut between two chunks.
import assert from 'node:assert/strict'
import { audit, authorize, detectors, guard, maskData, memoryLog, plainText, policySet, verifyIdentity } from 'sallyport'
import { fakeModel, identityOf } from 'sallyport/testing'

const policy = policySet({
  id: 'open',
  version: '1',
  rules: [{ id: 'chat', effect: 'permit', action: ['chat'], resource: { type: 'model' } }],
})
const log = memoryLog()

const base = guard({ name: 'stream' })
  .use(audit({ log }))
  .use(verifyIdentity({ verifiers: [identityOf({ subject: 'ada' })] }))
  .use(authorize({ evaluator: policy }))
  .use(maskData({ detect: detectors.pii, mode: 'redact', direction: 'both' }))

const model = fakeModel<string, string>({ chunks: ['Write to ada.love', 'lace@exam', 'ple.org', ' or call nobody.'] })
const chat = base.protect(model, { action: 'chat', resource: { type: 'model', id: 'fake' }, codec: plainText })

// Read to the end: nothing of the address came through, in no chunk.
const parts: string[] = []
for await (const part of await chat('Who is it? I am bob@example.org', { credentials: {} })) parts.push(part)
assert.equal(parts.join(''), 'Write to [EMAIL] or call nobody.')
assert.ok(parts.every((part) => !part.includes('@')))
assert.deepEqual(model.inputs, ['Who is it? I am [EMAIL]'])

// Leave early: the model is stopped, and the call still has exactly one outcome.
for await (const _part of await chat('again', { credentials: {} })) break
assert.equal(model.stopped, 1)

await base.close()
const endings = log.entries.flatMap((entry) => (entry.kind === 'outcome' ? [entry.ending] : []))
assert.deepEqual(endings, ['completed', 'left'])
console.log(`stream: "${parts.join('')}", endings ${endings.join(', ')}`)
