import type { AttributeTypes } from './attribute-types.ts'
import type { Policy, Undeclared } from './policy.ts'

/**
 * A policy whose attribute paths and operators the compiler checks against what `attributes` declares. Returns the very
 * object: it is read, checked and copied by `policySet`.
 *
 * ```ts
 * const policy = definePolicy({
 *   id: 'support',
 *   version: '7',
 *   attributes: { 'context.risk': 'number' },
 *   rules: [{ id: 'analysts-chat', effect: 'permit', subject: { roles: 'analyst' }, action: 'chat', when: { 'context.risk': { lt: 0.7 } } }],
 * })
 * ```
 */
export function definePolicy<const A extends AttributeTypes = Undeclared>(policy: Policy<A>): Policy<A> {
  return policy
}
