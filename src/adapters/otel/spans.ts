import type { Span, SpanContext, Tracer } from '@opentelemetry/api'
import type { LoggedEntry } from '../../audit-log/audit-log.ts'
import type { OutcomeRecord } from '../../audit-log/record.ts'
import { attributesOf, isOfCall, modelOf } from './record-attributes.ts'
import type { OtelApi } from './otel-sink.ts'

/** `SpanKind.CLIENT` and `INTERNAL`, `SpanStatusCode.ERROR`: values of the API, which is imported by its types only. */
const kinds = { internal: 0, client: 2 } as const
const errorStatus = 2
const sampled = 1

/**
 * Writes a span for each call that ended, from when it began to when it ended. Calls of one task are one trace: the one that the
 * request came with, else one whose id is the task's. A call stands below the one that it was made for.
 */
export function spanWriter(api: OtelApi, tracer: Tracer, withSubject: boolean): (entry: LoggedEntry) => void {
  return (entry) => {
    const { record } = entry
    if (!isOfCall(record) || record.kind !== 'outcome') return
    const around = contextOf(record)
    const span: Span = tracer.startSpan(
      `${record.action} ${modelOf(record) ?? record.resource.id}`,
      {
        kind: record.resource.type === 'model' ? kinds.client : kinds.internal,
        startTime: record.time - record.elapsed,
        attributes: attributesOf(entry, withSubject),
      },
      around === undefined ? api.ROOT_CONTEXT : api.trace.setSpanContext(api.ROOT_CONTEXT, around),
    )
    if (record.ending !== 'completed' && record.ending !== 'left')
      span.setStatus({ code: errorStatus, ...(record.code !== undefined && { message: record.code }) })
    span.end(record.time)
  }
}

function contextOf({ parent, task, trace }: OutcomeRecord): SpanContext | undefined {
  const traceId = trace?.id ?? hexOf(task)
  const spanId = parent === undefined ? (trace?.parent ?? hexOf(task)?.slice(16)) : hexOf(parent)?.slice(16)
  return traceId === undefined || spanId === undefined ? undefined : { traceId, spanId, traceFlags: sampled, isRemote: true }
}

// A UUID has as many bits as a trace's id.
function hexOf(uuid: string): string | undefined {
  const hex = uuid.replaceAll('-', '').toLowerCase()
  return /^[0-9a-f]{32}$/.test(hex) && !/^0*$/.test(hex.slice(0, 16)) && !/^0*$/.test(hex.slice(16)) ? hex : undefined
}
