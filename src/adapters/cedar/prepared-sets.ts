import type { Leaf } from './candidate-index.ts'
import { type CedarModule, type CedarUid, uidKey } from './cedar-module.ts'
import type { LoadedPolicy } from './cedar-policies.ts'

/** How many sets are kept at once: those used last. */
const maxSets = 2_048

/** A set of policies that Cedar has ready. */
export interface PreparedSet {
  /** What Cedar knows it by. */
  readonly name: string
  /** By what they are called inside Cedar. */
  readonly policies: ReadonlyMap<string, LoadedPolicy>
  /** The entities that the policies name. */
  readonly entities: readonly CedarUid[]
}

/**
 * Sets of policies that Cedar has parsed already. It copies a whole set at each question, and so is given small ones: as many
 * as there are combinations of scopes that questions fit.
 */
export class PreparedSets {
  readonly #cedar: CedarModule
  readonly #sets = new Map<string, PreparedSet>()
  #prefix: string | undefined
  #names = 0

  constructor(cedar: CedarModule) {
    this.#cedar = cedar
  }

  /** The set of everything that stands in these leaves. */
  get(leaves: readonly Leaf[]): PreparedSet {
    const key = leaves
      .map(({ number }) => number)
      .sort((one, other) => one - other)
      .join()
    const known = this.#sets.get(key)
    if (known !== undefined) {
      // Used last: it is forgotten last.
      this.#sets.delete(key)
      this.#sets.set(key, known)
      return known
    }
    const set = this.#prepare(leaves)
    this.#sets.set(key, set)
    return set
  }

  #prepare(leaves: readonly Leaf[]): PreparedSet {
    const name = this.#freeName()
    const policies = new Map<string, LoadedPolicy>()
    const entities = new Map<string, CedarUid>()
    for (const { policies: each } of leaves) {
      for (const policy of each) {
        policies.set(policy.handle, policy)
        for (const uid of policy.reads.entities) entities.set(uidKey(uid), uid)
      }
    }
    const staticPolicies = Object.fromEntries([...policies].map(([handle, { text }]) => [handle, text]))
    if (this.#cedar.preparsePolicySet(name, { staticPolicies }).type !== 'success') throw new Error('Cedar no longer takes the policies')
    return { name, policies, entities: [...entities.values()] }
  }

  // A name that is used again replaces what Cedar keeps under it, which it would else keep for ever.
  #freeName(): string {
    const [oldest] = this.#sets
    if (oldest === undefined || this.#names < maxSets) return `${this.prefix()}/${this.#names++}`
    this.#sets.delete(oldest[0])
    return oldest[1].name
  }

  /** What all names of this evaluator begin with: Cedar keeps one table for all who use it. Not made before it is needed: some runtimes give no random bytes while they start. */
  prefix(): string {
    this.#prefix ??= `sallyport/${crypto.randomUUID()}`
    return this.#prefix
  }
}
