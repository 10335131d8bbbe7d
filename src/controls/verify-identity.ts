import type { Awaitable, Call, Identity, Known } from '../guard/context.ts'
import { builtIn, type Control, type Step } from '../guard/control.ts'
import { GuardError, isGuardError } from '../guard/errors.ts'
import {
  type AssuranceOptions,
  type AssuranceRules,
  assuranceRules,
  challenge,
  describeAssurance,
  errorParameters,
  requireAssurance,
} from '../identity/assurance.ts'
import { asIdentity } from '../identity/make-identity.ts'
import { type Presented, presentedIn } from '../identity/presented.ts'
import type { RevocationList } from '../identity/revocation-list.ts'
import { requireStanding, watchStanding } from '../identity/standing.ts'
import { DirectVerifier, type Verifier, VerifierChoice } from '../identity/verifier.ts'

/** Options of `verifyIdentity`. */
export interface VerifyIdentityOptions {
  /** Each takes credentials of its own: no two may take the same one. */
  readonly verifiers: readonly Verifier[] | Verifier
  /** How strongly callers must have been authenticated. */
  readonly assurance?: AssuranceOptions
  /** Takes only credentials that are bound to their sender by this means. */
  readonly binding?: 'dpop' | 'mtls' | 'any'
  /** What was revoked, such as `revocationList()`. */
  readonly revocation?: RevocationList
  /** How often a running stream is looked at again, in seconds; 0.5 unless given. A revocation ends it at once. */
  readonly recheck?: { readonly every: number }
}

/**
 * Verifies who calls, and adds `identity`. After it, credentials can no longer be read from the call.
 *
 * Exactly one credential, judged by exactly one verifier, which its scheme and issuer choose. A call on behalf of another
 * takes that one's identity over; expiry, assurance, binding and revocation are checked again, by this control's own
 * measure. While an answer streams, expiry and revocation are looked at again; what no longer holds ends the stream.
 *
 * ```ts
 * const base = guard().use(audit({ log })).use(verifyIdentity({ verifiers: [jwt({ issuer, audience, keys })] }))
 * ```
 *
 * Refuses with `identity_missing`, `identity_invalid`, `identity_expired`, `identity_revoked`, `binding_required`,
 * `binding_invalid` and `step_up_required`, status 401, and a challenge in `headers` (RFC 6750, section 3; RFC 9470, section
 * 3); with `keys_unavailable` where keys or revocations cannot be had.
 *
 * @throws TypeError for wrong options, and for two verifiers that could take the same credential.
 */
export function verifyIdentity(options: VerifyIdentityOptions): Control<Call, Pick<Known, 'identity'>> {
  const checks = new IdentityChecks(options)
  const watches = new WeakMap<Step, () => void>()
  return builtIn<Call, Pick<Known, 'identity'>>(
    'verifyIdentity',
    {
      enter: (call, step) => checks.admit(call, step),
      response(parts, { identity }, _call, step) {
        if (step.streamed)
          watches.set(
            step,
            watchStanding(identity, checks.revocation, step.clock, checks.period, (error) => step.end(error)),
          )
        return parts
      },
      leave: (_outcome, _context, _call, step) => watches.get(step)?.(),
    },
    { adds: ['identity'], describe: checks.describe() },
    {},
  )
}

/** One control's measure of identities. */
class IdentityChecks {
  readonly revocation: RevocationList | undefined
  /** Milliseconds. */
  readonly period: number
  readonly #choice: VerifierChoice
  readonly #assurance: AssuranceRules | undefined
  readonly #binding: VerifyIdentityOptions['binding']
  readonly #schemes: readonly string[]

