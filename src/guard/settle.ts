import type { Obligation } from './context.ts'
import type { Outcome } from './control.ts'
import { decisionOf, GuardError, isGuardError } from './errors.ts'
import type { Run } from './run.ts'
import { abandon } from './thenable.ts'

/** How long one `leave` may take before the call ends without it, in milliseconds. */
const leaveDeadline = 10_000

/**
 * Every `leave` of the controls that were entered, innermost first, each exactly once, whatever its neighbours do.
 * Resolves to the error that the caller must see, or undefined: a call whose end could not be settled or recorded has
 * not completed, so its answer is not released.
 */
export async function settle(run: Run, ending: Outcome['ending'], error: unknown): Promise<unknown> {
  const elapsed = run.chain.clock.monotonic() - run.startedAt
  const obligations = dutiesOfDenial(error)
  let outcome: Outcome = Object.freeze({
    ending,
    ...(error !== undefined && { error }),
    ran: run.ran,
    streamed: run.streamed,
    parts: run.parts,
    elapsed,
    ...(obligations !== undefined && { obligations }),
  })
  for (let index = run.entered - 1; index >= 0; index--) {
    const leave = run.chain.phases[index]?.leave
    if (leave === undefined) continue
    try {
      const leaving = leave(outcome, run.context, run.context, run.step)
      if (leaving !== undefined) await limited(run, leaving)
    } catch (thrown) {
      const refusal = isGuardError(thrown) ? thrown : new GuardError('misconfigured', { reason: 'a control threw as it left', cause: thrown })
      tell(run, refusal)
      if (outcome.ending !== 'completed') continue
      // The controls further out learn of it, audit above all.
      outcome = Object.freeze({ ...outcome, ending: isGuardError(thrown) ? 'refused' : 'failed', error: refusal })
    }
  }
  return outcome.error
}

function dutiesOfDenial(error: unknown): readonly Obligation[] | undefined {
  const decision = decisionOf(error)
  return decision?.allowed === false && decision.obligations.length > 0 ? decision.obligations : undefined
}

function limited(run: Run, leaving: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = run.chain.clock.after(leaveDeadline, () =>
      reject(new GuardError('deadline_exceeded', { reason: 'a control did not leave in time' })),
    )
    Promise.resolve(leaving).then(
      () => {
        cancel()
        resolve()
      },
      (error: unknown) => {
        cancel()
        reject(error)
      },
    )
  })
}

/** Tells the guard's error handler, once of each error. */
export function tell(run: Run, error: GuardError): void {
  if (run.told === error) return
  run.told = error
  try {
    abandon(run.chain.onError(error, run.context))
  } catch {
    // An error handler that throws must not keep the other controls from leaving.
  }
}
