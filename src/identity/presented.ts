import type { Credentials } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import { tokenDigest } from './token-digest.ts'
import { maxCredentialLength, readJwt, type UnverifiedJwt } from './unverified-jwt.ts'

/** How a credential came. `none` is no credential at all, `other` a scheme that nobody here knows. */
export type Scheme = 'none' | 'bearer' | 'dpop' | 'api-key' | 'other'

/** The one credential of a call. Read once, decoded once, and only if somebody asks. */
export class Presented {
  readonly scheme: Scheme
  /** What stands behind the scheme; empty where there is nothing. */
  readonly secret: string
  /** Whether a proof of possession came with it (RFC 9449, section 4.1). */
  readonly hasProof: boolean
  #jwt: UnverifiedJwt | null | undefined
  #digest: string | undefined

  constructor(scheme: Scheme, secret: string, hasProof: boolean) {
    this.scheme = scheme
    this.secret = secret
    this.hasProof = hasProof
  }

  /** The token, read and not verified; undefined where it is no JWT in the one allowed spelling. */
  get jwt(): UnverifiedJwt | undefined {
    // `null` is "read, and none".
    if (this.#jwt === undefined) this.#jwt = (this.scheme === 'bearer' || this.scheme === 'dpop' ? readJwt(this.secret) : undefined) ?? null
    return this.#jwt ?? undefined
  }

  /** What the secret is remembered by. */
  get digest(): string {
    this.#digest ??= tokenDigest(this.secret)
    return this.#digest
  }
}

const none = new Presented('none', '', false)

/**
 * The one credential in what a caller presents. A field that is there and empty is a bad credential and not the want of
 * one.
 *
 * @throws GuardError `identity_invalid` for more than one credential, a proof without one, and one that is too long.
 */
export function presentedIn({ authorization, apiKey, dpop }: Credentials): Presented {
  if (authorization !== undefined && apiKey !== undefined) throw invalid('two credentials came at once')
  const hasProof = dpop !== undefined
  if (authorization === undefined) {
    if (apiKey !== undefined) return new Presented('api-key', bounded(apiKey), hasProof)
    if (hasProof) throw invalid('a proof came without the credential that it is for')
    return none
  }
  const end = authorization.indexOf(' ')
  if (end === -1) return new Presented('other', '', hasProof)
  const secret = bounded(authorization.slice(end + 1))
  return new Presented(schemeOf(authorization.slice(0, end)), secret, hasProof)
}

// Schemes are compared without regard to case (RFC 9110, section 11.1).
function schemeOf(name: string): Scheme {
  if (name === 'Bearer') return 'bearer'
  switch (name.length <= 8 ? name.toLowerCase() : '') {
    case 'bearer':
      return 'bearer'
    case 'dpop':
      return 'dpop'
    case 'apikey':
      return 'api-key'
    default:
      return 'other'
  }
}

function bounded(secret: string): string {
  if (secret.length > maxCredentialLength) throw invalid('the credential is too long')
  return secret
}

function invalid(reason: string): GuardError {
  return new GuardError('identity_invalid', { reason })
}
