import type { Call, Decision, Known, Obligation } from '../guard/context.ts'
import type { Step } from '../guard/control.ts'
import { denied, type GuardError } from '../guard/errors.ts'
import { type AuthenticationDuties, mergeObligations, parseObligation, type Shortfall, wantedAssurances, wantedBindings } from './obligations.ts'
import { complain } from './strict-read.ts'

/** What a caller who was denied can do about it: prove itself better, and ask again. */
const remedies: readonly string[] = ['require_acr', 'require_assurance', 'require_binding']

/** What shapes a call that is permitted, and so means nothing where none is. */
const onlyOfPermits: readonly string[] = [
  ...['max_output_tokens', 'allow_tools', 'no_stream', 'limit', 'reveal', 'mask', 'seal_response'],
  ...['require_approval', 'require_passkey'],
]

/** Reads a duty of a rule that forbids. @throws TypeError also for a duty that only a permit can have. */
export function parseDenialObligation(value: unknown, place: string): Obligation {
  const obligation = parseObligation(value, place)
  const { type } = obligation
  if (type === 'require_approval' || type === 'require_passkey')
    complain(`${place}.type`, `'${type}' would turn a denial into a permit: let a permit require it`)
  if (onlyOfPermits.includes(type)) complain(`${place}.type`, `'${type}' shapes a call that is permitted, and a forbid permits none`)
  return obligation
}

/**
 * The duties of all that deny together: the union. Where one of them asks for nothing that a caller could do about it, what
 * others ask for would send the caller away to prove itself in vain, and is left out.
 */
export function mergeDenials(...lists: readonly (readonly Obligation[])[]): readonly Obligation[] {
  const merged = mergeObligations(...lists)
  if (merged.length === 0 || lists.every((list) => list.some(isRemedy))) return merged
  const left = merged.filter((obligation) => !isRemedy(obligation))
  return left.length === merged.length ? merged : Object.freeze(left)
}

function isRemedy({ type }: Obligation): boolean {
  return remedies.includes(type)
}

/**
 * The refusal of a call that policy denies: `denied`, or, where the denial asks for a better authentication than the caller's, the
 * challenge that says so (RFC 9470, and `binding_required`). Whoever has proved all that is asked for is denied all the same: no duty
 * makes a permit of a denial. Other duties are carried out by the controls that claim them, as they leave.
 *
 * @param reason why it is denied, for the log.
 */
export function refusalOf(
  decision: Decision,
  call: Call & Pick<Known, 'identity'>,
  step: Step,
  authentication: AuthenticationDuties,
  reason: string,
): GuardError {
  const lack = decision.obligations.length === 0 ? undefined : lackOf(decision.obligations, call, step, authentication)
  // What nobody can meet is nothing to ask for.
  if (lack?.challenge === undefined) return denied(decision, 'denied', { reason })
  return denied(decision, lack.code, { reason: `${reason}: ${lack.reason}`, headers: { 'www-authenticate': lack.challenge } })
}

function lackOf(
  obligations: readonly Obligation[],
  { identity }: Pick<Known, 'identity'>,
  step: Step,
  authentication: AuthenticationDuties,
): Shortfall | undefined {
  const wanted = wantedAssurances(obligations)
  const unassured = wanted.length === 0 ? undefined : authentication.assurance(identity, wanted, step.clock.now())
  if (unassured !== undefined) return unassured
  for (const binding of wantedBindings(obligations)) {
    const unbound = authentication.binding(identity, binding)
    if (unbound !== undefined) return unbound
  }
  return undefined
}
