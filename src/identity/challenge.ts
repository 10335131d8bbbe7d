import type { GuardErrorCode } from '../guard/errors.ts'

/** What a challenge may say beside its scheme and realm. */
export interface ChallengeParameters {
  readonly error?: string
  readonly error_description?: string
  /** RFC 9470, section 3. */
  readonly acr_values?: string
  /** Seconds. */
  readonly max_age?: string
}

/**
 * One challenge (RFC 9110, section 11.6.1). Values are quoted; what may not stand in a quoted text of RFC 6750, section 3
 * is left out.
 */
export function challenge(scheme: string, realm: string, parameters: ChallengeParameters = {}): string {
  const written = [`realm="${quotable(realm)}"`]
  for (const [name, value] of Object.entries(parameters)) written.push(`${name}="${quotable(value)}"`)
  return `${scheme} ${written.join(', ')}`
}

// What RFC 6750 names for what went wrong. Without a credential, or with one of a scheme that is not taken, there is none.
const errors: Readonly<Partial<Record<GuardErrorCode, string>>> = {
  identity_invalid: 'invalid_token',
  identity_expired: 'invalid_token',
  identity_revoked: 'invalid_token',
  binding_required: 'invalid_token',
  binding_invalid: 'invalid_token',
  replayed: 'invalid_token',
  // RFC 9470, section 3.
  step_up_required: 'insufficient_user_authentication',
}

/** The parameters that tell a client what was wrong with its token; none for codes of other kinds. */
export function errorParameters(code: GuardErrorCode, message: string): ChallengeParameters {
  const error = errors[code]
  return error === undefined ? {} : { error, error_description: message }
}

function quotable(value: string): string {
  return value.replaceAll(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, '')
}
