import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Call, Decision, Identity, Known, Obligation } from '../../src/guard/context.ts'
import type { KeyedLimit } from '../../src/limits/limit-store.ts'
import { policyLimits } from '../../src/limits/policy-limits.ts'

const identity = { key: '1:iada', tenant: 'acme', actors: [{ subject: 'bot', issuer: 'i' }] } as Partial<Identity> as Identity
const call = { identity, action: 'chat', resource: { type: 'model', id: 'm' } } as Partial<Call & Known> as Call & Known

function limitsOf(obligations: readonly Obligation[], of: Call & Known = call): readonly KeyedLimit[] | undefined {
  const decision: Decision = { allowed: true, policy: { id: 'p', version: '1' }, reasons: [], obligations }
  return policyLimits(decision, of)
}

const trial: Obligation = { type: 'limit', name: 'trial', tokens: 100, window: 60 }

test('an obligation is a limit of the caller, under a name that no limit of the application has', () => {
  const [limit, ...others] = limitsOf([{ type: 'mask' }, trial]) ?? []
  assert.deepEqual(limit, {
    limit: { name: 'policy:trial', unit: 'tokens', quantity: 100, window: 60, burst: 100, shared: false },
    key: 'subject 1:iada',
  })
  assert.deepEqual(others, [])
  assert.deepEqual(limitsOf([]), [])
})

test('a limit can be of the tenant, the actor, the resource or the action, and then is shared', () => {
  const keys = ['tenant', 'actor', 'resource', 'action'].map((per) => limitsOf([{ ...trial, per }])?.[0])
  assert.deepEqual(
    keys.map((each) => [each?.key, each?.limit.shared]),
    [
      ['tenant acme', true],
      ['actor i bot', true],
      ['resource model m', true],
      ['action chat', true],
    ],
  )
})

test('all of them hold, and of those that differ only in amounts the strictest', () => {
  const limits = limitsOf([
    { ...trial, burst: 10 },
    { ...trial, tokens: 50, burst: 20 },
    { ...trial, tokens: 70 },
    { type: 'limit', name: 'calls', requests: 5, window: 60 },
  ])
  assert.deepEqual(
    limits?.map(({ limit }) => [limit.name, limit.quantity, limit.burst]),
    [
      ['policy:trial', 50, 10],
      ['policy:calls', 5, 5],
    ],
  )
})

test('a limit that is said again is the same object, also a strictest one', () => {
  const both = [trial, { ...trial, tokens: 200, burst: 1 }]
  assert.equal(limitsOf([trial])?.[0]?.limit, limitsOf([trial])?.[0]?.limit)
  assert.equal(limitsOf(both)?.[0]?.limit, limitsOf(both)?.[0]?.limit)
})

const unknown: readonly Obligation[] = [
  { type: 'limit' },
  { type: 'limit', name: '', tokens: 1, window: 1 },
  { type: 'limit', name: 'a'.repeat(60), tokens: 1, window: 1 },
  { type: 'limit', name: 5, tokens: 1, window: 1 },
  { ...trial, tokens: 0 },
  { ...trial, tokens: '5' },
  { ...trial, requests: 5 },
  { ...trial, window: 'year' },
  { ...trial, per: 'everybody' },
  { ...trial, per: 'toString' },
  { ...trial, per: 5 },
  { ...trial, bursts: 1 },
]
for (const obligation of unknown)
  test(`a duty that cannot be understood stays open: ${JSON.stringify(obligation)}`, () => {
    assert.equal(limitsOf([trial, obligation]), undefined)
  })

test('a limit without anybody to count for stays open, and so do two of one name that count otherwise', () => {
  const { tenant: _, ...without } = identity
  const nobody = { ...call, identity: { ...without, actors: [] } }
  for (const per of ['tenant', 'actor']) assert.equal(limitsOf([{ ...trial, per }], nobody), undefined)
  assert.equal(limitsOf([trial, { ...trial, window: 3_600 }]), undefined)
  assert.equal(limitsOf([trial, { ...trial, per: 'tenant' }]), undefined)
})
