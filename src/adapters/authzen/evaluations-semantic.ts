/**
 * How several questions are decided (section 7.1.2.1): all of them, or one after the other up to the first denial, or the first
 * permit.
 */
export type EvaluationsSemantic = 'execute_all' | 'deny_on_first_deny' | 'permit_on_first_permit'

/** Whether a value is one of them. */
export function isSemantic(value: unknown): value is EvaluationsSemantic {
  return value === 'execute_all' || value === 'deny_on_first_deny' || value === 'permit_on_first_permit'
}

/** Whether nothing that comes after a decision is of interest. */
export function settles(decision: { readonly allowed: boolean } | undefined, semantic: EvaluationsSemantic): boolean {
  if (decision === undefined || semantic === 'execute_all') return false
  return decision.allowed === (semantic === 'permit_on_first_permit')
}
