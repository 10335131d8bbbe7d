import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { exportJWK, generateKeyPair } from 'jose'
import { type ApprovalRequest, approvals } from '../../src/approval/approvals.ts'
import { elevations } from '../../src/approval/elevations.ts'
import { signApproval } from '../../src/approval/sign-approval.ts'
import { type AuditRecord, type DecisionRecord, entryText, type OutcomeRecord } from '../../src/audit-log/record.ts'
import { type AuditOptions, audit } from '../../src/controls/audit.ts'
import { authorize, type AuthorizeOptions } from '../../src/controls/authorize.ts'
import { verifyIdentity } from '../../src/controls/verify-identity.ts'
import type { CallOptions } from '../../src/guard/call-options.ts'
import { GuardError, toProblem } from '../../src/guard/errors.ts'
import { guard } from '../../src/guard/guard.ts'
import { allOf } from '../../src/policy/combine.ts'
import { decisionCache } from '../../src/policy/decision-cache.ts'
import { differences } from '../../src/policy/differences.ts'
import { livePolicy } from '../../src/policy/live-policy.ts'
import { policyDigest } from '../../src/policy/policy-digest.ts'
import type { PolicyRequest } from '../../src/policy/policy-evaluator.ts'
import { policySet } from '../../src/policy/policy-set.ts'
import { allowAll, denyAll } from '../../src/testing/allow-all.ts'
import { identityOf } from '../../src/testing/identity-of.ts'
import { recordingLog } from '../../src/testing/recording-log.ts'

const policy = {
  id: 'support',
  version: '7',
  rules: [
    { id: 'secret-chat-rule', effect: 'permit', action: 'chat', when: { 'context.risk': { lt: 0.7 } } },
    { id: 'secret-second-rule', effect: 'permit', action: 'chat', resource: { type: 'model' }, when: { 'context.risk': { lt: 0.5 } } },
    { id: 'secret-freeze', effect: 'forbid', when: { 'context.risk': { gte: 0.9 } } },
    { id: 'secret-near-miss', effect: 'permit', action: 'embed', when: { 'subject.claims.clearance': { eq: 'top' } } },
  ],
}

interface Recorded {
  readonly decision: DecisionRecord
  readonly outcome: OutcomeRecord
  readonly answer: unknown
}

function scene(options: AuthorizeOptions, more: Partial<AuditOptions> = {}) {
  const log = recordingLog()
  const chain = guard({ name: 'bot', onError: () => {} })
    .use(audit({ log, onError: () => {}, ...more }))
    .use(verifyIdentity({ verifiers: [identityOf({ subject: 'ada', issuer: 'https://id.example' })] }))
    .use(authorize(options))
  const ask = async (
    action: string,
    attributes: Readonly<Record<string, number>> = {},
    request: CallOptions = {},
    run: Parameters<typeof chain.protect>[0] = () => 'answer',
    resource = { type: 'model', id: 'gpt-5' },
  ): Promise<Recorded> => {
    const before = log.entries.length
    const answer = await chain
      .protect(run, { action, resource })('x', { credentials: { authorization: 'Bearer x' }, attributes, ...request })
      .catch((error: unknown) => error)
    const [decision, outcome, ...others] = log.entries.slice(before) as readonly AuditRecord[]
    assert.ok(decision?.kind === 'decision' && outcome?.kind === 'outcome' && others.length === 0)
    return { decision, outcome, answer }
  }
  return { log, chain, ask }
}

