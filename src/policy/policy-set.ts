import type { Decision } from '../guard/context.ts'
import type { AttributeTypes } from './attributes.ts'
import { compilePolicy, decide, isUnscoped } from './compiled-policy.ts'
import { explain, type ExplainOptions, type Explanation } from './explanation.ts'
import { openPolicyNow } from './open-policy-now.ts'
import type { PolicySignature } from './open-policy.ts'
import { type ParsedPolicy, parsePolicy } from './parse-policy.ts'
import { noteInside } from './inside-policy-set.ts'
import { namedPolicy } from './named-policy.ts'
import { fitsEverything } from './names.ts'
import type { Policy, Undeclared } from './policy.ts'
import { digestLater } from './policy-digest.ts'
import type { PolicyEvaluator, PolicyRequest } from './policy-evaluator.ts'
import { readQuestion, whatIsMalformed } from './policy-request.ts'
import { complain } from './strict-read.ts'

export type { ExplainedCondition, ExplainedRule, ExplainedScope, ExplainedTruth, ExplainOptions, Explanation } from './explanation.ts'

/** A policy, compiled. */
export interface PolicySet extends PolicyEvaluator {
  /**
   * Decides, at once and without side effects. Denies what no rule permits, what a rule forbids, and what is no request.
   * `reasons` are the rules that decided, by id; a denial for want of a permit has none.
   */
  evaluate(request: PolicyRequest): Decision
  /**
   * Why: every rule whose scope fits, which of its conditions did not hold, and the permits that came nearest. For
   * operators, never for callers.
   *
   * @throws TypeError where `nearest` is no number of rules.
   */
  explain(request: PolicyRequest, options?: ExplainOptions): Explanation
  readonly obliges: readonly string[]
  describe(): PolicyDescription
}

/** Options of `policySet`. */
export interface PolicySetOptions {
  /** Takes only a policy that one of these keys has signed (`signPolicy`): `policy` is then the signed text, and verified at once. */
  readonly signature?: PolicySignature
}

/** What there is to know of a policy without reading it. */
export interface PolicyDescription {
  readonly [key: string]: unknown
  readonly kind: 'policySet'
  readonly id: string
  readonly version: string
  readonly rules: number
  readonly permits: number
  readonly forbids: number
  /** Rules that end some day. */
  readonly expiring: number
  /** Rules that are narrowed neither by action nor by resource nor by subject, and so are asked about every call. */
  readonly unscoped: number
  /** Their ids; the first 32. */
  readonly unscopedRules: readonly string[]
  /** Permits that let every caller do everything: no part of them narrows anything, and no condition stands in them. The first 32 ids. */
  readonly openPermits: readonly string[]
  /** Permits of every action on every resource, for whomever they are. The first 32 ids. */
  readonly widePermits: readonly string[]
  /** Declared attributes. */
  readonly attributes: number
  readonly obligations: readonly string[]
}

/**
 * The embedded policy engine: roles and attributes as data, compiled.
 *
 * - Default deny: what no rule permits is denied.
 * - A `forbid` overrides every permit; the order of rules never matters.
 * - `all`, `any` and `not` follow Kleene's three values. A missing attribute, one of another type and NaN are *unknown*,
 *   not false; nothing is converted. `exists` asks whether there is a value; null is none.
 * - Only *true* permits. An unknown `forbid` denies. An unknown permit is passed over, unless it carries obligations:
 *   then the request is denied, or leaving an attribute out would shed a duty.
 * - The obligations are those of all permits that matched; numbers take the strictest. Those of a denial are those of all forbids
 *   that denied; where one of them asks for no better authentication, nobody is asked for one.
 * - Attributes are own data members: nothing inherited, no getter.
 * - A rule with `expires` ends at that moment of `context.time`, which a guard states by its clock. Where the time is not
 *   known, such a permit is unknown, and such a forbid still denies.
 *
 * The policy is copied: what is done to the object afterwards changes nothing.
 *
 * ```ts
 * const policy = policySet({
 *   id: 'support',
 *   version: '7',
 *   roles: { analyst: { inherits: ['reader'] } },
 *   rules: [{ id: 'readers-chat', effect: 'permit', subject: { roles: 'reader' }, action: 'chat', resource: { type: 'model', id: 'gpt-*' } }],
 * })
 * ```
 *
 * @throws TypeError that names the place, for anything that is not exactly a policy: see `Policy` for its form.
 */
