import { type Check, checkOptions, hasMethods, optional } from '../guard/check-options.ts'
import { type Clock, systemClock } from '../guard/clock.ts'
import type { Decision } from '../guard/context.ts'
import type { PolicyEvaluator, PolicyRequest } from './policy-evaluator.ts'
import { answersAsPolicySet, policySetBehind, standsBefore } from './policy-set-behind.ts'

/** Options of `differences`. */
export interface DifferencesOptions {
  /** How many kinds of differences are told apart; 256 unless given. What comes beyond is counted all the same. */
  readonly max?: number
  /** The system's unless given. */
  readonly clock?: Clock
}

/** What a shadow and the policy in force said of one question. */
export interface ComparedDecisions {
  readonly request: PolicyRequest
  readonly active: Decision
  /** Undefined where the shadow could not decide. */
  readonly candidate: Decision | undefined
}

/**
 * What would become of a call.
 *
 * - `would_allow` it is denied, and the candidate allows it
 * - `would_deny` it is allowed, and the candidate denies it
 * - `obligations` both say the same, with other duties
 * - `failed` the candidate could not decide
 */
export type DifferenceKind = 'would_allow' | 'would_deny' | 'obligations' | 'failed'

/** Calls that differ in the same way, by the same rules. It holds names and no value. */
export interface DifferenceGroup {
  readonly kind: DifferenceKind
  readonly count: number
  readonly action: string
  readonly subjectType: string
  readonly resourceType: string
  /** The rules that decided, here and there. */
  readonly active: readonly string[]
  readonly candidate: readonly string[]
  /** Types of duties that only one of them has. */
  readonly obligations: { readonly active: readonly string[]; readonly candidate: readonly string[] }
  /** Which attributes the first such request had, by name; the first 64. */
  readonly attributes: readonly string[]
  /** Milliseconds since 1970. */
  readonly firstAt: number
  readonly lastAt: number
}

/** What was seen so far. */
export interface DifferencesReport {
  /** How often the candidate was asked, where it was made by `shadow`; else 0. */
  readonly asked: number
  readonly total: number
  readonly counts: Readonly<Record<DifferenceKind, number>>
  /** Most frequent first. */
  readonly groups: readonly DifferenceGroup[]
  /** Differences that found no room among the groups. */
  readonly ungrouped: number
}

/** Collects differences: a function for `onDifference`. */
export interface Differences {
  (difference: ComparedDecisions, call?: { readonly id: string }): void
  /** The candidate, so that the report knows how often it was asked. */
  shadow(candidate: PolicyEvaluator): PolicyEvaluator
  /** What was seen so far, as a copy. */
  report(): DifferencesReport
}

const checks: Readonly<Record<keyof DifferencesOptions, Check>> = {
  max: [optional((value) => Number.isSafeInteger(value) && (value as number) > 0), 'a whole number above zero'],
  clock: [optional(hasMethods('now', 'monotonic', 'after')), 'a Clock'],
}

/**
 * Collects where a candidate policy differs from the one in force on live traffic, in a bounded room and without values. A call whose
 * answer streams is asked about again and again, and counted once.
 *
 * ```ts
 * const seen = differences()
 * const decided = authorize({ evaluator: policySet(policy), shadow: seen.shadow(policySet(candidate)), onDifference: seen })
 * console.log(seen.report())
 * ```
 *
 * @throws TypeError for wrong options.
 */
export function differences(options: DifferencesOptions = {}): Differences {
  checkOptions('differences', options, checks)
  const { max = 256, clock = systemClock } = options
  const collected = new CollectedDifferences(max, clock)
  const collect = (difference: ComparedDecisions, call?: { readonly id: string }): void => collected.add(difference, call?.id)
  return Object.assign(collect, {
    shadow: (candidate: PolicyEvaluator) => collected.counted(candidate),
    report: () => collected.report(),
  })
}

/** Of how many calls it is known which differences were counted. */
const maxCalls = 4_096
const maxAttributes = 64

