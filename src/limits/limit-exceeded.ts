import { GuardError } from '../guard/errors.ts'
import { limitFields, seconds } from '../guard/quota-headers.ts'
import type { Refusal } from './limit-store.ts'

/** The refusal of a call that a limit is in the way of, with the header fields that say which, and when to come back. */
export function limitExceeded(refusal: Refusal): GuardError {
  const { violated } = refusal
  const never = violated.filter(({ retryAfter }) => retryAfter === Number.POSITIVE_INFINITY).map(({ name }) => `'${name}'`)
  const wait = Math.max(1, ...violated.map(waitOf))
  return new GuardError('limit_exceeded', {
    reason: `over ${violated.map(({ name }) => `'${name}'`).join(', ')}${never.length > 0 ? `; more than ${never.join(', ')} ever grants at once` : ''}`,
    headers: { ...limitFields(violated, waitOf), 'retry-after': String(wait) },
  })
}

// A caller that asks for more than there ever is must ask for less; a window is as good a time as any.
function waitOf({ retryAfter, window = 1 }: { readonly retryAfter: number; readonly window: number | undefined }): number {
  return Math.max(1, seconds(retryAfter === Number.POSITIVE_INFINITY ? window : retryAfter))
}
