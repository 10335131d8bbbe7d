import type { Classes } from './classes.ts'
import type { ParsedPlan } from './plan.ts'

/** What became of one column. Counts alone. */
export interface ColumnReport {
  readonly mode: string
  /** Values that are not what they were. */
  readonly changed: number
  /** Values that said nothing: null, empty, spaces. */
  readonly empty: number
  /** Values that could not be read and became null. */
  readonly unreadable: number
  /** What was found in free text, by type. */
  readonly found: Readonly<Record<string, number>>
}

/** A number that was asked for, the one that the rows had, and the one that they have now. Null where there is no class, or nothing to count. */
export interface Reached {
  readonly wanted: number
  readonly before: number | null
  readonly after: number | null
}

/** What anonymising did. Counts and names of columns, and never a value. */
export interface AnonymizeReport {
  readonly rows: { readonly in: number; readonly out: number; readonly suppressed: number }
  readonly columns: Readonly<Record<string, ColumnReport>>
  /** Where there are quasi-identifiers. */
  readonly anonymity?: {
    /** The fewest rows, or subjects, of a class; of subjects and sensitive values no more than 100, or what was asked for, are told apart. */
    readonly k: Reached
    /** The fewest different values of a sensitive column in a class. */
    readonly l: Reached
    readonly classes: { readonly before: number; readonly after: number }
  }
}

/** Counts of one column. */
export class ColumnTally {
  readonly mode: string
  readonly #found = new Map<string, number>()
  changed = 0
  empty = 0
  unreadable = 0

  constructor(mode: string) {
    this.mode = mode
  }

  readonly count: (type: string) => void = (type) => void this.#found.set(type, (this.#found.get(type) ?? 0) + 1)

  report(): ColumnReport {
    const { mode, changed, empty, unreadable } = this
    return { mode, changed, empty, unreadable, found: Object.fromEntries(this.#found) }
  }
}

/** The report of a data set that was read to its end. */
export function reportOf(
  rows: AnonymizeReport['rows'],
  columns: ReadonlyMap<string, ColumnTally>,
  plan: ParsedPlan,
  classes: Classes | undefined,
): AnonymizeReport {
  const tallies = Object.fromEntries([...columns].map(([name, tally]) => [name, tally.report()]))
  if (classes === undefined) return { rows, columns: tallies }
  const before = classes.anonymity(false)
  const after = classes.anonymity(true)
  const reached = (wanted: number, one: number, other: number): Reached => ({ wanted, before: told(one), after: told(other) })
  return {
    rows,
    columns: tallies,
    anonymity: {
      k: reached(plan.k, before.k, after.k),
      l: reached(plan.l, before.l, after.l),
      classes: { before: before.classes, after: after.classes },
    },
  }
}

function told(count: number): number | null {
  return Number.isFinite(count) ? count : null
}