describe('the record of a decision', () => {
  test('names the rules that decided, of a permit, of a forbid, and none where none did', async () => {
    const { ask } = scene({ evaluator: policySet(policy) })
    const rulesFor = async (action: string, risk: number) => (await ask(action, { risk })).decision.rules
    assert.deepEqual(await rulesFor('chat', 0.6), [{ effect: 'permit', rule: 'secret-chat-rule' }])
    assert.deepEqual(await rulesFor('chat', 0.1), [
      { effect: 'permit', rule: 'secret-chat-rule' },
      { effect: 'permit', rule: 'secret-second-rule' },
    ])
    assert.deepEqual(await rulesFor('chat', 0.95), [{ effect: 'forbid', rule: 'secret-freeze' }])
    assert.deepEqual(await rulesFor('embed', 0), [])
    // Undecided, it denies all the same, and is named.
    assert.deepEqual((await ask('chat')).decision.rules, [{ effect: 'forbid', rule: 'secret-freeze' }])
  })

  test('tells why in the log, and a caller neither a rule nor what came near', async () => {
    const evaluator = policySet(policy)
    const { ask } = scene({ evaluator })
    const explained = evaluator.explain(
      { subject: { type: 'user', id: 'ada' }, action: { name: 'embed' }, resource: { type: 'model', id: 'gpt-5' }, context: { risk: 0 } },
      { nearest: 3, thorough: true },
    )
    assert.ok(explained.nearest.some(({ rule }) => rule === 'secret-near-miss'))
    for (const [action, risk] of [
      ['embed', 0],
      ['chat', 0.8],
      ['chat', 0.95],
    ] as const) {
      const { decision, answer } = await ask(action, { risk })
      assert.ok(answer instanceof GuardError && answer.code === 'denied')
      assert.notEqual(decision.reason, undefined)
      const shown = [JSON.stringify(answer), JSON.stringify(toProblem(answer)), answer.message, String(answer), JSON.stringify(answer.headers)]
      // Also by whoever goes through all that the error has, but for its cause, which is the operator's.
      for (const name of Reflect.ownKeys(answer)) if (name !== 'cause') shown.push(String(answer[name as keyof GuardError]))
      for (const text of shown)
        for (const secret of ['secret-', 'clearance', 'support', 'context.', 'risk']) assert.equal(text.includes(secret), false, text)
    }
  })

  test('names the policy by version and digest, however it is asked', async () => {
    const digest = await policyDigest(policy)
    const set = policySet(policy)
    const live = livePolicy({ load: () => policy, every: Number.POSITIVE_INFINITY })
    await live.ready
    const handedOn = { evaluate: (request: PolicyRequest) => set.evaluate(request) }
    const later = { evaluate: async (request: PolicyRequest) => set.evaluate(request) }
    const copied = {
      evaluate(request: PolicyRequest) {
        const { policy: named, ...decision } = set.evaluate(request)
        return { ...decision, policy: { ...named, digest: named.digest } }
      },
    }
    for (const evaluator of [set, live, decisionCache(set), decisionCache(live), differences().shadow(set), handedOn, later, copied]) {
      const { ask } = scene({ evaluator })
      for (const risk of [0.1, 0.95]) {
        const { decision } = await ask('chat', { risk })
        assert.deepEqual(decision.policy, { digest, id: 'support', version: '7' })
        assert.ok(entryText(decision).includes(`"policy":{"digest":"${digest}","id":"support","version":"7"}`))
      }
    }
    await live.close()
  })

  test('names all policies where several were asked, and no digest where one of them has none', async () => {
    const other = { id: 'other', version: '1', rules: [{ id: 'r', effect: 'permit' }] }
    const both = await scene({ evaluator: allOf(policySet(policy), policySet(other)) }).ask('chat', { risk: 0 })
    assert.deepEqual(both.decision.policy, {
      digest: `${await policyDigest(policy)} + ${await policyDigest(other)}`,
      id: 'support + other',
      version: '7 + 1',
    })
    const half = await scene({ evaluator: allOf(policySet(policy), allowAll()) }).ask('chat', { risk: 0 })
    assert.deepEqual(half.decision.policy, { id: 'support + allow-all', version: '7 + testing' })
    for (const evaluator of [allowAll(), denyAll()]) assert.equal('digest' in ((await scene({ evaluator }).ask('chat')).decision.policy ?? {}), false)
  })

  test('names the policy that decided, when a live one is replaced', async () => {
    let current: object = policy
    const live = livePolicy({ load: () => current, every: Number.POSITIVE_INFINITY })
    await live.ready
    const { ask } = scene({ evaluator: live })
    const before = await ask('chat', { risk: 0 })
    current = { ...policy, version: '8', rules: policy.rules.slice(1) }
    await live.refresh()
    const after = await ask('chat', { risk: 0 })
    assert.deepEqual(before.decision.policy, { digest: await policyDigest(policy), id: 'support', version: '7' })
    assert.deepEqual(after.decision.policy, { digest: await policyDigest(current), id: 'support', version: '8' })
    await live.close()
  })

  test('says who approved, and by which approval; not where nobody had to', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
    const [key, jwk] = [await exportJWK(privateKey), await exportJWK(publicKey)]
    const requests: ApprovalRequest[] = []
    const grace = { issuer: 'https://id.example', subject: 'grace' }
    const approving = approvals({
      approvers: [{ ...grace, keys: { keys: [{ ...jwk, kid: 'g', alg: 'ES256' }] } }],
      onRequest: (request) => void requests.push(request),
    })
    const rules = [
      { id: 'pay', effect: 'permit', action: 'pay', obligations: [{ type: 'require_approval' }] },
      { id: 'chat', effect: 'permit', action: 'chat' },
    ]
    const { ask } = scene({ evaluator: policySet({ id: 'bank', rules }), approvals: approving })
    const unapproved = await ask('pay')
    assert.deepEqual([unapproved.decision.code, unapproved.decision.permitted, unapproved.decision.approval], ['approval_required', true, undefined])
    const [request] = requests
    assert.ok(request)
    const text = await signApproval(request, { ...grace, key: { ...key, kid: 'g', alg: 'ES256' } })
    const { decision, answer } = await ask('pay', {}, { approvals: [text] })
    assert.equal(answer, 'answer')
    const { jti } = JSON.parse(Buffer.from(text.split('.')[1] ?? '', 'base64url').toString()) as { jti: string }
    assert.deepEqual(decision.approval, { id: jti, ...grace })
    assert.deepEqual([decision.obligations, decision.fulfilled], [['require_approval'], ['require_approval']])
    assert.equal(entryText(decision).includes(text), false)
    assert.equal('approval' in (await ask('chat')).decision, false)
  })

  test('is followed by an outcome with what was said while the function ran', async () => {
    const elevating = elevations()
    const rules = [{ id: 'elevate', effect: 'permit', action: 'elevate' }]
    const { ask } = scene({ evaluator: policySet({ id: 'p', rules }), elevations: elevating })
    const role = { type: 'role', id: 'responder' }
    const elevate = (_input: unknown, call: unknown) => elevating.elevate(call as never, 'responder', 60, 'incident 7')
    const { decision, outcome } = await ask('elevate', {}, {}, elevate, role)
    assert.equal(outcome.notes?.length, 1)
    assert.match(outcome.notes?.[0] ?? '', /^elevated to 'responder' until .*: incident 7$/)
    assert.equal('notes' in decision, false)
    assert.equal('notes' in (await ask('elevate', {}, {}, () => 'nothing', role)).outcome, false)
  })

  test('holds what was carried out until then, whatever is said later', async () => {
    const log = recordingLog()
    const delivered: unknown[] = []
    const chain = guard({ onError: () => {} })
      .use(audit({ log, sinks: [{ name: 'copy', deliver: (entries) => void delivered.push(...entries) }] }))
      .use(verifyIdentity({ verifiers: [identityOf()] }))
      .use(authorize({ evaluator: policySet({ id: 'p', rules: [{ id: 'a', effect: 'permit', obligations: [{ type: 'no_stream' }] }] }) }))
    const run = chain.protect(() => 'x', { action: 'chat', resource: { type: 'model', id: 'm' } })
    assert.equal(await run('x', { credentials: { authorization: 'Bearer x' } }), 'x')
    const [decision] = log.entries
    assert.ok(decision?.kind === 'decision')
    assert.deepEqual(decision.fulfilled, ['no_stream'])
    await chain.close()
    assert.equal(delivered.length, 2)
  })
})
