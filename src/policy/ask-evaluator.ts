import type { Clock } from '../guard/clock.ts'
import type { Awaitable, Decision } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import type { PolicyEvaluator, PolicyRequest } from './policy-evaluator.ts'
import { isPolicySet } from './policy-set.ts'
import { readDecision } from './read-decision.ts'

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
  if (isPolicySet(evaluator)) return evaluator.evaluate(request)
  let answer: Awaitable<unknown>
  try {
    answer = evaluator.evaluate(request, patience.signal)
    if (!isThenable(answer)) return understand(answer)
  } catch (error) {
    throw unavailable('the evaluator threw', error)
  }
  return within(answer, patience)
}

function within(answer: PromiseLike<unknown>, { clock, deadline }: Patience): Promise<Decision> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(deadline, () => reject(unavailable(`the evaluator did not answer within ${deadline} ms`)))
    Promise.resolve(answer)
      .then(understand)
      .catch((error: unknown) => {
        throw unavailable('the evaluator failed', error)
      })
      .finally(cancel)
      .then(resolve, reject)
  })
}

function understand(answer: unknown): Decision {
  try {
    return readDecision(answer)
  } catch (error) {
    throw new TypeError('its answer is no decision', { cause: error })
  }
}

function unavailable(reason: string, cause?: unknown): GuardError {
  return new GuardError('policy_unavailable', { reason, cause })
}

/** Whether something must be waited for. */
export function isThenable<T>(value: Awaitable<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
