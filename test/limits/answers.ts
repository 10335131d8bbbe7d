import assert from 'node:assert/strict'
import type { Amounts, KeyedLimit, Refusal } from '../../src/limits/limit-store.ts'
import { type Limit, planLimit } from '../../src/limits/limit.ts'
import type { MemoryLimits, MemoryReservation } from '../../src/limits/memory-limits.ts'

/** A limit of somebody. */
export function keyed(limit: Omit<Limit<never>, 'per'>, key = 'ada'): KeyedLimit {
  return { limit: planLimit(limit), key }
}

/** The answer, which must be a yes. */
export function granted(answer: MemoryReservation | Refusal): MemoryReservation {
  assert.ok(answer.allowed)
  return answer
}

/** The answer, which must be a no. */
export function refused(answer: MemoryReservation | Refusal): Refusal {
  assert.ok(!answer.allowed)
  return answer
}

const nothing: Amounts = { requests: 0, tokens: 0, cost: 0, concurrent: 0 }

/** What is left of a limit. */
export function remaining(store: MemoryLimits, limit: KeyedLimit, now: number, wall: number = now): number | undefined {
  return granted(store.reserve([limit], nothing, now, wall)).limits[0]?.remaining
}
