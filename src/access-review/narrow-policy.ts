import type { NamePattern } from '../policy/names.ts'
import { boxesOf } from './boxes.ts'
import type { PolicyJson, ReplayPolicy, ReplayRule, RuleJson, Target } from './replay-policy.ts'
import { anyCaller, ruleFinder } from './rule-finder.ts'
import {
  areSame,
  asWritten,
  isUnchanged,
  mayMeet,
  narrowedTo,
  type NarrowedScope,
  patternsOf,
  ruleWith,
  type ScopePart,
  scopeParts,
} from './rule-scope.ts'

/** What became of a rule. */
export interface RuleChange {
  readonly rule: string
  /** `left`: it could not be narrowed, and stands as it did. */
  readonly change: 'removed' | 'narrowed' | 'left'
  readonly because: string
  /** What it is narrowed to: one rule, or several where one would say more than was used. */
  readonly parts?: readonly NarrowedRule[]
}

/** A rule that took the place of a wider one, and the parts of its scope that differ. */
export interface NarrowedRule {
  readonly id: string
  readonly scope: Readonly<Partial<Record<ScopePart, { readonly before: readonly string[] | undefined; readonly after: readonly string[] }>>>
}

/** What was used of a policy. */
export interface PolicyUse {
  /** The rights that a permit gave, as points in the order of `scopeParts`. */
  rightsOf(rule: ReplayRule): Iterable<readonly string[]>
  /** Why a permit must stand as it does; undefined where it need not. */
  whyLeft(rule: ReplayRule): string | undefined
  /** Whether a permit let anything through there. */
  wasUsedOn(rule: ReplayRule, target: Target): boolean
  /** What was permitted by any rule, and by how many. */
  readonly targets: Iterable<Target>
  usersOf(target: Target): number
}

/** How far to go. */
export interface NarrowBounds {
  readonly maxNames: number
  readonly maxParts: number
}

/** A policy that permits less. */
export interface NarrowedPolicy {
  readonly policy: PolicyJson
  readonly changes: readonly RuleChange[]
}

/**
 * Takes from a policy what was not used: removes permits and narrows their scopes, and touches nothing else.
 *
 * What comes out permits nothing that the policy refuses, whatever is asked, and never without a duty that the policy
 * demands. A permit without duties is narrowed to the rights that it gave. A permit *with* duties also restricts (where it
 * matches, its duties are owed, and where its condition is unknown, it refuses), so it goes on to cover, for whomever it
 * was written, everything that any other permit still gives; where that cannot be named it stays as it is. Forbids stay.
 */
export function narrowPolicy(policy: ReplayPolicy, use: PolicyUse, bounds: NarrowBounds, version: string): NarrowedPolicy {
  const permits = policy.rules.filter(({ parsed }) => parsed.effect === 'permit')
  const plans = new Map<ReplayRule, Plan>()
  const shared = sharedTargets(permits, use)
  for (const rule of permits) plans.set(rule, planOf(rule, use, shared, bounds))
  leaveWhatRestricts(plans)
  const ids = new Set(policy.byId.keys())
  const changes: RuleChange[] = []
  const rules = policy.rules.flatMap((rule): readonly RuleJson[] => {
    const plan = plans.get(rule)
    if (plan === undefined) return [rule.source]
    const { id } = rule.parsed
    if (plan.kind === 'left') {
      changes.push({ rule: id, change: 'left', because: plan.because })
      return [rule.source]
    }
    const [only, ...more] = plan.scopes
    if (only === undefined) {
      changes.push({ rule: id, change: 'removed', because: 'it never decided' })
      return []
    }
    if (more.length === 0 && isUnchanged(rule.parsed, only)) return [rule.source]
    const parts = plan.scopes.map((scope, index) => ({ scope, id: index === 0 ? id : freeId(id, index + 1, ids) }))
    changes.push({ rule: id, change: 'narrowed', because: plan.because, parts: parts.map((part) => narrowedRule(rule, part.id, part.scope)) })
    return parts.map((part) => ruleWith(rule.source, part.id, part.scope))
  })
  return { policy: withRules(policy.source, version, rules), changes }
}

type Plan =
  | { readonly kind: 'left'; readonly because: string }
  | { readonly kind: 'narrowed'; readonly scopes: readonly NarrowedScope[]; readonly because: string }

