import assert from 'node:assert/strict'
import { test } from 'node:test'
import { policySet } from '../../src/policy/policy-set.ts'
import { requestWith } from './asking.ts'

const set = policySet({
  id: 'p',
  version: '1',
  rules: [
    { id: 'elsewhere', effect: 'permit', action: 'embeddings' },
    { id: 'low-risk', effect: 'permit', action: 'chat', when: { 'context.risk': { lt: 0.5 }, 'subject.department': { eq: 'sales' } } },
    {
      id: 'night',
      effect: 'forbid',
      action: 'chat',
      when: { any: [{ 'context.hour': { gt: 22 } }, { not: { 'context.network': { cidr: '10.0.0.0/8' } } }] },
    },
    { id: 'open', effect: 'permit', resource: { type: 'model' } },
  ],
})

test('says which rules were in scope and which conditions did not hold, and shows no value', () => {
  const { decision, rules } = set.explain(requestWith({ context: { risk: 0.9, hour: 12, network: '10.1.1.1' }, attributes: { department: null } }))
  assert.equal(decision.allowed, true)
  assert.deepEqual(rules, [
    {
      rule: 'low-risk',
      effect: 'permit',
      outcome: 'false',
      conditions: [{ place: "policy.rules[1].when['context.risk'].lt", path: 'context.risk', operator: 'lt', outcome: 'false', found: 'number' }],
    },
    {
      rule: 'night',
      effect: 'forbid',
      outcome: 'false',
      conditions: [
        { place: "policy.rules[2].when.any[0]['context.hour'].gt", path: 'context.hour', operator: 'gt', outcome: 'false', found: 'number' },
        {
          place: "policy.rules[2].when.any[1].not['context.network'].cidr",
          path: 'context.network',
          operator: 'cidr',
          outcome: 'true',
          found: 'string',
        },
      ],
    },
    { rule: 'open', effect: 'permit', outcome: 'true', conditions: [] },
  ])
})

test('tells unknown from false, and why it is unknown', () => {
  const { decision, rules } = set.explain(requestWith({ context: { risk: '0.1', hour: Number.NaN }, attributes: { department: ['sales'] } }))
  assert.deepEqual(decision.reasons, [{ rule: 'night', effect: 'forbid' }])
  assert.deepEqual(
    rules.map(({ rule, outcome, conditions }) => [rule, outcome, conditions.map(({ path, outcome: own, found }) => [path, own, found])]),
    [
      [
        'low-risk',
        'unknown',
        [
          ['context.risk', 'unknown', 'string'],
          ['subject.department', 'unknown', 'list'],
        ],
      ],
      [
        'night',
        'unknown',
        [
          ['context.hour', 'unknown', 'no finite number'],
          ['context.network', 'unknown', 'nothing'],
        ],
      ],
      ['open', 'true', []],
    ],
  )
})

test('shows values when asked to, and nothing of what is no request', () => {
  const [lowRisk] = set.explain(requestWith({ context: { risk: 0.9 } }), { values: true }).rules
  assert.equal(lowRisk?.conditions[0]?.value, 0.9)
  assert.doesNotMatch(JSON.stringify(set.explain(requestWith({ context: { risk: 0.875 } }))), /0\.875/)
  assert.deepEqual(set.explain({} as never).rules, [])
})
