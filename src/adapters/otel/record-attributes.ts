import type { LoggedEntry } from '../../audit-log/audit-log.ts'
import type { AuditRecord, CallRecord, DecisionRecord, OutcomeRecord } from '../../audit-log/record.ts'
import { names } from './attribute-names.ts'

/** Values of OpenTelemetry's attributes. */
export type AttributeValues = Record<string, string | number | boolean | string[]>

/** A decision, or how a call ended. */
export type RecordOfCall = DecisionRecord | OutcomeRecord

/** Whether a record is about one call. */
export function isOfCall(record: AuditRecord): record is RecordOfCall {
  return record.kind === 'decision' || record.kind === 'outcome'
}

/** The model that was asked: as the payload names it, else the resource. */
export function modelOf({ model, resource }: RecordOfCall): string | undefined {
  return model ?? (resource.type === 'model' ? resource.id : undefined)
}

/** What few values distinguish, for metrics: never a caller, a call or a text that a caller wrote. */
export function dimensionsOf(record: RecordOfCall): AttributeValues {
  const { action, code, guard, resource } = record
  return {
    [names.operation]: action,
    [names.guard]: guard,
    [names.resourceType]: resource.type,
    ...(code !== undefined && { [names.errorType]: code }),
  }
}

/** What a record says. Who called only where `withSubject` says so: whoever reads telemetry need not know. */
export function attributesOf(entry: LoggedEntry, withSubject: boolean): AttributeValues {
  const { record, index, hash } = entry
  const place = { [names.index]: index, [names.leafHash]: hash }
  if (record.kind === 'log') return { ...place, 'sallyport.log.event': record.event }
  if (record.kind === 'refusals')
    return {
      ...place,
      [names.guard]: record.guard,
      ...Object.fromEntries(Object.entries(record.counts).map(([code, count]) => [`${names.refusals}.${code}`, count])),
    }
  if (!isOfCall(record)) return place
  return { ...place, ...ofCall(record), ...ofModel(record), ...ofEnding(record), ...(withSubject && ofSubject(record)) }
}

function ofCall({
  action,
  allowed,
  code,
  guard,
  id,
  masked,
  obligations,
  parent,
  policy,
  reason,
  resource,
  rules,
  task,
}: CallRecord & { readonly allowed: boolean }): AttributeValues {
  return {
    [names.operation]: action,
    [names.guard]: guard,
    [names.call]: id,
    [names.task]: task,
    [names.allowed]: allowed,
    [names.resourceType]: resource.type,
    [names.resourceId]: resource.id,
    ...(parent !== undefined && { [names.parent]: parent }),
    ...(resource.type === 'tool' && { [names.toolName]: resource.id }),
    ...(code !== undefined && { [names.errorType]: code }),
    ...(reason !== undefined && { [names.reason]: reason }),
    ...(policy !== undefined && { [names.policy]: policy.id, [names.policyVersion]: policy.version }),
    ...(rules !== undefined && { [names.rules]: rules.map(({ rule, effect }) => `${effect} ${rule}`) }),
    ...(obligations !== undefined && { [names.obligations]: [...obligations] }),
    ...Object.fromEntries(Object.entries(masked ?? {}).map(([type, count]) => [`${names.masked}.${type}`, count])),
  }
}

function ofModel(record: RecordOfCall): AttributeValues {
  const model = modelOf(record)
  return model === undefined ? {} : { [names.requestModel]: model }
}

function ofEnding(record: RecordOfCall): AttributeValues {
  if (record.kind !== 'outcome') return {}
  const { ending, parts, streamed, usage } = record
  return {
    [names.ending]: ending,
    [names.streamed]: streamed,
    [names.parts]: parts,
    ...(usage !== undefined && { [names.inputTokens]: usage.inputTokens, [names.outputTokens]: usage.outputTokens }),
    ...(usage?.cachedInputTokens !== undefined && { [names.cachedTokens]: usage.cachedInputTokens }),
    // A failure that has no code of ours is the function's own.
    ...(record.code === undefined && ending === 'failed' && { [names.errorType]: '_OTHER' }),
  }
}

function ofSubject({ subject }: CallRecord): AttributeValues {
  if (subject === undefined) return {}
  const [agent] = subject.actors ?? []
  return {
    [names.userId]: subject.key,
    [names.subjectKind]: subject.kind,
    ...(subject.tenant !== undefined && { [names.tenant]: subject.tenant }),
    ...(agent !== undefined && { [names.agentId]: agent.subject }),
  }
}
