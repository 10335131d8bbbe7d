import { type Check, oneOf, optional } from '../guard/check-options.ts'
import type { AccessReview, AccessReviewOptions } from './access-review.ts'
import { narrowPolicy } from './narrow-policy.ts'
import { rulesNamed } from './recorded-call.ts'
import { replayAnswer } from './replay-answer.ts'
import { scopeOf } from './replay-case.ts'
import { type ReplayPolicy, replayPolicy } from './replay-policy.ts'
import { ReviewTally } from './review-tally.ts'
import { proveTighter } from './review-proof.ts'
import { roleReviews, ruleReviews } from './review-rules.ts'
import { subjectReviews } from './review-subjects.ts'
import { checkRecordOptions, type Records, takeRecords } from './take-records.ts'

const count: Check = [optional((value) => Number.isSafeInteger(value) && (value as number) >= 1), 'a whole number above zero']
const checks: Readonly<Record<string, Check>> = {
  subjects: [optional(oneOf('as-written', 'ids')[0]), `'as-written' or 'ids'`],
  maxNames: count,
  maxParts: count,
  maxSubjects: [optional((value) => Number.isSafeInteger(value) && (value as number) >= 0), 'a number of callers'],
  version: [optional((value) => typeof value === 'string' && value !== ''), 'a text that is not empty'],
}

/** Reviews a log: what `accessReview` does. */
export async function reviewLog(policy: unknown, records: Records, options: AccessReviewOptions): Promise<AccessReview> {
  checkRecordOptions('accessReview', options, checks)
  const { subjects = 'as-written', maxNames = 200, maxParts = 32, maxSubjects = 1_000 } = options
  const reviewed = replayPolicy(policy)
  const tally = new ReviewTally(reviewed, subjects === 'ids')
  let unread = 0
  const { cases, counts } = await takeRecords([reviewed], records, options, {
    beyond(call, sorted) {
      for (const rule of scopeOf({ scopes: sorted.scopesOf(call) }))
        tally.leave(rule, 'there were too many different calls to tell which of them it permitted')
    },
    unread(record) {
      const named = rulesNamed(record, reviewed)
      if (named.length === 0) unread++
      for (const rule of named) tally.leave(rule, 'it let through a call whose record is not whole')
    },
  })
  for (const each of cases.all()) tally.add(each, replayAnswer(scopeOf(each.right), each))
  const { policy: narrowed, changes } = narrowPolicy(reviewed, tally, { maxNames, maxParts }, options.version ?? `${reviewed.version}+tighter`)
  // Where nothing can be taken it is the same policy, and keeps its version.
  const tighter = changes.every(({ change }) => change === 'left') ? reviewed.source : narrowed
  const rules = ruleReviews(reviewed, tally)
  const roles = roleReviews(reviewed, tally)
  const callers = subjectReviews(reviewed, tally, cases, maxSubjects)
  return {
    policy: nameOf(reviewed),
    records: counts,
    rules,
    roles,
    subjects: callers.reviews,
    callers: callers.count,
    dormantRoles: roles.filter(({ uses }) => uses === 0).map(({ role }) => role),
    idleRules: rules.filter(({ uses }) => uses === 0).map(({ rule }) => rule),
    tighter,
    changes,
    proof: proveTighter(tighter, cases, { beyond: counts.beyond, unread }),
  }
}

function nameOf({ id, version }: ReplayPolicy): AccessReview['policy'] {
  return { id, version }
}
