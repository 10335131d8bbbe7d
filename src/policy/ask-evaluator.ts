import type { Clock } from '../guard/clock.ts'
import type { Awaitable, Decision, Obligation } from '../guard/context.ts'
import { isThenable } from '../guard/thenable.ts'
import { GuardError } from '../guard/errors.ts'
import { isNamedPolicy } from './named-policy.ts'
import { mergeObligations, parseObligation } from './obligations.ts'
import type { PolicyEvaluator, PolicyRequest } from './policy-evaluator.ts'
import { answersAsPolicySet } from './policy-set-behind.ts'
import { ownMember } from './policy-request.ts'
import { complain, readAnyList, readText } from './strict-read.ts'

/** How long an answer may take, and who stops waiting for it. */
interface Patience {
  readonly clock: Clock
  /** Milliseconds. */
  readonly deadline: number
  readonly signal: AbortSignal
}

/**
 * Asks an engine and trusts nothing that it does. Answers at once where the engine does.
 *
 * @throws GuardError `policy_unavailable` where it throws, is too late, or answers anything but a decision.
 */
export function askEvaluator(evaluator: PolicyEvaluator, request: PolicyRequest, patience: Patience): Awaitable<Decision> {
  let answer: Awaitable<unknown>
  try {
    if (answersAsPolicySet(evaluator)) return evaluator.evaluate(request)
    answer = evaluator.evaluate(request, patience.signal)
    if (!isThenable(answer)) return understand(answer)
  } catch (error) {
    throw isMine(error) ? error : unavailable('the evaluator threw', error)
  }
  return within(answer, patience)
}

function within(answer: PromiseLike<unknown>, { clock, deadline }: Patience): Promise<Decision> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(deadline, () => reject(unavailable(`the evaluator did not answer within ${deadline} ms`)))
    Promise.resolve(answer)
      .then(understand)
      .catch((error: unknown) => {
        throw isMine(error) ? error : unavailable('the evaluator failed', error)
      })
      .finally(cancel)
      .then(resolve, reject)
  })
}

// An engine may throw whatever it likes, a refusal of ours as well: it is still the engine that failed.
const mine = new WeakSet<object>()

function isMine(error: unknown): boolean {
  return typeof error === 'object' && error !== null && mine.has(error)
}

function understand(answer: unknown): Decision {
  try {
    return readDecision(answer)
  } catch (error) {
    // Its message names a place and no value.
    const refusal = unavailable(`the answer of the evaluator is no decision: ${error instanceof Error ? error.message : ''}`)
    mine.add(refusal)
    throw refusal
  }
}

function unavailable(reason: string, cause?: unknown): GuardError {
  return new GuardError('policy_unavailable', { reason, cause })
}

/**
 * A decision that an engine of others gave: copied, frozen, and only if all of it is there and makes sense. Members that a
 * decision does not have are left behind. @throws TypeError that names the place and no value.
 */
export function readDecision(value: unknown): Decision {
  const allowed = ownMember(value, 'allowed')
  if (allowed !== true && allowed !== false) complain('decision.allowed', 'must be true or false')
  const policy = readPolicy(ownMember(value, 'policy'))
  const reasons = readAnyList(ownMember(value, 'reasons'), 'decision.reasons').map((reason, index) =>
    readReason(reason, `decision.reasons[${index}]`),
  )
  if (allowed && reasons.some(({ effect }) => effect === 'forbid')) complain('decision', 'allows and gives a forbid as the reason')
  return Object.freeze({
    allowed,
    policy,
    reasons: Object.freeze(reasons),
    obligations: readObligations(ownMember(value, 'obligations')),
  })
}

function readPolicy(policy: unknown): Decision['policy'] {
  // As it is, from an engine that hands on what `policySet` answered.
  if (isNamedPolicy(policy)) return policy
  const id = readText(ownMember(policy, 'id'), 'decision.policy.id')
  const version = readText(ownMember(policy, 'version'), 'decision.policy.version')
  const digest = ownMember(policy, 'digest')
  if (digest === undefined) return Object.freeze({ id, version })
  return Object.freeze({ digest: readText(digest, 'decision.policy.digest'), id, version })
}

function readReason(value: unknown, place: string): Decision['reasons'][number] {
  const rule = readText(ownMember(value, 'rule'), `${place}.rule`)
  const effect = ownMember(value, 'effect')
  if (effect !== 'permit' && effect !== 'forbid') complain(`${place}.effect`, `must be 'permit' or 'forbid'`)
  return Object.freeze({ rule, effect })
}

function readObligations(value: unknown): readonly Obligation[] {
  return mergeObligations(readAnyList(value, 'decision.obligations').map((one, index) => parseObligation(one, `decision.obligations[${index}]`)))
}
