import type { CompiledPolicy } from './compiled-policy.ts'
import type { ParsedPolicy } from './parse-policy.ts'
import type { PolicySet } from './policy-set.ts'

/** What a policy set was made of, and what it decides by. */
export interface InsidePolicySet {
  readonly parsed: ParsedPolicy
  readonly compiled: CompiledPolicy
}

const known = new WeakMap<PolicySet, InsidePolicySet>()

/** Notes what is inside a policy set. */
export function noteInside(set: PolicySet, inside: InsidePolicySet): void {
  known.set(set, inside)
}

/** What is inside a policy set: for what stands before it or beside it, and never for a caller. */
export function insideOf(set: PolicySet): InsidePolicySet | undefined {
  return known.get(set)
}
