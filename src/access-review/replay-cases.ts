import type { AttributeOpener } from '../audit-log/sealed-attributes.ts'
import type { Awaitable } from '../guard/context.ts'
import { isThenable } from '../guard/thenable.ts'
import { knownRequest } from './known-request.ts'
import type { RecordedCall, RecordedCaller } from './recorded-call.ts'
import { recordedTruths } from './recorded-truth.ts'
import { type Caller, type CaseTraits, type ReplayCase, type Right, SortedCase, SortedRight, type Source, type Verdict } from './replay-case.ts'
import type { ReplayPolicy, Target } from './replay-policy.ts'
import { type RightConditions, SharedConditions } from './right-conditions.ts'

/** How many characters of names a case may hold on average: who writes long ones must not take all memory. */
const charactersACase = 256

/**
 * Sorts recorded calls into cases, so that what is to be replayed grows with what is different and not with the log.
 * Holds at most so many cases; what would be one more is given back.
 */
export class ReplayCases {
  readonly #policies: readonly ReplayPolicy[]
  readonly #opener: AttributeOpener | undefined
  readonly #most: number
  /** By key, and of one key by type, id and roles. */
  readonly #callers = new Map<string, CallerVariants>()
  readonly #targets = new Map<string, Map<string, Map<string, Target>>>()
  readonly #conditions = new SharedConditions()
  readonly #verdicts = new Map<string, Verdict>()
  readonly #profiles = new Map<string, Profile>()
  /** Whether some rule is for certain ids: else callers of one profile have the same rules in scope. */
  readonly #asksForIds: boolean
  #count = 0
  #characters = 0

  constructor(policies: readonly ReplayPolicy[], opener: AttributeOpener | undefined, most: number) {
    this.#policies = policies
    this.#opener = opener
    this.#most = most
    this.#asksForIds = policies.some(({ rules }) => rules.some(({ parsed }) => parsed.subjectIds !== undefined))
  }

  /** Every case, once all records are in. */
  *all(): Generator<ReplayCase> {
    for (const { variants } of this.#callers.values())
      for (const { rights } of variants.values()) for (const right of rights.values()) yield* right.cases()
  }

  /** The rules that a call is about, without taking it. */
  scopesOf(call: RecordedCall): Right['scopes'] {
    return this.#scopes(this.#heldBy(call.subject), call.subject, call)
  }

  /** Takes a call; undefined where there are too many cases already. At once where nothing must be waited for. */
  take(call: RecordedCall): Awaitable<SortedCase | undefined> {
    const right = this.#right(call)
    if (right === undefined) return undefined
    const { conditions } = right
    const sealed = conditions.isEmpty ? undefined : call.attributes?.sealed
    if (sealed === undefined || this.#opener === undefined) {
      const source = sealed === undefined ? 'open' : 'unopened'
      // Nothing else of such a record says anything about conditions, so it is as good as one before it.
      const known = conditions.varies ? undefined : right.plainCase(call, source)
      return known === undefined ? this.#sort(call, right, undefined, source) : known.take(call)
    }
    const opened = this.#opener.open(call.id, sealed)
    return isThenable(opened) ? opened.then((attributes) => this.#opened(call, right, attributes)) : this.#opened(call, right, opened)
  }

  get #isFull(): boolean {
    return this.#count >= this.#most || this.#characters >= this.#most * charactersACase
  }

  #opened(call: RecordedCall, right: SortedRight, attributes: Readonly<Record<string, unknown>> | undefined): SortedCase | undefined {
    return this.#sort(call, right, attributes, attributes === undefined ? 'unopened' : 'opened')
  }

