import type { Channel, Credentials } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import type { Presented } from './presented.ts'
import { DirectVerifier, overlap, type Verifier } from './verifier.ts'

/** Chooses the one verifier of a credential, by its scheme and its issuer. */
export class VerifierChoice {
  readonly verifiers: readonly Verifier[]
  readonly #direct: readonly DirectVerifier[]
  readonly #others: readonly Verifier[]

  /** @throws TypeError for what is no verifier, and for two that could take the same credential. */
  constructor(verifiers: readonly Verifier[]) {
    if (!Array.isArray(verifiers) || verifiers.length === 0) throw new TypeError('verifyIdentity: verifiers must be a list of at least one verifier')
    this.verifiers = Object.freeze([...verifiers])
    for (const verifier of this.verifiers)
      if (typeof verifier?.accepts !== 'function' || typeof verifier.verify !== 'function' || typeof verifier.describe !== 'function')
        throw new TypeError('verifyIdentity: a verifier needs accepts(), verify() and describe()')
    this.#direct = this.verifiers.filter((verifier) => verifier instanceof DirectVerifier)
    this.#others = this.verifiers.filter((verifier) => !(verifier instanceof DirectVerifier))
    for (const [index, { route }] of this.#direct.entries())
      if (this.#direct.slice(index + 1).some((other) => overlap(route, other.route)))
        throw new TypeError(`verifyIdentity: two verifiers could take the same credential (${explain(route)}), and only one may`)
  }

  /**
   * The verifier of a credential.
   *
   * @throws GuardError `identity_missing` where there is no credential and nobody takes that, `identity_invalid` where
   * nobody takes the credential, `misconfigured` where several do.
   */
  of(presented: Presented, credentials: Credentials, channel: Channel | undefined): Verifier {
    // Routes of the package's own verifiers never overlap, so the first that takes it is the only one.
    let chosen: Verifier | undefined =
      this.#direct.find((verifier) => verifier.knows(presented)) ?? this.#direct.find((verifier) => verifier.takes(presented))
    for (const verifier of this.#others) {
      if (!verifier.accepts(credentials, channel)) continue
      if (chosen !== undefined) throw new GuardError('misconfigured', { reason: 'two verifiers accept the same credential' })
      chosen = verifier
    }
    if (chosen !== undefined) return chosen
    if (presented.scheme === 'none') throw new GuardError('identity_missing')
    throw new GuardError('identity_invalid', { reason: 'no verifier takes this credential: malformed, or of an unknown scheme or issuer' })
  }
}

function explain(route: DirectVerifier['route']): string {
  if (route.kind === 'jwt') return `tokens of ${route.issuer}`
  if (route.kind === 'key') return route.prefix === '' ? 'API keys without a prefix' : `API keys that begin with ${route.prefix}`
  return route.kind === 'none' ? 'no credential' : 'any credential'
}
