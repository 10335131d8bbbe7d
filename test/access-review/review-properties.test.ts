import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { accessReview } from '../../src/access-review/access-review.ts'
import { policyDiff } from '../../src/access-review/policy-diff.ts'
import type { PolicyRequest } from '../../src/policy/policy-evaluator.ts'
import { policySet } from '../../src/policy/policy-set.ts'
import { sameObligations } from '../../src/policy/obligations.ts'
import { anyPolicy, anyRequest } from '../policy/arbitraries.ts'
import { changedPolicy, densePolicy, denseRequest, everyDenseRequest } from './dense.ts'
import { matching, recorder, sealingKey } from './recorded.ts'

type Data = Record<string, unknown>
const everything = everyDenseRequest()

/** A policy, traffic, and other requests to try. */
interface World {
  readonly policy: Data & { rules: Data[] }
  readonly used: readonly PolicyRequest[]
  readonly others: readonly PolicyRequest[]
}
const request = anyRequest as unknown as fc.Arbitrary<PolicyRequest>
const world: fc.Arbitrary<World> = fc.oneof(
  { weight: 1, arbitrary: fc.record({ policy: anyPolicy, used: fc.array(request, { minLength: 1, maxLength: 12 }), others: fc.array(request) }) },
  {
    weight: 2,
    arbitrary: fc.record({ policy: densePolicy, used: fc.array(denseRequest, { minLength: 1, maxLength: 8 }), others: fc.constant([]) }),
  },
)
const asked = fc.array(denseRequest, { minLength: 1, maxLength: 12 })
const twoPolicies = fc.oneof(
  { weight: 1, arbitrary: fc.record({ one: anyPolicy, other: anyPolicy, asked: fc.array(request, { minLength: 1, maxLength: 8 }) }) },
  { weight: 1, arbitrary: fc.record({ one: densePolicy, other: densePolicy, asked }) },
  { weight: 6, arbitrary: fc.tuple(changedPolicy, asked).map(([two, all]) => ({ ...two, asked: all })) },
)

/** The same, without a rule that carries duties. */
const dutyless = world.map(({ policy, ...rest }) => ({
  ...rest,
  policy: { ...policy, rules: policy.rules.map(({ obligations: _, ...rule }) => rule) },
}))

const listOf = (value: unknown): readonly string[] => (value === undefined ? [] : Array.isArray(value) ? value : [value as string])

function held(policy: Data, roles: readonly string[]): readonly string[] {
  const table = policy.roles as Record<string, { inherits?: string | string[] }>
  return roles.flatMap((role) => [role, ...held(policy, listOf(table[role]?.inherits))])
}

/** The rights by which a rule let a request through: whom as the rule names it, what and to what. */
function rightsOf(policy: Data & { rules: Data[] }, id: string, request: PolicyRequest): readonly string[] {
  const rule = policy.rules.find((one) => one.id === id) ?? {}
  const subject = (rule.subject ?? {}) as Data
  const has = held(policy, listOf(request.subject.properties?.roles))
  const roles = subject.roles === undefined ? [null] : listOf(subject.roles).filter((role) => has.includes(role))
  const { action, resource } = request
  const who = [subject.type === undefined ? null : request.subject.type, subject.id === undefined ? null : request.subject.id]
  return roles.map((role) => JSON.stringify([id, ...who, role, action.name, resource.type, resource.id]))
}

