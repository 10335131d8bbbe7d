import type { AttributeOpener } from '../audit-log/sealed-attributes.ts'
import type { Awaitable } from '../guard/context.ts'
import { isThenable } from '../guard/thenable.ts'
import { knownRequest } from './known-request.ts'
import { type KnownRequest, type Possible, possibleTruth, truth } from './possible-truth.ts'
import type { RecordedCall, RecordedCaller } from './recorded-call.ts'
import { recordedTruths } from './recorded-truth.ts'
import type { ReplayPolicy, ReplayRule } from './replay-policy.ts'

/** A caller with certain roles. */
export interface Caller extends RecordedCaller {
  /** Its roles and what a policy includes in them, by policy. */
  readonly included: readonly ReadonlySet<string>[]
}

/** What was done to what. */
export interface Target {
  readonly action: string
  readonly resourceType: string
  readonly resourceId: string
  /** The rules whose action and resource fit, by policy. */
  readonly about: readonly (readonly ReplayRule[])[]
}

/** A caller and what it did: which rules are in question. */
export interface Right {
  readonly caller: Caller
  readonly target: Target
  /** The rules whose scope fits, by policy. */
  readonly scopes: readonly (readonly ReplayRule[])[]
}

/** Calls that no policy in question can tell apart: one right, and the same truth of every condition. */
export interface ReplayCase {
  readonly right: Right
  readonly allowed: boolean
  readonly permitted: boolean
  /** Whether the record named the rules that decided, and they are those of one of the policies. */
  readonly isRecorded: boolean
  readonly count: number
  readonly first: number
  readonly last: number
  /** The id of the newest of these calls. */
  readonly example: string
  possible(condition: string): Possible
}

/** What became of a record that was taken. */
export interface Taken {
  readonly isRecorded: boolean
  /** Its rules or its attributes contradict the policy that it names. */
  readonly contradicts: boolean
  /** It has sealed attributes that matter, and they could not be opened. */
  readonly unopened: boolean
}

/**
 * Sorts recorded calls into cases, so that what is to be replayed grows with what is different and not with the log.
 * Holds at most so many cases; what would be one more is given back.
 */
export class ReplayCases {
  readonly #policies: readonly ReplayPolicy[]
  readonly #opener: AttributeOpener | undefined
  readonly #most: number
  readonly #callers = new Map<string, SortedCaller[]>()
  readonly #targets = new Map<string, Map<string, Map<string, Target>>>()
  readonly #matters: Matters
  /** By which policy and by which rules calls were decided. */
  readonly #verdicts = new Map<string, Verdict>()
  #count = 0

  constructor(policies: readonly ReplayPolicy[], opener: AttributeOpener | undefined, most: number) {
    this.#policies = policies
    this.#opener = opener
    this.#most = most
    this.#matters = new Matters(policies)
  }

