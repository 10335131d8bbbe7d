import type { Identity } from '../guard/context.ts'
import { type AssuranceOptions, allAssurance, lackingAssurance } from './assurance.ts'
import { challenge } from './challenge.ts'

/** Why an identity does not meet a duty, and the challenge that tells its holder what would. */
interface Shortfall {
  readonly code: 'step_up_required' | 'binding_required' | 'obligation_unmet'
  readonly reason: string
  readonly challenge?: string
}

/** Whether an identity was authenticated as all of several duties want it. */
export function assuranceShortfall(identity: Identity, wanted: readonly AssuranceOptions[], now: number): Shortfall | undefined {
  const rules = allAssurance(wanted)
  // Each must be met, so what meets one of them only is not good enough to be asked for.
  if (rules === undefined) return { code: 'obligation_unmet', reason: 'no authentication context can meet all that policy wants' }
  const reason = lackingAssurance(identity, rules, now)
  if (reason === undefined) return undefined
  // RFC 9470, section 3. Tokens that are bound by DPoP are challenged under their own scheme (RFC 9449, section 7.1).
  const scheme = identity.binding === 'dpop' ? 'DPoP' : 'Bearer'
  const parameters = {
    error: 'insufficient_user_authentication',
    error_description: 'A stronger authentication is required.',
    ...rules.wanted,
  }
  return { code: 'step_up_required', reason, challenge: challenge(scheme, undefined, parameters) }
}

/** Whether an identity's credential is bound to its sender as a duty wants it. */
export function bindingShortfall({ binding }: Identity, wanted: 'dpop' | 'mtls' | 'any'): Shortfall | undefined {
  if (binding !== undefined && (wanted === 'any' || wanted === binding)) return undefined
  const reason = 'policy wants a credential that is bound to its sender'
  if (wanted !== 'mtls') return { code: 'binding_required', reason, challenge: challenge('DPoP', undefined) }
  // For mutual TLS there is no scheme to challenge with (RFC 8705, section 3); a 401 needs some challenge all the same.
  const parameters = { error: 'invalid_token', error_description: 'A certificate-bound token is required.' }
  return { code: 'binding_required', reason, challenge: challenge('Bearer', undefined, parameters) }
}
