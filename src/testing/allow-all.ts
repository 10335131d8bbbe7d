import type { Decision } from '../guard/context.ts'
import type { PolicyEvaluator } from '../policy/policy-evaluator.ts'

/**
 * An evaluator for tests that permits everything, without obligations.
 *
 * ```ts
 * guard().use(audit({ log: recordingLog() })).use(verifyIdentity({ verifiers: [identityOf({ subject: 'alice' })] })).use(authorize({ evaluator: allowAll() }))
 * ```
 */
export function allowAll(): PolicyEvaluator {
  return always('allow-all', true, [])
}

/** An evaluator for tests that denies everything. The reason stands in the decision as the rule that decided, so a test can find it in the log. */
export function denyAll(reason: string = 'deny-all'): PolicyEvaluator {
  if (typeof reason !== 'string' || reason === '') throw new TypeError('denyAll: the reason must be a text that is not empty')
  return always('deny-all', false, [{ rule: reason, effect: 'forbid' }])
}

function always(id: string, allowed: boolean, reasons: Decision['reasons']): PolicyEvaluator {
  const decision: Decision = Object.freeze({
    allowed,
    policy: Object.freeze({ id, version: 'testing' }),
    reasons: Object.freeze(reasons),
    obligations: Object.freeze([]),
  })
  return Object.freeze({ evaluate: () => decision, obliges: Object.freeze([]), describe: () => ({ kind: id }) })
}
