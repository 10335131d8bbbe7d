import type { Identity } from '../guard/context.ts'
import { makeIdentity } from '../identity/make-identity.ts'
import { DirectVerifier, type Route, type Verifier } from '../identity/verifier.ts'

/**
 * A verifier for tests: whatever is presented, and where nothing is, the caller is this one. Must be the only verifier.
 *
 * @param partial what matters to the test; `subject` is `test` and `issuer` is `urn:sallyport:test` unless given. `key` is
 * always made of the two.
 *
 * ```ts
 * const identity = verifyIdentity({ verifiers: [identityOf({ subject: 'ada', roles: ['analyst'] })] })
 * ```
 */
export function identityOf(partial: Partial<Omit<Identity, 'key'>> = {}): Verifier {
  return new FixedVerifier(partial)
}

class FixedVerifier extends DirectVerifier {
  readonly scheme = 'Bearer'
  readonly route: Route = { kind: 'any' }
  readonly #identity: Identity

  constructor(partial: Partial<Omit<Identity, 'key'>>) {
    super()
    this.#identity = makeIdentity({ subject: 'test', issuer: 'urn:sallyport:test', expiresAt: Number.POSITIVE_INFINITY, ...partial })
  }

  takes(): boolean {
    return true
  }

  check(): Identity {
    return this.#identity
  }

  describe(): Readonly<Record<string, unknown>> {
    return { kind: 'identityOf', subject: this.#identity.subject }
  }
}
