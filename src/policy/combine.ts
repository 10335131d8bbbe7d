import { hasMethods } from '../guard/check-options.ts'
import { systemClock } from '../guard/clock.ts'
import type { Awaitable, Decision, Obligation } from '../guard/context.ts'
import { isThenable } from '../guard/thenable.ts'
import { askEvaluator } from './ask-evaluator.ts'
import { mergeDenials } from './denial-duties.ts'
import { namedPolicy } from './named-policy.ts'
import { mergeObligations, noObligations } from './obligations.ts'
import type { PolicyEvaluator, PolicyRequest } from './policy-evaluator.ts'
import { freezeRequest } from './policy-request.ts'
import { isPolicySet } from './policy-set.ts'

/** How long each evaluator may take, in milliseconds. Whoever asks has a deadline of its own for all of them together. */
const deadline = 2_000

/**
 * Asks one evaluator after the other; the first that has something to say decides: one that permits, or that names a rule or
 * a duty for its denial. Its decision is the answer as it is, and the others are not asked.
 *
 * Where none has anything to say, the request is denied, in the name of all. An evaluator that throws, takes longer than 2 s or
 * answers nonsense fails the whole: whoever comes after it is not asked in its place.
 *
 * Evaluators that cannot tell *forbidden* from *not mine* must not stand first: a remote engine that answers no has said it.
 *
 * ```ts
 * const evaluator = firstOf(policySet(emergencyStops), policySet(policy))
 * ```
 *
 * @throws TypeError for what is no evaluator, and for none.
 */
export function firstOf(...evaluators: readonly PolicyEvaluator[]): PolicyEvaluator {
  const members = membersOf('firstOf', evaluators)
  const ask = (index: number, silent: readonly Decision[], question: PolicyRequest, signal: AbortSignal): Awaitable<Decision> => {
    const member = members[index]
    if (member === undefined) return decisionOf(false, silent, noObligations)
    const next = (decision: Decision): Awaitable<Decision> =>
      saysSomething(decision) ? decision : ask(index + 1, [...silent, decision], question, signal)
    const answer = askEvaluator(member, question, { clock: systemClock, deadline, signal })
    return isThenable(answer) ? answer.then(next) : next(answer)
  }
  return combined('firstOf', members, (question, signal) => ask(0, [], question, signal))
}

/**
 * Asks all evaluators, at once; what all permit is permitted. A denial of one denies, whatever the others say.
 *
 * The reasons and duties of a permit are those of all: numbers take the strictest, tools are those that all allow. The reasons
 * and duties of a denial are those of the evaluators that deny; where one of them asks for no better authentication, it would be
 * in vain, and nobody is asked for one. The policy is named after all that were asked, in their order. An
 * evaluator that throws, takes longer than 2 s or answers nonsense fails the whole.
 *
 * ```ts
 * const evaluator = allOf(policySet(ours), authzenEvaluator({ pdp: 'https://pdp.example', token }))
 * ```
 *
 * @throws TypeError for what is no evaluator, and for none.
 */
export function allOf(...evaluators: readonly PolicyEvaluator[]): PolicyEvaluator {
  const members = membersOf('allOf', evaluators)
  return combined('allOf', members, (question, signal) => {
    const answers: Awaitable<Decision>[] = []
    try {
      for (const member of members) answers.push(askEvaluator(member, question, { clock: systemClock, deadline, signal }))
    } catch (error) {
      // Those that were asked before are not waited for any more.
      for (const answer of answers) if (isThenable(answer)) answer.catch(() => {})
      throw error
    }
    return answers.some(isThenable) ? Promise.all(answers).then(together) : together(answers as readonly Decision[])
  })
}

function together(decisions: readonly Decision[]): Decision {
  const denials = decisions.filter(({ allowed }) => !allowed)
  const deciding = denials.length > 0 ? denials : decisions
  const merge = denials.length > 0 ? mergeDenials : mergeObligations
  return decisionOf(
    denials.length === 0,
    decisions,
    merge(...deciding.map(({ obligations }) => obligations)),
    deciding.flatMap(({ reasons }) => reasons),
  )
}

function decisionOf(allowed: boolean, asked: readonly Decision[], obligations: readonly Obligation[], reasons: Decision['reasons'] = []): Decision {
  const id = asked.map(({ policy }) => policy.id).join(' + ')
  const version = asked.map(({ policy }) => policy.version).join(' + ')
  const policy = namedPolicy(id, version, () => digestOf(asked))
  return Object.freeze({ allowed, policy, reasons: Object.freeze([...reasons]), obligations })
}

// Only where it is that of all: a part of it would be taken for the whole.
function digestOf(asked: readonly Decision[]): string | undefined {
  const digests = asked.map(({ policy }) => policy.digest)
  return digests.includes(undefined) ? undefined : digests.join(' + ')
}

function saysSomething({ allowed, reasons, obligations }: Decision): boolean {
  return allowed || reasons.length > 0 || obligations.length > 0
}

function membersOf(name: string, evaluators: readonly PolicyEvaluator[]): readonly PolicyEvaluator[] {
  if (evaluators.length === 0) throw new TypeError(`${name}: needs at least one evaluator`)
  for (const [index, evaluator] of evaluators.entries()) {
    if (!isEvaluator(evaluator)) throw new TypeError(`${name}: argument ${index + 1} must be an object with a method evaluate`)
    const { obliges } = evaluator
    if (obliges !== undefined && !(Array.isArray(obliges) && obliges.every((type) => typeof type === 'string' && type !== '')))
      throw new TypeError(`${name}: argument ${index + 1}: obliges must be a list of types`)
  }
  return Object.freeze([...evaluators])
}

const isEvaluator = hasMethods('evaluate')

const never: AbortSignal = new AbortController().signal

type Ask = (question: PolicyRequest, signal: AbortSignal) => Awaitable<Decision>

function combined(kind: string, members: readonly PolicyEvaluator[], ask: Ask): PolicyEvaluator {
  // What one of them does to the question, the next must not be asked.
  const isTrusted = members.every(isPolicySet)
  const known = members.flatMap(({ obliges }) => obliges ?? [])
  const isKnown = members.some(({ obliges }) => obliges !== undefined)
  return Object.freeze({
    evaluate(request: PolicyRequest, signal: AbortSignal = never): Awaitable<Decision> {
      return ask(isTrusted ? request : freezeRequest(request), signal)
    },
    ...(isKnown && { obliges: Object.freeze([...new Set(known)].sort()) }),
    describe: () => ({ kind, evaluators: members.map((member) => ({ ...member.describe?.() })) }),
  })
}
