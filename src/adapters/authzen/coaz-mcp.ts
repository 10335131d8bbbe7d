import { type Check, checkOptions, isFunction, optional } from '../../guard/check-options.ts'
import type { Attributes } from '../../guard/context.ts'
import { GuardError } from '../../guard/errors.ts'
import type { PolicyRequest } from '../../policy/policy-evaluator.ts'
import { ownMember } from '../../policy/policy-request.ts'
import { readMembers } from '../../policy/strict-read.ts'
import { plainRequest } from '../fetch/plain-request.ts'
import { type CelEvaluator, type CoazVariables, MappingError } from './coaz-expression.ts'
import { type MappingTemplate, type QuestionTemplate, readMapping, resolveTemplate } from './coaz-template.ts'

/** Options of `coazMcp`. */
export interface CoazMcpOptions {
  /** Mappings that the server declares, by the name of the tool: what stands in its `inputSchema` as `x-authzen-mapping`. Others have the default mapping. */
  readonly mappings?: Readonly<Record<string, unknown>>
  /** The claim that says whom a call is made for; `sub` unless given. */
  readonly subjectClaim?: string
  /** What this server calls itself in tokens (`aud`); the only `aud` of a token unless given. */
  readonly server?: string
  /**
   * Evaluates expressions that are more than the selection of a field, such as `params.arguments.amount > 10000 ? 'high' : 'low'`.
   * Without it such a mapping fails, and nothing is permitted.
   */
  readonly cel?: CelEvaluator
}

/** An MCP request, as far as it is mapped. */
export interface McpMessage {
  readonly method: string
  readonly params?: unknown
}

/** Puts MCP requests as questions. */
export interface CoazMcp {
  /**
   * The questions that a message puts: all must be permitted. Undefined for what is passed through unasked: `ping` and notifications.
   *
   * @param claims of the caller's verified token.
   * @throws GuardError `payload_invalid` where it cannot be mapped, `denied` for a method that nobody knows.
   */
  questions(message: McpMessage, claims: Attributes): readonly PolicyRequest[] | undefined
}

const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''
const checks: Readonly<Record<keyof CoazMcpOptions, Check>> = {
  mappings: [optional((value) => typeof value === 'object' && value !== null), 'mappings by the name of the tool'],
  subjectClaim: [optional(isText), 'the name of a claim'],
  server: [optional(isText), 'a text that is not empty'],
  cel: [optional(isFunction), 'a function of the expression and its variables'],
}

/**
 * COAZ-MCP (draft 1): MCP requests as AuthZEN questions, by the default mapping of each method, or by the one that a server declares
 * for a tool. The subject is always whom the token names: a mapping that yields another subject fails. Whatever else a declared
 * mapping yields is no more than what the server says.
 *
 * ```ts
 * const questions = coazMcp().questions({ method: 'tools/call', params: { name: 'get_customer' } }, { sub: 'alice', client_id: 'agent-1' })
 * ```
 *
 * @throws TypeError for a mapping that is none, and for wrong options.
 */
export function coazMcp(options: CoazMcpOptions = {}): CoazMcp {
  checkOptions('coazMcp', options, checks)
  const { subjectClaim = 'sub', server, cel } = options
  const declared = new Map<string, MappingTemplate>()
  for (const [tool, mapping] of options.mappings === undefined ? [] : readMembers(options.mappings, 'coazMcp: mappings'))
    declared.set(tool, readMapping(mapping, `coazMcp: mappings['${tool}']`))
  return Object.freeze({
    questions({ method, params }: McpMessage, claims: Attributes): readonly PolicyRequest[] | undefined {
      if (method === 'ping' || method.startsWith('notifications/')) return undefined
      const subject = ownMember(claims, subjectClaim)
      if (typeof subject !== 'string' || subject === '') throw unmapped(`the token has no ${subjectClaim}`)
      const variables: CoazVariables = { params, token: claims }
      const tool = method === 'tools/call' ? ownMember(params, 'name') : undefined
      const mapping = typeof tool === 'string' ? declared.get(tool) : undefined
      try {
        if (mapping === undefined) return [defaultQuestion(method, variables, subject, server)]
        return mapping.questions.map((question) => declaredQuestion({ ...mapping.defaults, ...question }, variables, cel, subject))
      } catch (error) {
        if (error instanceof MappingError) throw unmapped(error.message, error)
        throw error
      }
    },
  })
}

