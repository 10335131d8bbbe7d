import { systemClock } from '../guard/clock.ts'
import { algorithmOfKey, type Jwks, readJwks } from '../keys/jwks.ts'
import { checkHeader, type PolicySignature, signatureSettings } from './open-policy.ts'
import { PolicyError } from './policy-error.ts'
import { maxPolicyLength, textOf } from './policy-text.ts'
import { invalid, readSigned, type SignedPolicy } from './signed-policy.ts'

/**
 * The policy in a signed text, verified at once: what `policySet` does where it is given `signature`.
 *
 * @throws TypeError for a text that is not signed by one of the keys, for keys that would have to be fetched, and where the
 * runtime cannot verify at once.
 */
export function openPolicyNow(text: unknown, signature: PolicySignature): unknown {
  const settings = signatureSettings('policySet: signature', signature)
  const { keys } = signature
  if (!('keys' in keys)) throw new TypeError('policySet: signature: keys: must be a JWK Set; where keys are fetched, await openPolicy()')
  if (typeof text !== 'string') throw new TypeError('policySet: where a signature is wanted, the policy must be the signed text')
  try {
    const signed = readSigned(textOf(text, maxPolicyLength))
    checkHeader(signed, settings, systemClock.now())
    if (!verifyNow(signed, keys)) throw invalid('it does not verify')
    return signed.readPolicy()
  } catch (error) {
    throw error instanceof PolicyError ? new TypeError(`policySet: ${error.message}`, { cause: error }) : error
  }
}

function verifyNow({ algorithm, keyId, input, signature }: SignedPolicy, jwks: Jwks): boolean {
  const wanted = readJwks(jwks).find({ algorithm, id: keyId })
  const jwk = wanted && jwks.keys.find((one) => readJwks({ keys: [one] }).keys[0]?.fingerprint === wanted.fingerprint)
  if (jwk === undefined) throw invalid('none of the keys is meant')
  const crypto = globalThis.process?.getBuiltinModule?.('node:crypto')
  if (crypto === undefined) throw new TypeError('policySet: this runtime cannot verify at once: await openPolicy(), and give what it gives')
  const name = algorithmOfKey(algorithm)
  const digest = name === 'EdDSA' ? null : `sha${name.slice(2)}`
  try {
    const key = { key: crypto.createPublicKey({ key: { ...jwk }, format: 'jwk' }), dsaEncoding: 'ieee-p1363' } as const
    // The salt of PSS is as long as its hash (RFC 7518, section 3.5).
    const padded = { ...key, padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: Number(name.slice(2)) / 8 }
    return crypto.verify(digest, new TextEncoder().encode(input), name.startsWith('PS') ? padded : key, signature)
  } catch (error) {
    throw new TypeError('policySet: this runtime cannot verify at once with this key: await openPolicy()', { cause: error })
  }
}
