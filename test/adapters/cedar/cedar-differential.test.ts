import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EntityJson } from '@cedar-policy/cedar-wasm'
import fc from 'fast-check'
import { asking, cedar, decide, evaluatorOf, rulesOf } from './asking-cedar.ts'

// Groups in groups, so that a scope can be met by a detour.
const entities: readonly EntityJson[] = [
  { uid: { type: 'Role', id: 'r0' }, attrs: {}, parents: [{ type: 'Role', id: 'r1' }] },
  { uid: { type: 'Role', id: 'r1' }, attrs: {}, parents: [{ type: 'Role', id: 'r2' }] },
  { uid: { type: 'Role', id: 'r2' }, attrs: {}, parents: [] },
  { uid: { type: 'model', id: 'm0' }, attrs: {}, parents: [{ type: 'family', id: 'f0' }] },
  {
    uid: { type: 'Action', id: 'a0' },
    attrs: {},
    parents: [
      { type: 'Action', id: 'g0' },
      { type: 'Action', id: 'g1' },
    ],
  },
  { uid: { type: 'Action', id: 'a1' }, attrs: {}, parents: [{ type: 'Action', id: 'g0' }] },
]

const principals = [
  '',
  ' == user::"u0"',
  ' == user::"u1"',
  ' == service::"u0"',
  ' in Role::"r0"',
  ' in Role::"r1"',
  ' in Role::"r2"',
  ' in user::"u0"',
  ' is user',
  ' is service',
  ' is user in Role::"r2"',
]
const actions = [
  '',
  ' == Action::"a0"',
  ' == Action::"a1"',
  ' == Action::"a2"',
  ' in Action::"g0"',
  ' in [Action::"g0", Action::"g1"]',
  ' in [Action::"a2", Action::"g1"]',
  ' in []',
]
const resources = ['', ' == model::"m0"', ' == model::"m1"', ' in family::"f0"', ' is model', ' is document', ' is model in family::"f0"']
const conditions = [
  '',
  ' when { context.n > 1 }',
  ' unless { context has n }',
  ' when { principal.t == resource.t }',
  ' when { principal in Role::"r1" }',
  ' when { context.n.x }',
  ' when { Role::"r0" in Role::"r2" }',
  ' when { context == {n: 2} }',
]

const policy = fc
  .tuple(
    fc.constantFrom('permit', 'forbid'),
    fc.constantFrom(...principals),
    fc.constantFrom(...actions),
    fc.constantFrom(...resources),
    fc.constantFrom(...conditions),
  )
  .map(([effect, principal, action, resource, condition]) => `${effect}(principal${principal}, action${action}, resource${resource})${condition};`)

const request = fc
  .record({
    type: fc.constantFrom('user', 'service'),
    id: fc.constantFrom('u0', 'u1'),
    roles: fc.subarray(['r0', 'r1', 'r2', 'r3']),
    action: fc.constantFrom('a0', 'a1', 'a2', 'a3'),
    resourceType: fc.constantFrom('model', 'document'),
    resourceId: fc.constantFrom('m0', 'm1'),
    subject: fc.constantFrom({}, { t: 1 }, { t: 2 }),
    resource: fc.constantFrom({}, { t: 1 }),
    context: fc.constantFrom({}, { n: 1 }, { n: 2 }, { n: 'x' }),
  })
  .map((asked) => asking(asked))

/** Cedar, asked with everything at once. A mapping of three lines, written for this test alone. */
function plainly(policies: readonly string[], { subject, action, resource, context = {} }: ReturnType<typeof asking>) {
  const roles = subject.properties?.roles as readonly string[]
  const { t } = (subject.properties ?? {}) as { t?: number }
  const principal = { type: subject.type, id: subject.id }
  const target = { type: resource.type, id: resource.id }
  const family = entities.find(({ uid }) => JSON.stringify(uid) === JSON.stringify(target))?.parents ?? []
  const answer = cedar.isAuthorized({
    principal,
    action: { type: 'Action', id: action.name },
    resource: target,
    context: context as Record<string, never>,
    policies: { staticPolicies: Object.fromEntries(policies.map((text, index) => [`p${index}`, text])) },
    entities: [
      ...entities.filter(({ uid }) => JSON.stringify(uid) !== JSON.stringify(target)),
      { uid: principal, attrs: t === undefined ? {} : { t }, parents: roles.map((id) => ({ type: 'Role', id })) },
      { uid: target, attrs: (resource.properties ?? {}) as Record<string, never>, parents: family },
    ],
  })
  assert.ok(answer.type === 'success', JSON.stringify(answer))
  const { decision, diagnostics } = answer.response
  const isForbid = (id: string): boolean => policies[Number(id.slice(1))]?.startsWith('forbid') === true
  const failed = diagnostics.errors.map(({ policyId }) => policyId).filter(isForbid)
  const denying = decision === 'deny' ? [...diagnostics.reason, ...failed] : failed
  return denying.length > 0 || decision === 'deny'
    ? { allowed: false, rules: denying.sort() }
    : { allowed: true, rules: [...diagnostics.reason].sort() }
}

test('the index never changes an answer: Cedar says the same of a few policies as of all, but that an error forbids', () => {
  let compared = 0
  fc.assert(
    fc.property(fc.array(policy, { maxLength: 12 }), fc.array(request, { minLength: 1, maxLength: 8 }), (policies, requests) => {
      const evaluator = evaluatorOf(Object.fromEntries(policies.map((text, index) => [`p${index}`, text])), { entities })
      for (const each of requests) {
        const decision = decide(evaluator, each)
        assert.deepEqual({ allowed: decision.allowed, rules: [...rulesOf(decision)].sort() }, plainly(policies, each))
        compared++
      }
    }),
    { numRuns: 150 },
  )
  assert.ok(compared > 150)
})

test('the order of policies changes nothing', () => {
  fc.assert(
    fc.property(fc.uniqueArray(policy, { maxLength: 8 }), request, (policies, asked) => {
      const named = policies.map((text, index) => [`p${index}`, text] as const)
      const [one, other] = [named, [...named].reverse()].map((each) => decide(evaluatorOf(Object.fromEntries(each), { entities }), asked))
      assert.deepEqual(one, other)
    }),
    { numRuns: 60 },
  )
})

test('more combinations than sets are kept change nothing', () => {
  const policies = Object.fromEntries(
    Array.from({ length: 2_100 }, (_, index) => [`p${index}`, `permit(principal, action, resource == model::"m${index}");`]),
  )
  const evaluator = evaluatorOf(policies)
  for (const round of [0, 1])
    for (let index = 0; index < 2_100; index += round === 0 ? 1 : 97)
      assert.deepEqual(rulesOf(decide(evaluator, asking({ resourceId: `m${index}` }))), [`p${index}`])
  assert.equal(decide(evaluator, asking({ resourceId: 'm2100' })).allowed, false)
})
