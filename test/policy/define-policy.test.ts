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
          'subject.posture.compliant': { eq: true },
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

test('takes times, ends and a schema', () => {
  const policy = definePolicy({
    $schema: './node_modules/sallyport/docs/policy.schema.json',
    id: 'p',
    attributes: { 'context.risk': 'number', 'context.until': 'number', 'subject.roles': 'string[]' },
    rules: [
      {
        id: 'r',
        effect: 'permit',
        expires: '2026-12-31T23:00:00Z',
        when: {
          'context.time': {
            during: { zone: 'Europe/Berlin', days: ['monday', 'tuesday'], from: '08:00', to: '18:00' },
            lt: { path: 'context.until' },
          },
          'subject.authenticatedAt': { after: 0, before: '2027-01-01T00:00:00+01:00' },
          any: [{ 'context.until': { during: { zone: 'UTC', days: 'sunday' } } }],
        },
      },
      { id: 's', effect: 'forbid', expires: 1_767_222_000_000 },
    ],
  })
  assert.equal(policySet(policy).describe().expiring, 2)
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
    // @ts-expect-error a moment of a text
    () => asking({ 'resource.id': { before: '2026-12-31T23:00:00Z' } }),
    // @ts-expect-error a moment by path
    () => asking({ 'context.time': { before: { path: 'context.limit' } } }),
    // @ts-expect-error an unknown day
    () => asking({ 'context.time': { during: { zone: 'UTC', days: 'mon' } } }),
    // @ts-expect-error a window without a zone
    () => asking({ 'context.time': { during: { from: '08:00', to: '18:00' } } }),
    // @ts-expect-error a window that is always open
    () => asking({ 'context.time': { during: { zone: 'UTC' } } }),
    // @ts-expect-error a window without an end
    () => asking({ 'context.time': { during: { zone: 'UTC', from: '08:00' } } }),
    // @ts-expect-error an end that is no moment
    () => definePolicy({ id: 'p', rules: [{ id: 'r', effect: 'permit', expires: true }] }),
    // @ts-expect-error what a guard states, with another type
    () => definePolicy({ id: 'p', attributes: { 'subject.roles': 'string' }, rules: [] }),
    // @ts-expect-error an unknown type
    () => definePolicy({ id: 'p', attributes: { 'context.a': 'float' }, rules: [] }),
    // @ts-expect-error an unknown effect
    () => definePolicy({ id: 'p', rules: [{ id: 'r', effect: 'allow' }] }),
    // @ts-expect-error an unknown key
    () => definePolicy({ id: 'p', rules: [{ id: 'r', effect: 'permit', actions: ['chat'] }] }),
  ]
  for (const [index, make] of refused.entries()) assert.throws(() => policySet(make()), TypeError, `refused[${index}]`)
})
