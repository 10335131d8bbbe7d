import type { SubjectReview, UsedRight } from './access-review.ts'
import { replayAnswer } from './replay-answer.ts'
import { type Caller, type ReplayCase, scopeOf } from './replay-case.ts'
import type { ReplayCases } from './replay-cases.ts'
import type { ReplayPolicy, ReplayRule } from './replay-policy.ts'
import { anyTarget, ruleFinder, type Sought } from './rule-finder.ts'
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
  const ranked = [...tally.callers.values()].map((use) => ({ use, unused: granted.unusedCount(use) }))
  ranked.sort((one, other) => other.unused - one.unused || (one.use.caller.key < other.use.caller.key ? -1 : 1))
  const chosen = new Map(ranked.slice(0, most).map(({ use }) => [use.caller.key, new Map<string, Right>()]))
  for (const each of cases.all()) {
    const rights = chosen.get(each.right.caller.key)
    if (rights !== undefined && each.allowed) addRight(rights, each)
  }
  const reviews = ranked.slice(0, most).map(({ use, unused }) => reviewOf(use, chosen.get(use.caller.key) ?? new Map(), granted.unused(use), unused))
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
  const answer = replayAnswer(scopeOf(each.right), each)
  if (answer.allowed !== false) for (const { parsed } of answer.rules) right.rules.add(parsed.id)
}

function reviewOf(
  { caller, uses, first, last }: CallerUse,
  rights: ReadonlyMap<string, Right>,
  unused: readonly ReplayRule[],
  unusedCount: number,
): SubjectReview {
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
    unused: unused.map(({ parsed }) => parsed.id),
    unusedCount,
  }
}

/** Which permits are for whom: found by id, and by type and roles together, so that callers and rules are not multiplied. */
class Granted {
  readonly #byId: (sought: Sought) => readonly ReplayRule[]
  readonly #byOthers: (sought: Sought) => readonly ReplayRule[]
  readonly #shared = new Map<string, ReadonlySet<ReplayRule>>()

  constructor({ rules }: ReplayPolicy) {
    const permits = rules.filter(({ parsed }) => parsed.effect === 'permit')
    const isById = ({ parsed }: ReplayRule): boolean => parsed.subjectIds !== undefined
    this.#byId = ruleFinder(permits.filter(isById), anyTarget)
    this.#byOthers = ruleFinder(
      permits.filter((rule) => !isById(rule)),
      anyTarget,
    )
  }

  /** How many permits are for a caller and were not used by it. */
  unusedCount({ caller, rules }: CallerUse): number {
    const [own, shared] = [this.#own(caller), this.#sharedBy(caller)]
    let used = 0
    for (const rule of rules) if (shared.has(rule)) used++
    return own.filter((rule) => !rules.has(rule)).length + shared.size - used
  }

  /** The first few of them. */
  unused({ caller, rules }: CallerUse): readonly ReplayRule[] {
    const unused = this.#own(caller).filter((rule) => !rules.has(rule))
    for (const rule of this.#sharedBy(caller)) {
      if (unused.length >= shown.unused) break
      if (!rules.has(rule)) unused.push(rule)
    }
    return unused.slice(0, shown.unused)
  }

  #own({ type, id, held }: Caller): readonly ReplayRule[] {
    return this.#byId({ type, id, roles: held[0]?.names ?? [] })
  }

  #sharedBy({ type, held }: Caller): ReadonlySet<ReplayRule> {
    const roles = held[0]?.names ?? []
    const key = JSON.stringify([type, ...[...roles].sort()])
    let shared = this.#shared.get(key)
    if (shared === undefined) {
      shared = new Set(this.#byOthers({ type, roles }))
      this.#shared.set(key, shared)
    }
    return shared
  }
}
