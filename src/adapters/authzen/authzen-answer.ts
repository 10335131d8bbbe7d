import type { Decision } from '../../guard/context.ts'
import { ownMember } from '../../policy/policy-request.ts'
import { complain } from '../../policy/strict-read.ts'
import { obligationsFromWire, obligationsToWire } from './authzen-obligations.ts'

/** A decision as AuthZEN writes it (Authorization API 1.0, section 5.5). */
export interface WireDecision {
  readonly decision: boolean
  readonly context?: Readonly<Record<string, unknown>>
}

/** A decision for the wire. Which rules decided goes along only where it is wanted. */
export function decisionToWire({ allowed, reasons, obligations }: Decision, withReasons: boolean): WireDecision {
  const context = {
    ...(obligations.length > 0 && { obligations: obligationsToWire(obligations) }),
    ...(withReasons && { reasons }),
  }
  return { decision: allowed, ...(Object.keys(context).length > 0 && { context }) }
}

/**
 * A decision from the wire. Members that are not understood are ignored (section 10.1.1). A decision point that answers no has said
 * so, whether or not it says why: the reason is then `decision`.
 *
 * @throws TypeError that names the place and no value, for what is no decision.
 */
export function decisionFromWire(value: unknown, policy: Decision['policy']): Decision {
  const allowed = ownMember(value, 'decision')
  if (allowed !== true && allowed !== false) complain('decision', 'must be true or false')
  const context = ownMember(value, 'context')
  if (context !== undefined && (typeof context !== 'object' || context === null || Array.isArray(context))) complain('context', 'must be an object')
  return Object.freeze({
    allowed,
    policy,
    reasons: reasonsIn(context, allowed) ?? Object.freeze([Object.freeze({ rule: 'decision', effect: allowed ? 'permit' : 'forbid' })]),
    obligations: obligationsFromWire(ownMember(context, 'obligations'), 'context.obligations'),
  })
}

// AuthZEN does not say what reasons look like: those of this package are read, others are not.
function reasonsIn(context: unknown, allowed: boolean): Decision['reasons'] | undefined {
  const list = ownMember(context, 'reasons')
  if (!Array.isArray(list) || list.length > 1_000 || (allowed && list.length === 0)) return undefined
  const reasons: Decision['reasons'][number][] = []
  for (const one of list as readonly unknown[]) {
    const rule = ownMember(one, 'rule')
    const effect = ownMember(one, 'effect')
    if (typeof rule !== 'string' || rule === '' || (effect !== 'permit' && effect !== 'forbid')) return undefined
    if (allowed && effect === 'forbid') complain('context.reasons', 'a forbid is no reason to allow')
    reasons.push(Object.freeze({ rule, effect }))
  }
  return Object.freeze(reasons)
}
