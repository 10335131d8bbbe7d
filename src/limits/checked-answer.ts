import { GuardError } from '../guard/errors.ts'
import { type LimitUnit, limitUnits } from './limit.ts'
import type { LimitState, Refusal, Reservation, Violation } from './limit-store.ts'

/** A store may be anybody's: what it answers is no yes until it looks like one. @throws GuardError `limits_unavailable` */
export function checked(answer: unknown): Reservation | Refusal {
  if (typeof answer === 'object' && answer !== null && 'allowed' in answer) {
    if (answer.allowed === true && isReservation(answer)) return answer
    if (answer.allowed === false && isRefusal(answer)) return answer
  }
  throw new GuardError('limits_unavailable', { reason: 'the limit store answered nonsense' })
}

function isReservation(answer: object): answer is Reservation {
  const { limits, extend, settle, release } = answer as Partial<Reservation>
  return (
    Array.isArray(limits) && limits.every(isState) && typeof extend === 'function' && typeof settle === 'function' && typeof release === 'function'
  )
}

function isRefusal(answer: object): answer is Refusal {
  const { violated } = answer as Partial<Refusal>
  return (
    Array.isArray(violated) &&
    violated.length > 0 &&
    violated.every((one: unknown) => isState(one) && typeof (one as Violation).retryAfter === 'number')
  )
}

// It becomes header fields.
function isState(value: unknown): value is LimitState {
  if (typeof value !== 'object' || value === null) return false
  const { name, unit, limit, remaining, reset, window } = value as Partial<LimitState>
  return (
    typeof name === 'string' &&
    limitUnits.includes(unit as LimitUnit) &&
    [limit, remaining, reset].every(Number.isFinite) &&
    (window === undefined || Number.isFinite(window))
  )
}
