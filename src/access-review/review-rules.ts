import type { RoleReview, RuleReview } from './access-review.ts'
import type { ReplayPolicy, ReplayRule } from './replay-policy.ts'
import { permitsByRole } from './role-grants.ts'
import { nothingCounted, type ReviewTally } from './review-tally.ts'
import { asWritten, patternsOf, type ScopePart, scopeParts, usedPatterns } from './rule-scope.ts'

/** How many permits of a role are named that nobody used. */
const mostUnused = 100

/** Every rule, and how it was used. */
export function ruleReviews(policy: ReplayPolicy, tally: ReviewTally): readonly RuleReview[] {
  return policy.rules.map((rule) => {
    const { uses, first, last, callers } = tally.rules.get(rule) ?? { ...nothingCounted(), callers: new Set() }
    const { id, effect } = rule.parsed
    return { rule: id, effect, uses, first, last, callers: callers.size, unused: effect === 'forbid' || uses === 0 ? {} : unusedNames(rule, tally) }
  })
}

// What the rule names and no right that it gave fits. Where its rights were too many to be kept, nothing is said.
function unusedNames(rule: ReplayRule, tally: ReviewTally): RuleReview['unused'] {
  const rights = [...tally.rightsOf(rule)]
  const unused: Partial<Record<ScopePart, readonly string[]>> = {}
  if (rights.length === 0) return unused
  for (const [index, part] of scopeParts.entries()) {
    const patterns = patternsOf(rule.parsed, part)
    const used = new Set(rights.map((point) => point[index] ?? asWritten))
    if (patterns === undefined || used.has(asWritten)) continue
    const fitting = usedPatterns(patterns, used)
    const idle = patterns.filter((pattern) => !fitting.has(pattern))
    if (idle.length > 0) unused[part] = idle
  }
  return unused
}

/** Every role that the policy names, and how it was used. */
export function roleReviews(policy: ReplayPolicy, tally: ReviewTally): readonly RoleReview[] {
  const permits = permitsByRole(policy)
  const names = new Set(policy.rules.flatMap(({ parsed }) => parsed.subjectRoles ?? []))
  for (const [role, included] of policy.parsed.roles) for (const name of [role, ...included]) names.add(name)
  return [...names].sort().map((role) => {
    const use = tally.roles.get(role)
    const { uses, first, last } = use ?? nothingCounted()
    const unused = (permits.get(role) ?? []).filter((rule) => use?.rules.has(rule) !== true)
    const used = [...(use?.rules ?? [])].map(([rule, usage]) => ({ rule: rule.parsed.id, ...usage }))
    return {
      role,
      uses,
      first,
      last,
      holders: tally.holders.get(role)?.size ?? 0,
      used: used.sort((one, other) => other.uses - one.uses || (one.rule < other.rule ? -1 : 1)),
      unused: unused.slice(0, mostUnused).map(({ parsed }) => parsed.id),
      unusedCount: unused.length,
    }
  })
}