  constructor(options: VerifyIdentityOptions) {
    if (typeof options !== 'object' || options === null) throw new TypeError('verifyIdentity: options must be an object')
    const { verifiers, assurance, binding, revocation, recheck = { every: 0.5 } } = options
    if (binding !== undefined && !['dpop', 'mtls', 'any'].includes(binding))
      throw new TypeError("verifyIdentity: binding must be 'dpop', 'mtls' or 'any'")
    if (revocation !== undefined && (typeof revocation?.isRevoked !== 'function' || typeof revocation.subscribe !== 'function'))
      throw new TypeError('verifyIdentity: revocation must be a list such as revocationList()')
    if (typeof recheck?.every !== 'number' || !(recheck.every > 0 && recheck.every < 1e6))
      throw new TypeError('verifyIdentity: recheck.every must be seconds above zero')
    this.#choice = new VerifierChoice(Array.isArray(verifiers) ? verifiers : [verifiers as Verifier])
    this.#assurance = assurance === undefined ? undefined : assuranceRules(assurance)
    this.#binding = binding
    this.revocation = revocation
    this.period = recheck.every * 1000
    const schemes = this.#choice.verifiers.map(({ scheme = 'Bearer' }) => scheme)
    if (!schemes.every((scheme) => /^[A-Za-z][A-Za-z0-9-]*$/.test(scheme)))
      throw new TypeError('verifyIdentity: the scheme of a verifier must be a word')
    this.#schemes = [...new Set(schemes)]
  }

  describe(): Readonly<Record<string, unknown>> {
    return {
      verifiers: this.#choice.verifiers.map((verifier) => verifier.describe()),
      ...(this.#assurance !== undefined && { assurance: describeAssurance(this.#assurance) }),
      ...(this.#binding !== undefined && { binding: this.#binding }),
      revocation: this.revocation?.describe() ?? false,
      recheck: { every: this.period / 1000 },
    }
  }

  admit(call: Call, step: Step): Awaitable<Pick<Known, 'identity'>> {
    let presented: Presented | undefined
    try {
      const { parent } = call
      if (parent !== undefined) {
        if (parent.identity === undefined) throw new GuardError('identity_missing', { reason: 'the call it is made for has no identity' })
        return this.#settle(this.#judge(parent.identity, step), call, presented)
      }
      const credentials = call.credentials ?? {}
      presented = presentedIn(credentials)
      const verifier = this.#choice.of(presented, credentials, call.channel)
      const found = verifier instanceof DirectVerifier ? verifier.check(presented, step.clock) : verifier.verify(credentials, call.channel)
      const judged = 'then' in found ? found.then((identity) => this.#judge(identity, step)) : this.#judge(found, step)
      return this.#settle(judged, call, presented)
    } catch (error) {
      throw this.#challenged(error, call, presented)
    }
  }

  /** What came of a check, with a challenge beside what it refused with. */
  #settle(judged: Awaitable<Pick<Known, 'identity'>>, call: Call, presented: Presented | undefined): Awaitable<Pick<Known, 'identity'>> {
    if (!('then' in judged)) return judged
    return judged.then(undefined, (error: unknown) => {
      throw this.#challenged(error, call, presented)
    })
  }

  #judge(found: unknown, step: Step): Awaitable<Pick<Known, 'identity'>> {
    const identity: Identity = asIdentity(found)
    if (this.#binding !== undefined && (this.#binding === 'any' ? identity.binding === undefined : identity.binding !== this.#binding))
      throw new GuardError('binding_required', { reason: 'the credential is not bound to its sender as wanted' })
    if (this.#assurance !== undefined) requireAssurance(identity, this.#assurance, step.clock.now())
    const standing = requireStanding(identity, this.revocation, step.clock)
    return standing === undefined ? { identity } : standing.then(() => ({ identity }))
  }

  #challenged(error: unknown, call: Call, presented: Presented | undefined): unknown {
    if (!isGuardError(error) || error.status !== 401 || error.headers['www-authenticate'] !== undefined) return error
    // Who came with another scheme did not try a token, so it is not told that its token is wrong.
    const tried = presented === undefined || presented.scheme === 'bearer' || presented.scheme === 'dpop' || error.code === 'step_up_required'
    const parameters = {
      ...(tried && errorParameters(error.code, error.message)),
      ...(error.code === 'step_up_required' && this.#assurance?.wanted),
    }
    const challenges = this.#schemes.map((scheme) => challenge(scheme, call.guard, scheme === 'Bearer' ? parameters : {}))
    return new GuardError(error.code, { cause: error.cause, headers: { ...error.headers, 'www-authenticate': challenges.join(', ') } })
  }
}
