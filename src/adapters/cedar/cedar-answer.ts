import type { Decision } from '../../guard/context.ts'
import { GuardError } from '../../guard/errors.ts'
import { mergeDenials } from '../../policy/denial-duties.ts'
import { mergeObligations, noObligations } from '../../policy/obligations.ts'
import { ownMember } from '../../policy/policy-request.ts'
import type { LoadedPolicy } from './cedar-policies.ts'

/** What stands in every decision, and what an error of a `forbid` means. */
export interface CedarAnswerRules {
  readonly policy: Decision['policy']
  readonly deniesOnError: boolean
}

type Policies = ReadonlyMap<string, LoadedPolicy>

/**
 * A decision, from what Cedar said of some policies.
 *
 * @throws GuardError `policy_unavailable` where Cedar could not be asked, or did not say what a decision is made of.
 */
export function decisionFrom(said: unknown, policies: Policies, { policy, deniesOnError }: CedarAnswerRules, nothing: Decision): Decision {
  const { allowed, deciding, failed } = readAnswer(said, policies)
  const denying = allowed ? [] : deciding
  // Cedar skips what it cannot evaluate. To skip a `forbid` would allow what it forbids.
  const undecided = deniesOnError ? failed.filter(({ effect }) => effect === 'forbid') : []
  const refusing = [...denying, ...undecided]
  if (refusing.length > 0) return decisionOf(policy, false, refusing, true)
  // To skip a permit with duties would shed them.
  const shed = failed.filter(({ effect, obligations }) => effect === 'permit' && obligations.length > 0)
  if (shed.length > 0) return decisionOf(policy, false, shed, false)
  return allowed ? decisionOf(policy, true, deciding, true) : nothing
}

function decisionOf(policy: Decision['policy'], allowed: boolean, deciding: readonly LoadedPolicy[], withDuties: boolean): Decision {
  const sorted = [...deciding].sort((one, other) => (one.id < other.id ? -1 : 1))
  return Object.freeze({
    allowed,
    policy,
    reasons: Object.freeze(sorted.map(({ id, effect }) => Object.freeze({ rule: id, effect }))),
    obligations: withDuties ? (allowed ? mergeObligations : mergeDenials)(...sorted.map(({ obligations }) => obligations)) : noObligations,
  })
}

interface ReadAnswer {
  readonly allowed: boolean
  readonly deciding: readonly LoadedPolicy[]
  readonly failed: readonly LoadedPolicy[]
}

function readAnswer(said: unknown, policies: Policies): ReadAnswer {
  // Its messages hold what was asked, which is not for the log.
  if (ownMember(said, 'type') === 'failure')
    throw unavailable('Cedar does not take the request: it does not fit the schema, or has a value that Cedar cannot hold')
  const response = ownMember(said, 'response')
  const decision = ownMember(response, 'decision')
  const diagnostics = ownMember(response, 'diagnostics')
  const reason = ownMember(diagnostics, 'reason')
  const errors = ownMember(diagnostics, 'errors')
  if (ownMember(said, 'type') !== 'success' || (decision !== 'allow' && decision !== 'deny')) throw unavailable('Cedar answered no decision')
  if (!Array.isArray(reason) || !Array.isArray(errors)) throw unavailable('Cedar gave no reasons')
  const allowed = decision === 'allow'
  const deciding = reason.map((name) => named(name, policies))
  const isSound = deciding.every(({ effect }) => effect === (allowed ? 'permit' : 'forbid')) && (!allowed || deciding.length > 0)
  if (!isSound) throw unavailable('Cedar gave reasons that do not lead to its decision')
  return { allowed, deciding, failed: errors.map((error: unknown) => named(ownMember(error, 'policyId'), policies)) }
}

function named(name: unknown, policies: Policies): LoadedPolicy {
  const policy = typeof name === 'string' ? policies.get(name) : undefined
  if (policy === undefined) throw unavailable('Cedar named a policy that it was not asked about')
  return policy
}

function unavailable(reason: string): GuardError {
  return new GuardError('policy_unavailable', { reason })
}
