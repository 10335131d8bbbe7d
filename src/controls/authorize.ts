import { type Check, checkOptions, hasMethods, isFunction, optional } from '../guard/check-options.ts'
import type { Approvals } from '../approval/approvals.ts'
import type { Elevations } from '../approval/elevations.ts'
import { outsideOf, requireGrants } from '../approval/require-grants.ts'
import type { VendorGrants } from '../approval/vendor-grants.ts'
import { every, within } from '../guard/clock.ts'
import type { AnswerCodec } from '../guard/codec.ts'
import type { Awaitable, Call, Decision, Known, Resource, Settled } from '../guard/context.ts'
import { builtIn, type Control, type Step } from '../guard/control.ts'
import { groundsHolderOf, noteGrounds } from '../guard/decision-grounds.ts'
import { denied } from '../guard/errors.ts'
import { GuardError, isGuardError } from '../guard/errors.ts'
import { isThenable } from '../guard/thenable.ts'
import { assuranceShortfall, bindingShortfall } from '../identity/authentication-duties.ts'
import { askEvaluator } from '../policy/ask-evaluator.ts'
import { refusalOf } from '../policy/denial-duties.ts'
import { type AuthenticationDuties, carryOut, carryOutOnAnswer, duties, inherit, mergeObligations, sameObligations } from '../policy/obligations.ts'
import type { PolicyEvaluator, PolicyRequest } from '../policy/policy-evaluator.ts'
import { policyGrounds } from '../policy/policy-grounds.ts'
import { freezeRequest, policyRequest } from '../policy/policy-request.ts'
import { answersAsPolicySet } from '../policy/policy-set-behind.ts'

/** Options of `authorize`. */
export interface AuthorizeOptions {
  /** Who decides. */
  readonly evaluator: PolicyEvaluator
  /** A second evaluator that is asked the same, compared and never obeyed. Whatever it does, the call goes on. */
  readonly shadow?: PolicyEvaluator
  /** Told where the two differ. */
  readonly onDifference?: (difference: Difference, call: Call) => void
  /** How often policy is asked again while an answer streams, in seconds; 0.5 unless given. */
  readonly recheck?: { readonly every: number }
  /** How long an evaluator may take, in milliseconds; 2,000 unless given. */
  readonly deadline?: number
  /** Who may approve single calls, where the obligation `require_approval` wants it. Without it such calls are refused. */
  readonly approvals?: Approvals
  /** Roles that callers have for a while: added to `subject.roles`, and named in `subject.elevated`. */
  readonly elevations?: Elevations
  /** Who knows whose the things in a vendor's store are. Without it, what lies or runs at a vendor is refused. */
  readonly grants?: VendorGrants
}

/** Where a shadow does not agree. */
export interface Difference {
  readonly request: PolicyRequest
  readonly active: Decision
  /** What the shadow would have decided; undefined where it could not. */
  readonly candidate: Decision | undefined
}

type Identified = Call & Pick<Known, 'identity'>
type Asked = Pick<Step, 'clock' | 'codec' | 'input'>
interface Adds {
  readonly decision: Decision
}

const authentication: AuthenticationDuties = Object.freeze({ assurance: assuranceShortfall, binding: bindingShortfall })

/** How many questions to shadows may be open at once; beyond that they are not asked. */
const maxShadows = 256

/**
 * Asks policy whether the verified caller may do this, and again while an answer streams. Needs `identity`, adds `decision`.
 *
 * The question is AuthZEN's. `subject` is the verified identity: its kind and subject, and as properties `key`, `issuer`,
 * `tenant`, `roles`, `scopes`, `claims`, `actors`, `delegated`, `acr`, `amr`, `authenticatedAt` (milliseconds since 1970) and
 * `binding`. `action` is the operation's, with what the codec reads in the payload: `model`, `tools`, `stream`,
 * `maxOutputTokens`, `choices` and `opaque` (how many pieces of content are no text). `resource` is the operation's. `context`
 * is what the application states, with `time` (milliseconds since 1970) from the guard's clock, and `secure`, `method`,
 * `tlsVersion` and `remoteAddress` as the transport saw them; where they contradict each other the call is refused as
 * `misconfigured`.
 *
 * Carries out the obligations `require_acr`, `require_assurance` (`acr`, `amr`, `maxAge` in seconds, `factors`: see
 * `requireFactors`), `require_binding`, `require_approval` (refuses, until somebody can approve), `no_stream` and `allow_tools`.
 * Those of a parent call carry over. With a denial the first three make the refusal a challenge, where the caller has proved less
 * than they want; it is never more than a refusal.
 *
 * Refuses with `denied` (403) what policy denies, with `policy_unavailable` (503) when the evaluator throws, is too late
 * or answers nonsense, with `step_up_required` (RFC 9470) and `binding_required` (401, with a challenge), `approval_required` and
 * `obligation_unmet` (403) where an obligation is not met. Which rule decided is for the log; a caller never learns it.
 *
 * ```ts
 * guard().use(audit({ log })).use(verifyIdentity({ verifiers })).use(authorize({ evaluator: policySet(policy) }))
 * ```
 *
 * @throws TypeError for wrong options.
 */
