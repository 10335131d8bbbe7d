import { type Check, checkOptions, isBoolean, isFunction, optional } from '../../guard/check-options.ts'
import type { Decision } from '../../guard/context.ts'
import { GuardError } from '../../guard/errors.ts'
import type { PolicyEvaluator, PolicyRequest } from '../../policy/policy-evaluator.ts'
import { ownMember } from '../../policy/policy-request.ts'
import {
  askDecisionPoint,
  authorizationOf,
  decisionPointUrl,
  type DecisionPointToken,
  isDecisionPointToken,
  understand,
} from '../fetch/ask-decision-point.ts'
import { plainRequest } from '../fetch/plain-request.ts'
import { decisionFromWire } from './authzen-answer.ts'
import { type EvaluationsSemantic, isSemantic, settles } from './evaluations-semantic.ts'
import { identifierOf, PdpEndpoints } from './pdp-endpoints.ts'

/** Options of `authzenEvaluator`. Durations are seconds. */
export interface AuthzenOptions {
  /** The identifier of the decision point, such as `https://pdp.example/tenant1`: https, or http at a loopback address. */
  readonly pdp: URL | string
  /** What the decision point knows its client by, or a function that gives it. */
  readonly token?: DecisionPointToken
  /** Whether its metadata say where it is asked; true unless given. Where there are none, the default paths are used. */
  readonly discovery?: boolean
  /** How long an answer may take, to its last byte; 2 unless given. */
  readonly timeout?: number
  /** How long an answer may be; 262,144 bytes unless given. */
  readonly maxBytes?: number
  /** `globalThis.fetch` unless given. */
  readonly fetch?: typeof globalThis.fetch
  /** What is asked instead: fewer attributes, other names. See `coazToolCall`. */
  readonly map?: (request: PolicyRequest) => PolicyRequest
  /** Stands in every decision; the identifier of the decision point unless given. */
  readonly id?: string
  /** Stands in every decision; `unversioned` unless given: AuthZEN does not tell it. */
  readonly version?: string
  /** The types of obligations that it may give, so that a chain that cannot obey is refused when it is made. */
  readonly obliges?: readonly string[]
}

/** A decision point of others. */
export interface AuthzenEvaluator extends PolicyEvaluator {
  evaluate(request: PolicyRequest, signal?: AbortSignal): Promise<Decision>
  /**
   * Asks several questions at once (`/access/v1/evaluations`); one after the other where the decision point says that it cannot.
   *
   * @param semantic `execute_all` unless given. With the others there may be fewer decisions than questions: those up to the one
   * that settled it.
   * @throws GuardError `policy_unavailable`
   */
  evaluateAll(requests: readonly PolicyRequest[], semantic?: EvaluationsSemantic, signal?: AbortSignal): Promise<readonly Decision[]>
}

/** As many questions go into one request. */
const maxEvaluations = 1_000

const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''

const checks: Readonly<Record<keyof AuthzenOptions, Check>> = {
  pdp: [(value) => value instanceof URL || typeof value === 'string', 'a URL'],
  token: [optional(isDecisionPointToken), 'a token of printable ASCII, or a function that gives one'],
  discovery: [optional(isBoolean), 'true or false'],
  timeout: [optional((value) => Number.isFinite(value) && (value as number) > 0), 'a number of seconds above zero'],
  maxBytes: [optional((value) => Number.isSafeInteger(value) && (value as number) > 0), 'a whole number above zero'],
  fetch: [optional(isFunction), 'a function'],
  map: [optional(isFunction), 'a function of the request'],
  id: [optional(isText), 'a text that is not empty'],
  version: [optional(isText), 'a text that is not empty'],
  obliges: [optional((value) => Array.isArray(value) && value.every(isText)), 'a list of types'],
}

/**
 * Any policy decision point that speaks the AuthZEN Authorization API 1.0, behind the port of policy engines. The request goes as
 * it is: under a guard that is the subject with all its properties (claims among them), so use `map` where the decision point
 * needs less.
 *
 * Where it is asked, its metadata say (`/.well-known/authzen-configuration`, fetched at the first use and not before); they must name
 * the very same decision point, and endpoints of the same origin. `signed_metadata` are not looked at. Each request has an
 * `X-Request-ID`; an answer with another one is refused.
 *
 * Duties come in `context.obligations` as the obligations profile writes them (draft 1), with a denial as well: `step-up` becomes
 * `require_assurance`, others keep their type, and a chain that does not know it refuses. Reasons are those of
 * `authzenHandler({ reasons: true })`, else `decision`.
 *
 * Refuses (`policy_unavailable`, under a guard) where it is away, late, answers with another status than 200, a redirect, more
 * bytes than allowed, or what is no decision.
 *
 * ```ts
 * const evaluator = authzenEvaluator({ pdp: 'https://pdp.example', token })
 * ```
 *
 * @throws TypeError for wrong options.
 */