  /** Every case, once all records are in. */
  *all(): Generator<ReplayCase> {
    for (const variants of this.#callers.values()) for (const { rights } of variants) for (const { cases } of rights.values()) yield* cases
  }

  /** The rules that a call is about, without taking it. */
  scopesOf(call: RecordedCall): Right['scopes'] {
    return this.#scopes(this.#makeCaller(call.subject), this.#makeTarget(call))
  }

  /** Takes a call; undefined where there are too many cases already. At once where nothing must be waited for. */
  take(call: RecordedCall): Awaitable<Taken | undefined> {
    const right = this.#right(call)
    if (right === undefined) return undefined
    const { matter, cases } = right
    const sealed = matter.conditions.length === 0 ? undefined : call.record.attributes?.sealed
    if (typeof sealed !== 'string' || this.#opener === undefined) {
      const source = sealed === undefined ? 'open' : 'unopened'
      // Nothing else of such a record says anything about conditions, so it is as good as one before it.
      const known = matter.varies ? undefined : cases.find((one) => one.isOf(call, source))
      return known === undefined ? this.#sort(call, right, undefined, source) : known.take(call)
    }
    const opened = this.#opener.open(call.id, sealed)
    return isThenable(opened)
      ? opened.then((attributes) => this.#sort(call, right, attributes, attributes === undefined ? 'unopened' : 'opened'))
      : this.#sort(call, right, opened, opened === undefined ? 'unopened' : 'opened')
  }

  #sort(call: RecordedCall, right: SortedRight, opened: Readonly<Record<string, unknown>> | undefined, source: Source): Taken | undefined {
    const { matter, cases } = right
    const verdict = this.#verdict(call)
    const [scope, at] = [right.scopes[verdict.policy], this.#policies[verdict.policy]]
    const recorded = scope === undefined || at === undefined ? undefined : recordedTruths(call, at, scope)
    const found = matter.truths(knownRequest(call, matter.paths, opened))
    const both = found.map((possible, index) => possible & (recorded?.get(matter.conditions[index] ?? '') ?? truth.any))
    const isRecorded = recorded !== undefined && both.every((possible) => possible !== 0)
    const truths = matter.intern(isRecorded ? both : found)
    let known = cases.find((one) => one.isLike(call, truths, isRecorded, verdict, source))
    if (known === undefined) {
      if (this.#count >= this.#most) return undefined
      this.#count++
      known = new SortedCase(right, call, truths, isRecorded, verdict, source)
      cases.push(known)
    }
    return known.take(call)
  }

  #verdict({ policy: { id, version }, rules }: RecordedCall): Verdict {
    const key = JSON.stringify([id, version, rules.map(({ rule, effect }) => [rule, effect])])
    let verdict = this.#verdicts.get(key)
    if (verdict === undefined) {
      const policy = this.#policies.findIndex((one) => one.id === id && one.version === version)
      verdict = { id, version, policy, rules: rules.map(({ rule, effect }) => ({ rule, effect })) }
      this.#verdicts.set(key, verdict)
    }
    return verdict
  }

  #right(call: RecordedCall): SortedRight | undefined {
    const isFull = this.#count >= this.#most
    const caller = this.#caller(call.subject, isFull)
    const target = this.#target(call, isFull)
    if (caller === undefined || target === undefined) return undefined
    const known = caller.rights.get(target)
    if (known !== undefined || isFull) return known
    const matter = this.#matters.of(this.#scopes(caller, target))
    const right = { caller, target, scopes: matter.scopes, matter, cases: [] }
    caller.rights.set(target, right)
    return right
  }

  #caller(subject: RecordedCaller, isFull: boolean): SortedCaller | undefined {
    const variants = this.#callers.get(subject.key)
    const known = variants?.find(({ id, type, roles }) => id === subject.id && type === subject.type && areEqual(roles, subject.roles))
    if (known !== undefined || isFull) return known
    const caller = this.#makeCaller(subject)
    if (variants === undefined) this.#callers.set(subject.key, [caller])
    else variants.push(caller)
    return caller
  }

  #makeCaller({ key, id, issuer, type, roles }: RecordedCaller): SortedCaller {
    const included = this.#policies.map((policy) => policy.rolesOf(roles))
    return { key, id, issuer, type, roles: [...roles], included, rights: new Map() }
  }

  #target(call: RecordedCall, isFull: boolean): Target | undefined {
    const { action, resourceType, resourceId } = call
    const known = this.#targets.get(action)?.get(resourceType)?.get(resourceId)
    if (known !== undefined || isFull) return known
    const target = this.#makeTarget(call)
    const types = this.#targets.get(action) ?? new Map<string, Map<string, Target>>()
    const ids = types.get(resourceType) ?? new Map<string, Target>()
    this.#targets.set(action, types.set(resourceType, ids.set(resourceId, target)))
    return target
  }

  #makeTarget({ action, resourceType, resourceId }: RecordedCall): Target {
    return { action, resourceType, resourceId, about: this.#policies.map((policy) => policy.about(action, resourceType, resourceId)) }
  }

  #scopes(caller: Caller, target: Target): Right['scopes'] {
    return target.about.map((rules, at) => rules.filter((rule) => rule.fitsSubject(caller.type, caller.id, caller.included[at] ?? noRoles)))
  }
}

interface SortedCaller extends Caller {
  readonly rights: Map<Target, SortedRight>
}

interface SortedRight extends Right {
  readonly matter: Matter
  readonly cases: SortedCase[]
}

/** Where the truth of conditions comes from: what stands in records, sealed attributes, or the former for want of the latter. */
type Source = 'open' | 'opened' | 'unopened'

interface Verdict {
  readonly id: string
  readonly version: string
  /** Which of the policies it is; -1 where it is none of them. */
  readonly policy: number
  readonly rules: RecordedCall['rules']
}

