import type { AccessUsage } from './access-review.ts'
import type { PolicyUse } from './narrow-policy.ts'
import { truth } from './possible-truth.ts'
import type { ReplayAnswer } from './replay-answer.ts'
import type { Caller, ReplayCase } from './replay-case.ts'
import type { ReplayPolicy, ReplayRule, Target } from './replay-policy.ts'
import { rolesThatGive } from './role-grants.ts'
import { asWritten } from './rule-scope.ts'

/** How many rights of one rule are told apart. */
const maxRights = 20_000

/** Uses that are being counted. */
export interface Counted extends AccessUsage {
  uses: number
  first: number | undefined
  last: number | undefined
}

/** What is known of the use of one rule. */
interface RuleUse extends Counted {
  readonly rights: Map<string, readonly string[]>
  readonly targets: Set<Target>
  readonly callers: Set<string>
}

/** What one caller did. */
export interface CallerUse extends Counted {
  /** Its roles when it was last seen. */
  caller: Caller
  seen: number
  readonly rules: Set<ReplayRule>
}

/** Nothing yet. */
export function nothingCounted(): Counted {
  return { uses: 0, first: undefined, last: undefined }
}

/** Counts the calls of a case. */
export function countUses(usage: Counted, { count, first, last }: Pick<ReplayCase, 'count' | 'first' | 'last'>): void {
  usage.uses += count
  usage.first = Math.min(usage.first ?? first, first)
  usage.last = Math.max(usage.last ?? last, last)
}

/** Adds up what was used, by rule, by role and by caller. */
export class ReviewTally implements PolicyUse {
  readonly rules: Map<ReplayRule, RuleUse> = new Map()
  /** By role, and of a role by the permits that it gave. */
  readonly roles: Map<string, Counted & { readonly rules: Map<ReplayRule, Counted> }> = new Map()
  readonly holders: Map<string, Set<string>> = new Map()
  readonly callers: Map<string, CallerUse> = new Map()
  readonly #giving: (rule: ReplayRule) => ReadonlySet<string>
  readonly #byId: boolean
  readonly #seen = new Set<Caller>()
  /** Of these there were too many rights to keep. */
  readonly #crowded = new Set<ReplayRule>()
  readonly #left = new Map<ReplayRule, string>()
  /** With how many permits let something through there. */
  readonly #targets = new Map<Target, number>()

  /** @param byId whether rights are told apart by the caller's id, whatever the rule names. */
  constructor(policy: ReplayPolicy, byId: boolean) {
    this.#giving = rolesThatGive(policy)
    this.#byId = byId
  }

  get targets(): Iterable<Target> {
    return this.#targets.keys()
  }

  usersOf(target: Target): number {
    return this.#targets.get(target) ?? 0
  }

  rightsOf(rule: ReplayRule): Iterable<readonly string[]> {
    return this.rules.get(rule)?.rights.values() ?? []
  }

  wasUsedOn(rule: ReplayRule, target: Target): boolean {
    return this.rules.get(rule)?.targets.has(target) === true
  }

  whyLeft(rule: ReplayRule): string | undefined {
    return this.#left.get(rule)
  }

