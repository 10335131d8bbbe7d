import type { AuditRecord, CallRecord, DecisionRecord, OutcomeRecord } from './record.ts'

/** The version of the Open Cybersecurity Schema Framework that events are written for. */
const ocsfVersion = '1.8.0'

const product = { name: 'sallyport', vendor_name: 'sallyport' } as const

/** API Activity, in category Application Activity. The fitting class for calls of models and of tools; profile `ai_operation` since 1.8. */
const apiActivity = { category_name: 'Application Activity', category_uid: 6, class_name: 'API Activity', class_uid: 6003 } as const

// 1 Create, 2 Read, 3 Update, 4 Delete, 99 Other: by the verb that an action begins with.
const activities: readonly (readonly [id: number, name: string, verbs: RegExp])[] = [
  [1, 'Create', /^(create|add|deploy|train|generate|chat|text_completion|embeddings|execute_tool|invoke_agent|load)/],
  [2, 'Read', /^(read|get|list|search|retrieve|describe|find)/],
  [3, 'Update', /^(update|set|change|write|tune)/],
  [4, 'Delete', /^(delete|remove|revoke|unload)/],
]

// 1 Success, 2 Failure, 99 Other.
const statuses = { completed: [1, 'Success'], failed: [2, 'Failure'], refused: [2, 'Failure'] } as const

/** Type of user: 1 User, 2 Admin, 3 System, 4 Service, 99 Other. */
const userTypes = { user: 1, service: 4, agent: 99, device: 99 } as const

/**
 * A record of a call as an event of the Open Cybersecurity Schema Framework 1.8: API Activity (6003) with the profiles
 * `ai_operation`, `security_control` and `trace`. `undefined` for records that are no calls. What the schema has no place
 * for stands in `unmapped`.
 *
 * @param index the record's place in its log.
 */
export function ocsfEvent(record: AuditRecord, index: number): Readonly<Record<string, unknown>> | undefined {
  if (record.kind !== 'decision' && record.kind !== 'outcome') return undefined
  const [activity, activityName] = activities.find(([, , verbs]) => verbs.test(record.action)) ?? [99, 'Other']
  const [status, statusName] = statusOf(record)
  const { subject, trace, model } = record
  const usage = record.kind === 'outcome' ? record.usage : undefined
  return without({
    ...apiActivity,
    activity_id: activity,
    activity_name: activityName,
    type_uid: apiActivity.class_uid * 100 + activity,
    time: record.time,
    duration: record.kind === 'outcome' ? Math.round(record.elapsed) : undefined,
    severity_id: record.allowed ? 1 : 3,
    severity: record.allowed ? 'Informational' : 'Medium',
    status_id: status,
    status: statusName,
    status_code: record.code,
    status_detail: record.reason,
    action_id: record.allowed ? 1 : 2,
    action: record.allowed ? 'Allowed' : 'Denied',
    disposition_id: record.allowed ? 1 : 2,
    disposition: record.allowed ? 'Allowed' : 'Blocked',
    message: `${record.action} ${record.resource?.type}/${record.resource?.id}`,
    metadata: without({
      version: ocsfVersion,
      product,
      profiles: ['ai_operation', 'security_control', ...(trace === undefined ? [] : ['trace'])],
      uid: `${record.id}/${record.kind}`,
      correlation_uid: record.task,
      event_code: record.kind,
      log_name: record.guard,
      sequence: index,
    }),
    actor: subject === undefined ? { app_name: record.guard } : actorOf(subject, record.guard),
    api: { operation: record.action, service: { name: record.guard }, request: { uid: record.id } },
    resources: [without({ type: record.resource?.type, uid: record.resource?.id, name: record.resource?.id })],
    // The schema wants one, and a record does not name an address.
    src_endpoint: { name: subject?.subject ?? 'unknown' },
    policy: record.policy === undefined ? undefined : { uid: record.policy.id, version: record.policy.version },
    trace: trace === undefined ? undefined : { uid: trace.id, span: spanOf(record, trace.parent) },
    // The class wants to know whose model it is, which a record does not say.
    ai_model: model === undefined ? undefined : { name: model, model_name: model, ai_provider: 'Unknown' },
    message_context:
      usage === undefined
        ? undefined
        : {
            application: record.guard,
            prompt_tokens: usage.inputTokens,
            completion_tokens: usage.outputTokens,
            total_tokens: usage.inputTokens + usage.outputTokens,
          },
    unmapped: unmappedOf(record),
  })
}

// A span has an id and two ends. This one is the call's own, below the one that the request came with.
function spanOf({ id, time, elapsed = 0, action }: DecisionRecord | OutcomeRecord, parent: string): unknown {
  return { uid: id, parent_uid: parent, operation: action, start_time: Math.round(time - elapsed), end_time: Math.round(time) }
}

function statusOf(record: DecisionRecord | OutcomeRecord): readonly [number, string] {
  if (record.kind === 'decision') return record.allowed ? [1, 'Success'] : [2, 'Failure']
  return Object.hasOwn(statuses, record.ending) ? statuses[record.ending as keyof typeof statuses] : [99, record.ending]
}

function actorOf(subject: NonNullable<CallRecord['subject']>, guard: string): unknown {
  return {
    app_name: guard,
    user: without({
      uid: subject.subject,
      name: subject.subject,
      uid_alt: subject.key,
      domain: subject.issuer,
      type_id: Object.hasOwn(userTypes, subject.kind) ? userTypes[subject.kind] : 0,
      type: subject.kind,
      org: subject.tenant === undefined ? undefined : { uid: subject.tenant },
      groups: subject.roles?.map((name) => ({ name })),
    }),
  }
}

function unmappedOf(record: DecisionRecord | OutcomeRecord): unknown {
  const { rules, obligations, fulfilled, masked, missing, subject } = record
  const own = record.kind === 'outcome' ? { ending: record.ending, parts: record.parts, streamed: record.streamed } : {}
  return without({ rules, obligations, fulfilled, masked, missing, actors: subject?.actors, ...own })
}

function without(members: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
}
