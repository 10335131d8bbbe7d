import type { RuleChange } from './narrow-policy.ts'
import type { PolicyName } from './policy-diff.ts'
import type { PolicyJson } from './replay-policy.ts'
import type { ReviewProof } from './review-proof.ts'
import type { ScopePart } from './rule-scope.ts'
import type { RecordCounts, RecordOptions, Records } from './take-records.ts'

/** Options of `accessReview`. */
export interface AccessReviewOptions extends RecordOptions {
  /**
   * Whom permits are narrowed to: those that a rule names, as far as they used it (`as-written`, unless given), or each
   * caller by its id (`ids`). A role is easier to keep; an id is the least that there is.
   */
  readonly subjects?: 'as-written' | 'ids'
  /** How many names a part of a scope may have; 200 unless given. Where more were used it stays as it was written. */
  readonly maxNames?: number
  /** How many rules may take the place of one; 32 unless given. Where it would be more it stays as it is. */
  readonly maxParts?: number
  /** How many callers are told of one by one; 1,000 unless given: those who have the most rights that they never used. */
  readonly maxSubjects?: number
  /** The version of the tighter policy; that of the old one with `+tighter` behind it unless given. */
  readonly version?: string
}

/** What was granted, what was used, and the policy that grants no more than that. */
export interface AccessReview {
  readonly policy: PolicyName
  readonly records: RecordCounts
  readonly rules: readonly RuleReview[]
  /** Every role that the policy names. */
  readonly roles: readonly RoleReview[]
  /** The callers with the most rights that they never used. */
  readonly subjects: readonly SubjectReview[]
  /** How many callers there were. */
  readonly callers: number
  /** Roles by which nobody did anything. */
  readonly dormantRoles: readonly string[]
  /** Rules that never decided. */
  readonly idleRules: readonly string[]
  /** The same policy without what was not used. `policySet` loads it. */
  readonly tighter: PolicyJson
  /** How it differs, rule by rule. */
  readonly changes: readonly RuleChange[]
  readonly proof: ReviewProof
}

/** How often something was used, and when. */
export interface AccessUsage {
  readonly uses: number
  /** Milliseconds since 1970; undefined where it was never used. */
  readonly first: number | undefined
  readonly last: number | undefined
}

/** One rule. A permit is used where it let a call through, a forbid where it refused one. */
export interface RuleReview extends AccessUsage {
  readonly rule: string
  readonly effect: 'permit' | 'forbid'
  readonly callers: number
  /** What the rule names and nobody used. */
  readonly unused: Readonly<Partial<Record<ScopePart, readonly string[]>>>
}

/** One role, with what it includes. */
export interface RoleReview extends AccessUsage {
  readonly role: string
  /** Callers who have it, by whatever other role. */
  readonly holders: number
  /** Permits that it gives, and how often each was used by a caller who has it. */
  readonly used: readonly UsedRule[]
  /** Permits that it gives and nobody used; the first 100. */
  readonly unused: readonly string[]
  readonly unusedCount: number
}

/** A permit that was used. */
export interface UsedRule extends AccessUsage {
  readonly rule: string
}

/** One caller. Of the period's last roles, where they changed. */
export interface SubjectReview extends AccessUsage {
  readonly key: string
  readonly subject: string
  readonly issuer: string
  readonly type: string
  readonly roles: readonly string[]
  /** What it did, the most frequent first; the first 50. */
  readonly rights: readonly UsedRight[]
  /** How many different things it did, and how many of these once. */
  readonly used: number
  readonly usedOnce: number
  /** Permits that are for it and never let one of its calls through; the first 100. */
  readonly unused: readonly string[]
  readonly unusedCount: number
}

/** An action on a resource. */
export interface UsedRight extends AccessUsage {
  readonly action: string
  readonly resource: { readonly type: string; readonly id: string }
  /** The permits that let it through. */
  readonly rules: readonly string[]
}

/**
 * Compares what a policy grants with what was used of it in the period of a log, and writes the tighter policy: the same
 * rules without what nobody used.
 *
 * The tighter policy only ever loses permits or parts of their scopes. It permits everything that was let through, nothing
 * that the old one refuses, and nothing without a duty that the old one demands; conditions, duties, roles and forbids stay
 * as they are. `proof` replays every record against it. A permit whose condition cannot be replayed stays as it is and is
 * listed.
 *
 * Nothing is verified here: whoever can add records keeps rights alive, and whoever can drop some cuts the rights of others. Give
 * it the `verifiedRecords` of `sallyport/file`, which end with an error where the log is not what its key signed. Takes records one by one; memory
 * grows with what is different among them and is bounded by `maxCases`.
 *
 * ```ts
 * const review = await accessReview(policy, await verifiedRecords('var/audit', { key, anchor }))
 * if (review.proof.holds) policySet(review.tighter)
 * ```
 *
 * @throws TypeError for what is no policy and for wrong options.
 */
export async function accessReview(policy: unknown, records: Records, options: AccessReviewOptions = {}): Promise<AccessReview> {
  // Loaded by whoever reviews: a program that only decides should not have to.
  const { reviewLog } = await import('./review-log.ts')
  return reviewLog(policy, records, options)
}
