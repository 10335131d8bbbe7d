import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { describe, test } from 'node:test'
import { chatRequest } from './chat-payloads.ts'
import { assertRefused } from './refusals.ts'
import { address, served } from './served.ts'
import { analyst, issuer, wholeGuard } from './whole-guard.ts'

// Proofs cannot be verified yet. Until they are, nothing that needs one, and nothing that comes with one, may pass.
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

function proof(token: string, more: object = {}): string {
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = { jti: 'a', htm: 'POST', htu: address, iat: Math.floor(Date.now() / 1000), ath: token.length, ...more }
  const input = `${encode({ typ: 'dpop+jwt', alg: 'ES256', jwk: publicKey.export({ format: 'jwk' }) })}.${encode(claims)}`
  return `${input}.${sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

describe('A7: proofs of possession', () => {
  test('a bound token is refused with and without a proof, under either scheme', async () => {
    const server = served(wholeGuard())
    const token = await issuer.mint({ roles: ['analyst'], cnf: { jkt: 'thumbprint' } })
    for (const scheme of ['Bearer', 'DPoP'])
      for (const dpop of [undefined, proof(token), proof(token, { htm: 'GET' }), 'nonsense', ''])
        await assertRefused(
          await server.ask(chatRequest('x'), { authorization: `${scheme} ${token}`, ...(dpop !== undefined && { dpop }) }),
          'binding_invalid',
          [token],
        )
    assert.equal(server.ran.length, 0)
  })

  test('a proof that nobody looks at does not seem to have counted', async () => {
    const server = served(wholeGuard())
    const { authorization } = await analyst()
    await assertRefused(await server.ask(chatRequest('x'), { authorization, dpop: proof(authorization) }), 'binding_invalid')
    const { key, entry } = await issuer.mintApiKey({ subject: 'bot', roles: ['analyst'] })
    assert.ok(entry)
    await assertRefused(await server.ask(chatRequest('x'), { 'x-api-key': key, dpop: proof(key) }), 'identity_invalid')
    assert.equal(server.ran.length, 0)
  })

  test('where a binding is wanted, an unbound token is refused', async () => {
    for (const binding of ['dpop', 'mtls', 'any'] as const) {
      const server = served(wholeGuard({ identity: { binding } }))
      await assertRefused(await server.ask(chatRequest('x'), await analyst()), 'binding_required')
      assert.equal(server.ran.length, 0)
    }
  })
})
