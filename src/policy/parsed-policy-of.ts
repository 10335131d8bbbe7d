import type { ParsedPolicy } from './parse-policy.ts'
import type { PolicySet } from './policy-set.ts'

const known = new WeakMap<PolicySet, ParsedPolicy>()

/** Notes what a policy set was made of. */
export function noteParsedPolicy(set: PolicySet, parsed: ParsedPolicy): void {
  known.set(set, parsed)
}

/** What a policy set was made of: for what stands before it, and never for a caller. */
export function parsedPolicyOf(set: PolicySet): ParsedPolicy | undefined {
  return known.get(set)
}
