import { GuardError, isGuardError } from './errors.ts'
import { isThenable } from './thenable.ts'

/** An error as a refusal: a `GuardError` as it is, anything else private, as `misconfigured`. */
export function asRefusal(error: unknown): GuardError {
  if (isGuardError(error)) return error
  return new GuardError('misconfigured', { reason: 'a control threw', cause: error })
}

/** Runs a control's phase: what it throws is a refusal, and what was not thrown on purpose keeps its message to itself. */
export function refusing<T>(phase: () => T): T {
  try {
    const value = phase()
    if (!isThenable(value)) return value
    // Adopted first: what `await` takes for a promise need not give one back.
    return Promise.resolve(value).then(undefined, (error: unknown) => {
      throw asRefusal(error)
    }) as T
  } catch (error) {
    throw asRefusal(error)
  }
}
