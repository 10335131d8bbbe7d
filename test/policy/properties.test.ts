import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Decision } from '../../src/guard/context.ts'
import type { PolicyRequest } from '../../src/policy/policy-evaluator.ts'
import { policySet } from '../../src/policy/policy-set.ts'
import { anyPolicy, anyRequest } from './arbitraries.ts'
import { naiveEvaluate, naiveMisses } from './naive-evaluator.ts'

const decide = (policy: unknown, request: Record<string, unknown>): Decision => policySet(policy).evaluate(request as unknown as PolicyRequest)

const brief = ({ allowed, reasons, obligations }: Decision) => ({
  allowed,
  reasons: reasons.map(({ rule }) => rule),
  obligations: obligations
    .map(({ type, value }) => (value === undefined ? type : `${type} ${Array.isArray(value) ? value.join(' ') : String(value)}`))
    .sort(),
})

test('decides as a naive reading of the same rules does', () => {
  const seen = { allowed: 0, denied: 0, forbidden: 0, shed: 0, obliged: 0, obligedByForbids: 0 }
  fc.assert(
    fc.property(anyPolicy, fc.array(anyRequest, { minLength: 4, maxLength: 4 }), (policy, requests) => {
      for (const request of requests) {
        const decision = decide(policy, request)
        assert.deepEqual(brief(decision), naiveEvaluate(policy, request))
        if (decision.allowed) seen.allowed++
        else if (decision.reasons.length === 0) seen.denied++
        else if (decision.reasons[0]?.effect === 'forbid') seen.forbidden++
        else seen.shed++
        if (decision.obligations.length > 0) seen[decision.allowed ? 'obliged' : 'obligedByForbids']++
      }
    }),
    { numRuns: 1500 },
  )
  // The property says nothing of what never came up.
  for (const [kind, count] of Object.entries(seen)) assert.ok(count > 20, `${kind} came up ${count} times`)
})

test('A10: the order of the rules never matters', () => {
  fc.assert(
    fc.property(anyPolicy, anyRequest, fc.func(fc.integer()), (policy, request, key) => {
      const shuffled = [...policy.rules].sort((one, other) => key(one.id) - key(other.id))
      assert.deepEqual(decide({ ...policy, rules: shuffled }, request), decide(policy, request))
    }),
    { numRuns: 300 },
  )
})

test('A10: a forbid that fits wins over whatever else there is, at every place', () => {
  const forbid = { id: 'never', effect: 'forbid' }
  fc.assert(
    fc.property(anyPolicy, anyRequest, fc.nat(8), (policy, request, place) => {
      const rules = [...policy.rules.slice(0, place), forbid, ...policy.rules.slice(place)]
      const decision = decide({ ...policy, rules: [...rules, { id: 'always', effect: 'permit' }] }, request)
      assert.equal(decision.allowed, false)
      assert.ok(decision.reasons.some(({ rule }) => rule === 'never'))
    }),
    { numRuns: 300 },
  )
})

test('a permit more never forbids without a duty, and a forbid more never permits', () => {
  fc.assert(
    fc.property(anyPolicy, anyPolicy, anyRequest, (policy, more, request) => {
      const added: Record<string, unknown>[] = more.rules.map((rule) => ({ ...rule, id: `more-${String(rule.id)}` }))
      const before = decide(policy, request).allowed
      const permits = added.filter((rule) => rule.effect === 'permit' && !('obligations' in rule))
      if (before) assert.equal(decide({ ...policy, rules: [...policy.rules, ...permits] }, request).allowed, true)
      const forbids = added.filter((rule) => rule.effect === 'forbid')
      if (!before) assert.equal(decide({ ...policy, rules: [...policy.rules, ...forbids] }, request).allowed, false)
    }),
    { numRuns: 300 },
  )
})

test('A10: the duties of a forbid change nothing about what is permitted, and by which rules', () => {
  fc.assert(
    fc.property(anyPolicy, anyRequest, (policy, request) => {
      const withoutDuties = policy.rules.map(({ obligations, ...rule }) =>
        rule.effect === 'forbid' || obligations === undefined ? rule : { ...rule, obligations },
      )
      const decision = decide(policy, request)
      const other = decide({ ...policy, rules: withoutDuties }, request)
      assert.deepEqual([decision.allowed, decision.reasons], [other.allowed, other.reasons])
      if (decision.allowed) assert.deepEqual(decision.obligations, other.obligations)
      else assert.deepEqual(other.obligations, [])
    }),
    { numRuns: 500 },
  )
})

