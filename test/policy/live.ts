import type { TestContext } from 'node:test'
import { type LivePolicy, livePolicy } from '../../src/policy/live-policy.ts'
import type { LivePolicyOptions, PolicyChange } from '../../src/policy/live-policy-options.ts'
import type { PolicyError } from '../../src/policy/policy-error.ts'
import type { PolicyRequest } from '../../src/policy/policy-evaluator.ts'

/** A policy that permits one action. */
export function policyOf(version: string | undefined, action = 'chat', others: Record<string, unknown> = {}): Record<string, unknown> {
  return { id: 'support', ...(version !== undefined && { version }), rules: [{ id: `may-${action}`, effect: 'permit', action }], ...others }
}

/** Ada asks for an action. */
export function asking(action = 'chat'): PolicyRequest {
  return { subject: { type: 'user', id: 'ada' }, action: { name: action }, resource: { type: 'model', id: 'gpt-5' } }
}

/** A live policy, and what it told. */
export interface Watched {
  readonly live: LivePolicy
  readonly changes: PolicyChange[]
  readonly refusals: PolicyError[]
  /** The version that decides now. */
  version(): string | undefined
}

/** A live policy that is closed when the test ends. Nothing waits for `ready` unless the test does. */
export function watched(context: TestContext, options: LivePolicyOptions): Watched {
  const changes: PolicyChange[] = []
  const refusals: PolicyError[] = []
  const live = livePolicy({ ...options, onChange: (change) => changes.push(change), onRefused: (error) => refusals.push(error) })
  context.after(() => live.close())
  return { live, changes, refusals, version: () => live.describe().current?.version }
}

/** Lets everything that is under way and needs nothing from outside come about. */
export async function turns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}
