import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isAuthorized } from '@cedar-policy/cedar-wasm/nodejs'
import fc from 'fast-check'
import type { PolicyRequest } from '../../src/policy/policy-evaluator.ts'
import { policySet } from '../../src/policy/policy-set.ts'
import { anyPolicy, anyRequest, fittingPolicy } from './arbitraries.ts'
import { cedarPolicies, cedarRequest } from './cedar-translation.ts'
import { hasUnknown, naiveMisses } from './naive-evaluator.ts'

type Data = Record<string, unknown>

// Of what Cedar cannot say: windows that come back, pieces of a text that stand in another attribute.
function forCedar(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(forCedar)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, own]): [string, unknown] => {
      if (key === 'during') return ['after', 1]
      return (key === 'startsWith' || key === 'endsWith') && typeof own === 'object' ? [key, 's'] : [key, forCedar(own)]
    }),
  )
}

// Nor has it numbers with a fraction, lists with nothing in them, or an answer to what is below a text.
function representable(value: unknown, key?: string): unknown {
  if (Array.isArray(value)) return value.filter((one) => typeof one === 'string' || Number.isSafeInteger(one))
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(
      Object.entries(value)
        .map(([own, member]) => [own, representable(member, own)] as const)
        .filter(([, member]) => member !== null && member !== undefined),
    )
  if (key === 'n' || typeof value === 'bigint') return null
  return typeof value === 'number' && !Number.isSafeInteger(value) ? null : value
}

function askCedar(policy: Data, request: Data) {
  const answer = isAuthorized({ ...cedarRequest(policy, request), policies: { staticPolicies: cedarPolicies(policy) } })
  assert.ok(answer.type === 'success', JSON.stringify(answer))
  const { decision, diagnostics } = answer.response
  return { allowed: decision === 'allow', reasons: [...diagnostics.reason].sort(), errors: diagnostics.errors.map(({ policyId }) => policyId) }
}

test('decides as Cedar does, but where an attribute is missing or of another type', (context) => {
  // Each of these stands in `docs/policy.md`.
  const differences = {
    'a forbid that cannot be decided denies': 0,
    'a permit with duties that cannot be decided denies': 0,
    'a value of another type is unknown, not unequal': 0,
    'what cannot be decided takes nothing away from what can be': 0,
  }
  const seen = { same: 0, allowed: 0, denied: 0, forbidden: 0, unknown: 0 }
  fc.assert(
    fc.property(
      fc.oneof(anyPolicy, { weight: 3, arbitrary: fittingPolicy }),
      fc.array(anyRequest, { minLength: 3, maxLength: 3 }),
      (generated, requests) => {
        const policy = forCedar(generated) as Data
        const set = policySet(policy)
        for (const request of requests.map((one) => representable(one) as Data)) {
          const ours = set.evaluate(request as unknown as PolicyRequest)
          const cedar = askCedar(policy, request)
          const reasons = ours.reasons.map(({ rule }) => rule)
          const rules = policy.rules as Data[]
          const rulesOf = (ids: readonly string[]): Data[] => rules.filter(({ id }) => ids.includes(id as string))
          const unknown = rules.filter((rule) => naiveMisses(rule, policy, request).length === 0 && hasUnknown(rule, request))
          if (unknown.length === 0) {
            assert.deepEqual({ allowed: ours.allowed, reasons }, { allowed: cedar.allowed, reasons: cedar.reasons })
            assert.deepEqual(cedar.errors, [])
            seen.same++
            seen[ours.allowed ? 'allowed' : reasons.length > 0 ? 'forbidden' : 'denied']++
            continue
          }
          seen.unknown++
          if (ours.allowed === cedar.allowed) continue
          const deciding = rulesOf(cedar.allowed && reasons.length === 0 ? cedar.reasons : reasons)
          assert.ok(
            deciding.length > 0 && deciding.every((rule) => unknown.includes(rule) || rule.effect === 'forbid'),
            JSON.stringify({ ours, cedar }),
          )
          if (ours.allowed) differences['what cannot be decided takes nothing away from what can be']++
          else if (reasons.length === 0) differences['a value of another type is unknown, not unequal']++
          else if (deciding.every((rule) => rule.effect === 'permit')) differences['a permit with duties that cannot be decided denies']++
          else {
            assert.ok(deciding.every((rule) => unknown.includes(rule)))
            differences['a forbid that cannot be decided denies']++
          }
        }
      },
    ),
    { numRuns: 700 },
  )
  context.diagnostic(JSON.stringify({ ...seen, ...differences }))
  for (const [kind, count] of Object.entries(seen)) assert.ok(count > 20, `${kind} came up ${count} times`)
})

test('each of the differences, by itself', () => {
  const all = { id: 'all', effect: 'permit' }
  const request = {
    subject: { type: 'user', id: 's1', properties: {} },
    action: { name: 'chat', properties: {} },
    resource: { type: 'model', id: 'm', properties: {} },
    context: { text: 's', number: 1 },
  }
  const ask = (rules: readonly Data[]): readonly [ours: boolean, cedar: boolean] => {
    const policy = { id: 'p', version: '1', rules }
    return [policySet(policy).evaluate(request as unknown as PolicyRequest).allowed, askCedar(policy, request).allowed]
  }
  const missing = { 'context.missing': { gt: 1 } }
  // A forbid that cannot be decided denies; in Cedar it is skipped, and the answer is allow.
  assert.deepEqual(ask([all, { id: 'f', effect: 'forbid', when: missing }]), [false, true])
  // So does a permit with duties.
  assert.deepEqual(ask([all, { id: 'p', effect: 'permit', when: missing, obligations: [{ type: 'no_stream' }] }]), [false, true])
  assert.deepEqual(ask([all, { id: 'p', effect: 'permit', when: missing }]), [true, true])
  // A value of another type is unknown, not unequal.
  assert.deepEqual(ask([{ id: 'p', effect: 'permit', when: { 'context.text': { ne: 1 } } }]), [false, true])
  assert.deepEqual(ask([{ id: 'p', effect: 'permit', when: { 'context.number': { notIn: ['a'] } } }]), [false, true])
  // What cannot be decided takes nothing away from what can be, in whatever order they stand.
  const fits = { 'context.number': { eq: 1 } }
  assert.deepEqual(ask([{ id: 'p', effect: 'permit', when: { any: [missing, fits] } }]), [true, false])
  assert.deepEqual(ask([{ id: 'p', effect: 'permit', when: { any: [fits, missing] } }]), [true, true])
})
