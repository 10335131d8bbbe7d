import type { RecordCounts, RecordOptions, Records } from './take-records.ts'

/** Options of `policyDiff`. */
export interface PolicyDiffOptions extends RecordOptions {
  /** How many changes are told apart; 10,000 unless given. The rest is counted. */
  readonly maxChanges?: number
}

/** What another policy would have decided otherwise. */
export interface PolicyDiff {
  readonly before: PolicyName
  readonly after: PolicyName
  readonly records: RecordCounts
  /** Decisions that were compared. */
  readonly compared: number
  /** Decisions that would be the same. */
  readonly same: number
  /** Decisions that would change, by kind. */
  readonly changed: Readonly<Record<DecisionChangeKind, number>>
  /** Decisions of which it cannot be told: an attribute is not known, or there were too many different cases. */
  readonly undecided: number
  /** The changes, and what cannot be told: like with like, the most frequent first. */
  readonly changes: readonly DecisionChange[]
  /** Decisions whose change is counted above and not in the list, since it would be too long. */
  readonly unlisted: number
}

/** A policy, by its name. */
export interface PolicyName {
  readonly id: string
  readonly version: string
}

/** What changes: a refusal becomes a permit, a permit a refusal, or the duties that come with a permit are others. */
export type DecisionChangeKind = 'permits' | 'refuses' | 'duties'

/** Decisions that change alike. */
export interface DecisionChange {
  readonly kind: DecisionChangeKind | 'undecided'
  readonly action: string
  readonly resource: { readonly type: string; readonly id: string }
  /** The rules that decide before and after. */
  readonly before: readonly string[]
  readonly after: readonly string[]
  /** Attributes that would have to be known; only where it cannot be told. */
  readonly unknown?: readonly string[]
  /** How many decisions. */
  readonly count: number
  /** How many callers, and the first few of them. */
  readonly callers: number
  readonly subjects: readonly string[]
  /** Milliseconds since 1970. */
  readonly first: number
  readonly last: number
  /** The id of one of these calls. */
  readonly example: string
}

/**
 * Replays a log against two policies and tells every decision that the second would make otherwise than the first.
 *
 * What a record does not tell is not guessed: a decision that hangs on an attribute that is not known is `undecided`. The
 * rules that a record names tell the truth of their conditions without any attribute, wherever the record was made by one
 * of the two policies (same id and version); for other conditions the sealed attributes are opened with `keys`.
 *
 * @throws TypeError for what is no policy and for wrong options.
 */
export async function policyDiff(before: unknown, after: unknown, records: Records, options: PolicyDiffOptions = {}): Promise<PolicyDiff> {
  // Loaded by whoever compares: a program that only decides should not have to.
  const { comparePolicies } = await import('./compare-policies.ts')
  return comparePolicies(before, after, records, options)
}
