import type { JWK } from 'jose'
import { type Check, checkOptions, hasMethods, optional } from '../guard/check-options.ts'
import { type Clock, systemClock } from '../guard/clock.ts'
import { publicAlgorithms } from '../keys/jwks.ts'
import { canonicalPolicy } from './policy-digest.ts'
import { policySet } from './policy-set.ts'
import { policyType } from './signed-policy.ts'

/** Options of `signPolicy`. */
export interface SignPolicyOptions {
  /** The private key as a JWK, with `alg` and `kid`. No secret: whoever can verify with one can also sign. */
  readonly key: JWK
  /** The system's unless given. */
  readonly clock?: Clock
}

const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''
const checks: Readonly<Record<keyof SignPolicyOptions, Check>> = {
  key: [isSigningKey, 'a private JWK with kid and an asymmetric alg'],
  clock: [optional(hasMethods('now', 'monotonic', 'after')), 'a Clock'],
}

function isSigningKey(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { alg, kid, d }: JWK = value
  return isText(kid) && isText(d) && typeof alg === 'string' && publicAlgorithms.includes(alg)
}

/**
 * Signs a policy: a JWS in compact form (RFC 7515) of type `policy+jws`, whose payload is the policy's canonical form (RFC 8785)
 * and whose header says when it was signed (`iat`). `openPolicy`, `livePolicy` and `policySet` take the text back.
 *
 * ```ts
 * await signPolicy({ id: 'support', version: '7', rules: [] }, { key: privateJwk })
 * ```
 *
 * @throws TypeError for wrong options, and for what `policySet` would not take: what does not load is not signed. Rejects for a
 * key that cannot sign.
 */
export async function signPolicy(policy: unknown, options: SignPolicyOptions): Promise<string> {
  checkOptions('signPolicy', options, checks)
  const { key, clock = systemClock } = options
  policySet(policy)
  const payload = new TextEncoder().encode(canonicalPolicy(policy))
  const { alg = '', kid = '' } = key
  const iat = clock.now() / 1000
  const [{ CompactSign }, { importJWK }] = await Promise.all([import('jose/jws/compact/sign'), import('jose/key/import')])
  return new CompactSign(payload).setProtectedHeader({ alg, kid, typ: policyType, iat }).sign(await importJWK(key, alg))
}
