import { type Check, checkOptions, optional } from '../guard/check-options.ts'
import type { Decision } from '../guard/context.ts'
import type { Attribute } from './attributes.ts'
import { cacheKey } from './cache-key.ts'
import type { Condition } from './condition.ts'
import type { ExplainOptions, Explanation } from './explanation.ts'
import type { LivePolicy } from './live-policy.ts'
import { type RoleTable, nameMatcher } from './names.ts'
import type { ParsedPolicy } from './parse-policy.ts'
import { insideOf } from './inside-policy-set.ts'
import type { PolicyEvaluator, PolicyRequest } from './policy-evaluator.ts'
import { type Question, readQuestion } from './policy-request.ts'
import type { PolicySet } from './policy-set.ts'
import { answersAsPolicySet, policySetBehind, standsBefore } from './policy-set-behind.ts'
import { ruleIndex } from './rule-index.ts'

/** Options of `decisionCache`. */
export interface DecisionCacheOptions {
  /** How many decisions are remembered at most; 4,096 unless given. */
  readonly max?: number
  /**
   * Attributes that are other at each call, beside `context.time`: paths such as `context.risk`, or with a trailing `*` what they
   * begin with. Where a rule in question reads one of them the decision is made anew.
   */
  readonly volatile?: string | readonly string[]
}

/** A policy set whose decisions are remembered. */
export interface DecisionCache extends PolicyEvaluator {
  evaluate(request: PolicyRequest): Decision
  /** Why: worked out anew, never remembered. Undefined where there is no policy. */
  explain(request: PolicyRequest, options?: ExplainOptions): Explanation | undefined
  /** With how many decisions were remembered (`hits`), made and remembered (`misses`), and made because they could not be (`passed`). */
  describe(): Readonly<Record<string, unknown>>
}

const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''
const checks: Readonly<Record<keyof DecisionCacheOptions, Check>> = {
  max: [optional((value) => Number.isSafeInteger(value) && (value as number) >= 2), 'a whole number of at least 2'],
  volatile: [optional((value) => isText(value) || (Array.isArray(value) && value.every(isText))), 'paths of attributes'],
}

/**
 * Remembers the decisions of a policy set, or of the policy that a `livePolicy` has in force.
 *
 * The key is everything that a decision can depend on: the names, the roles, and every attribute that some rule of the policy reads,
 * each with its type. A decision is forgotten with the policy that it was made by. Not remembered is what depends on the time or on
 * another volatile attribute, and what is not plain data. `explain` never asks the cache.
 *
 * Measure before you use it: to decide costs about as much as to look a decision up, since the same attributes must be read for the
 * key. It pays where dozens of rules with conditions come into question for one call and the attributes are few and often the same; it
 * costs where hardly any question comes twice, as where a rule reads a risk score.
 *
 * ```ts
 * const decided = authorize({ evaluator: decisionCache(policySet(policy), { volatile: 'context.*' }) })
 * ```
 *
 * @throws TypeError for wrong options, and for an evaluator that is neither: what the answers of another engine depend on is not known.
 */
export function decisionCache(evaluator: PolicySet | LivePolicy, options: DecisionCacheOptions = {}): DecisionCache {
  checkOptions('decisionCache', options, checks)
  const { max = 4_096, volatile = [] } = options
  if (typeof evaluator !== 'object' || evaluator === null || !answersAsPolicySet(evaluator))
    throw new TypeError('decisionCache: only what policySet() or livePolicy() gives can be remembered')
  const isVolatile = nameMatcher(['context.time', ...(typeof volatile === 'string' ? [volatile] : volatile)])
  const remembered = new RememberedDecisions(evaluator, max, isVolatile)
  const cache: DecisionCache = Object.freeze({
    evaluate: (request: PolicyRequest) => remembered.evaluate(request),
    explain: (request: PolicyRequest, how: ExplainOptions = {}) => policySetBehind(evaluator)?.explain(request, how),
    describe: () => ({ kind: 'decisionCache', max, ...remembered.counts, policy: evaluator.describe() }),
    ...(evaluator.obliges !== undefined && { obliges: evaluator.obliges }),
  })
  standsBefore(cache, () => policySetBehind(evaluator))
  return cache
}

