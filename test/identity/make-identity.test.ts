import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Identity } from '../../src/guard/context.ts'
import { asIdentity, identityKey, makeIdentity } from '../../src/identity/make-identity.ts'

const good = { subject: 's', issuer: 'i', expiresAt: 1 }

test('no two pairs of issuer and subject have one key', () => {
  const name = fc.string({ unit: fc.constantFrom('1', ':', 'a', '/'), maxLength: 5 })
  fc.assert(fc.property(name, name, name, name, (i, s, j, t) => assert.equal(identityKey(i, s) === identityKey(j, t), i === j && s === t)))
})

test('an identity is a copy: what its maker keeps cannot change it, and neither can what reads it', () => {
  const roles = ['a']
  const claims = { deep: { list: ['x'] } }
  const identity = makeIdentity({ ...good, roles, claims })
  roles.push('admin')
  claims.deep.list.push('y')
  assert.deepEqual(identity.roles, ['a'])
  assert.deepEqual(identity.claims, { deep: { list: ['x'] } })
  assert.throws(() => (identity.roles as string[]).push('admin'), TypeError)
  assert.throws(() => (identity.claims.deep as unknown as { list: string[] }).list.push('y'), TypeError)
  assert.equal(asIdentity(identity), identity)
})

test('an identity that was made elsewhere is checked, copied and keyed anew', () => {
  const forged = { ...makeIdentity(good), key: '1:iadmin', subject: 'guest' } as Identity
  assert.equal(asIdentity(forged).key, '1:iguest')
})

test('what is no identity is refused', () => {
  const wrong: unknown[] = [
    undefined,
    null,
    'ada',
    {},
    { subject: 's', issuer: 'i' },
    { ...good, subject: '' },
    { ...good, subject: '\ud800' },
    { ...good, issuer: 7 },
    { ...good, expiresAt: Number.NaN },
    { ...good, expiresAt: '1' },
    { ...good, kind: 'root' },
    { ...good, binding: 'none' },
    { ...good, tenant: '' },
    { ...good, tokenId: 7 },
    { ...good, roles: 'admin' },
    { ...good, roles: [''] },
    { ...good, scopes: [7] },
    { ...good, claims: [] },
    { ...good, claims: { f: () => {} } },
    { ...good, actors: {} },
    { ...good, actors: ['a'] },
    { ...good, actors: [{ subject: 's', issuer: '' }] },
    { ...good, assurance: null },
    { ...good, assurance: {} },
    { ...good, assurance: { amr: [], acr: 7 } },
    { ...good, assurance: { amr: [], authenticatedAt: '1' } },
  ]
  for (const value of wrong)
    assert.throws(
      () => asIdentity(value),
      (error) => error instanceof Error,
      JSON.stringify(value),
    )
})
