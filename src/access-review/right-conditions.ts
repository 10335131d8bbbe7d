import { type KnownRequest, type Possible, possibleTruth, truth } from './possible-truth.ts'
import type { ReplayRule } from './replay-policy.ts'

/** What each condition of the rules in scope may be. The same values are the same object. */
export interface Truths {
  readonly number: number
  readonly values: readonly Possible[]
  /** Whether one of them may be several things. */
  readonly isOpen: boolean
}

/** Attributes that a record tells without being opened, and not the same in each call of a right. */
const varying: readonly string[] = ['subject.tenant', 'subject.binding', 'subject.actor', 'subject.delegated', 'action.model', 'context.time']

/** The conditions of the rules in scope: what they come to, whoever calls. */
export class RightConditions {
  /** The rules in scope, by policy. */
  readonly scopes: readonly (readonly ReplayRule[])[]
  /** What they read. */
  readonly paths: ReadonlySet<string>
  /** Whether records tell them apart without being opened. */
  readonly varies: boolean
  readonly #places = new Map<string, number>()
  readonly #whens: ReplayRule['parsed']['when'][] = []
  readonly #known = new Map<string, Truths>()
  #members: readonly ReadonlySet<ReplayRule>[] | undefined

  constructor(scopes: RightConditions['scopes']) {
    const paths = new Set<string>()
    for (const scope of scopes)
      for (const { condition, parsed, paths: read } of scope) {
        if (condition === undefined || this.#places.has(condition)) continue
        this.#places.set(condition, this.#whens.length)
        this.#whens.push(parsed.when)
        for (const path of read) paths.add(path)
      }
    this.scopes = scopes
    this.paths = paths
    this.varies = varying.some((path) => paths.has(path))
  }

  get isEmpty(): boolean {
    return this.#whens.length === 0
  }

  /** The rules in scope of one policy. */
  scopeOf(policy: number): ReadonlySet<ReplayRule> | undefined {
    this.#members ??= this.scopes.map((rules) => new Set(rules))
    return this.#members[policy]
  }

  /** What the conditions may be, by what is known of a request and what the record says itself; undefined where these contradict each other. */
  truths(request: KnownRequest | undefined, recorded: ReadonlyMap<string, Possible> | undefined): readonly Possible[] | undefined {
    const found = this.#whens.map((when) => (request === undefined || when === undefined ? truth.any : possibleTruth(when, request)))
    if (recorded === undefined) return found
    for (const [condition, place] of this.#places) {
      const both = (found[place] ?? truth.any) & (recorded.get(condition) ?? truth.any)
      if (both === 0) return undefined
      found[place] = both
    }
    return found
  }

  /** One object for these values; undefined where there is none yet and none is to be made. */
  shared(values: readonly Possible[], mayMake: boolean): Truths | undefined {
    const key = values.join('')
    let known = this.#known.get(key)
    if (known === undefined && mayMake) {
      known = { number: this.#known.size, values, isOpen: values.some(isOpen) }
      this.#known.set(key, known)
    }
    return known
  }

  possible({ values }: Truths, condition: string): Possible {
    return values[this.#places.get(condition) ?? -1] ?? truth.any
  }
}

function isOpen(possible: Possible): boolean {
  return possible !== truth.false && possible !== truth.unknown && possible !== truth.true
}

/** One object for all rights that the same rules are about. */
export class SharedConditions {
  readonly #known = new Map<string, RightConditions>()

  of(scopes: RightConditions['scopes']): RightConditions {
    const key = scopes.map((rules) => rules.map(({ place }) => place).join(',')).join('|')
    let conditions = this.#known.get(key)
    if (conditions === undefined) {
      conditions = new RightConditions(scopes)
      this.#known.set(key, conditions)
    }
    return conditions
  }
}
