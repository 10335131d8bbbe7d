import type { Period } from '../../limits/calendar.ts'
import type { CellPlan } from './limit-cells.ts'

/** What one reservation has in one cell, as Redis last told. */
export interface Holding {
  readonly plan: CellPlan
  /** Whose limit it is, as the hash tag of its cells. */
  readonly tag: string
  /** Of a budget: that of what is left. */
  period: Period
  /** All that was reserved. */
  reserved: number
  /** What of it was left when the cell's share was `share`; of places, what is held. */
  left: number
  share: number
  /** Of the bucket, as the script has it. */
  age: number
}

/** One that has nothing yet. */
export function newHolding(plan: CellPlan, tag: string, period: Period): Holding {
  return { plan, tag, period, reserved: 0, left: 0, share: 1, age: 0 }
}

/** Turns a holding to the present period: of one that is over nothing is left. */
export function turn(holding: Holding, now: number): void {
  const period = holding.plan.periodAt(now)
  if (period.start === holding.period.start) return
  holding.period = period
  holding.left = 0
}
