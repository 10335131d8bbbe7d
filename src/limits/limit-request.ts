import type { Amounts, KeyedLimit, Refusal, Violation } from './limit-store.ts'
import type { PlannedLimit } from './limit.ts'

/** The amount of what a limit counts. @throws TypeError */
export function checkedAmount(amounts: Amounts, limit: PlannedLimit): number {
  const amount = amounts[limit.unit]
  if (!isAmount(amount)) throw new TypeError(`amounts.${limit.unit}: must be a finite number from zero up`)
  return amount
}

/** Whether it is an amount: a finite number from zero up. */
export function isAmount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}

/** Two limits of one name would share a cell, and each be checked without the other. @throws TypeError */
export function checkNames(limits: readonly KeyedLimit[]): void {
  // There are few, so this is quicker than a set.
  for (let one = 1; one < limits.length; one++)
    for (let other = 0; other < one; other++)
      if (limits[one]?.limit.name === limits[other]?.limit.name) throw new TypeError('limits: two limits have the same name')
}

/** What is in the way, as an answer. */
export function refusal(violated: readonly Violation[]): Refusal {
  return { allowed: false, violated, retryAfter: violated.reduce((latest, { retryAfter }) => Math.max(latest, retryAfter), 0) }
}
