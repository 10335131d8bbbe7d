import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exportJWK, generateKeyPair } from 'jose'
import { policySet } from '../../src/policy/policy-set.ts'
import { signPolicy } from '../../src/policy/sign-policy.ts'

test('policySet takes only what was signed where a signature is wanted (A9)', async () => {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const other = await generateKeyPair('ES256', { extractable: true })
  const jwk = { kid: 'k', alg: 'ES256' }
  const keys = { keys: [{ ...(await exportJWK(publicKey)), ...jwk }] }
  const policy = { id: 'p', version: '1', rules: [{ id: 'r', effect: 'permit' }] }
  const text = await signPolicy(policy, { key: { ...(await exportJWK(privateKey)), ...jwk } })
  assert.equal(policySet(text, { signature: { keys } }).describe().id, 'p')
  const forged = await signPolicy(policy, { key: { ...(await exportJWK(other.privateKey)), ...jwk } })
  for (const wrong of [policy, JSON.stringify(policy), forged, `${text.slice(0, -4)}AAAA`, '', undefined])
    assert.throws(() => policySet(wrong, { signature: { keys } }), TypeError)
  assert.throws(() => policySet(text), TypeError)
})