export function authorize(options: AuthorizeOptions): Control<Identified, Adds> {
  const { evaluator, shadow, onDifference, approvals, elevations, grants, period, deadline } = parseOptions(options)
  const frozen = shadow !== undefined || !answersAsPolicySet(evaluator)
  const rechecks = new WeakMap<Step, () => void>()
  let shadows = 0

  const ask = (call: Identified, step: Asked, recorded?: Step): Awaitable<Decision> => {
    const elevated = elevations?.rolesOf(call.identity, step.clock.now()) ?? noRoles
    if (!isThenable(elevated)) return askWith(elevated, call, step, recorded)
    const patience = within(step.clock, deadline, 'The store of elevations', elevated)
    return patience.then((roles) => askWith(roles, call, step, recorded))
  }

  const askWith = (elevated: readonly string[], call: Identified, step: Asked, recorded: Step | undefined): Awaitable<Decision> => {
    const plain = elevated.length === 0 ? policyRequest(call, step) : withRoles(policyRequest(call, step), elevated)
    const request = frozen ? freezeRequest(plain) : plain
    // In the turn of the decision: a live policy may be another one in the next.
    const grounds = recorded === undefined ? undefined : policyGrounds(evaluator, request, elevated)
    if (recorded !== undefined && grounds !== undefined) noteGrounds(recorded, grounds)
    const patience = { clock: step.clock, deadline, signal: call.signal }
    const answer = askEvaluator(evaluator, request, patience)
    if (shadow === undefined) return answer
    const compare = (active: Decision): Decision => {
      if (shadows >= maxShadows) return active
      shadows++
      const tell = (candidate: Decision | undefined): unknown => {
        shadows--
        if (candidate?.allowed === active.allowed && sameObligations(candidate.obligations, active.obligations)) return undefined
        return onDifference?.({ request, active, candidate }, call)
      }
      // Not waited for, and nothing that it throws is anybody's business.
      new Promise<Decision>((resolve) => resolve(askEvaluator(shadow, request, patience))).then(tell, () => tell(undefined)).catch(() => undefined)
      return active
    }
    return isThenable(answer) ? answer.then(compare) : compare(answer)
  }

  const admit = (answer: Decision, call: Identified, step: Step): Awaitable<Adds> => {
    const outside = answer.allowed ? outsideOf(step) : []
    if (outside.length === 0) return decide(answer, call, step)
    const { obligations } = inherit(answer, call)
    return requireGrants(grants, outside, call, step, {
      ask: (action, resource) => askAbout(call, step, action, resource),
      covers: (granted) => granted.allowed && sameObligations(mergeObligations(obligations, granted.obligations), obligations),
    }).then(
      () => decide(answer, call, step),
      (error: unknown) => {
        throw isGuardError(error) ? denied(answer, error.code, { cause: error.cause }) : error
      },
    )
  }

  const decide = (answer: Decision, call: Identified, step: Step): Awaitable<Adds> => {
    if (!answer.allowed) throw refusalOf(answer, call, step, authentication, whyDenied(answer))
    const decision = inherit(answer, call)
    if (approvals === undefined || !decision.obligations.some(({ type }) => type === 'require_approval')) {
      carryOut(decision, call, step, authentication, false)
      return { decision }
    }
    return approved(approvals, decision, call, step)
  }

  // Everything else first: nobody is asked to approve what would be refused all the same.
  const approved = async (asked: Approvals, decision: Decision, call: Identified, step: Step): Promise<Adds> => {
    carryOut(decision, call, step, authentication, true)
    try {
      return { decision: Object.freeze({ ...decision, approval: await asked.require(call, step) }) }
    } catch (error) {
      if (!isGuardError(error)) throw error
      throw denied(decision, error.code, { cause: error.cause, headers: error.headers })
    }
  }

  // Nothing of the call's payload is asked with it, and it is no ground of the call's own decision.
  const askAbout = (call: Settled, { clock }: Step, action: string, resource: Resource): Awaitable<Decision> => {
    const { identity } = call
    if (identity === undefined) throw new GuardError('identity_missing', { reason: 'policy is asked for somebody whom nobody knows' })
    const answer = ask({ ...call, identity, action, resource }, { clock, codec: undefined, input: undefined })
    return isThenable(answer) ? answer.then((decision) => inherit(decision, call)) : inherit(answer, call)
  }

  const recheck = async (call: Identified & Adds, step: Step): Promise<void> => {
    try {
      const answer = await ask(call, step)
      if (!answer.allowed) throw refusalOf(answer, call, step, authentication, `no longer permitted: ${whyDenied(answer)}`)
      const { obligations } = call.decision
      if (!sameObligations(mergeObligations(obligations, answer.obligations), obligations))
        throw denied(answer, 'obligation_unmet', { reason: 'policy has come to ask for more than was carried out' })
    } catch (error) {
      step.end(isGuardError(error) ? error : new GuardError('policy_unavailable', { reason: 'policy could not be asked again', cause: error }))
    }
  }

  return builtIn<Identified, Adds>(
    'authorize',
    {
      enter(call, step) {
        const answer = ask(call, step, groundsHolderOf(step) === undefined ? undefined : step)
        return isThenable(answer) ? answer.then((decision) => admit(decision, call, step)) : admit(answer, call, step)
      },
      // The parts pass untouched, so that a stream costs nothing more a part.
      response(parts, context, _call, step) {
        carryOutOnAnswer(context.decision, step)
        if (step.streamed) {
          const again = (): Promise<void> => recheck(context, step)
          rechecks.set(step, every(step.clock, period, again))
          step.onDelivery(again)
        }
        const created = grants === undefined ? undefined : step.codec?.answer.created
        return grants === undefined || created === undefined ? parts : binding(parts, created, grants, context, step)
      },
      leave(_outcome, _context, _call, step) {
        rechecks.get(step)?.()
      },
    },
    {
      needs: ['identity'],
      adds: ['decision'],
      fulfills: duties,
      describe: {
        evaluator: { ...evaluator.describe?.() },
        ...(shadow !== undefined && { shadow: { ...shadow.describe?.() } }),
        ...(approvals !== undefined && { approvals: approvals.describe() }),
        ...(elevations !== undefined && { elevations: elevations.describe() }),
        ...(grants !== undefined && { grants: grants.describe() }),
        recheck: { every: period / 1000 },
        deadline,
      },
    },
    { asks: askAbout, ...(evaluator.obliges !== undefined && { obliges: Object.freeze([...evaluator.obliges]) }) },
  )
}

