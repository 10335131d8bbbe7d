import { type Check, checkOptions, hasMethods, isBoolean, isFunction, optional } from '../../guard/check-options.ts'
import { systemClock, within } from '../../guard/clock.ts'
import type { Awaitable, Decision } from '../../guard/context.ts'
import { isGuardError } from '../../guard/errors.ts'
import { parseJson } from '../../payload/strict-json.ts'
import { askEvaluator } from '../../policy/ask-evaluator.ts'
import type { PolicyEvaluator, PolicyRequest } from '../../policy/policy-evaluator.ts'
import { freezeRequest } from '../../policy/policy-request.ts'
import { decisionPointUrl } from '../fetch/ask-decision-point.ts'
import { mediaTypeOf, readBounded } from '../web/request-body.ts'
import { decisionToWire, type WireDecision } from './authzen-answer.ts'
import { typesOnWire } from './authzen-obligations.ts'
import { BadRequest, type Questions, readQuestion, readQuestions } from './authzen-questions.ts'
import { settles } from './evaluations-semantic.ts'
import { defaultEndpoints, identifierOf, metadataUrl } from './pdp-endpoints.ts'

/** Options of `authzenHandler`. */
export interface AuthzenHandlerOptions {
  /**
   * The identifier of this decision point, such as `https://pdp.example/tenant1`: what its metadata say, and below which it is
   * reached. The `Host` header is never used.
   */
  readonly pdp: URL | string
  /**
   * Whether whoever asks may. Without it anybody could state any facts and learn the policy. A refusal that it throws (`GuardError`)
   * is answered with its status and headers. The body is not its to read.
   */
  readonly authenticate: (request: Request) => Awaitable<boolean>
  /** How long a decision may take, or all decisions of one request together, in milliseconds; 2,000 unless given. */
  readonly deadline?: number
  /** The longest body that is read, in bytes; 262,144 unless given. */
  readonly maxBodyBytes?: number
  /** How many questions may stand in one request; 100 unless given. */
  readonly maxEvaluations?: number
  /** Whether the rules that decided go along (`context.reasons`); false unless given. */
  readonly reasons?: boolean
  /** Told why a decision could not be made. */
  readonly onError?: (error: unknown) => void
}

const isCount = optional((value) => Number.isSafeInteger(value) && (value as number) > 0)
const checks: Readonly<Record<keyof AuthzenHandlerOptions, Check>> = {
  pdp: [(value) => value instanceof URL || typeof value === 'string', 'a URL'],
  authenticate: [isFunction, 'a function of the request'],
  deadline: [optional((value) => Number.isFinite(value) && (value as number) > 0), 'a positive number of milliseconds'],
  maxBodyBytes: [isCount, 'a whole number above zero'],
  maxEvaluations: [isCount, 'a whole number above zero'],
  reasons: [optional(isBoolean), 'true or false'],
  onError: [optional(isFunction), 'a function'],
}

/**
 * Serves a policy engine as a decision point (AuthZEN Authorization API 1.0): `POST /access/v1/evaluation`,
 * `POST /access/v1/evaluations` and `GET /.well-known/authzen-configuration`, each below the path of `pdp`. Search is not served, and
 * the metadata say so.
 *
 * Duties go out in `context.obligations` as the obligations profile writes them (draft 1). Members that AuthZEN does not know are
 * ignored and do not reach the engine; JSON in which a name stands twice is refused. In a request with several questions, one that
 * is none, or that the engine fails at, is answered with `false` and an `error` in its `context`.
 *
 * Always resolves: 400 for what is no request, 401 for who may not ask, 404, 405 and 413, 500 where no decision could be
 * made. None is a decision: those come with 200.
 *
 * ```ts
 * const handler = authzenHandler(policySet(policy), { pdp: 'https://pdp.example', authenticate: (request) => knows(request) })
 * ```
 *
 * @throws TypeError for what is no evaluator, and for wrong options.
 */
