import * as cedar from '@cedar-policy/cedar-wasm/nodejs'
import { cedarEvaluator, type CedarOptions } from '../../../src/adapters/cedar/index.ts'
import type { Attributes, Decision, Json } from '../../../src/guard/context.ts'
import type { PolicyEvaluator, PolicyRequest } from '../../../src/policy/policy-evaluator.ts'

export { cedar }

export function evaluatorOf(policies: CedarOptions['policies'], others: Partial<CedarOptions> = {}): PolicyEvaluator {
  return cedarEvaluator({ cedar, policies, ...others })
}

interface Asked {
  readonly type?: string
  readonly id?: string
  readonly roles?: Json
  readonly subject?: Attributes
  readonly action?: string
  readonly payload?: Attributes
  readonly resource?: Attributes
  readonly resourceType?: string
  readonly resourceId?: string
  readonly context?: Attributes
}

export function asking(asked: Asked = {}): PolicyRequest {
  const {
    type = 'user',
    id = 'ada',
    roles = ['analyst'],
    subject,
    action = 'chat',
    payload,
    resource,
    resourceType = 'model',
    resourceId = 'gpt-5',
    context,
  } = asked
  return {
    subject: { type, id, properties: { roles, ...subject } },
    action: { name: action, ...(payload !== undefined && { properties: payload }) },
    resource: { type: resourceType, id: resourceId, ...(resource !== undefined && { properties: resource }) },
    ...(context !== undefined && { context }),
  }
}

/** What Cedar's evaluator answers: always at once. */
export function decide(evaluator: PolicyEvaluator, request: PolicyRequest): Decision {
  return evaluator.evaluate(request) as Decision
}

export function rulesOf({ reasons }: Decision): readonly string[] {
  return reasons.map(({ rule }) => rule)
}
