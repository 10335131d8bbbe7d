import type { Clock } from '../guard/clock.ts'
import { type Check, checkOptions, hasMethods, oneOf, optional } from '../guard/check-options.ts'
import type { Awaitable, Call, Identity, Known } from '../guard/context.ts'
import { builtIn, type Control, type Step } from '../guard/control.ts'
import { GuardError, isGuardError } from '../guard/errors.ts'
import { type AssuranceOptions, type AssuranceRules, assuranceRules, describeAssurance, requireAssurance } from '../identity/assurance.ts'
import { Challenges } from '../identity/challenge.ts'
import { type DeviceOptions, Devices } from '../identity/device-posture.ts'
import { asIdentity } from '../identity/make-identity.ts'
import { type Presented, presentedIn } from '../identity/presented.ts'
import type { Revocations } from '../identity/revocation-list.ts'
import { requireStanding, StandingWatch } from '../identity/standing.ts'
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
  readonly revocation?: Revocations
  /** How often a running stream is looked at again, in seconds; 0.5 unless given. A revocation ends it at once. */
  readonly recheck?: { readonly every: number }
  /**
   * What is known of the devices that callers prove to have: `identity.device`, and `subject.device`, `subject.deviceStatus`
   * and `subject.posture.*` in policy. A running stream ends where it changes.
   */
  readonly devices?: DeviceOptions
  /** Where this service says which authorization servers it trusts (RFC 9728, section 3): named in every challenge. */
  readonly resourceMetadata?: URL
}

/**
 * Verifies who calls, and adds `identity`. After it, credentials can no longer be read from the call.
 *
 * Exactly one credential, judged by exactly one verifier, which its scheme and issuer choose. A call on behalf of another
 * takes that one's identity over; expiry, assurance, binding and revocation are checked again, by this control's own
 * measure. Expiry, assurance and revocation are looked at again while an answer streams, which ends it, and before a whole answer is
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
  const watches = new WeakMap<Step, StandingWatch>()
  const watch = (identity: Identity, call: Call, step: Step): StandingWatch => {
    const { revocation } = checks
    const { clock } = step
    const own = new StandingWatch({
      identity,
      revocation,
      clock,
      look: () => checks.look(identity, clock),
      end: (error) => step.end(checks.challenged(error, call)),
    })
    watches.set(step, own)
    return own
  }
  return builtIn<Call, Pick<Known, 'identity'>>(
    'verifyIdentity',
    {
      enter: (call, step) => checks.admit(call, step),
      // From now on, so that what is revoked while the function runs aborts it, whether its answer streams or not.
      ...(checks.revocation !== undefined && {
        request: (_input: unknown, { identity }: Pick<Known, 'identity'>, call: Call, step: Step) => watch(identity, call, step).listen(),
      }),
      response(parts, { identity }, call, step) {
        if (step.streamed) {
          const standing = watches.get(step) ?? watch(identity, call, step)
          standing.repeat(checks.period)
          step.onDelivery(() => standing.look())
        }
        return parts
      },
      leave(outcome, { identity }, call, step) {
        watches.get(step)?.stop()
        // A whole answer leaves at once, so this is the last moment: the function may have taken its time.
        if (outcome.ending === 'completed' && !outcome.streamed && identity !== undefined) return checks.still(identity, call, step)
      },
    },
    { adds: ['identity'], describe: checks.describe() },
    {},
  )
}

const none: Readonly<Record<string, string>> = Object.freeze({})
const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null
const [isBinding, bindings] = oneOf('dpop', 'mtls', 'any')
const optionChecks: Readonly<Record<keyof VerifyIdentityOptions, Check>> = {
  verifiers: [isObject, 'a verifier, or a list of them'],
  assurance: [optional(isObject), 'an object'],
  binding: [optional(isBinding), bindings],
  revocation: [optional(hasMethods('isRevoked', 'subscribe', 'describe')), 'a list such as revocationList()'],
  recheck: [optional(isObject), 'an object with every'],
  devices: [optional(isObject), 'an object with posture'],
  resourceMetadata: [optional((value) => value instanceof URL), 'a URL object'],
}
const recheckChecks: Readonly<Record<string, Check>> = {
  every: [(value) => typeof value === 'number' && value > 0 && value < 1e6, 'seconds above zero'],
}

/** One control's measure of identities. */
class IdentityChecks {
  readonly revocation: Revocations | undefined
  /** Milliseconds. */
  readonly period: number
  readonly #choice: VerifierChoice
  readonly #assurance: AssuranceRules | undefined
  readonly #binding: VerifyIdentityOptions['binding']
  readonly #devices: Devices | undefined
  readonly #challenges: Challenges

