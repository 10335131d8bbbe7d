import { sameObligations, mergeObligations } from '../policy/obligations.ts'
import { type ReplayAnswer, replayAnswer } from './replay-answer.ts'
import { type Caller, type ReplayCase, type Right, scopeOf } from './replay-case.ts'
import type { ReplayCases } from './replay-cases.ts'
import { type HeldRoles, replayPolicy, type ReplayRule, type Target } from './replay-policy.ts'

/** That a tighter policy does what it should, shown by replaying every record of the log against it. */
export interface ReviewProof {
  /** Whether nothing went wrong: `refused`, `loosened`, `shed` and `unread` are 0. */
  readonly holds: boolean
  /** Calls that were let through, and that the tighter policy permits. */
  readonly permitted: number
  /**
   * Calls that were let through and of which it cannot be told, since their attributes are not known; every rule that may
   * have permitted them is still there, word for word.
   */
  readonly carried: number
  /** Calls that were let through by another policy and that the reviewed one refuses: nothing is owed to them. */
  readonly outdated: number
  /** Calls that were let through, and that the tighter policy would refuse. Must be 0. */
  readonly refused: number
  /** Calls that were refused by something else, or by another policy, and that the old one may permit: nothing is owed to them either. */
  readonly elsewhere: number
  /** Calls that the old policy refuses, and so does the tighter one. */
  readonly stillRefused: number
  /** Calls that the old policy refuses and the tighter one may permit. Must be 0. */
  readonly loosened: number
  /** Calls that the tighter policy permits with fewer duties. Must be 0. */
  readonly shed: number
  /** Calls that were let through and could not be replayed one by one, since there were too many different ones. Rules that may have permitted them were left as they are. */
  readonly beyond: number
  /**
   * Calls that were let through, whose records are not whole and do not name the rules that let them: whether the tighter
   * policy permits them is not known. Must be 0. Where such a record names rules, these are left as they are.
   */
  readonly unread: number
}

/** Replays every case against the tighter policy. It is read anew, as whoever loads it will read it. */
export function proveTighter(tighter: unknown, cases: ReplayCases, { beyond, unread }: Pick<ReviewProof, 'beyond' | 'unread'>): ReviewProof {
  const replayed = replayPolicy(tighter)
  // Callers of one type with the same roles share what they hold.
  const asksForIds = replayed.rules.some(({ parsed }) => parsed.subjectIds !== undefined)
  const known = new Map<Caller['held'], { readonly held: HeldRoles; readonly scopes: Map<Target, readonly ReplayRule[]> }>()
  const scopeNow = ({ caller, target }: Right): readonly ReplayRule[] => {
    const own = known.get(caller.held) ?? { held: replayed.rolesOf(caller.roles), scopes: new Map() }
    known.set(caller.held, own)
    let scope = asksForIds ? undefined : own.scopes.get(target)
    if (scope === undefined) {
      scope = replayed.inScope(target, caller.type, caller.id, own.held)
      if (!asksForIds) own.scopes.set(target, scope)
    }
    return scope
  }
  // The cases of one right come one after the other.
  let right: Right | undefined
  let scope: readonly ReplayRule[] = []
  const counts = { permitted: 0, carried: 0, outdated: 0, elsewhere: 0, refused: 0, stillRefused: 0, loosened: 0, shed: 0 }
  for (const each of cases.all()) {
    if (each.right !== right) {
      right = each.right
      scope = scopeNow(right)
    }
    counts[verdictOf(each, scopeOf(right), scope)] += each.count
  }
  return { holds: counts.refused + counts.loosened + counts.shed + unread === 0, ...counts, beyond, unread }
}

type Verdict = Exclude<keyof ReviewProof, 'holds' | 'beyond' | 'unread'>

function verdictOf(each: ReplayCase, before: readonly ReplayRule[], after: readonly ReplayRule[]): Verdict {
  const [one, other] = [replayAnswer(before, each), replayAnswer(after, each)]
  if (one.allowed === false) {
    // What cannot be told of the tighter policy may be a permit.
    if (other.allowed !== false) return 'loosened'
    return each.allowed ? 'outdated' : 'stillRefused'
  }
  if (one.allowed === true && other.allowed === true && !owesAsMuch(one, other)) return 'shed'
  if (!each.allowed) return one.allowed === true || other.allowed === false || restricts(before, after) ? 'elsewhere' : 'loosened'
  if (other.allowed === undefined && one.allowed === undefined && stands(one, after)) return 'carried'
  return other.allowed === true ? 'permitted' : 'refused'
}

function owesAsMuch(one: ReplayAnswer, other: ReplayAnswer): boolean {
  const duties = ({ rules }: ReplayAnswer): ReturnType<typeof mergeObligations> => mergeObligations(...rules.map(({ parsed }) => parsed.obligations))
  return sameObligations(duties(one), duties(other))
}

// What a rule says but for its scope.
function essenceOf({ parsed, condition }: ReplayRule): string {
  return JSON.stringify([parsed.effect, condition ?? null, parsed.obligations])
}

// Every permit that may have let it through is still there for it.
function stands({ rules, open }: ReplayAnswer, after: readonly ReplayRule[]): boolean {
  const there = new Set(after.map(essenceOf))
  return [...rules, ...open].every((rule) => there.has(essenceOf(rule)))
}

// Whatever may refuse is still there, and no permit is that was not.
function restricts(before: readonly ReplayRule[], after: readonly ReplayRule[]): boolean {
  if (!after.some(({ parsed }) => parsed.effect === 'permit')) return true
  const [old, now] = [new Set(before.map(essenceOf)), new Set(after.map(essenceOf))]
  const isKept = (rule: ReplayRule): boolean => (rule.parsed.effect === 'permit' && !rule.hasDuties) || now.has(essenceOf(rule))
  return [...now].every((text) => old.has(text)) && before.every(isKept)
}
