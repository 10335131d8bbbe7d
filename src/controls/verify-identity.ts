import { type Check, checkOptions, hasMethods, oneOf, optional } from '../guard/check-options.ts'
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
} from '../identity/standing.ts'
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
 * measure. Expiry and revocation are looked at again while an answer streams, which ends it, and before a whole answer is
 * released, which withholds it.
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
      leave(outcome, { identity }, call, step) {
        watches.get(step)?.()
        // A whole answer leaves at once, so this is the last moment: the function may have taken its time.
        if (outcome.ending === 'completed' && !outcome.streamed && identity !== undefined) return checks.still(identity, call, step)
      },
    },
    { adds: ['identity'], describe: checks.describe() },
    {},
  )
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null
const [isBinding, bindings] = oneOf('dpop', 'mtls', 'any')
const optionChecks: Readonly<Record<keyof VerifyIdentityOptions, Check>> = {
  verifiers: [isObject, 'a verifier, or a list of them'],
  assurance: [optional(isObject), 'an object'],
  binding: [optional(isBinding), bindings],
  revocation: [optional(hasMethods('isRevoked', 'subscribe', 'describe')), 'a list such as revocationList()'],
  recheck: [optional(isObject), 'an object with every'],
}
const recheckChecks: Readonly<Record<string, Check>> = {
  every: [(value) => typeof value === 'number' && value > 0 && value < 1e6, 'seconds above zero'],
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
    checkOptions('verifyIdentity', options, optionChecks)
    const { verifiers, assurance, binding, revocation, recheck = { every: 0.5 } } = options
    checkOptions('verifyIdentity: recheck', recheck, recheckChecks)
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

  /** Whether a caller who was admitted may still have an answer. */
  still(identity: Identity, call: Call, step: Step): Awaitable<void> {
    try {
      return requireStanding(identity, this.revocation, step.clock)?.then(undefined, (error: unknown) => {
        throw this.#challenged(error, call, undefined)
      })
    } catch (error) {
      throw this.#challenged(error, call, undefined)
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