  /** A permit must stand as it does. */
  leave(rule: ReplayRule, because: string): void {
    if (rule.parsed.effect === 'permit' && !this.#left.has(rule)) this.#left.set(rule, because)
  }

  /** @param answer what the policy says of it. */
  add(each: ReplayCase, answer: ReplayAnswer): void {
    const { caller, target } = each.right
    const use = this.#caller(each)
    if (!each.allowed) {
      if (!each.permitted && answer.allowed === false) for (const rule of answer.rules) if (rule.parsed.effect === 'forbid') this.#count(rule, each)
      return
    }
    countUses(use, each)
    // Let through by another policy: this one refuses it.
    if (answer.allowed === false) return
    if (!this.#targets.has(target)) this.#targets.set(target, 0)
    // Where another permit decides all the same, nothing hangs on these.
    if (answer.allowed === undefined) for (const rule of answer.open) this.leave(rule, whyOpen(rule, each))
    const roles = new Set<string>()
    for (const rule of answer.rules) {
      use.rules.add(rule)
      this.#count(rule, each)
      this.#rights(rule, caller, target)
      for (const role of this.#roles(rule, caller, each)) roles.add(role)
    }
    for (const role of roles) countUses(this.#role(role), each)
  }

  #caller({ right: { caller }, last }: ReplayCase): CallerUse {
    let use = this.callers.get(caller.key)
    if (use === undefined) {
      use = { ...nothingCounted(), caller, seen: last, rules: new Set() }
      this.callers.set(caller.key, use)
    }
    if (last >= use.seen) {
      use.seen = last
      use.caller = caller
    }
    if (this.#seen.has(caller)) return use
    this.#seen.add(caller)
    for (const role of caller.held[0]?.names ?? []) {
      const holders = this.holders.get(role)
      if (holders === undefined) this.holders.set(role, new Set([caller.key]))
      else holders.add(caller.key)
    }
    return use
  }

  #count(rule: ReplayRule, each: ReplayCase): void {
    const use = this.#use(rule)
    countUses(use, each)
    use.callers.add(each.right.caller.key)
  }

  #use(rule: ReplayRule): RuleUse {
    const known = this.rules.get(rule)
    if (known !== undefined) return known
    const use = { ...nothingCounted(), rights: new Map<string, readonly string[]>(), targets: new Set<Target>(), callers: new Set<string>() }
    this.rules.set(rule, use)
    return use
  }

  #rights(rule: ReplayRule, caller: Caller, target: Target): void {
    const { action, resourceType, resourceId } = target
    const { subjectTypes, subjectIds, subjectRoles } = rule.parsed
    const { rights, targets } = this.#use(rule)
    if (!targets.has(target)) this.#targets.set(target, this.usersOf(target) + 1)
    targets.add(target)
    // What comes after they were too many is only a part of them, and would say that the others were not used.
    if (this.#crowded.has(rule)) return
    const type = subjectTypes === undefined && !this.#byId ? asWritten : caller.type
    const id = subjectIds === undefined && !this.#byId ? asWritten : caller.id
    const held = subjectRoles === undefined ? [asWritten] : subjectRoles.filter((role) => caller.held[0]?.has(role) === true)
    for (const role of held) {
      const point = [type, id, role, action, resourceType, resourceId]
      rights.set(JSON.stringify(point), point)
    }
    if (rights.size > maxRights) {
      this.leave(rule, `more than ${maxRights} different rights of it were used`)
      this.#crowded.add(rule)
      rights.clear()
    }
  }

  // The caller's roles that give it this permit, by whatever they include.
  *#roles(rule: ReplayRule, caller: Caller, each: ReplayCase): Generator<string> {
    const giving = this.#giving(rule)
    for (const role of caller.held[0]?.names ?? []) {
      if (!giving.has(role)) continue
      const use = this.#role(role)
      let own = use.rules.get(rule)
      if (own === undefined) {
        own = nothingCounted()
        use.rules.set(rule, own)
      }
      countUses(own, each)
      yield role
    }
  }

  #role(role: string): Counted & { readonly rules: Map<ReplayRule, Counted> } {
    const known = this.roles.get(role)
    if (known !== undefined) return known
    const use = { ...nothingCounted(), rules: new Map<ReplayRule, Counted>() }
    this.roles.set(role, use)
    return use
  }
}

function whyOpen(rule: ReplayRule, each: ReplayCase): string {
  const isOpen = rule.condition !== undefined && each.possible(rule.condition) !== truth.true
  const paths = isOpen ? [...rule.paths].sort().slice(0, 8).join(', ') : ''
  return `whether its condition held cannot be replayed: ${paths} of call ${each.example} are not known`
}
