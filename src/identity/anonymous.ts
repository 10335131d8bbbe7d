import type { Identity } from '../guard/context.ts'
import { makeIdentity } from './make-identity.ts'
import type { Presented } from './presented.ts'
import { DirectVerifier, type Route, type Verifier } from './verifier.ts'

/**
 * Takes callers that present no credential at all, for endpoints that are meant to be open. A bad credential is never
 * downgraded to it. All of them are one subject, `anonymous`, without roles or scopes; policy must permit it explicitly.
 *
 * ```ts
 * const open = verifyIdentity({ verifiers: [anonymous()] })
 * ```
 */
export function anonymous(): Verifier {
  return new AnonymousVerifier()
}

class AnonymousVerifier extends DirectVerifier {
  readonly scheme = 'Bearer'
  readonly route: Route = { kind: 'none' }
  readonly #identity: Identity = makeIdentity({ subject: 'anonymous', issuer: 'urn:sallyport:anonymous', expiresAt: Number.POSITIVE_INFINITY })

  takes(presented: Presented): boolean {
    return presented.scheme === 'none'
  }

  check(): Identity {
    return this.#identity
  }

  describe(): Readonly<Record<string, unknown>> {
    return { kind: 'anonymous' }
  }
}