function planOf(rule: ReplayRule, use: PolicyUse, shared: SharedTargets | undefined, { maxNames, maxParts }: NarrowBounds): Plan {
  const whyLeft = use.whyLeft(rule)
  if (whyLeft !== undefined) return { kind: 'left', because: whyLeft }
  const rights = [...use.rightsOf(rule)]
  if (rule.hasDuties && shared === undefined) return { kind: 'left', because: tooMany }
  const points = rule.hasDuties ? coverage(rights, shared?.get(rule) ?? []) : { exact: rights, wide: [] }
  const boxes = [...boxesOf(points.exact), ...boxesOf(points.wide)]
  if (boxes.length > maxParts) return { kind: 'left', because: `what was used of it would be ${boxes.length} rules` }
  const scopes = boxes.map((box) => narrowedTo(rule.parsed, box, maxNames))
  const because = [
    'the rest was not used',
    ...(points.wide.length === 0 ? [] : ['where other permits permit too it stays for everybody it was for, since its duties restrict them']),
    ...(scopes.every(({ isExact }) => isExact) ? [] : ['some names are too many, or cannot be written']),
  ]
  return { kind: 'narrowed', scopes, because: because.join('; ') }
}

/** By permit with duties: what was done, by whatever rule, that it is about and another permit still permits. */
type SharedTargets = ReadonlyMap<ReplayRule, readonly Target[]>

/** How many of these there may be in all. */
const maxShared = 1_000_000

/** How many pairs of rules are compared, of which one may permit what the other restricts. */
const maxPairs = 10_000_000
const tooMany = 'too many rules have duties to tell which others these restrict'

// Undefined where there would be too many: then permits with duties stay as they are.
function sharedTargets(permits: readonly ReplayRule[], use: PolicyUse): SharedTargets | undefined {
  const shared = new Map<ReplayRule, Target[]>()
  const owing = permits.filter(({ hasDuties }) => hasDuties)
  if (owing.length === 0) return shared
  const about = ruleFinder(owing, anyCaller)
  let all = 0
  for (const target of use.targets) {
    const rules = about(target)
    all += rules.length
    if (all > maxShared) return undefined
    for (const rule of rules) {
      if (rules.length === 1 && use.usersOf(target) <= (use.wasUsedOn(rule, target) ? 1 : 0)) continue
      const targets = shared.get(rule)
      if (targets === undefined) shared.set(rule, [target])
      else targets.push(target)
    }
  }
  return shared
}

// What a permit with duties must go on to cover: where another permit still permits, it stays for everybody it was for.
function coverage(
  rights: readonly (readonly string[])[],
  shared: readonly Target[],
): { readonly exact: readonly (readonly string[])[]; readonly wide: readonly (readonly string[])[] } {
  const wide = shared.map(({ action, resourceType, resourceId }) => [asWritten, asWritten, asWritten, action, resourceType, resourceId])
  const names = new Set(wide.map((point) => JSON.stringify(point.slice(3))))
  return { exact: rights.filter((point) => !names.has(JSON.stringify(point.slice(3)))), wide }
}

// A permit that goes on to give more than was used may give it where one with duties was cut back: then that one stays whole.
function leaveWhatRestricts(plans: Map<ReplayRule, Plan>): void {
  const isWide = (plan: Plan): boolean => plan.kind === 'left' || plan.scopes.some(({ isExact }) => !isExact)
  const wide = [...plans].filter(([, plan]) => isWide(plan)).map(([rule]) => rule)
  const owing = [...plans.keys()].filter(({ hasDuties }) => hasDuties)
  if (wide.length * owing.length > maxPairs) {
    for (const rule of owing) plans.set(rule, { kind: 'left', because: tooMany })
    return
  }
  for (let rule = wide.pop(); rule !== undefined; rule = wide.pop()) {
    for (const other of owing) {
      const plan = plans.get(other)
      if (other === rule || plan === undefined || plan.kind === 'left' || !mayMeet(rule.parsed, other.parsed)) continue
      plans.set(other, { kind: 'left', because: `its duties restrict '${rule.parsed.id}', which permits more than can be named` })
      if (!isWide(plan)) wide.push(other)
    }
  }
}

function narrowedRule({ parsed }: ReplayRule, id: string, { parts }: NarrowedScope): NarrowedRule {
  const scope: Partial<Record<ScopePart, { before: readonly NamePattern[] | undefined; after: readonly NamePattern[] }>> = {}
  for (const part of scopeParts) {
    const [before, after] = [patternsOf(parsed, part), parts[part]]
    if (after !== undefined && !(before !== undefined && areSame(before, after))) scope[part] = { before, after }
  }
  return { id, scope }
}

function freeId(id: string, number: number, taken: Set<string>): string {
  let free = `${id}~${number}`
  while (taken.has(free)) free = `${free}~`
  taken.add(free)
  return free
}

function withRules(source: PolicyJson, version: string, rules: readonly RuleJson[]): PolicyJson {
  const { $schema, id, version: _, rules: __, ...others } = source
  return { ...($schema !== undefined && { $schema }), id, version, ...others, rules }
}