export function authzenEvaluator(options: AuthzenOptions): AuthzenEvaluator {
  checkOptions('authzenEvaluator', options, checks)
  const { token, discovery = true, timeout = 2, maxBytes = 262_144, map, version = 'unversioned', obliges } = options
  const pdp = decisionPointUrl('authzenEvaluator: pdp', options.pdp)
  const { id = identifierOf(pdp) } = options
  const fetch: typeof globalThis.fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init))
  const endpoints = new PdpEndpoints(pdp, discovery, fetch, timeout * 1000)
  const policy: Decision['policy'] = Object.freeze({ id, version })
  const description = Object.freeze({ kind: 'authzen', id, version, pdp: identifierOf(pdp), discovery, timeout })
  const questionOf = (request: PolicyRequest): PolicyRequest => plainRequest(map === undefined ? request : map(request))

  const ask = async (url: URL, question: object, signal: AbortSignal | undefined): Promise<unknown> => {
    const requestId = crypto.randomUUID()
    const { status, headers, value } = await askDecisionPoint(url, {
      fetch,
      timeout: timeout * 1000,
      maxBytes,
      headers: { ...(await authorizationOf(token)), 'x-request-id': requestId },
      body: JSON.stringify(question),
      signal,
    })
    if (status !== 200) throw unavailable(`the decision point answered with status ${status}`)
    const answered = headers.get('x-request-id')
    if (answered !== null && answered !== requestId) throw unavailable('the decision point answered another request')
    return value
  }

  const evaluate = async (request: PolicyRequest, signal?: AbortSignal): Promise<Decision> => {
    const question = questionOf(request)
    const { evaluation } = await endpoints.get()
    const value = await ask(evaluation, question, signal)
    return understand(() => decisionFromWire(value, policy))
  }

  return Object.freeze({
    evaluate,
    async evaluateAll(
      requests: readonly PolicyRequest[],
      semantic: EvaluationsSemantic = 'execute_all',
      signal?: AbortSignal,
    ): Promise<readonly Decision[]> {
      if (!isSemantic(semantic)) throw new TypeError('evaluateAll: semantic: must be execute_all, deny_on_first_deny or permit_on_first_permit')
      if (requests.length > maxEvaluations) throw unavailable(`more than ${maxEvaluations} questions at once`)
      // To AuthZEN an empty list is a question by itself (section 7.1).
      if (requests.length === 0) return []
      const questions = requests.map(questionOf)
      const { evaluation, evaluations } = await endpoints.get()
      if (evaluations === undefined)
        return oneByOne(questions, semantic, async (question) => {
          const value = await ask(evaluation, question, signal)
          return understand(() => decisionFromWire(value, policy))
        })
      const value = await ask(evaluations, { evaluations: questions, options: { evaluations_semantic: semantic } }, signal)
      const answers = ownMember(value, 'evaluations')
      if (!Array.isArray(answers) || answers.length > questions.length) throw unavailable('the decision point gave no list of decisions')
      const decisions = understand(() => answers.map((answer) => decisionFromWire(answer, policy)))
      if (decisions.length < questions.length && !settles(decisions.at(-1), semantic)) throw unavailable('the decision point left questions out')
      return decisions
    },
    ...(obliges !== undefined && { obliges: Object.freeze([...obliges]) }),
    describe: () => description,
  })
}

async function oneByOne(
  questions: readonly PolicyRequest[],
  semantic: EvaluationsSemantic,
  ask: (question: PolicyRequest) => Promise<Decision>,
): Promise<readonly Decision[]> {
  const decisions: Decision[] = []
  for (const question of questions) {
    const decision = await ask(question)
    decisions.push(decision)
    if (settles(decision, semantic)) break
  }
  return decisions
}

function unavailable(reason: string): GuardError {
  return new GuardError('policy_unavailable', { reason })
}
