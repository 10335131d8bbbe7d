import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { calculateJwkThumbprint, EmbeddedJWK, jwtVerify } from 'jose'
import { dpopKey, type DpopKeyAlgorithm } from '../../src/testing/dpop-key.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { hashOf } from './dpop-judge.ts'

describe('a test key for proofs', () => {
  for (const algorithm of ['ES256', 'ES384', 'ES512', 'EdDSA', 'RS256', 'PS256'] as DpopKeyAlgorithm[])
    test(`makes proofs that another library verifies, by ${algorithm}`, async () => {
      const key = await dpopKey({ algorithm })
      const proof = await key.proof({ method: 'POST', url: 'https://api.example/chat?a=b#c', token: 'token-1', nonce: 'n' })
      const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, { typ: 'dpop+jwt', algorithms: [algorithm], maxTokenAge: 60 })
      const { jti, iat, ...rest } = payload
      assert.deepEqual(rest, { htm: 'POST', htu: 'https://api.example/chat', ath: hashOf('token-1'), nonce: 'n' })
      assert.ok(typeof jti === 'string' && typeof iat === 'number')
      assert.deepEqual(protectedHeader, { typ: 'dpop+jwt', alg: algorithm, jwk: key.jwk })
      assert.equal(await calculateJwkThumbprint(key.jwk), key.jkt)
    })

  test('tells the time of its clock, and never the same jti twice unless it is told to', async () => {
    const clock = testClock(1_800_000_000_000)
    const key = await dpopKey({ clock })
    const claimsOf = (proof: string): Record<string, unknown> => JSON.parse(Buffer.from(proof.split('.')[1] ?? '', 'base64url').toString())
    const [one, other] = [
      await key.proof({ method: 'GET', url: 'https://a.example/' }),
      await key.proof({ method: 'GET', url: 'https://a.example/' }),
    ]
    assert.equal(claimsOf(one).iat, 1_800_000_000)
    assert.notEqual(claimsOf(one).jti, claimsOf(other).jti)
    assert.ok(!('ath' in claimsOf(one)) && !('nonce' in claimsOf(one)))
    assert.equal(claimsOf(await key.proof({ method: 'GET', url: 'https://a.example/', jti: 'j', iat: 7 })).jti, 'j')
  })

  test('makes bad ones where it is told to', async () => {
    const key = await dpopKey()
    const proof = await key.proof({ method: 'GET', url: 'https://a.example/', claims: { htm: undefined }, header: { alg: 'none', typ: undefined } })
    const [header = '', claims = '', signature] = proof.split('.')
    assert.deepEqual(JSON.parse(Buffer.from(header, 'base64url').toString()), { alg: 'none', jwk: key.jwk })
    assert.ok(!('htm' in JSON.parse(Buffer.from(claims, 'base64url').toString())))
    assert.equal(signature, '')
  })

  test('cannot be made for an algorithm that it cannot sign with', async () => {
    await assert.rejects(dpopKey({ algorithm: 'HS256' as DpopKeyAlgorithm }), TypeError)
    await assert.rejects(dpopKey({ algorithm: 'constructor' as DpopKeyAlgorithm }), TypeError)
  })
})
