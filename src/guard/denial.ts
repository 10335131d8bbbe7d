import type { Decision } from './context.ts'
import { GuardError, type GuardErrorCode, type RefusalDetails } from './errors.ts'

// Beside the error and not on it: whoever is shown the error cannot find the rules.
const decisions = new WeakMap<object, Decision>()

/** A refusal that comes from a decision. The decision is for the log alone. */
export function denied(decision: Decision, code: GuardErrorCode = 'denied', details: RefusalDetails = {}): GuardError {
  const error = new GuardError(code, details)
  decisions.set(error, decision)
  return error
}

/** The decision that a refusal came from, where it came from one. */
export function decisionOf(error: unknown): Decision | undefined {
  return typeof error === 'object' && error !== null ? decisions.get(error) : undefined
}
