import type { Meter } from '@opentelemetry/api'
import type { AuditRecord } from '../../audit-log/record.ts'
import { buckets, instruments, names } from './attribute-names.ts'
import { dimensionsOf, isOfCall, modelOf } from './record-attributes.ts'

/** Counts what is in records, and how many a sink was not given. */
export interface Measurements {
  record(record: AuditRecord): void
  missed(count: number): void
}

/** Makes the instruments. Durations are seconds. */
export function measurements(meter: Meter): Measurements {
  const duration = meter.createHistogram(instruments.duration, {
    description: 'How long guarded calls take, to the last part of their answers.',
    unit: 's',
    advice: { explicitBucketBoundaries: [...buckets.duration] },
  })
  const tokens = meter.createHistogram(instruments.tokens, {
    description: 'Tokens that guarded calls use.',
    unit: '{token}',
    advice: { explicitBucketBoundaries: [...buckets.tokens] },
  })
  const calls = meter.createCounter(instruments.calls, { description: 'Guarded calls, by how they ended or were refused.', unit: '{call}' })
  const masked = meter.createCounter(instruments.masked, { description: 'Values that were masked, by type.', unit: '{value}' })
  const missed = meter.createCounter(instruments.missed, { description: 'Records that are in the log and did not come here.', unit: '{record}' })
  return {
    record(record) {
      if (record.kind === 'refusals') {
        for (const [code, count] of Object.entries(record.counts)) calls.add(count, { [names.guard]: record.guard, [names.errorType]: code })
        return
      }
      if (!isOfCall(record)) return
      const dimensions = dimensionsOf(record)
      if (record.kind === 'decision') {
        // A call that was let in is counted when it has ended.
        if (!record.allowed) calls.add(1, dimensions)
        for (const [type, count] of Object.entries(record.masked ?? {}))
          masked.add(count, { [names.guard]: record.guard, 'sallyport.masked.type': type })
        return
      }
      const { usage, elapsed, ending } = record
      const model = modelOf(record)
      const ofModel = { ...dimensions, ...(model !== undefined && { [names.requestModel]: model }) }
      if (record.allowed) calls.add(1, { ...dimensions, [names.ending]: ending })
      duration.record(elapsed / 1000, ofModel)
      if (usage === undefined) return
      tokens.record(usage.inputTokens, { ...ofModel, [names.tokenType]: 'input' })
      tokens.record(usage.outputTokens, { ...ofModel, [names.tokenType]: 'output' })
    },
    missed: (count) => missed.add(count),
  }
}
