import type { Call, Decision, Known } from '../guard/context.ts'
import type { Step } from '../guard/control.ts'
import { denied } from '../guard/denial.ts'
import type { GuardError } from '../guard/errors.ts'
import { mergeObligations, namesIn } from './obligations.ts'

/** The obligations that `authorize` carries out itself. */
export const duties: readonly string[] = ['require_acr', 'require_binding', 'require_approval', 'no_stream', 'allow_tools']

type Identified = Call & Pick<Known, 'identity'>

/** A decision with the duties of the call that this one is made for: they carry over, and nothing loosens them. */
export function inherit(decision: Decision, call: Call): Decision {
  const inherited = call.parent?.decision?.obligations
  if (inherited === undefined || inherited.length === 0) return decision
  return Object.freeze({ ...decision, obligations: mergeObligations(inherited, decision.obligations) })
}

/** Carries out what can be carried out before the function runs. @throws GuardError where a duty is not met. */
export function carryOut(decision: Decision, call: Identified, step: Step): void {
  if (decision.obligations.length === 0) return
  const refuse = (code: GuardError['code'], reason: string, challenge?: string): never => {
    throw denied(decision, code, { reason, ...(challenge !== undefined && { headers: { 'www-authenticate': challenge } }) })
  }
  for (const { type, value } of decision.obligations) {
    switch (type) {
      case 'require_acr':
        requireAcr(decision, call, refuse)
        break
      case 'require_binding':
        requireBinding(value === undefined ? 'any' : value, call, refuse)
        break
      case 'require_approval':
        refuse('approval_required', 'the permit wants an approval, and there is none')
        break
      case 'no_stream':
        if (factsOf(step)?.stream === true) refuse('obligation_unmet', 'a stream is asked for, and the permit forbids streams')
        break
      case 'allow_tools':
        allowTools(new Set(namesIn(value)), call, step, refuse)
        break
      default:
        continue
    }
    step.fulfill(type)
  }
}

/** Carries out what shows only when there is an answer. @throws GuardError where a duty is not met. */
export function carryOutOnAnswer(decision: Decision, step: Step): void {
  if (step.streamed && decision.obligations.some(({ type }) => type === 'no_stream'))
    throw denied(decision, 'obligation_unmet', { reason: 'the answer is a stream, and the permit forbids streams' })
}

type Refuse = (code: GuardError['code'], reason: string, challenge?: string) => void

function requireAcr(decision: Decision, { identity }: Identified, refuse: Refuse): void {
  const lists = decision.obligations.filter(({ type }) => type === 'require_acr').map(({ value }) => namesIn(value))
  const [first = [], ...others] = lists
  // Each must be met, so what meets one of them only is not good enough to be asked for.
  const sufficient = first.filter((acr) => others.every((list) => list.includes(acr)))
  if (sufficient.length === 0) refuse('obligation_unmet', 'no authentication context can meet all that the permits want')
  const { acr } = identity.assurance
  if (acr !== undefined && sufficient.includes(acr)) return
  // RFC 9470, section 3. DPoP-bound tokens are challenged under their own scheme (RFC 9449, section 7.1).
  const scheme = identity.binding === 'dpop' ? 'DPoP' : 'Bearer'
  const parameters = [
    'error="insufficient_user_authentication"',
    'error_description="A stronger authentication is required."',
    `acr_values="${sufficient.join(' ')}"`,
  ]
  refuse('step_up_required', 'the authentication context is not one that the permit wants', `${scheme} ${parameters.join(', ')}`)
}

function requireBinding(wanted: unknown, { identity }: Identified, refuse: Refuse): void {
  const { binding } = identity
  if (binding !== undefined && (wanted === 'any' || wanted === binding)) return
  // For mutual TLS there is no scheme to challenge with (RFC 8705, section 3); a 401 needs some challenge all the same.
  const challenge = wanted === 'mtls' ? 'Bearer error="invalid_token", error_description="A certificate-bound token is required."' : 'DPoP'
  refuse('binding_required', 'the permit wants a credential that is bound to its sender', challenge)
}

function allowTools(allowed: ReadonlySet<string>, call: Identified, step: Step, refuse: Refuse): void {
  const tools = factsOf(step)?.tools
  const run = call.action === 'execute_tool' ? [call.resource.id] : []
  if (tools === undefined && run.length === 0) refuse('obligation_unmet', 'without a codec nobody knows which tools are offered')
  if ([...(tools ?? []), ...run].some((tool) => !allowed.has(tool)))
    refuse('obligation_unmet', 'a tool is offered or run that the permit does not allow')
}

function factsOf({ codec, input }: Step): { readonly tools: readonly string[]; readonly stream: boolean } | undefined {
  return codec === undefined || input === undefined ? undefined : codec.facts(input)
}