test('leaving an attribute out never sheds a duty', () => {
  fc.assert(
    fc.property(
      anyPolicy,
      anyRequest,
      fc.constantFrom('a', 'b', 'n', 'time'),
      fc.constantFrom('subject', 'action', 'resource', 'context'),
      (policy, request, key, root) => {
        const full = decide(policy, request)
        const part = request[root] as Record<string, unknown>
        const properties = (root === 'context' ? part : part.properties) as Record<string, unknown>
        const { [key]: _, ...fewer } = properties
        const without = decide(policy, { ...request, [root]: root === 'context' ? fewer : { ...part, properties: fewer } })
        if (!full.allowed || !without.allowed) return
        // A test for absence may end a duty, since a policy then says so itself.
        if (JSON.stringify(policy).includes('"exists"')) return
        for (const { type } of full.obligations)
          assert.ok(
            without.obligations.some((one) => one.type === type),
            `shed ${type}`,
          )
      },
    ),
    { numRuns: 2000 },
  )
})

test('an explanation decides the same, and names every reason', () => {
  fc.assert(
    fc.property(anyPolicy, anyRequest, (policy, request) => {
      const set = policySet(policy)
      const { decision, rules } = set.explain(request as unknown as PolicyRequest)
      assert.deepEqual(decision, decide(policy, request))
      for (const { rule } of decision.reasons) assert.ok(rules.some((explained) => explained.rule === rule))
      for (const { outcome, conditions } of rules) assert.equal(outcome === 'true', conditions.length === 0)
    }),
    { numRuns: 300 },
  )
})

test('what came nearest are permits that did not permit, with every part that does not fit, nearest first', () => {
  let seen = 0
  fc.assert(
    fc.property(anyPolicy, anyRequest, fc.boolean(), (policy, request, thorough) => {
      const { nearest, rules } = policySet(policy).explain(request as unknown as PolicyRequest, { nearest: 4, thorough })
      const distances = nearest.map(({ scope = [], conditions }) => scope.length + conditions.length)
      assert.deepEqual(
        distances,
        distances.toSorted((one, other) => one - other),
      )
      assert.equal(new Set(nearest.map(({ rule }) => rule)).size, nearest.length)
      for (const { rule, effect, outcome, scope = [], conditions } of nearest) {
        seen++
        const own = policy.rules.find(({ id }) => id === rule) ?? {}
        assert.equal(effect, 'permit')
        assert.notEqual(outcome, 'true')
        assert.ok(scope.length + conditions.length > 0)
        assert.deepEqual(scope.map(({ part }) => part).sort(), naiveMisses(own, policy, request).sort())
      }
      const permits = policy.rules.filter(({ effect }) => effect === 'permit').length
      const permitted = rules.some(({ effect, outcome }) => effect === 'permit' && outcome === 'true')
      if (permitted) assert.equal(nearest.length, 0)
      else if (thorough) assert.equal(nearest.length, Math.min(4, permits))
    }),
    { numRuns: 500 },
  )
  assert.ok(seen > 100)
})

test('the index never changes an answer: neither what else there is, nor a rule that is split by its names', () => {
  const many = Array.from({ length: 200 }, (_, index) => ({
    id: `other-${index}`,
    effect: index % 2 === 0 ? 'permit' : 'forbid',
    action: [`other-${index % 7}`, 'chat-*', 'ch'],
    resource: { type: ['chatter*', 'embedding'], id: `model-${index}` },
    subject: index % 3 === 0 ? { roles: 'nobody' } : { id: [`s${index + 3}`, 'otter*'] },
  }))
  // Lists of names mean what a rule for each of them means.
  const split = (rules: readonly Record<string, unknown>[]): Record<string, unknown>[] =>
    rules.flatMap((rule) => [rule.action ?? ['*']].flat().map((action, index) => ({ ...rule, id: `${String(rule.id)}/${index}`, action })))
  const duties = ({ allowed, obligations }: Decision) => ({ allowed, obligations })
  fc.assert(
    fc.property(anyPolicy, anyRequest, (policy, request) => {
      const decision = decide(policy, request)
      assert.deepEqual(decide({ ...policy, rules: [...many, ...policy.rules] }, request), decision)
      assert.deepEqual(duties(decide({ ...policy, rules: split(policy.rules) }, request)), duties(decision))
    }),
    { numRuns: 200 },
  )
})
