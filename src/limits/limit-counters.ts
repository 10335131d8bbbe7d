import type { LimitUnit, PlannedLimit } from './limit.ts'

/** What happened under one limit, over all keys, since the process began to count. */
export interface LimitCount {
  readonly name: string
  readonly unit: LimitUnit
  /** Calls that it let pass, and those that it was in the way of. */
  readonly granted: number
  readonly refused: number
  /** Of both: those that were decided while the store was not there. */
  readonly degraded: number
  /** Of its unit: what was spent in the end, and how much of that was more than had been reserved. */
  readonly spent: number
  readonly owed: number
  /** Streams that it ended. */
  readonly cut: number
}

/** Counts by limit, for metrics. Give one to `rateLimit`, or the same one to several. */
export interface LimitCounters {
  /** The counts as they are now, in the order in which limits were first used. At most 1,000; then `others` stands for the rest. */
  read(): readonly LimitCount[]
}

/** The same, to count in. */
export type Counter = { -readonly [name in keyof LimitCount]: LimitCount[name] }

/** Limits that are counted apart: their names may come from data. */
const maxLimits = 1_000

/** Counts for `rateLimit({ counters })`. */
export function limitCounters(): LimitCounters {
  return new Counters()
}

/** Counts by the name and the unit of a limit. */
export class Counters implements LimitCounters {
  readonly #counters = new Map<string, Counter>()

  /** Where a limit is counted. */
  of({ name, unit }: PlannedLimit): Counter {
    const id = `${unit}/${name}`
    const known = this.#counters.get(id)
    if (known !== undefined) return known
    if (this.#counters.size >= maxLimits && name !== 'others') return this.of({ name: 'others', unit } as PlannedLimit)
    const counter: Counter = { name, unit, granted: 0, refused: 0, degraded: 0, spent: 0, owed: 0, cut: 0 }
    this.#counters.set(id, counter)
    return counter
  }

  read(): readonly LimitCount[] {
    return [...this.#counters.values()].map((counter) => ({ ...counter }))
  }
}
