import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { accessReview } from '../../src/access-review/access-review.ts'
import { policySet } from '../../src/policy/policy-set.ts'
import { calls, policy } from '../bench/access-review/traffic.ts'

describe('a year of traffic', () => {
  it('is reviewed: the tighter policy decides each of its calls as the old one did, and permits nothing else', async () => {
    const traffic = [...calls(20_000)]
    const review = await accessReview(
      policy,
      traffic.map(({ record }) => record),
    )
    const allowed = traffic.filter(({ record }) => record.allowed)
    const { proof, records } = review
    assert.deepEqual([proof.holds, proof.permitted, proof.stillRefused, proof.carried], [true, allowed.length, traffic.length - allowed.length, 0])
    assert.equal(records.decisions, 20_000)
    const [old, tighter] = [policySet(policy), policySet(review.tighter)]
    for (const { request } of traffic) assert.deepEqual(tighter.evaluate(request).allowed, old.evaluate(request).allowed)
    const rightOf = (role: string, action: string, id: string): string => `${role} ${action} ${id}`
    const used = new Set(
      allowed.flatMap(({ record: { subject, action, resource } }) => (subject?.roles ?? []).map((role) => rightOf(role, action, resource.id))),
    )
    // What nobody of a role did, somebody of that role may not do any more, unless everybody may.
    let refused = 0
    for (let team = 0; team < 40; team++) {
      for (const [action, type, id] of [
        ['embeddings', 'model', 'gpt-1'],
        ['train', 'dataset', `set-${team}-1`],
        ['chat', 'model', 'gpt-77'],
        ['deploy', 'model', 'gpt-6'],
      ] as const) {
        const roles = [`lead-${team}`]
        const asked = {
          subject: { type: 'user', id: 'somebody', properties: { roles, claims: { region: 'eu' } } },
          action: { name: action },
          resource: { type, id },
          context: { risk: 0 },
        }
        if (used.has(rightOf(`lead-${team}`, action, id))) continue
        assert.deepEqual([old.evaluate(asked).allowed, tighter.evaluate(asked).allowed], [true, false])
        refused++
      }
    }
    assert.ok(refused > 120)
    assert.deepEqual(review.dormantRoles, [])
  })
})
