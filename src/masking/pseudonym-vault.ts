import type { KeyedHash } from './keyed-hash.ts'
import { PseudonymScope } from './pseudonym-scope.ts'

/** The most characters that all scopes remember together; scopes that were not used for longest are forgotten. */
const maxCharacters = 32 * 1024 * 1024
const maxScopes = 10_000

/** The scopes of a guard's callers. Bounded: a flood of callers makes old scopes be forgotten, and never fills the memory. */
export class PseudonymVault {
  readonly #hash: KeyedHash | undefined
  // In the order of their last use.
  readonly #scopes = new Map<string, PseudonymScope>()
  #characters = 0

  constructor(hash: KeyedHash | undefined) {
    this.#hash = hash
  }

  /** The scope of this name. A call keeps what it got, also when the vault forgets it meanwhile. */
  scope(name: string): PseudonymScope {
    const known = this.#scopes.get(name)
    if (known !== undefined) {
      this.#scopes.delete(name)
      this.#scopes.set(name, known)
      return known
    }
    const made: PseudonymScope = new PseudonymScope(name, this.#hash, (characters) => {
      if (this.#scopes.get(name) !== made) return
      this.#characters += characters
      this.#shrink(made)
    })
    this.#scopes.set(name, made)
    this.#shrink(made)
    return made
  }

  #shrink(keep: PseudonymScope): void {
    for (const [name, scope] of this.#scopes) {
      if (this.#characters <= maxCharacters && this.#scopes.size <= maxScopes) return
      if (scope === keep) continue
      this.#scopes.delete(name)
      this.#characters -= scope.characters
    }
  }
}
