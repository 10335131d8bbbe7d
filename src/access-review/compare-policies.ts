import { canonicalJson } from '../audit-log/canonical-json.ts'
import { type Check, optional } from '../guard/check-options.ts'
import { mergeObligations, sameObligations } from '../policy/obligations.ts'
import type { DecisionChange, PolicyDiff, PolicyDiffOptions, PolicyName } from './policy-diff.ts'
import { truth } from './possible-truth.ts'
import { type ReplayAnswer, replayAnswer } from './replay-answer.ts'
import { type ReplayCase, type Right, scopeOf } from './replay-case.ts'
import { type ReplayPolicy, replayPolicy, type ReplayRule } from './replay-policy.ts'
import { checkRecordOptions, type Records, takeRecords } from './take-records.ts'

const checks: Readonly<Record<string, Check>> = {
  maxChanges: [optional((value) => Number.isSafeInteger(value) && (value as number) >= 1), 'a whole number above zero'],
}

/** How many callers, rules and paths a change names. */
const shown = { subjects: 5, rules: 16, paths: 16 } as const

/** Compares two policies over a log: what `policyDiff` does. */
export async function comparePolicies(before: unknown, after: unknown, records: Records, options: PolicyDiffOptions): Promise<PolicyDiff> {
  checkRecordOptions('policyDiff', options, checks)
  const [one, other] = [replayPolicy(before), replayPolicy(after)]
  const { cases, counts } = await takeRecords([one, other], records, options)
  const groups = new Groups(options.maxChanges ?? 10_000)
  const changed = { permits: 0, refuses: 0, duties: 0 }
  let undecided = counts.beyond
  let same = 0
  for (const each of cases.all()) {
    const verdict = compare(each)
    if (verdict === undefined) same += each.count
    else {
      if (verdict.kind === 'undecided') undecided += each.count
      else changed[verdict.kind] += each.count
      groups.add(each, verdict)
    }
  }
  return {
    before: nameOf(one),
    after: nameOf(other),
    records: counts,
    compared: counts.decisions,
    same,
    changed,
    undecided,
    changes: groups.list(),
    unlisted: groups.unlisted,
  }
}

function nameOf({ id, version }: ReplayPolicy): PolicyName {
  return { id, version }
}

interface Verdict {
  readonly kind: DecisionChange['kind']
  readonly before: readonly ReplayRule[]
  readonly after: readonly ReplayRule[]
  readonly unknown?: ReadonlySet<string>
}

function compare(each: ReplayCase): Verdict | undefined {
  const [before, after] = [scopeOf(each.right, 0), scopeOf(each.right, 1)]
  if (saysTheSame(each.right)) return undefined
  const [one, other] = [replayAnswer(before, each), replayAnswer(after, each)]
  const rules = { before: one.rules, after: other.rules }
  if (one.allowed === undefined || other.allowed === undefined) return { kind: 'undecided', ...rules, unknown: unknownIn(each) }
  if (one.allowed !== other.allowed) return { kind: other.allowed ? 'permits' : 'refuses', ...rules }
  if (!one.allowed) return undefined
  const [duties, otherDuties] = [dutiesOf(one), dutiesOf(other)]
  if (duties === undefined || otherDuties === undefined) return { kind: 'undecided', ...rules, unknown: unknownIn(each) }
  return sameObligations(duties, otherDuties) ? undefined : { kind: 'duties', ...rules }
}

function dutiesOf({ rules, open }: ReplayAnswer): ReturnType<typeof mergeObligations> | undefined {
  return open.some(({ hasDuties }) => hasDuties) ? undefined : mergeObligations(...rules.map(({ parsed }) => parsed.obligations))
}

const alike = new WeakMap<Right['scopes'], boolean>()

// Rules that say the same decide the same, whatever is not known of the request.
function saysTheSame(right: Right): boolean {
  const known = alike.get(right.scopes)
  if (known !== undefined) return known
  const [before, after] = [scopeOf(right, 0), scopeOf(right, 1)]
  const [one, other] = [new Set(before.map(textOf)), new Set(after.map(textOf))]
  const isSame = one.size === other.size && [...one].every((text) => other.has(text))
  alike.set(right.scopes, isSame)
  return isSame
}

const texts = new WeakMap<ReplayRule, string>()

function textOf(rule: ReplayRule): string {
  let text = texts.get(rule)
  if (text === undefined) {
    text = canonicalJson([rule.parsed.effect, rule.condition ?? null, rule.parsed.obligations])
    texts.set(rule, text)
  }
  return text
}

function unknownIn(each: ReplayCase): ReadonlySet<string> {
  const paths = new Set<string>()
  const isOpen = (possibles: number): boolean => possibles !== truth.false && possibles !== truth.unknown && possibles !== truth.true
  for (const scope of each.right.scopes)
    for (const { condition, paths: read } of scope)
      if (condition !== undefined && isOpen(each.possible(condition))) for (const path of read) paths.add(path)
  return paths
}

interface Group {
  readonly change: Omit<DecisionChange, 'count' | 'callers' | 'subjects' | 'first' | 'last' | 'example'>
  readonly callers: Set<string>
  readonly subjects: Set<string>
  count: number
  first: number
  last: number
  example: string
}

/** Puts together what changes alike. */
class Groups {
  readonly #most: number
  readonly #groups = new Map<string, Group>()
  unlisted = 0

  constructor(most: number) {
    this.#most = most
  }

  add({ right, count, first, last, example }: ReplayCase, { kind, before, after, unknown }: Verdict): void {
    const { action, resourceType, resourceId } = right.target
    const names = [namesOf(before), namesOf(after)] as const
    const key = JSON.stringify([kind, action, resourceType, resourceId, ...names])
    let group = this.#groups.get(key)
    if (group === undefined) {
      if (this.#groups.size >= this.#most) {
        this.unlisted += count
        return
      }
      const paths = unknown === undefined ? undefined : [...unknown].sort().slice(0, shown.paths)
      const change = { kind, action, resource: { type: resourceType, id: resourceId }, before: names[0], after: names[1] }
      group = {
        change: paths === undefined ? change : { ...change, unknown: paths },
        callers: new Set(),
        subjects: new Set(),
        count: 0,
        first,
        last,
        example,
      }
      this.#groups.set(key, group)
    }
    group.count += count
    group.callers.add(right.caller.key)
    if (group.subjects.size < shown.subjects) group.subjects.add(right.caller.id)
    group.first = Math.min(group.first, first)
    group.last = Math.max(group.last, last)
  }

  list(): DecisionChange[] {
    const changes = [...this.#groups.values()].map(({ change, callers, subjects, count, first, last, example }) => ({
      ...change,
      count,
      callers: callers.size,
      subjects: [...subjects],
      first,
      last,
      example,
    }))
    return changes.sort((one, other) => other.count - one.count || (one.example < other.example ? -1 : 1))
  }
}

function namesOf(rules: readonly ReplayRule[]): readonly string[] {
  return rules
    .map(({ parsed }) => parsed.id)
    .sort()
    .slice(0, shown.rules)
}
