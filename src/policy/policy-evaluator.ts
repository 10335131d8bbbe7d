import type { Attributes, Awaitable, Decision } from '../guard/context.ts'

/** Who, what or what to, with its attributes. */
export interface PolicyEntity {
  readonly type: string
  readonly id: string
  readonly properties?: Attributes
}

/**
 * The question that policy is asked: the request of the AuthZEN Authorization API 1.0, section 6.
 *
 * Under a guard, `subject` is the verified identity, `action.properties` what the payload says, `resource.properties` the
 * application's own look-up, and `context` what the application and the transport state.
 */
export interface PolicyRequest {
  readonly subject: PolicyEntity
  readonly action: { readonly name: string; readonly properties?: Attributes }
  readonly resource: PolicyEntity
  readonly context?: Attributes
}

/**
 * The port behind which a policy engine stands.
 *
 * It answers with a whole `Decision`. One that throws, takes too long or answers anything else refuses the call as
 * `policy_unavailable`.
 *
 * ```ts
 * const office: PolicyEvaluator = {
 *   evaluate: ({ subject }) => ({
 *     allowed: subject.type === 'user',
 *     policy: { id: 'office', version: '1' },
 *     reasons: [{ rule: 'people-only', effect: subject.type === 'user' ? 'permit' : 'forbid' }],
 *     obligations: [],
 *   }),
 * }
 * ```
 */
export interface PolicyEvaluator {
  /** Decides. `signal` is aborted when nobody waits for the answer any more. */
  evaluate(request: PolicyRequest, signal?: AbortSignal): Awaitable<Decision>
  /** The types of obligations that a decision may carry, where that can be known beforehand: a chain that cannot obey is refused when it is made. */
  readonly obliges?: readonly string[]
  /** Plain data for `guard.describe()`: which policy in which version. Never an attribute's value. */
  describe?(): Readonly<Record<string, unknown>>
}
