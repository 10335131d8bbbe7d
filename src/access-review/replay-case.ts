import type { Possible } from './possible-truth.ts'
import type { RecordedCall, RecordedCaller } from './recorded-call.ts'
import type { HeldRoles, ReplayRule, Target } from './replay-policy.ts'
import type { RightConditions, Truths } from './right-conditions.ts'

/** A caller with certain roles. */
export interface Caller extends RecordedCaller {
  /** Its roles and what a policy includes in them, by policy. */
  readonly held: readonly HeldRoles[]
}

/** A caller and what it did: which rules are in question. */
export interface Right {
  readonly caller: Caller
  readonly target: Target
  /** The rules whose scope fits, by policy. */
  readonly scopes: readonly (readonly ReplayRule[])[]
}

/** The rules whose scope fits in one of the policies. */
export function scopeOf({ scopes }: Pick<Right, 'scopes'>, policy = 0): readonly ReplayRule[] {
  return scopes[policy] ?? []
}

/** Calls that no policy in question can tell apart: one right, and the same truth of every condition. */
export interface ReplayCase {
  readonly right: Right
  readonly allowed: boolean
  readonly permitted: boolean
  readonly count: number
  readonly first: number
  readonly last: number
  /** The id of the newest of these calls. */
  readonly example: string
  possible(condition: string): Possible
}

/** Where the truth of conditions comes from: what stands in records, sealed attributes, or the former for want of the latter. */
export type Source = 'open' | 'opened' | 'unopened'

/** By which policy and by which of its rules calls were decided. */
export interface Verdict {
  readonly number: number
  readonly id: string
  readonly version: string
  /** Which of the policies it is; -1 where it is none of them. */
  readonly policy: number
  readonly rules: RecordedCall['rules']
}

/** What a case is told apart by, within its right. */
export interface CaseTraits {
  readonly truths: Truths
  /** Whether the record named the rules that decided, and they are those of one of the policies. */
  readonly isRecorded: boolean
  readonly verdict: Verdict
  readonly source: Source
}

/** How many cases of a right are looked through before they are looked up. */
const few = 8

const none: readonly SortedCase[] = []

/** The cases of one right. Mostly there are one or two. */
export class SortedRight implements Right {
  readonly caller: Caller
  readonly target: Target
  readonly conditions: RightConditions
  /** The first few. */
  #first: readonly SortedCase[] = none
  /** All of them, once they are many. */
  #cases: Map<string, SortedCase> | undefined

  constructor(caller: Caller, target: Target, conditions: RightConditions) {
    this.caller = caller
    this.target = target
    this.conditions = conditions
  }

  get scopes(): Right['scopes'] {
    return this.conditions.scopes
  }

  /** Every case. */
  cases(): Iterable<SortedCase> {
    return this.#cases?.values() ?? this.#first
  }

  /** A case that a record with nothing but this to go by belongs to. */
  plainCase(call: RecordedCall, source: Source): SortedCase | undefined {
    for (const own of this.#first) if (own.isOf(call, source)) return own
    return undefined
  }

  /** The case of a call, or what `make` makes of it. */
  caseOf(call: RecordedCall, traits: CaseTraits, make: () => SortedCase | undefined): SortedCase | undefined {
    const key = keyOf(call, traits)
    const known = this.#cases === undefined ? this.#first.find((own) => keyOf(own, own.traits) === key) : this.#cases.get(key)
    if (known !== undefined) return known
    const made = make()
    if (made === undefined) return undefined
    // A list that grows has room for many more; of these lists there may be half a million.
    if (this.#first.length < few) this.#first = [...this.#first, made]
    else {
      this.#cases ??= new Map(this.#first.map((own) => [keyOf(own, own.traits), own]))
      this.#cases.set(key, made)
    }
    return made
  }
}

function keyOf({ allowed, permitted }: Pick<RecordedCall, 'allowed' | 'permitted'>, { truths, isRecorded, verdict, source }: CaseTraits): string {
  return `${verdict.number} ${truths.number} ${source} ${allowed} ${permitted} ${isRecorded}`
}

/** A case that is being counted. There may be half a million of them: nothing in it that others could share. */
export class SortedCase implements ReplayCase {
  readonly right: SortedRight
  readonly allowed: boolean
  readonly permitted: boolean
  readonly traits: CaseTraits
  count = 0
  first: number
  last: number
  example: string

  constructor(right: SortedRight, { allowed, permitted, time, id }: RecordedCall, traits: CaseTraits) {
    this.right = right
    this.allowed = allowed
    this.permitted = permitted
    this.traits = traits
    this.first = time
    this.last = time
    this.example = id
  }

  /** Its rules or its attributes contradict the policy that its records name. */
  get contradicts(): boolean {
    return !this.traits.isRecorded && this.traits.verdict.policy !== -1
  }

  possible(condition: string): Possible {
    return this.right.conditions.possible(this.traits.truths, condition)
  }

  /** Whether a record with nothing but this to go by belongs here. */
  isOf({ allowed, permitted, policy, rules }: RecordedCall, source: Source): boolean {
    const { id, version, rules: own } = this.traits.verdict
    if (allowed !== this.allowed || permitted !== this.permitted || source !== this.traits.source || rules.length !== own.length) return false
    if (policy.id !== id || policy.version !== version) return false
    for (let index = 0; index < own.length; index++)
      if (rules[index]?.rule !== own[index]?.rule || rules[index]?.effect !== own[index]?.effect) return false
    return true
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
