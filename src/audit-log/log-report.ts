import type { Checkpoint } from './audit-log.ts'
import type { CheckpointProblem } from './checkpoint.ts'
import type { EntryProblem } from './compare-entries.ts'

/** What can be wrong with a log. */
export type ProblemCode =
  | CheckpointProblem
  | EntryProblem
  | 'log_missing'
  | 'checkpoint_missing'
  /** The entries are not those that were signed: somebody without the key wrote them anew. */
  | 'root_mismatch'
  /** The end is missing: entries that were signed, or that were expected. */
  | 'truncated'
  /** A file in the middle is missing or has a wrong form. */
  | 'bundle_missing'
  | 'tile_missing'
  /** A file of hashes does not fit the entries, which are as they were signed. */
  | 'tile_changed'
  | 'journal_changed'
  /** The anchor remembers more than there is. */
  | 'rolled_back'
  /** The anchor remembers another tree. */
  | 'forked'
  | 'anchor_unavailable'
  /** A key was followed by another one over another tree, or the log does not say so. */
  | 'rotation_invalid'
  | 'unreadable'
  /** Warnings: they do not make a log false. */
  | 'record_malformed'
  | 'time_reversed'
  | 'torn_tail'
  | 'unsigned'
  /** The list was cut. */
  | 'more'

/** Something that a verification found. */
export interface Problem {
  readonly code: ProblemCode
  /** A `warning` is worth knowing, and says nothing against what is signed. */
  readonly severity: 'error' | 'warning'
  /** The entry that it begins with. */
  readonly index?: number
  readonly message: string
}

/** What a verification found. */
export interface Report {
  /** Whether the log is what its key signed, and what the anchor and the expected size say. No problem is an error. */
  readonly ok: boolean
  /** How many entries the checkpoint covers. */
  readonly entries: number
  /** How many are on disk and not yet under a checkpoint: nothing proves them. None after `close()`. */
  readonly unsigned: number
  /** Whether an anchor or an expected size ruled out a missing end. */
  readonly anchored: boolean
  /** A hundred at most, and one more that says how many are not listed. */
  readonly problems: readonly Problem[]
  readonly checkpoint: Checkpoint | undefined
}

const maxProblems = 100

/** Collects what a verification finds. */
export class Findings {
  readonly #problems: Problem[] = []
  #more = 0
  #ok = true

  /** Whether no problem is an error. */
  get ok(): boolean {
    return this.#ok
  }

  add(code: ProblemCode, message: string, index?: number, severity: Problem['severity'] = 'error'): void {
    if (severity === 'error') this.#ok = false
    if (this.#problems.length >= maxProblems) this.#more++
    else this.#problems.push({ code, severity, ...(index !== undefined && { index }), message })
  }

  list(): readonly Problem[] {
    if (this.#more === 0) return this.#problems
    return [...this.#problems, { code: 'more', severity: 'warning', message: `${this.#more} more problems are not listed` }]
  }
}