describe('the tighter policy, whatever the policy and the traffic', () => {
  it('permits what was used with the same duties, and nothing that the old one refuses or demands more for', () =>
    fc.assert(
      fc.asyncProperty(world, async ({ policy, used, others }) => {
        const record = recorder(policy)
        const review = await accessReview(policy, await Promise.all(used.map((request) => record(request))))
        assert.equal(review.proof.holds, true)
        const [old, tighter] = [policySet(policy), policySet(review.tighter)]
        for (const request of used) if (old.evaluate(request).allowed) assert.equal(tighter.evaluate(request).allowed, true)
        for (const request of [...used, ...others, ...everything]) {
          const [before, after] = [old.evaluate(request), tighter.evaluate(request)]
          if (!after.allowed) continue
          assert.equal(before.allowed, true)
          assert.ok(sameObligations(before.obligations, after.obligations))
        }
        const sum = review.proof.permitted + review.proof.stillRefused + review.proof.elsewhere
        assert.equal(sum, used.length)
      }),
      { numRuns: 200 },
    ))

  it('permits exactly the used rights, where no rule carries duties', () =>
    fc.assert(
      fc.asyncProperty(dutyless, async ({ policy, used, others }) => {
        const record = recorder(policy)
        const review = await accessReview(policy, await Promise.all(used.map((request) => record(request))))
        const [old, tighter] = [policySet(policy), policySet(review.tighter)]
        const rights = new Set<string>()
        for (const request of used)
          if (old.evaluate(request).allowed)
            for (const id of matching(policy, request)) for (const right of rightsOf(policy, id, request)) rights.add(right)
        for (const request of [...used, ...others, ...everything]) {
          // What a name with a star was narrowed to is a beginning, and that is more than the name.
          if (used.some(({ resource }) => resource.id.includes('*'))) continue
          const wasUsed = matching(policy, request).some((id) => rightsOf(policy, id, request).some((right) => rights.has(right)))
          assert.equal(tighter.evaluate(request).allowed, old.evaluate(request).allowed && wasUsed)
        }
      }),
      { numRuns: 200 },
    ))

  it('holds the same for the log of another policy with sealed attributes, and for one without', () =>
    fc.assert(
      fc.asyncProperty(twoPolicies, fc.boolean(), async ({ one: former, other: policy, asked: used }, sealed) => {
        const record = recorder({ ...former, version: 'former' })
        const records = await Promise.all(used.map((request) => record(request, sealed ? { key: sealingKey } : {})))
        const review = await accessReview(policy, records, sealed ? { keys: sealingKey } : {})
        assert.equal(review.proof.holds, true)
        const [before, old, tighter] = [policySet(former), policySet(policy), policySet(review.tighter)]
        for (const request of used)
          if (before.evaluate(request).allowed && old.evaluate(request).allowed) assert.equal(tighter.evaluate(request).allowed, true)
        for (const request of [...used, ...everything]) {
          const [one, other] = [old.evaluate(request), tighter.evaluate(request)]
          if (other.allowed) assert.ok(one.allowed && sameObligations(one.obligations, other.obligations))
        }
      }),
      { numRuns: 150 },
    ))

  it('changes nothing when it is reviewed again over the same log', () =>
    fc.assert(
      fc.asyncProperty(dutyless, async ({ policy, used }) => {
        const once = await accessReview(policy, await Promise.all(used.map((request) => recorder(policy)(request))))
        const record = recorder(once.tighter)
        const again = await accessReview(once.tighter, await Promise.all(used.map((request) => record(request))))
        assert.ok(again.changes.every(({ change }) => change === 'left'))
        assert.deepEqual(again.tighter, once.tighter)
      }),
      { numRuns: 200 },
    ))
})

describe('the difference of two policies, whatever they are', () => {
  it('is what the two decide, or is not told', () =>
    fc.assert(
      fc.asyncProperty(twoPolicies, fc.boolean(), async ({ one, other, asked }, sealed) => {
        const [before, after] = [policySet(one), policySet({ ...other, version: '2' })]
        const record = recorder(one)
        for (const request of asked) {
          const records = [await record(request, sealed ? { key: sealingKey } : {})]
          const diff = await policyDiff(one, { ...other, version: '2' }, records, sealed ? { keys: sealingKey } : {})
          const [a, b] = [before.evaluate(request), after.evaluate(request)]
          const isSame = a.allowed === b.allowed && (!a.allowed || sameObligations(a.obligations, b.obligations))
          const kind = a.allowed === b.allowed ? 'duties' : b.allowed ? 'permits' : 'refuses'
          assert.equal(diff.same + diff.undecided + diff.changed.permits + diff.changed.refuses + diff.changed.duties, 1)
          if (diff.same === 1) assert.ok(isSame)
          else if (diff.undecided === 0) {
            assert.equal(isSame, false)
            assert.equal(diff.changed[kind], 1)
          }
        }
      }),
      { numRuns: 300 },
    ))

  it('is nothing between a policy and itself', () =>
    fc.assert(
      fc.asyncProperty(world, async ({ policy, used: asked }) => {
        const record = recorder(policy)
        const diff = await policyDiff(policy, { ...policy, version: '2' }, await Promise.all(asked.map((request) => record(request))))
        assert.equal(diff.same, asked.length)
        assert.deepEqual(diff.changes, [])
      }),
      { numRuns: 50 },
    ))
})