function declaredQuestion(
  { subject, action, resource, context }: QuestionTemplate,
  variables: CoazVariables,
  cel: CelEvaluator | undefined,
  anchor: string,
): PolicyRequest {
  const resolve = (part: QuestionTemplate[keyof QuestionTemplate]): unknown =>
    part === undefined ? undefined : resolveTemplate(part, variables, cel)
  const who = resolve(subject)
  const id = ownMember(who, 'id')
  // A mapping is the server's word. Whom a call is made for, it cannot say.
  if (id !== undefined && id !== anchor) throw new MappingError('the mapping names another subject than the token')
  const asked = resolve(action)
  const target = resolve(resource)
  const stated = resolve(context)
  return plainRequest({
    subject: { type: textIn(who, 'type') ?? 'identity', id: anchor, ...propertiesIn(who) },
    action: { name: needed(textIn(asked, 'name'), 'action.name'), ...propertiesIn(asked) },
    resource: { type: needed(textIn(target, 'type'), 'resource.type'), id: needed(textIn(target, 'id'), 'resource.id'), ...propertiesIn(target) },
    ...(stated !== undefined && { context: stated as Attributes }),
  })
}

type Resource = PolicyRequest['resource']

/** The methods whose resource is the server as a whole. */
const onServer: readonly string[] = ['initialize', 'tools/list', 'resources/list', 'prompts/list', 'tasks/list', 'logging/setLevel']

/** What else the context has, by the method. */
const stating: Readonly<Record<string, readonly [name: string, param: string]>> = {
  initialize: ['protocol_version', 'protocolVersion'],
  'logging/setLevel': ['level', 'level'],
}

/** Which resource the methods are about whose parameters name one. */
const onParameter: Readonly<Record<string, readonly [type: string, param: string]>> = {
  'tools/call': ['tool', 'name'],
  'resources/read': ['resource', 'uri'],
  'resources/subscribe': ['resource', 'uri'],
  'resources/unsubscribe': ['resource', 'uri'],
  'prompts/get': ['prompt', 'name'],
  'tasks/get': ['task', 'taskId'],
  'tasks/result': ['task', 'taskId'],
  'tasks/cancel': ['task', 'taskId'],
}

function defaultQuestion(method: string, { params, token }: CoazVariables, subject: string, server: string | undefined): PolicyRequest {
  const agent = ownMember(token, 'client_id')
  const [name, parameter] = Object.hasOwn(stating, method) ? (stating[method] ?? []) : []
  return {
    subject: { type: 'identity', id: subject },
    action: { name: method },
    resource: resourceOf(method, params, token, server),
    context: {
      ...(typeof agent === 'string' && { agent }),
      ...(name !== undefined && parameter !== undefined && { [name]: needed(textIn(params, parameter), `params.${parameter}`) }),
    },
  }
}

function resourceOf(method: string, params: unknown, token: unknown, server: string | undefined): Resource {
  if (onServer.includes(method)) return { type: 'mcp_server', id: server ?? needed(onlyText(ownMember(token, 'aud')), 'token.aud') }
  const named = Object.hasOwn(onParameter, method) ? onParameter[method] : undefined
  if (named !== undefined) return { type: named[0], id: needed(textIn(params, named[1]), `params.${named[1]}`) }
  if (method !== 'completion/complete') throw new GuardError('denied', { reason: 'COAZ: nobody knows this method' })
  const reference = ownMember(params, 'ref')
  const isPrompt = ownMember(reference, 'type') === 'ref/prompt'
  return isPrompt
    ? { type: 'prompt', id: needed(textIn(reference, 'name'), 'params.ref.name') }
    : { type: 'resource', id: needed(textIn(reference, 'uri'), 'params.ref.uri') }
}

/**
 * The question that a guard puts about a tool (`execute_tool`), as COAZ-MCP's default mapping of `tools/call` puts it, for `map` of
 * `authzenEvaluator`. The agent is the token's `client_id`, or who acts for the subject. Other questions stay as they are.
 */
export function coazToolCall(request: PolicyRequest): PolicyRequest {
  const { subject, action, resource } = request
  if (action.name !== 'execute_tool' || resource.type !== 'tool') return request
  const agent = ownMember(ownMember(subject.properties, 'claims'), 'client_id') ?? ownMember(subject.properties, 'actor')
  return {
    subject: { type: 'identity', id: subject.id },
    action: { name: 'tools/call' },
    resource: { type: 'tool', id: resource.id },
    context: typeof agent === 'string' ? { agent } : {},
  }
}

function textIn(holder: unknown, key: string): string | undefined {
  const value = ownMember(holder, key)
  return typeof value === 'string' && value !== '' ? value : undefined
}

function propertiesIn(holder: unknown): { readonly properties?: Attributes } {
  const properties = ownMember(holder, 'properties')
  return typeof properties === 'object' && properties !== null ? { properties: properties as Attributes } : {}
}

function onlyText(value: unknown): string | undefined {
  const [first, ...others] = Array.isArray(value) ? (value as readonly unknown[]) : [value]
  return typeof first === 'string' && first !== '' && others.length === 0 ? first : undefined
}

function needed(value: string | undefined, name: string): string {
  if (value === undefined) throw new MappingError(`${name} is no text`)
  return value
}

function unmapped(reason: string, cause?: unknown): GuardError {
  return new GuardError('payload_invalid', { reason: `COAZ: ${reason}`, cause })
}