// There may be half a million of them: an object each, and nothing in it that others could share.
class SortedCase implements ReplayCase {
  readonly right: SortedRight
  readonly allowed: boolean
  readonly permitted: boolean
  readonly isRecorded: boolean
  count = 0
  first: number
  last: number
  example: string
  readonly #verdict: Verdict
  readonly #truths: readonly Possible[]
  readonly #source: Source

  constructor(right: SortedRight, call: RecordedCall, truths: readonly Possible[], isRecorded: boolean, verdict: Verdict, source: Source) {
    this.right = right
    this.allowed = call.allowed
    this.permitted = call.permitted
    this.isRecorded = isRecorded
    this.first = call.time
    this.last = call.time
    this.example = call.id
    this.#verdict = verdict
    this.#truths = truths
    this.#source = source
  }

  get contradicts(): boolean {
    return !this.isRecorded && this.#verdict.policy !== -1
  }

  get unopened(): boolean {
    return this.#source === 'unopened'
  }

  possible(condition: string): Possible {
    return this.#truths[this.right.matter.conditions.indexOf(condition)] ?? truth.any
  }

  isOf({ allowed, permitted, policy, rules }: RecordedCall, source: Source): boolean {
    const { id, version, rules: own } = this.#verdict
    if (allowed !== this.allowed || permitted !== this.permitted || source !== this.#source || rules.length !== own.length) return false
    if (policy.id !== id || policy.version !== version) return false
    for (let index = 0; index < own.length; index++)
      if (rules[index]?.rule !== own[index]?.rule || rules[index]?.effect !== own[index]?.effect) return false
    return true
  }

  isLike({ allowed, permitted }: RecordedCall, truths: readonly Possible[], isRecorded: boolean, verdict: Verdict, source: Source): boolean {
    return (
      allowed === this.allowed &&
      permitted === this.permitted &&
      truths === this.#truths &&
      isRecorded === this.isRecorded &&
      verdict === this.#verdict &&
      source === this.#source
    )
  }

  take({ time, id }: RecordedCall): this {
    this.count++
    if (time < this.first) this.first = time
    if (time >= this.last) {
      this.last = time
      this.example = id
    }
    return this
  }
}

/** Attributes that a record tells without being opened, and not the same in each call of a right. */
const varying: readonly string[] = ['subject.tenant', 'subject.binding', 'subject.actor', 'subject.delegated', 'action.model', 'context.time']

/** What the same rules in scope come to, whoever calls. */
class Matter {
  readonly scopes: Right['scopes']
  /** The different conditions of these rules. */
  readonly conditions: readonly string[]
  readonly paths: ReadonlySet<string>
  /** Whether records tell the conditions apart without being opened. */
  readonly varies: boolean
  readonly #whens: readonly ReplayRule['parsed']['when'][]
  readonly #interned = new Map<string, readonly Possible[]>()

  constructor(scopes: Right['scopes']) {
    const whens = new Map<string, ReplayRule['parsed']['when']>()
    const paths = new Set<string>()
    for (const { condition, parsed, paths: read } of scopes.flat()) {
      if (condition === undefined) continue
      whens.set(condition, parsed.when)
      for (const path of read) paths.add(path)
    }
    this.scopes = scopes
    this.conditions = [...whens.keys()]
    this.paths = paths
    this.varies = varying.some((path) => paths.has(path))
    this.#whens = [...whens.values()]
  }

  truths(request: KnownRequest | undefined): readonly Possible[] {
    return this.#whens.map((when) => (request === undefined || when === undefined ? truth.any : possibleTruth(when, request)))
  }

  /** The same values are the same list. */
  intern(truths: readonly Possible[]): readonly Possible[] {
    const key = truths.join('')
    const known = this.#interned.get(key)
    if (known !== undefined) return known
    this.#interned.set(key, truths)
    return truths
  }
}

class Matters {
  readonly #known = new Map<string, Matter>()
  readonly #numbers = new Map<ReplayRule, number>()

  constructor(policies: readonly ReplayPolicy[]) {
    for (const { rules } of policies) for (const rule of rules) this.#numbers.set(rule, this.#numbers.size)
  }

  of(scopes: Right['scopes']): Matter {
    const key = scopes.map((rules) => rules.map((rule) => this.#numbers.get(rule)).join(',')).join('|')
    let matter = this.#known.get(key)
    if (matter === undefined) {
      matter = new Matter(scopes)
      this.#known.set(key, matter)
    }
    return matter
  }
}

const noRoles: ReadonlySet<string> = new Set()

function areEqual(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((role, index) => role === other[index])
}
