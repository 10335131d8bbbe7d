import { AttributeRecorder } from '../../src/audit-log/attribute-recorder.ts'
import { type DecisionRecord, entryText } from '../../src/audit-log/record.ts'
import type { DecisionGrounds } from '../../src/guard/decision-grounds.ts'
import type { Decision } from '../../src/guard/context.ts'
import { type Condition, judge } from '../../src/policy/condition.ts'
import { nameMatcher } from '../../src/policy/names.ts'
import { parsePolicy, type ParsedRule } from '../../src/policy/parse-policy.ts'
import type { PolicyRequest } from '../../src/policy/policy-evaluator.ts'
import { type Question, readQuestion } from '../../src/policy/policy-request.ts'
import { policySet } from '../../src/policy/policy-set.ts'

/** A key for sealing attributes. */
export const sealingKey: Uint8Array = new Uint8Array(32).fill(5)

/** How a call is recorded. */
export interface Recording {
  readonly id?: string
  readonly time?: number
  /** Seals the attributes that policy read. */
  readonly key?: Uint8Array
  /** Refused for this, although policy permitted it. */
  readonly code?: DecisionRecord['code']
}

/** Records what a policy decides about a request, as a guard would. */
export function recorder(policy: unknown): (request: PolicyRequest, recording?: Recording) => Promise<DecisionRecord> {
  const set = policySet(policy)
  const groundsOf = groundsIn(policy)
  let calls = 0
  return async (request, { id = `call-${calls++}`, time = 1_767_225_600_000 + calls, key, code } = {}) => {
    const decision = set.evaluate(request)
    const attributes = await new AttributeRecorder(key).record(id, groundsOf(request), undefined)
    const allowed = decision.allowed && code === undefined
    const { subject, action, resource } = request
    const record: DecisionRecord = {
      action: action.name,
      allowed,
      attributes,
      code: allowed ? undefined : (code ?? 'denied'),
      guard: 'test',
      id,
      kind: 'decision',
      permitted: !allowed && decision.allowed ? true : undefined,
      policy: decision.policy,
      resource: { id: resource.id, type: resource.type },
      rules: rulesOf(decision),
      subject: {
        issuer: 'https://id.example',
        key: `18:https://id.example${subject.id}`,
        kind: subject.type as 'user',
        roles: (subject.properties?.roles ?? []) as readonly string[],
        subject: subject.id,
      },
      task: id,
      time,
      version: 1,
    }
    // As it is read back from a log.
    return JSON.parse(entryText(record)) as DecisionRecord
  }
}

function rulesOf({ reasons }: Decision): DecisionRecord['rules'] {
  return reasons.map(({ effect, rule }) => ({ effect, rule }))
}

/** What the rules in scope of a request read: without an index and without a cache. */
export function groundsIn(policy: unknown): (request: PolicyRequest) => DecisionGrounds {
  const parsed = parsePolicy(policy)
  return (request) => {
    const question = readQuestion(request, parsed.roles)
    if (question === undefined) throw new Error('no request')
    const attributes = new Map<string, (question: Question) => unknown>()
    for (const rule of parsed.rules) if (fits(rule, question)) collect(rule.when, attributes)
    const paths = [...attributes.keys()].sort()
    return { paths, values: () => paths.map((path) => attributes.get(path)?.(question)), elevated: [] }
  }
}

function collect(condition: Condition | undefined, into: Map<string, (question: Question) => unknown>): void {
  if (condition === undefined) return
  if (condition.kind === 'test') {
    for (const attribute of [condition.attribute, condition.other]) if (attribute !== undefined) into.set(attribute.path, attribute.read)
  } else for (const part of condition.parts) collect(part, into)
}

function fits(rule: ParsedRule, question: Question): boolean {
  const one = (patterns: readonly string[] | undefined, name: string): boolean => patterns === undefined || nameMatcher(patterns)(name)
  return (
    one(rule.subjectTypes, question.subjectType) &&
    one(rule.subjectIds, question.subjectId) &&
    (rule.subjectRoles === undefined || rule.subjectRoles.some((role) => question.roles.includes(role))) &&
    one(rule.actions, question.actionName) &&
    one(rule.resourceTypes, question.resourceType) &&
    one(rule.resourceIds, question.resourceId)
  )
}

/** Permits of a policy that match a request, by id: read rule by rule. */
export function matching(policy: unknown, request: PolicyRequest): readonly string[] {
  const parsed = parsePolicy(policy)
  const question = readQuestion(request, parsed.roles)
  if (question === undefined) return []
  return parsed.rules
    .filter((rule) => rule.effect === 'permit' && fits(rule, question) && (rule.when === undefined || judge(rule.when, question) === true))
    .map(({ id }) => id)
}

/** A request of a user with these roles. */
export function requestOf(
  id: string,
  roles: readonly string[],
  action: string,
  model: string,
  more: { readonly subject?: Record<string, unknown>; readonly context?: Record<string, unknown>; readonly resource?: Record<string, unknown> } = {},
): PolicyRequest {
  return {
    subject: { type: 'user', id, properties: { roles, ...more.subject } as never },
    action: { name: action },
    resource: { type: 'model', id: model, properties: (more.resource ?? {}) as never },
    context: (more.context ?? {}) as never,
  }
}