export function policySet(policy: unknown, options: PolicySetOptions = {}): PolicySet {
  for (const option of Object.keys(options)) if (option !== 'signature') complain('policySet', `'${option}' is no option`)
  const { signature } = options
  // Asked for and not there: that must not be passed over in silence.
  if (Object.hasOwn(options, 'signature') && signature === undefined) complain('policySet', 'signature: is undefined; leave it out instead')
  const opened = signature === undefined ? policy : openPolicyNow(policy, signature)
  const parsed = parsePolicy(opened)
  const compiled = compilePolicy(parsed, namedPolicy(parsed.id, parsed.version, digestLater(opened)))
  const obliges = obligationsOf(parsed)
  const description = describe(parsed, obliges)
  const set: PolicySet = Object.freeze({
    evaluate(request: PolicyRequest): Decision {
      const question = readQuestion(request, parsed.roles)
      return question === undefined ? compiled.nothing : decide(compiled, question)
    },
    explain(request: PolicyRequest, how: ExplainOptions = {}): Explanation {
      const { nearest = 0 } = how
      if (!Number.isSafeInteger(nearest) || nearest < 0) complain('explain: nearest', 'must be a number of rules')
      const question = readQuestion(request, parsed.roles)
      if (question === undefined) return { decision: compiled.nothing, rules: [], nearest: [], malformed: whatIsMalformed(request) }
      return explain(compiled, question, how)
    },
    obliges,
    describe: () => description,
  })
  genuine.add(set)
  noteInside(set, { parsed, compiled })
  return set
}

function obligationsOf({ rules }: ParsedPolicy): readonly string[] {
  const types = new Set<string>()
  for (const { obligations } of rules) for (const { type } of obligations) types.add(type)
  return Object.freeze([...types].sort())
}

function describe({ id, version, rules, attributes }: ParsedPolicy, obligations: readonly string[]): PolicyDescription {
  let permits = 0
  let expiring = 0
  const unscoped: string[] = []
  const open: string[] = []
  const wide: string[] = []
  for (const rule of rules) {
    if (rule.effect === 'permit') {
      permits++
      const { actions, resourceTypes, resourceIds, subjectTypes, when } = rule
      if (isUnscoped(rule) && fitsEverything(subjectTypes) && when === undefined) open.push(rule.id)
      else if (fitsEverything(actions) && fitsEverything(resourceTypes) && fitsEverything(resourceIds)) wide.push(rule.id)
    }
    if (rule.expires !== undefined) expiring++
    if (isUnscoped(rule)) unscoped.push(rule.id)
  }
  return Object.freeze({
    kind: 'policySet',
    id,
    version,
    rules: rules.length,
    permits,
    forbids: rules.length - permits,
    expiring,
    unscoped: unscoped.length,
    unscopedRules: firstOf(unscoped),
    openPermits: firstOf(open),
    widePermits: firstOf(wide),
    attributes: attributes.count,
    obligations,
  })
}

function firstOf(ids: string[]): readonly string[] {
  return Object.freeze(ids.sort().slice(0, 32))
}

// Its answers are known to be whole, prompt and frozen, so that they need not be checked again at each call.
const genuine = new WeakSet<object>()

/** Whether an evaluator was made by `policySet`. */
export function isPolicySet(evaluator: PolicyEvaluator): evaluator is PolicySet {
  return genuine.has(evaluator)
}

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
