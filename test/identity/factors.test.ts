import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { verifyIdentity } from '../../src/controls/verify-identity.ts'
import type { Identity } from '../../src/guard/context.ts'
import { clientCertificate } from '../../src/identity/client-certificate.ts'
import { countFactors, requireFactors } from '../../src/identity/factors.ts'
import { makeIdentity } from '../../src/identity/make-identity.ts'
import { anonymous } from '../../src/identity/verifier.ts'
import { issue, makeAuthority, svidExtensions } from './certificates.ts'

const identity = (parts: Partial<Identity>): Identity =>
  makeIdentity({ subject: 'ada', issuer: 'https://id.example', expiresAt: Number.POSITIVE_INFINITY, ...parts })
const person = (...amr: string[]): number => countFactors(identity({ kind: 'user', assurance: { amr } }))

// All that IANA has registered (RFC 8176, section 6.1).
const registered = {
  knowledge: ['kba', 'pin', 'pwd'],
  possession: ['hwk', 'otp', 'pop', 'sc', 'sms', 'swk', 'tel'],
  inherence: ['face', 'fpt', 'iris', 'retina', 'vbm'],
  none: ['geo', 'mca', 'rba', 'user', 'wia'],
}
const factors = [registered.knowledge, registered.possession, registered.inherence]

describe('factors of people', () => {
  for (const method of factors.flat()) test(`${method} is one`, () => assert.equal(person(method), 1))
  for (const method of registered.none)
    test(`${method} is none, alone and beside others`, () => {
      assert.equal(person(method), 0)
      assert.equal(person('pwd', method), 1)
      assert.equal(person('mfa', method), 2)
    })

  test('two of one kind count once, and of two kinds twice', () => {
    for (const [place, kind] of factors.entries())
      for (const [otherPlace, otherKind] of factors.entries())
        for (const one of kind) for (const other of otherKind) assert.equal(person(one, other), place === otherPlace ? 1 : 2, `${one} ${other}`)
    for (const one of registered.knowledge)
      for (const two of registered.possession) for (const three of registered.inherence) assert.equal(person(one, two, three), 3)
  })

  test('mfa is two by itself, and no more than the methods beside it', () => {
    assert.equal(person('mfa'), 2)
    assert.equal(person('mfa', 'mfa'), 2)
    assert.equal(person('mfa', 'pwd'), 2)
    assert.equal(person('mfa', 'pwd', 'otp'), 2)
    assert.equal(person('mfa', 'pwd', 'otp', 'face'), 3)
  })

  test('what is not registered is none, however it is spelled', () => {
    assert.equal(person(), 0)
    for (const method of ['PWD', 'Mfa', ' pwd', 'pwd otp', 'pwd,otp', 'password', 'fido', '__proto__', 'constructor', 'knowledge'])
      assert.equal(person(method), 0, method)
  })

  test('a bound credential is no method of a person', () => {
    for (const binding of ['dpop', 'mtls'] as const) assert.equal(countFactors(identity({ binding, assurance: { amr: ['pwd'] } })), 1)
  })
})

describe('factors of workloads', () => {
  for (const kind of ['service', 'agent', 'device'] as const)
    test(`a ${kind} has its credential, and a proof that binds it`, () => {
      assert.equal(countFactors(identity({ kind })), 1)
      assert.equal(countFactors(identity({ kind, binding: 'dpop' })), 2)
      assert.equal(countFactors(identity({ kind, binding: 'mtls' })), 2)
      // A token says what a person did, and a workload is none.
      assert.equal(countFactors(identity({ kind, assurance: { amr: ['mfa', 'pwd', 'otp', 'face'] } })), 1)
    })

  test('a certificate is a credential and its proof in one: one factor', async () => {
    const { pem } = await issue(await makeAuthority(), { extensions: svidExtensions('spiffe://example.org/billing') })
    const found = await clientCertificate({ trustDomain: 'example.org' }).verify({}, { secure: true, peerCertificate: pem })
    assert.deepEqual([found.binding, countFactors(found)], ['mtls', 1])
    assert.notEqual(found.kind, 'user')
    // A token that is bound to the same certificate is another thing than the certificate.
    const device = { id: found.device?.id ?? '', status: 'unknown', posture: {} } as const
    assert.equal(countFactors(identity({ kind: 'service', binding: 'mtls', tokenId: 'jti', device })), 2)
    assert.equal(countFactors(identity({ kind: 'service', binding: 'mtls', device })), 2)
  })
})

test('requireFactors is what assurance takes, and nothing but a number of factors', () => {
  assert.deepEqual(requireFactors(2), { factors: 2 })
  assert.doesNotThrow(() => verifyIdentity({ verifiers: [anonymous()], assurance: { ...requireFactors(2), maxAge: 300 } }))
  for (const count of [0, 4, -1, 1.5, Number.NaN, '2', null, undefined]) {
    assert.throws(() => requireFactors(count as number), TypeError)
    if (count === undefined) continue
    assert.throws(() => verifyIdentity({ verifiers: [anonymous()], assurance: { factors: count as number } }), TypeError)
  }
})
