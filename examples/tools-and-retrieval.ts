// An agent that searches and pays: it finds what its caller may read, and pays only what somebody has approved.
import assert from 'node:assert/strict'
import {
  type ApprovalRequest,
  approvals,
  audit,
  authorize,
  detectors,
  guard,
  guardRetriever,
  guardTools,
  jwt,
  maskData,
  policySet,
  signApproval,
  verifyIdentity,
} from 'sallyport'
import { recordingLog, testIssuer } from 'sallyport/testing'
import { exportJWK, generateKeyPair } from 'jose'
import { z } from 'zod'

const issuer = testIssuer()
const pair = await generateKeyPair('ES256', { extractable: true })
const [privateKey, publicKey] = [await exportJWK(pair.privateKey), await exportJWK(pair.publicKey)]
const grace = { issuer: 'https://id.example', subject: 'grace' }
const asked: ApprovalRequest[] = []
const approving = approvals({
  approvers: [{ ...grace, keys: { keys: [{ ...publicKey, kid: 'g1', alg: 'ES256' }] } }],
  onRequest: (request) => void asked.push(request),
})

const policy = policySet({
  id: 'agent',
  rules: [
    { id: 'agents', effect: 'permit', action: ['invoke_agent', 'retrieval'] },
    { id: 'own-pages', effect: 'permit', action: ['read'], resource: { type: 'document' }, when: { 'resource.department': { eq: 'care' } } },
    { id: 'pay', effect: 'permit', action: ['execute_tool'], resource: { type: 'tool', id: ['pay'] }, obligations: [{ type: 'require_approval' }] },
  ],
})
const base = guard({ name: 'agent', onError: () => {} })
  .use(audit({ log: recordingLog() }))
  .use(verifyIdentity({ verifiers: [jwt(issuer.options)] }))
  .use(authorize({ evaluator: policy, approvals: approving }))
  .use(maskData({ detect: detectors.pii, mode: 'redact', direction: 'both' }))

const pages = [
  { id: 'a', text: 'Ask ada@example.org', metadata: { department: 'care' } },
  { id: 'b', text: 'Salaries', metadata: { department: 'pay' } },
]
const paid: object[] = []
const pay = {
  name: 'pay',
  schema: z.object({ to: z.string(), amount: z.number() }),
  execute: async (payment: { to: string; amount: number }) => {
    paid.push(payment)
    return 'paid'
  },
}

/** What an agent might do for its caller. The approvals come from the application: no model ever sees them. */
const waiting: string[] = []
const agent = base.protect(
  async (question: string, call) => {
    const search = guardRetriever(base, async (_query: string) => pages, { onBehalfOf: call })
    const [tool] = guardTools(base, [pay] as const, { request: () => ({ onBehalfOf: call, approvals: waiting }) })
    const found = await search(question)
    const outcome = await tool.execute({ to: 'bob', amount: 5 }).catch((error: { code: string }) => error.code)
    return JSON.stringify({ found: found.map(({ text }) => text), outcome })
  },
  { action: 'invoke_agent', resource: { type: 'agent', id: 'helper' } },
)

const credentials = await issuer.bearer({ sub: 'ada' })
assert.equal(await agent('whom do I ask?', { credentials }), '{"found":["Ask [EMAIL]"],"outcome":"approval_required"}')
waiting.push(await signApproval(asked[0] as ApprovalRequest, { ...grace, key: { ...privateKey, kid: 'g1', alg: 'ES256' } }))
assert.equal(await agent('whom do I ask?', { credentials }), '{"found":["Ask [EMAIL]"],"outcome":"paid"}')
// Used once.
assert.equal(await agent('whom do I ask?', { credentials }), '{"found":["Ask [EMAIL]"],"outcome":"approval_required"}')
assert.deepEqual(paid, [{ to: 'bob', amount: 5 }])
console.log('tools-and-retrieval: one page found, one payment made')