/** The same parts, each handed on only when what it says was created is its caller's. */
async function* binding(
  parts: AsyncIterable<unknown>,
  created: NonNullable<AnswerCodec['created']>,
  grants: VendorGrants,
  { identity }: Identified,
  { clock }: Step,
): AsyncGenerator<unknown> {
  for await (const part of parts) {
    const things = created(part)
    if (things.length > 0) await grants.created(things, identity, clock)
    yield part
  }
}

const noRoles: readonly string[] = Object.freeze([])

function withRoles(request: PolicyRequest, elevated: readonly string[]): PolicyRequest {
  const { subject } = request
  const { roles } = subject.properties ?? {}
  const held = Array.isArray(roles) ? (roles as readonly string[]) : noRoles
  return { ...request, subject: { ...subject, properties: { ...subject.properties, roles: [...new Set([...held, ...elevated])], elevated } } }
}

function whyDenied({ reasons }: Decision): string {
  const rules = (effect: 'permit' | 'forbid'): string =>
    reasons
      .filter((reason) => reason.effect === effect)
      .map(({ rule }) => `'${rule}'`)
      .join(', ')
  const forbids = rules('forbid')
  if (forbids !== '') return `forbidden by ${forbids}`
  const permits = rules('permit')
  return permits === '' ? 'no rule permits it' : `whether the duties of ${permits} apply cannot be decided`
}

interface Settings extends Omit<AuthorizeOptions, 'recheck' | 'deadline'> {
  /** Milliseconds. */
  readonly period: number
  readonly deadline: number
}

const isEvaluator = hasMethods('evaluate')
const checks: Readonly<Record<keyof AuthorizeOptions, Check>> = {
  evaluator: [isEvaluator, 'an object with a method evaluate'],
  shadow: [optional(isEvaluator), 'an object with a method evaluate'],
  onDifference: [optional(isFunction), 'a function'],
  recheck: [optional((value) => typeof value === 'object' && value !== null), 'an object with every'],
  deadline: [optional(isPositive), 'a positive number of milliseconds'],
  approvals: [optional(hasMethods('require', 'describe')), 'what approvals() makes'],
  elevations: [optional(hasMethods('rolesOf', 'describe')), 'what elevations() makes'],
  grants: [optional(hasMethods('own', 'created', 'describe')), 'what vendorGrants() makes'],
}
const recheckChecks: Readonly<Record<string, Check>> = { every: [isPositive, 'a positive number of seconds'] }

function parseOptions(options: AuthorizeOptions): Settings {
  checkOptions('authorize', options, checks)
  const { evaluator, shadow, onDifference, approvals, elevations, grants, recheck = { every: 0.5 }, deadline = 2_000 } = options
  checkEvaluator(evaluator, 'evaluator')
  if (shadow !== undefined) checkEvaluator(shadow, 'shadow')
  if (onDifference !== undefined && shadow === undefined) throw new TypeError('authorize: onDifference needs a shadow')
  checkOptions('authorize: recheck', recheck, recheckChecks)
  return {
    evaluator,
    period: recheck.every * 1000,
    deadline,
    ...(shadow !== undefined && { shadow }),
    ...(onDifference !== undefined && { onDifference }),
    ...(approvals !== undefined && { approvals }),
    ...(elevations !== undefined && { elevations }),
    ...(grants !== undefined && { grants }),
  }
}

function checkEvaluator({ obliges }: PolicyEvaluator, name: string): void {
  if (obliges !== undefined && !isListOfTexts(obliges)) throw new TypeError(`authorize: ${name}.obliges must be a list of types`)
}

function isListOfTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((type) => typeof type === 'string' && type !== '')
}

function isPositive(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0
}
