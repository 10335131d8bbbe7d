import type { PolicyEvaluator } from './policy-evaluator.ts'
import { isPolicySet, type PolicySet } from './policy-set.ts'

// By evaluators of this package whose answers are those of a policy set: whole, prompt and frozen.
const behind = new WeakMap<PolicyEvaluator, () => PolicySet | undefined>()

/** Says that an evaluator answers as a policy set does, and which one that is now. */
export function standsBefore(evaluator: PolicyEvaluator, current: () => PolicySet | undefined): void {
  behind.set(evaluator, current)
}

/** Whether answers of an evaluator need not be checked again: it is a policy set, or stands before one. */
export function answersAsPolicySet(evaluator: PolicyEvaluator): boolean {
  return isPolicySet(evaluator) || behind.has(evaluator)
}

/** The policy set that an evaluator would ask now; undefined where it has none. */
export function policySetBehind(evaluator: PolicyEvaluator): PolicySet | undefined {
  return isPolicySet(evaluator) ? evaluator : behind.get(evaluator)?.()
}