class CollectedDifferences {
  readonly #max: number
  readonly #clock: Clock
  readonly #groups = new Map<string, { -readonly [K in keyof DifferenceGroup]: DifferenceGroup[K] }>()
  readonly #counts: Record<DifferenceKind, number> = { would_allow: 0, would_deny: 0, obligations: 0, failed: 0 }
  readonly #calls = new Set<string>()
  #asked = 0
  #ungrouped = 0

  constructor(max: number, clock: Clock) {
    this.#max = max
    this.#clock = clock
  }

  counted(candidate: PolicyEvaluator): PolicyEvaluator {
    const counted: PolicyEvaluator = Object.freeze({
      evaluate: (request: PolicyRequest, signal?: AbortSignal) => {
        this.#asked++
        return candidate.evaluate(request, signal)
      },
      describe: () => ({ ...candidate.describe?.() }),
    })
    if (answersAsPolicySet(candidate)) standsBefore(counted, () => policySetBehind(candidate))
    return counted
  }

  add({ request, active, candidate }: ComparedDecisions, call: string | undefined): void {
    const kind = kindOf(active, candidate)
    const { subject, action, resource } = request
    const rules = [rulesOf(active), rulesOf(candidate)] as const
    const duties = { active: dutiesOnlyOf(active, candidate), candidate: dutiesOnlyOf(candidate, active) }
    const key = JSON.stringify([kind, action.name, subject.type, resource.type, rules, duties])
    if (call !== undefined && !this.#isNew(`${call} ${key}`)) return
    this.#counts[kind]++
    const now = this.#clock.now()
    const group = this.#groups.get(key)
    if (group !== undefined) {
      group.count++
      group.lastAt = now
    } else if (this.#groups.size >= this.#max) this.#ungrouped++
    else
      this.#groups.set(key, {
        kind,
        count: 1,
        action: action.name,
        subjectType: subject.type,
        resourceType: resource.type,
        active: rules[0],
        candidate: rules[1],
        obligations: duties,
        attributes: attributesIn(request),
        firstAt: now,
        lastAt: now,
      })
  }

  report(): DifferencesReport {
    const groups = [...this.#groups.values()].sort((one, other) => other.count - one.count).map((group) => ({ ...group }))
    const counts = { ...this.#counts }
    const total = Object.values(counts).reduce((sum, count) => sum + count, 0)
    return { asked: this.#asked, total, counts, groups, ungrouped: this.#ungrouped }
  }

  #isNew(call: string): boolean {
    if (this.#calls.has(call)) return false
    if (this.#calls.size >= maxCalls)
      for (const oldest of this.#calls) {
        this.#calls.delete(oldest)
        break
      }
    this.#calls.add(call)
    return true
  }
}

function kindOf(active: Decision, candidate: Decision | undefined): DifferenceKind {
  if (candidate === undefined) return 'failed'
  if (candidate.allowed === active.allowed) return 'obligations'
  return candidate.allowed ? 'would_allow' : 'would_deny'
}

function rulesOf(decision: Decision | undefined): readonly string[] {
  return decision === undefined ? [] : decision.reasons.map(({ rule }) => rule).sort()
}

function dutiesOnlyOf(one: Decision | undefined, other: Decision | undefined): readonly string[] {
  if (one === undefined || other === undefined) return []
  const others = new Set(other.obligations.map((duty) => JSON.stringify(duty)))
  return [...new Set(one.obligations.filter((duty) => !others.has(JSON.stringify(duty))).map(({ type }) => type))].sort()
}

function attributesIn({ subject, action, resource, context }: PolicyRequest): readonly string[] {
  const named = { subject: subject.properties, action: action.properties, resource: resource.properties, context }
  return Object.entries(named)
    .flatMap(([root, properties]) => Object.keys(properties ?? {}).map((name) => `${root}.${name.slice(0, 64)}`))
    .slice(0, maxAttributes)
}
