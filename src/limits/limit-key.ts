import { GuardError, isGuardError } from '../guard/errors.ts'

/** Characters that a key may have: a store holds many of them, and strangers may choose them. */
const maxKeyLength = 512

/**
 * The key that `per` yields for this call.
 *
 * @throws GuardError `misconfigured` where it yields nothing, throws, or yields what cannot be a key: whoever has no key of
 * its own must not share one with others.
 */
export function limitKey<C>(name: string, per: (call: C) => unknown, call: C): string {
  let key: unknown
  try {
    key = per(call)
  } catch (error) {
    if (isGuardError(error)) throw error
    throw new GuardError('misconfigured', { reason: `limit '${name}': its key could not be worked out`, cause: error })
  }
  if (typeof key !== 'string' || key === '') throw new GuardError('misconfigured', { reason: `limit '${name}': the call has no key` })
  if (key.length > maxKeyLength)
    throw new GuardError('misconfigured', { reason: `limit '${name}': the call's key is longer than ${maxKeyLength} characters` })
  return key
}