export function authzenHandler(evaluator: PolicyEvaluator, options: AuthzenHandlerOptions): (request: Request) => Promise<Response> {
  if (!hasMethods('evaluate')(evaluator)) throw new TypeError('authzenHandler: the evaluator must be an object with a method evaluate')
  checkOptions('authzenHandler', options, checks)
  const { authenticate, deadline = 2_000, maxBodyBytes = 262_144, maxEvaluations = 100, reasons = false, onError } = options
  const pdp = decisionPointUrl('authzenHandler: pdp', options.pdp)
  const { evaluation, evaluations } = defaultEndpoints(pdp)
  const metadata = metadataDocument(pdp, evaluator)

  const answer = async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url)
    if (pathname === metadataUrl(pdp).pathname)
      return request.method === 'GET' ? json(metadata) : text(405, 'the method must be GET', { allow: 'GET' })
    if (pathname !== evaluation.pathname && pathname !== evaluations.pathname) return text(404, 'there is nothing here')
    if (request.method !== 'POST') return text(405, 'the method must be POST', { allow: 'POST' })
    const refusal = await refusalOf(request)
    if (refusal !== undefined) return refusal
    const body = await readBody(request, maxBodyBytes, deadline)
    if (body instanceof Response) return body
    const questions: Questions = pathname === evaluation.pathname ? { one: readQuestion(body) } : readQuestions(body, maxEvaluations)
    const until = systemClock.monotonic() + deadline
    if ('one' in questions) return json(decisionToWire(await decide(questions.one, until, request.signal), reasons))
    return json({ evaluations: await decideAll(questions, until, request.signal) })
  }

  const refusalOf = async (request: Request): Promise<Response | undefined> => {
    try {
      if ((await within(systemClock, deadline, 'authenticate', authenticate(request))) === true) return undefined
    } catch (error) {
      if (!isGuardError(error)) throw error
      const { status, message, headers } = error
      return text(status >= 400 && status < 600 ? status : 500, message, headers)
    }
    return text(401, 'authentication is required', { 'www-authenticate': 'Bearer' })
  }

  const decide = async (question: PolicyRequest, until: number, signal: AbortSignal): Promise<Decision> => {
    const patience = { clock: systemClock, deadline: Math.max(1, Math.ceil(until - systemClock.monotonic())), signal }
    return askEvaluator(evaluator, freezeRequest(question), patience)
  }

  const decideAll = async (
    { several, semantic }: Exclude<Questions, { readonly one: unknown }>,
    until: number,
    signal: AbortSignal,
  ): Promise<readonly WireDecision[]> => {
    const decideOne = async (question: PolicyRequest | BadRequest): Promise<WireDecision> => {
      if (question instanceof BadRequest) return failed(400, question.message)
      try {
        return decisionToWire(await decide(question, until, signal), reasons)
      } catch (error) {
        tell(error)
        return failed(500, 'no decision could be made')
      }
    }
    if (semantic === 'execute_all') return Promise.all(several.map(decideOne))
    const decisions: WireDecision[] = []
    for (const question of several) {
      const decision = await decideOne(question)
      decisions.push(decision)
      if (settles({ allowed: decision.decision }, semantic)) break
    }
    return decisions
  }

  const tell = (error: unknown): void => {
    try {
      onError?.(error)
    } catch {
      // Whoever is told changes no answer.
    }
  }

  return async (request) => {
    const requestId = request.headers.get('x-request-id')
    const response = await answer(request).catch((error: unknown) => {
      if (error instanceof BadRequest) return text(400, error.message)
      tell(error)
      return text(500, 'no decision could be made')
    })
    // Section 10.1.3. What a header field can hold coming in, it can hold going out.
    if (requestId !== null) response.headers.set('x-request-id', requestId)
    return response
  }
}

function metadataDocument(pdp: URL, { obliges }: PolicyEvaluator): object {
  const { evaluation, evaluations } = defaultEndpoints(pdp)
  return {
    policy_decision_point: identifierOf(pdp),
    access_evaluation_endpoint: evaluation.href,
    access_evaluations_endpoint: evaluations.href,
    ...(obliges !== undefined && obliges.length > 0 && { obligations_supported: typesOnWire(obliges) }),
  }
}

async function readBody({ headers, body }: Request, maxBytes: number, deadline: number): Promise<unknown> {
  const { essence, utf8 } = mediaTypeOf(headers.get('content-type'))
  if (essence !== 'application/json' || !utf8) return text(400, 'the content type must be application/json')
  const encoding = headers.get('content-encoding')
  if (encoding !== null && encoding.trim().toLowerCase() !== 'identity') return text(400, 'the body must have no content encoding')
  if (Number(headers.get('content-length')) > maxBytes) return text(413, 'the body is too large')
  if (body === null) return text(400, 'the body is empty')
  const reader = body.getReader()
  try {
    return parseJson(await within(systemClock, deadline, 'the body', readBounded(reader, maxBytes)), { maxLength: maxBytes })
  } catch (error) {
    reader.cancel().catch(() => {})
    const isTooLarge = isGuardError(error) && error.code === 'payload_too_large'
    return isTooLarge ? text(413, 'the body is too large') : text(400, 'the body is no JSON object in which each name stands once')
  }
}

function failed(status: number, message: string): WireDecision {
  return { decision: false, context: { error: { status, message } } }
}

function json(value: object): Response {
  return new Response(JSON.stringify(value), { headers: { 'content-type': 'application/json', 'cache-control': 'no-store' } })
}

function text(status: number, message: string, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(message, { status, headers: { ...headers, 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' } })
}