  constructor(options: VerifyIdentityOptions) {
    checkOptions('verifyIdentity', options, optionChecks)
    const { verifiers, assurance, binding, revocation, recheck = { every: 0.5 }, devices, resourceMetadata } = options
    checkOptions('verifyIdentity: recheck', recheck, recheckChecks)
    this.#choice = new VerifierChoice(Array.isArray(verifiers) ? verifiers : [verifiers as Verifier])
    this.#assurance = assurance === undefined ? undefined : assuranceRules(assurance)
    this.#binding = binding
    this.revocation = revocation
    this.period = recheck.every * 1000
    this.#devices = devices === undefined ? undefined : new Devices(devices)
    this.#challenges = new Challenges('verifyIdentity', {
      schemes: schemesOf(this.#choice.verifiers, binding),
      resourceMetadata: resourceMetadata?.href,
      wanted: this.#assurance?.wanted,
    })
  }

  describe(): Readonly<Record<string, unknown>> {
    return {
      verifiers: this.#choice.verifiers.map((verifier) => verifier.describe()),
      ...(this.#assurance !== undefined && { assurance: describeAssurance(this.#assurance) }),
      ...(this.#binding !== undefined && { binding: this.#binding }),
      revocation: this.revocation?.describe() ?? false,
      recheck: { every: this.period / 1000 },
      ...(this.#devices !== undefined && { devices: this.#devices.describe() }),
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
      presented = presentedIn(credentials, call.channel)
      const verifier = this.#choice.of(presented, credentials, call.channel)
      const found = verifier instanceof DirectVerifier ? verifier.check(presented, step.clock) : verifier.verify(credentials, call.channel)
      const judged = 'then' in found ? found.then((identity) => this.#judge(identity, step, presented)) : this.#judge(found, step, presented)
      return this.#settle(judged, call, presented)
    } catch (error) {
      throw this.#challenged(error, call, presented)
    }
  }

  /** Whether a caller who was admitted is still the one who was admitted. */
  look(identity: Identity, clock: Clock): Awaitable<void> {
    if (this.#assurance !== undefined) requireAssurance(identity, this.#assurance, clock.now())
    const standing = requireStanding(identity, this.revocation, clock)
    const unchanged = this.#devices?.isUnchanged(identity, clock) ?? true
    if (standing === undefined && typeof unchanged === 'boolean') return requireUnchanged(unchanged)
    return Promise.all([unchanged, standing]).then(([same]) => requireUnchanged(same))
  }

  /** Whether a caller who was admitted may still have an answer. */
  still(identity: Identity, call: Call, step: Step): Awaitable<void> {
    try {
      return this.look(identity, step.clock)?.then(undefined, (error: unknown) => {
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

  #judge(found: unknown, step: Step, presented?: Presented): Awaitable<Pick<Known, 'identity'>> {
    const identity: Identity = asIdentity(found)
    for (const [name, value] of Object.entries(presented?.answer ?? none)) step.answerField(name, value)
    if (this.#binding !== undefined && (this.#binding === 'any' ? identity.binding === undefined : identity.binding !== this.#binding))
      throw new GuardError('binding_required', { reason: 'the credential is not bound to its sender as wanted' })
    if (this.#assurance !== undefined) requireAssurance(identity, this.#assurance, step.clock.now())
    const standing = requireStanding(identity, this.revocation, step.clock)
    const attached = this.#devices?.attach(identity, step.clock) ?? identity
    if (standing === undefined && !('then' in attached)) return { identity: attached }
    return Promise.all([attached, standing]).then(([own]) => ({ identity: own }))
  }

  /** A refusal of a caller who was admitted, with a challenge. */
  challenged(error: GuardError, call: Call): GuardError {
    const told = this.#challenged(error, call, undefined)
    return isGuardError(told) ? told : error
  }

  #challenged(error: unknown, call: Call, presented: Presented | undefined): unknown {
    if (!isGuardError(error) || error.status !== 401 || error.headers['www-authenticate'] !== undefined) return error
    const challenges = this.#challenges.answer(error, presented?.scheme, call.guard)
    return new GuardError(error.code, { cause: error.cause, headers: { ...error.headers, 'www-authenticate': challenges } })
  }
}

/** The schemes of a challenge: those of proofs where somebody asks for them, and no others where only they will do. */
function schemesOf(verifiers: readonly Verifier[], binding: VerifyIdentityOptions['binding']): Record<string, Readonly<Record<string, string>>> {
  const schemes: Record<string, Readonly<Record<string, string>>> = {}
  for (const verifier of verifiers) {
    const { scheme = 'Bearer' } = verifier
    const others = verifier instanceof DirectVerifier ? verifier.otherSchemes : undefined
    const proofs = others !== undefined && (others.isAnnounced || binding === 'dpop' || binding === 'any') ? Object.entries(others.schemes) : []
    if (binding !== 'dpop' || proofs.length === 0) schemes[scheme] ??= {}
    for (const [name, own] of proofs) schemes[name] ??= own
  }
  return schemes
}

function requireUnchanged(isSame: boolean): void {
  if (!isSame) throw new GuardError('identity_revoked', { reason: 'what is known of the device has changed since the call was admitted' })
}
