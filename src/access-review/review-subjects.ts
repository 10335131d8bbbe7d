import type { SubjectReview, UsedRight } from './access-review.ts'
import { replayAnswer } from './replay-answer.ts'
import type { Caller, ReplayCase, ReplayCases } from './replay-cases.ts'
import type { ReplayPolicy, ReplayRule } from './replay-policy.ts'
import { type CallerUse, countUses, type Counted, nothingCounted, type ReviewTally } from './review-tally.ts'

/** How much is told of one caller. */
const shown = { rights: 50, unused: 100 } as const

/** The callers with the most rights that they never used, and how many callers there are. */
export function subjectReviews(
  policy: ReplayPolicy,
  tally: ReviewTally,
  cases: ReplayCases,
  most: number,
): { readonly reviews: readonly SubjectReview[]; readonly count: number } {
  const granted = new Granted(policy)
  const ranked = [...tally.callers.values()].map((use) => ({ use, unused: unusedBy(use, granted).length }))
  ranked.sort((one, other) => other.unused - one.unused || (one.use.caller.key < other.use.caller.key ? -1 : 1))
  const chosen = new Map(ranked.slice(0, most).map(({ use }) => [use.caller.key, new Map<string, Right>()]))
  for (const each of cases.all()) {
    const rights = chosen.get(each.right.caller.key)
    if (rights !== undefined && each.allowed) addRight(rights, each)
  }
  const reviews = ranked.slice(0, most).map(({ use }) => reviewOf(use, chosen.get(use.caller.key) ?? new Map(), unusedBy(use, granted)))
  return { reviews, count: ranked.length }
}

interface Right extends Counted {
  readonly action: string
  readonly resource: UsedRight['resource']
  readonly rules: Set<string>
}

function addRight(rights: Map<string, Right>, each: ReplayCase): void {
  const { action, resourceType: type, resourceId: id } = each.right.target
  const key = JSON.stringify([action, type, id])
  let right = rights.get(key)
  if (right === undefined) {
    right = { ...nothingCounted(), action, resource: { type, id }, rules: new Set() }
    rights.set(key, right)
  }
  countUses(right, each)
  const answer = replayAnswer(each.right.scopes[0] ?? [], each)
  if (answer.allowed !== false) for (const { parsed } of answer.rules) right.rules.add(parsed.id)
}

function reviewOf({ caller, uses, first, last }: CallerUse, rights: ReadonlyMap<string, Right>, unused: readonly ReplayRule[]): SubjectReview {
  const { key, id, issuer, type, roles } = caller
  const all = [...rights.values()].sort((one, other) => other.uses - one.uses || (one.last ?? 0) - (other.last ?? 0))
  return {
    key,
    subject: id,
    issuer,
    type,
    roles,
    uses,
    first,
    last,
    rights: all.slice(0, shown.rights).map(({ rules, ...right }) => ({ ...right, rules: [...rules].sort() })),
    used: all.length,
    usedOnce: all.filter((right) => right.uses === 1).length,
    unused: unused.slice(0, shown.unused).map(({ parsed }) => parsed.id),
    unusedCount: unused.length,
  }
}

function unusedBy({ caller, rules }: CallerUse, granted: Granted): readonly ReplayRule[] {
  return granted.to(caller).filter((rule) => !rules.has(rule))
}

/** Which permits are for whom: found by roles and by id, so that many callers and many rules are not multiplied. */
class Granted {
  readonly #byId = new Map<string, ReplayRule[]>()
  /** Those that name a type or a beginning of ids. */
  readonly #asked: ReplayRule[] = []
  readonly #byRole = new Map<string, ReplayRule[]>()
  readonly #open: ReplayRule[] = []
  readonly #known = new Map<string, readonly ReplayRule[]>()

  constructor({ rules }: ReplayPolicy) {
    for (const rule of rules) {
      const { effect, subjectTypes, subjectIds, subjectRoles } = rule.parsed
      if (effect === 'forbid') continue
      if (subjectIds !== undefined && !subjectIds.some((id) => id.endsWith('*'))) for (const id of subjectIds) add(this.#byId, id, rule)
      else if (subjectTypes !== undefined || subjectIds !== undefined) this.#asked.push(rule)
      else if (subjectRoles === undefined) this.#open.push(rule)
      else for (const role of subjectRoles) add(this.#byRole, role, rule)
    }
  }

  to(caller: Caller): readonly ReplayRule[] {
    const roles = caller.included[0] ?? new Set()
    const own = [...(this.#byId.get(caller.id) ?? []), ...this.#asked].filter((rule) => rule.fitsSubject(caller.type, caller.id, roles))
    const shared = this.#byRoles(roles)
    return own.length === 0 ? shared : [...own, ...shared]
  }

  #byRoles(roles: ReadonlySet<string>): readonly ReplayRule[] {
    const key = JSON.stringify([...roles].sort())
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const rules = [...new Set([...roles].flatMap((role) => this.#byRole.get(role) ?? [])), ...this.#open]
    this.#known.set(key, rules)
    return rules
  }
}

function add(map: Map<string, ReplayRule[]>, key: string, rule: ReplayRule): void {
  const rules = map.get(key)
  if (rules === undefined) map.set(key, [rule])
  else rules.push(rule)
}
