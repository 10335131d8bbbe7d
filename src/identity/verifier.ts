import type { Clock } from '../guard/clock.ts'
import { systemClock } from '../guard/clock.ts'
import type { Awaitable, Channel, Credentials, Identity } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import { type Presented, presentedIn } from './presented.ts'

/**
 * Verifies one kind of credential. `jwt`, `apiKey` and `anonymous` are verifiers; an own one needs these three methods.
 *
 * A credential goes to the one verifier that accepts it; no second one is tried. What an own verifier throws refuses the
 * call: a `GuardError` with its code, anything else as `misconfigured`.
 */
export interface Verifier {
  /** Whether this kind of credential is this verifier's to judge, by its looks alone: cheap, at once, and never a verdict. */
  accepts(credentials: Credentials, channel?: Channel): boolean
  /** Who it is. Rejects with a `GuardError` for whatever was not proven. */
  verify(credentials: Credentials, channel?: Channel): Promise<Identity>
  /** Plain data for `guard.describe()`. Never a secret. */
  describe(): Readonly<Record<string, unknown>>
  /** The authentication scheme that a challenge names (RFC 9110, section 11.6.1); `Bearer` unless given. */
  readonly scheme?: string
}

/** Which credentials a verifier takes: two that could take the same one are a mistake of the set-up. */
export type Route =
  | { readonly kind: 'jwt'; readonly issuer: string }
  /** `Bearer` tokens without a dot, and API keys in a field or a scheme of their own, that begin so. */
  | { readonly kind: 'key'; readonly prefix: string }
  | { readonly kind: 'none' }
  | { readonly kind: 'any' }

/** A verifier of this package: routed by what it declares, asked at once, and told the time of its guard. */
export abstract class DirectVerifier implements Verifier {
  abstract readonly scheme: string
  abstract readonly route: Route
  readonly #clock: Clock

  constructor(clock: Clock = systemClock) {
    this.#clock = clock
  }

  /** Whether the credential is this verifier's to judge. */
  abstract takes(presented: Presented): boolean
  /** Whether it was judged before, so that it need not be read again to find who judges it. */
  knows(_presented: Presented): boolean {
    return false
  }
  /** Judges a credential that it takes. */
  abstract check(presented: Presented, clock: Clock): Awaitable<Identity>
  abstract describe(): Readonly<Record<string, unknown>>

  accepts(credentials: Credentials): boolean {
    try {
      return this.takes(presentedIn(credentials))
    } catch {
      return false
    }
  }

  async verify(credentials: Credentials): Promise<Identity> {
    const presented = presentedIn(credentials)
    if (this.takes(presented)) return await this.check(presented, this.#clock)
    if (presented.scheme === 'none') throw new GuardError('identity_missing')
    throw new GuardError('identity_invalid', { reason: 'the credential is of another kind or another issuer' })
  }
}

/** Whether some credential could go by either route. */
export function overlap(one: Route, other: Route): boolean {
  if (one.kind === 'any' || other.kind === 'any') return true
  if (one.kind === 'jwt') return other.kind === 'jwt' && one.issuer === other.issuer
  if (one.kind === 'key') return other.kind === 'key' && (one.prefix.startsWith(other.prefix) || other.prefix.startsWith(one.prefix))
  return other.kind === one.kind
}