/** What of one policy the cache must know. */
interface Plan {
  readonly set: PolicySet
  readonly roles: RoleTable
  /** What goes into keys. */
  readonly attributes: readonly Attribute[]
  /** Whether a rule that comes into question reads what does not. */
  readsVolatile(question: Question): boolean
}

/** Of one policy, in two generations: what was not asked for while the younger filled up is forgotten with the older. */
class RememberedDecisions {
  readonly #evaluator: PolicySet | LivePolicy
  readonly #half: number
  readonly #isVolatile: (path: string) => boolean
  #plan: Plan | undefined
  // By key; null where the decision must be made anew each time.
  #younger = new Map<string, Decision | null>()
  #older = new Map<string, Decision | null>()
  #hits = 0
  #misses = 0
  #passed = 0

  constructor(evaluator: PolicySet | LivePolicy, max: number, isVolatile: (path: string) => boolean) {
    this.#evaluator = evaluator
    this.#half = Math.floor(max / 2)
    this.#isVolatile = isVolatile
    const set = policySetBehind(evaluator)
    if (set !== undefined) this.#plan = planOf(set, isVolatile)
  }

  get counts(): Readonly<Record<'size' | 'hits' | 'misses' | 'passed', number>> {
    return { size: this.#younger.size + this.#older.size, hits: this.#hits, misses: this.#misses, passed: this.#passed }
  }

  evaluate(request: PolicyRequest): Decision {
    const set = policySetBehind(this.#evaluator)
    // Then it says itself why there is none.
    if (set === undefined) return this.#evaluator.evaluate(request)
    const plan = this.#plan?.set === set ? this.#plan : this.#begin(set)
    const question = readQuestion(request, plan.roles)
    const key = question && cacheKey(question, plan.attributes)
    const known = key === undefined ? null : this.#find(key)
    if (known) {
      this.#hits++
      return known
    }
    const decision = set.evaluate(request)
    if (known === null || question === undefined || key === undefined) this.#passed++
    else {
      this.#misses++
      this.#remember(key, plan.readsVolatile(question) ? null : decision)
    }
    return decision
  }

  #begin(set: PolicySet): Plan {
    this.#younger.clear()
    this.#older.clear()
    return (this.#plan = planOf(set, this.#isVolatile))
  }

  #find(key: string): Decision | null | undefined {
    const young = this.#younger.get(key)
    if (young !== undefined) return young
    const old = this.#older.get(key)
    if (old !== undefined) this.#remember(key, old)
    return old
  }

  #remember(key: string, decision: Decision | null): void {
    if (this.#younger.size >= this.#half) {
      const emptied = this.#older
      emptied.clear()
      this.#older = this.#younger
      this.#younger = emptied
    }
    this.#younger.set(key, decision)
  }
}

function planOf(set: PolicySet, isVolatile: (path: string) => boolean): Plan {
  const parsed: ParsedPolicy | undefined = insideOf(set)?.parsed
  if (parsed === undefined) throw new TypeError('decisionCache: this policy set does not say what it reads')
  const attributes = new Map<string, Attribute>()
  const volatile = ruleIndex<{ residual: ((question: Question) => boolean) | undefined }>()
  let any = false
  for (const rule of parsed.rules) {
    let reads = false
    for (const attribute of attributesOf(rule.when)) {
      if (isVolatile(attribute.path)) reads = true
      else attributes.set(attribute.path, attribute)
    }
    if (reads) volatile.add({ residual: undefined }, rule)
    any ||= reads
  }
  return {
    set,
    roles: parsed.roles,
    attributes: [...attributes.values()],
    readsVolatile: (question) => any && volatile.find(question).length > 0,
  }
}

function* attributesOf(condition: Condition | undefined): Generator<Attribute, void> {
  if (condition === undefined) return
  if (condition.kind !== 'test') {
    for (const part of condition.parts) yield* attributesOf(part)
    return
  }
  yield condition.attribute
  if (condition.other !== undefined) yield condition.other
}
