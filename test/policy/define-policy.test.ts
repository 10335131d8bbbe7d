import assert from 'node:assert/strict'
import { test } from 'node:test'
import { policySet } from '../../src/policy/policy-set.ts'
import type { When } from '../../src/policy/policy.ts'
import { definePolicy } from '../../src/policy/policy-set.ts'

test('is the very policy, and takes the documented one', () => {
  const policy = definePolicy({
    id: 'support',
    version: '7',
    attributes: { 'subject.department': 'string', 'context.risk': 'number', 'context.tags': 'string[]' },
    roles: { analyst: { inherits: ['reader'] }, admin: {} },
    rules: [
      {
        id: 'analysts-chat',
        effect: 'permit',
        subject: { roles: ['analyst'] },
        action: ['chat'],
        resource: { type: 'model', id: ['gpt-*'] },
        when: {
          'context.risk': { lt: 0.7 },
          'subject.tenant': { eq: { path: 'resource.tenant' } },
          'subject.claims.team': { in: ['a', 'b'] },
          'action.stream': { eq: false },
          'action.own': { eq: 1 },
          any: [{ 'context.tags': { contains: 'x' } }, { not: { 'context.remoteAddress': { cidr: '10.0.0.0/8' } } }],
        },
        obligations: [
          { type: 'max_output_tokens', value: 2000 },
          { type: 'own', of: ['mine'] },
        ],
      },
    ],
  })
  assert.equal(definePolicy(policy), policy)
  assert.deepEqual(policySet(policy).obliges, ['max_output_tokens', 'own'])
})

test('takes any path and any operator where nothing is declared', () => {
  const policy = definePolicy({
    id: 'p',
    rules: [{ id: 'r', effect: 'permit', when: { 'subject.anything': { eq: 1 }, 'context.x.y': { containsAny: ['a'] }, 'resource.z': { gt: 1 } } }],
  })
  assert.equal(policySet(policy).describe().rules, 1)
})

const declared = { 'context.risk': 'number', 'context.limit': 'number' } as const
const asking = (when: When<typeof declared>): unknown => definePolicy({ id: 'p', attributes: declared, rules: [{ id: 'r', effect: 'permit', when }] })

test('what the compiler refuses does not load either', () => {
  assert.equal(policySet(asking({ 'context.risk': { lt: { path: 'context.limit' } } })).describe().rules, 1)
  const refused: readonly (() => unknown)[] = [
    // @ts-expect-error a typo in a root that is declared
    () => asking({ 'context.rsik': { lt: 1 } }),
    // @ts-expect-error a literal of another type
    () => asking({ 'context.risk': { lt: '1' } }),
    // @ts-expect-error an operator of another type
    () => asking({ 'context.risk': { startsWith: 'x' } }),
    // @ts-expect-error an unknown operator
    () => asking({ 'context.risk': { less: 1 } }),
    // @ts-expect-error a typo deep inside
    () => asking({ any: [{ not: { 'context.rsik': { lt: 1 } } }] }),
    // @ts-expect-error a typo on the other side
    () => asking({ 'context.risk': { lt: { path: 'context.limt' } } }),
    // @ts-expect-error a path without a root
    () => asking({ risk: { lt: 1 } }),
    // @ts-expect-error an unknown operator where nothing is declared
    () => definePolicy({ id: 'p', rules: [{ id: 'r', effect: 'permit', when: { 'resource.a': { less: 1 } } }] }),
    // @ts-expect-error an unknown type
    () => definePolicy({ id: 'p', attributes: { 'context.a': 'float' }, rules: [] }),
    // @ts-expect-error an unknown effect
    () => definePolicy({ id: 'p', rules: [{ id: 'r', effect: 'allow' }] }),
    // @ts-expect-error an unknown key
    () => definePolicy({ id: 'p', rules: [{ id: 'r', effect: 'permit', actions: ['chat'] }] }),
  ]
  for (const [index, make] of refused.entries()) assert.throws(() => policySet(make()), TypeError, `refused[${index}]`)
})
