import type { Decision, Obligation } from '../guard/context.ts'
import { mergeObligations } from './obligations.ts'
import { ownMember } from './own-member.ts'
import { parseObligation } from './parse-obligation.ts'
import { complain, readAnyList, readText } from './strict-read.ts'

/**
 * A decision that an engine of others gave: copied, frozen, and only if all of it is there and makes sense. Members that a
 * decision does not have are left behind. @throws TypeError that names the place and no value.
 */
export function readDecision(value: unknown): Decision {
  const allowed = ownMember(value, 'allowed')
  if (allowed !== true && allowed !== false) complain('decision.allowed', 'must be true or false')
  const policy = ownMember(value, 'policy')
  const id = readText(ownMember(policy, 'id'), 'decision.policy.id')
  const version = readText(ownMember(policy, 'version'), 'decision.policy.version')
  const reasons = readAnyList(ownMember(value, 'reasons'), 'decision.reasons').map((reason, index) =>
    readReason(reason, `decision.reasons[${index}]`),
  )
  if (allowed && reasons.some(({ effect }) => effect === 'forbid')) complain('decision', 'allows and gives a forbid as the reason')
  return Object.freeze({
    allowed,
    policy: Object.freeze({ id, version }),
    reasons: Object.freeze(reasons),
    obligations: readObligations(ownMember(value, 'obligations')),
  })
}

function readReason(value: unknown, place: string): Decision['reasons'][number] {
  const rule = readText(ownMember(value, 'rule'), `${place}.rule`)
  const effect = ownMember(value, 'effect')
  if (effect !== 'permit' && effect !== 'forbid') complain(`${place}.effect`, `must be 'permit' or 'forbid'`)
  return Object.freeze({ rule, effect })
}

function readObligations(value: unknown): readonly Obligation[] {
  return mergeObligations(readAnyList(value, 'decision.obligations').map((one, index) => parseObligation(one, `decision.obligations[${index}]`)))
}
