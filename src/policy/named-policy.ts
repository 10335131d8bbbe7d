import type { Decision } from '../guard/context.ts'

// Those whose digest is worked out when somebody asks: to others it looks like a getter, which is not read.
const named = new WeakSet<object>()

/**
 * What decisions call a policy. Its digest is asked for when somebody looks at it. It does not show where members are listed: whoever
 * copies, compares or prints a decision need not pay for it.
 */
export function namedPolicy(id: string, version: string, digest: () => string | undefined): Decision['policy'] {
  const policy = Object.freeze(Object.defineProperty({ id, version }, 'digest', { get: digest }))
  named.add(policy)
  return policy
}

/** Whether a value is what decisions of this package call a policy, so that nothing in it need be checked. */
export function isNamedPolicy(value: unknown): value is Decision['policy'] {
  return typeof value === 'object' && value !== null && named.has(value)
}
