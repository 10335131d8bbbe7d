import type { Context, Meter, Tracer, trace } from '@opentelemetry/api'
import type { Logger } from '@opentelemetry/api-logs'
import type { AuditSink, LoggedEntry } from '../../audit-log/audit-log.ts'
import { type Check, checkOptions, hasMethods, isBoolean, isFunction, optional } from '../../guard/check-options.ts'
import { names } from './attribute-names.ts'
import { logWriter } from './log-writer.ts'
import { measurements } from './measurements.ts'
import { spanWriter } from './spans.ts'

/** What spans need of `@opentelemetry/api`: the module itself will do. */
export interface OtelApi {
  readonly trace: Pick<typeof trace, 'setSpanContext'>
  readonly ROOT_CONTEXT: Context
}

/** Options of `otelSink`. At least one of `logger`, `tracer` and `meter`. */
export interface OtelSinkOptions {
  /** Gets a log record for each entry. */
  readonly logger?: Logger
  /** Gets a span for each call that ended; needs `api`. */
  readonly tracer?: Tracer
  /** Gets durations, tokens and counts. */
  readonly meter?: Meter
  /** `import * as api from '@opentelemetry/api'`. */
  readonly api?: OtelApi
  /** Whether logs and spans say who called: key, tenant, agent. False unless given; metrics never do. */
  readonly subject?: boolean
  /**
   * Resolves when what was emitted has been exported, and rejects where it was not: then entries come again as logs. The providers'
   * `forceFlush` waits for exports, and in today's SDK resolves where one failed. Without it entries are taken once they are emitted.
   */
  readonly flush?: () => Promise<unknown>
}

const checks: Readonly<Record<keyof OtelSinkOptions, Check>> = {
  logger: [optional(hasMethods('emit')), 'a Logger'],
  tracer: [optional(hasMethods('startSpan')), 'a Tracer'],
  meter: [optional(hasMethods('createHistogram', 'createCounter')), 'a Meter'],
  api: [optional((value) => typeof value === 'object' && value !== null && 'ROOT_CONTEXT' in value && 'trace' in value), '@opentelemetry/api'],
  subject: [optional(isBoolean), 'a boolean'],
  flush: [optional(isFunction), 'a function'],
}

/**
 * Hands what is in the log to OpenTelemetry: log records, a span for each call, and metrics, with the names of its semantic
 * conventions for generative AI. On what you pass in: it sets up no exporter. A slow collector holds up no call.
 *
 * ```ts
 * import * as api from '@opentelemetry/api'
 * import { logs } from '@opentelemetry/api-logs'
 *
 * const sink = otelSink({ api, logger: logs.getLogger('sallyport'), tracer: api.trace.getTracer('sallyport'), meter: api.metrics.getMeter('sallyport') })
 * const control = audit({ log, sinks: [sink] })
 * ```
 *
 * @throws TypeError for wrong options.
 */
export function otelSink(options: OtelSinkOptions): AuditSink {
  checkOptions('otelSink', options, checks)
  const { logger, tracer, meter, api, subject = false, flush } = options
  if (logger === undefined && tracer === undefined && meter === undefined) throw new TypeError('otelSink: give a logger, a tracer or a meter')
  if (tracer !== undefined && api === undefined) throw new TypeError('otelSink: a tracer needs api')
  const writeLog = logger === undefined ? undefined : logWriter(logger, subject)
  const writeSpan = tracer === undefined || api === undefined ? undefined : spanWriter(api, tracer, subject)
  const counts = meter === undefined ? undefined : measurements(meter)
  // What was counted once is not counted again when it comes again.
  const counted = new WeakSet<LoggedEntry>()
  let missedBefore = 0
  return Object.freeze({
    name: 'otel',
    async deliver(entries: readonly LoggedEntry[], missed: number): Promise<void> {
      if (missed > missedBefore) {
        counts?.missed(missed - missedBefore)
        logger?.emit({ eventName: 'sallyport.missed', severityNumber: 13, severityText: 'WARN', attributes: { [names.missed]: missed } })
      }
      missedBefore = missed
      for (const entry of entries) {
        writeLog?.(entry)
        if (counted.has(entry)) continue
        counted.add(entry)
        counts?.record(entry.record)
        writeSpan?.(entry)
      }
      await flush?.()
      missedBefore = 0
    },
  })
}
