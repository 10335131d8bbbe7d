import type { Decision } from '../../src/guard/context.ts'
import type { PolicyRequest } from '../../src/policy/policy-evaluator.ts'
import { policySet } from '../../src/policy/policy-set.ts'

/** A request that differs from a plain one in what a test is about. Types are left open, since nonsense is tested too. */
export function requestWith(parts: {
  readonly subject?: Record<string, unknown>
  readonly roles?: unknown
  readonly attributes?: unknown
  readonly action?: unknown
  readonly resource?: Record<string, unknown>
  readonly context?: unknown
}): PolicyRequest {
  const { subject, roles, attributes, action = 'chat', resource, context = {} } = parts
  return {
    subject: { type: 'user', id: 'ada', properties: attributes ?? { ...(roles !== undefined && { roles }) }, ...subject },
    action: typeof action === 'object' ? action : { name: action },
    resource: { type: 'model', id: 'gpt-5', properties: {}, ...resource },
    context,
  } as unknown as PolicyRequest
}

/** What a policy of one permit with this condition says of that value at `context.value`. */
export function permits(when: Record<string, unknown>, context: unknown): boolean {
  return decide([{ id: 'only', effect: 'permit', when }], requestWith({ context })).allowed
}

/** Whether one forbid with this condition lets a request through that everything else permits. */
export function passes(when: Record<string, unknown>, context: unknown): boolean {
  const rules = [
    { id: 'all', effect: 'permit' },
    { id: 'only', effect: 'forbid', when },
  ]
  return decide(rules, requestWith({ context })).allowed
}

export function decide(rules: readonly Record<string, unknown>[], request: PolicyRequest, others: Record<string, unknown> = {}): Decision {
  return policySet({ id: 'p', version: '1', ...others, rules }).evaluate(request)
}
