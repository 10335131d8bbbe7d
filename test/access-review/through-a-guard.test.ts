import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { accessReview } from '../../src/access-review/access-review.ts'
import { policyDiff } from '../../src/access-review/policy-diff.ts'
import { memoryLog } from '../../src/audit-log/memory-log.ts'
import { audit } from '../../src/controls/audit.ts'
import { authorize } from '../../src/controls/authorize.ts'
import { verifyIdentity } from '../../src/controls/verify-identity.ts'
import type { Call, Known } from '../../src/guard/context.ts'
import { builtIn, type Control } from '../../src/guard/control.ts'
import { noteGrounds } from '../../src/guard/decision-grounds.ts'
import { guard } from '../../src/guard/guard.ts'
import { policyGrounds } from '../../src/policy/policy-grounds.ts'
import { policyRequest } from '../../src/policy/policy-request.ts'
import { type PolicySet, policySet } from '../../src/policy/policy-set.ts'
import { identityOf } from '../../src/testing/identity-of.ts'

const key = new Uint8Array(32).fill(4)
const policy = {
  id: 'support',
  version: '7',
  rules: [
    { id: 'chat', effect: 'permit', subject: { roles: ['analyst', 'admin'] }, action: ['chat', 'train'], when: { 'context.risk': { lt: 0.7 } } },
    { id: 'risk', effect: 'forbid', when: { 'context.risk': { gte: 0.9 } } },
  ],
} as const

/** Notes what the decision before it was made of. */
function grounds(set: PolicySet): Control {
  return builtIn<Call & Pick<Known, 'identity'>, object>(
    'grounds',
    {
      enter(call, step) {
        const made = policyGrounds(set, policyRequest(call, step), [])
        if (made !== undefined) noteGrounds(step, made)
      },
    },
    { needs: ['identity'] },
    {},
  ) as never
}

describe('a review of what guards recorded', () => {
  it('replays decisions against policies that ask for what was read, with the key and never without', async () => {
    const log = memoryLog()
    const set = policySet(policy)
    const chain = guard({ onError: () => {} })
      .use(audit({ log, sealAttributes: key }))
      .use(verifyIdentity({ verifiers: [identityOf({ subject: 'ada', roles: ['analyst'] })] }))
      .use(authorize({ evaluator: set }))
      .use(grounds(set))
    const run = chain.protect(() => 'answer', { action: 'chat', resource: { type: 'model', id: 'gpt-5' } })
    for (const risk of [0.1, 0.2, 0.6]) assert.equal(await run('x', { credentials: { authorization: 'Bearer x' }, attributes: { risk } }), 'answer')
    await assert.rejects(async () => run('x', { credentials: { authorization: 'Bearer x' }, attributes: { risk: 0.95 } }))
    const records = log.entries
    // An outcome says how long the call took, and that may be any number.
    assert.equal(JSON.stringify(records.filter(({ kind }) => kind === 'decision')).includes('0.6'), false)

    const stricter = { ...policy, version: '8', rules: [{ ...policy.rules[0], when: { 'context.risk': { lt: 0.5 } } }, policy.rules[1]] }
    const opened = await policyDiff(policy, stricter, records, { keys: key })
    assert.deepEqual([opened.compared, opened.changed.refuses, opened.undecided], [4, 1, 0])
    const closed = await policyDiff(policy, stricter, records)
    assert.deepEqual([closed.compared, closed.changed.refuses, closed.undecided], [4, 0, 3])

    const review = await accessReview(policy, records, { keys: key })
    assert.deepEqual(review.tighter.rules[0], {
      ...policy.rules[0],
      subject: { roles: 'analyst' },
      action: 'chat',
      resource: { type: 'model', id: 'gpt-5' },
    })
    assert.deepEqual([review.proof.holds, review.proof.permitted, review.dormantRoles], [true, 3, ['admin']])
    await chain.close()
  })
})
