import { type Possible, truth } from './possible-truth.ts'
import type { ReplayRule } from './replay-policy.ts'

/** What a policy would decide, as far as can be told. */
export interface ReplayAnswer {
  /** Undefined where it cannot be told. */
  readonly allowed: boolean | undefined
  /** The rules that decide, where that can be told. */
  readonly rules: readonly ReplayRule[]
  /** Permits that may match and may not. */
  readonly open: readonly ReplayRule[]
}

/**
 * Decides as `policySet` does, over what conditions may be.
 *
 * @param scope the rules whose scope the request fits.
 */
export function replayAnswer(scope: readonly ReplayRule[], conditions: { possible(condition: string): Possible }): ReplayAnswer {
  const truthOf = ({ condition }: ReplayRule): Possible => (condition === undefined ? truth.true : conditions.possible(condition))
  let canPermit = false
  let mustPermit = false
  let canRefuse = false
  let mustRefuse = false
  const open: ReplayRule[] = []
  const forbids: ReplayRule[] = []
  const permits: ReplayRule[] = []
  const undecided: ReplayRule[] = []
  for (const rule of scope) {
    const own = truthOf(rule)
    if (rule.parsed.effect === 'forbid') {
      if (own !== truth.false) canRefuse = true
      if ((own & truth.false) === 0) {
        mustRefuse = true
        forbids.push(rule)
      }
      continue
    }
    if ((own & truth.true) !== 0) canPermit = true
    if (own === truth.true) {
      mustPermit = true
      permits.push(rule)
    } else if ((own & truth.true) !== 0) open.push(rule)
    // To leave an attribute out must not shed a duty.
    if (rule.hasDuties && (own & truth.unknown) !== 0) {
      canRefuse = true
      if (own === truth.unknown) {
        mustRefuse = true
        undecided.push(rule)
      }
    }
  }
  if (mustRefuse || !canPermit) return { allowed: false, rules: forbids.length > 0 ? forbids : undecided, open }
  return { allowed: mustPermit && !canRefuse ? true : undefined, rules: permits, open }
}