  #sort(call: RecordedCall, right: SortedRight, opened: Readonly<Record<string, unknown>> | undefined, source: Source): SortedCase | undefined {
    const { conditions } = right
    const verdict = this.#verdict(call)
    if (verdict === undefined) return undefined
    const [scope, policy] = [conditions.scopeOf(verdict.policy), this.#policies[verdict.policy]]
    const recorded = scope === undefined || policy === undefined ? undefined : recordedTruths(call, policy, scope)
    const request = conditions.isEmpty ? undefined : knownRequest(call, conditions.paths, opened)
    const both = recorded === undefined ? undefined : conditions.truths(request, recorded)
    const truths = conditions.shared(both ?? conditions.truths(request, undefined) ?? [], !this.#isFull)
    if (truths === undefined) return undefined
    const traits: CaseTraits = { truths, isRecorded: both !== undefined, verdict, source }
    return right.caseOf(call, traits, () => this.#makeCase(call, right, traits))?.take(call)
  }

  #makeCase(call: RecordedCall, right: SortedRight, traits: CaseTraits): SortedCase | undefined {
    if (this.#isFull) return undefined
    this.#count++
    this.#characters += call.id.length
    return new SortedCase(right, call, traits)
  }

  #verdict({ policy: { id, version }, rules }: RecordedCall): Verdict | undefined {
    const key = JSON.stringify([id, version, rules.map(({ rule, effect }) => [rule, effect])])
    const known = this.#verdicts.get(key)
    if (known !== undefined || this.#isFull) return known
    const policy = this.#policies.findIndex((one) => one.id === id && one.version === version)
    const verdict = { number: this.#verdicts.size, id, version, policy, rules: rules.map(({ rule, effect }) => ({ rule, effect })) }
    this.#verdicts.set(key, verdict)
    this.#characters += 2 * key.length
    return verdict
  }

  #right(call: RecordedCall): SortedRight | undefined {
    const caller = this.#caller(call.subject)
    const target = this.#target(call)
    if (caller === undefined || target === undefined) return undefined
    const known = caller.rights.get(target)
    if (known !== undefined || this.#isFull) return known
    const right = new SortedRight(caller, target, this.#conditionsOf(caller, target))
    caller.rights.set(target, right)
    return right
  }

  #conditionsOf(caller: SortedCaller, target: Target): RightConditions {
    const { byTarget } = caller.profile
    let conditions = this.#asksForIds ? undefined : byTarget.get(target)
    if (conditions === undefined) {
      conditions = this.#conditions.of(this.#scopes(caller.held, caller, target))
      if (!this.#asksForIds) byTarget.set(target, conditions)
    }
    return conditions
  }

  #profile(subject: RecordedCaller): Profile {
    const key = JSON.stringify([subject.type, subject.roles])
    let profile = this.#profiles.get(key)
    if (profile === undefined) {
      profile = { roles: [...subject.roles], held: this.#heldBy(subject), byTarget: new Map() }
      this.#profiles.set(key, profile)
      this.#characters += 2 * key.length
    }
    return profile
  }

  #caller(subject: RecordedCaller): SortedCaller | undefined {
    const known = this.#callers.get(subject.key)
    if (known !== undefined && isSame(known.latest, subject)) return known.latest
    const { key, id, issuer, type } = subject
    const variant = JSON.stringify([type, id, subject.roles])
    const caller = known?.variants.get(variant)
    if (known !== undefined && caller !== undefined) {
      known.latest = caller
      return caller
    }
    if (this.#isFull) return undefined
    const profile = this.#profile(subject)
    const made = { key, id, issuer, type, roles: profile.roles, held: profile.held, profile, rights: new Map<Target, SortedRight>() }
    this.#characters += key.length + issuer.length + variant.length
    if (known === undefined) this.#callers.set(key, { latest: made, variants: new Map([[variant, made]]) })
    else {
      known.latest = made
      known.variants.set(variant, made)
    }
    return made
  }

  #heldBy({ roles }: RecordedCaller): Caller['held'] {
    return this.#policies.map((policy) => policy.rolesOf(roles))
  }

  #target({ action, resourceType, resourceId }: Target): Target | undefined {
    const known = this.#targets.get(action)?.get(resourceType)?.get(resourceId)
    if (known !== undefined || this.#isFull) return known
    const target = { action, resourceType, resourceId }
    const types = this.#targets.get(action) ?? new Map<string, Map<string, Target>>()
    const ids = types.get(resourceType) ?? new Map<string, Target>()
    this.#targets.set(action, types.set(resourceType, ids.set(resourceId, target)))
    this.#characters += action.length + resourceType.length + resourceId.length
    return target
  }

  #scopes(held: Caller['held'], { type, id }: RecordedCaller, target: Target): Right['scopes'] {
    return this.#policies.map((policy, at) => policy.inScope(target, type, id, held[at] ?? noRoles))
  }
}

/** What callers of one type with the same roles have in common. */
interface Profile {
  readonly roles: readonly string[]
  readonly held: Caller['held']
  readonly byTarget: Map<Target, RightConditions>
}

interface SortedCaller extends Caller {
  readonly profile: Profile
  readonly rights: Map<Target, SortedRight>
}

interface CallerVariants {
  latest: SortedCaller
  readonly variants: Map<string, SortedCaller>
}

const noRoles: Caller['held'][number] = { names: [], has: () => false }

function isSame(one: RecordedCaller, other: RecordedCaller): boolean {
  const { roles } = other
  if (one.id !== other.id || one.type !== other.type || one.roles.length !== roles.length) return false
  for (let index = 0; index < roles.length; index++) if (one.roles[index] !== roles[index]) return false
  return true
}
