import type { Logger } from '@opentelemetry/api-logs'
import type { LoggedEntry } from '../../audit-log/audit-log.ts'
import { attributesOf, isOfCall } from './record-attributes.ts'

/** `SeverityNumber` of the API, which is imported by its types only. */
const severities = { info: 9, warn: 13, error: 17 } as const

/** Writes a log record for each entry. */
export function logWriter(logger: Logger, withSubject: boolean): (entry: LoggedEntry) => void {
  return (entry) => {
    const { record } = entry
    const severity = severityOf(record)
    logger.emit({
      eventName: `sallyport.${record.kind}`,
      timestamp: record.time,
      severityNumber: severities[severity],
      severityText: severity.toUpperCase(),
      body: bodyOf(record),
      attributes: attributesOf(entry, withSubject),
    })
  }
}

function severityOf(record: LoggedEntry['record']): keyof typeof severities {
  if (record.kind === 'log' || record.kind === 'refusals') return 'warn'
  if (!isOfCall(record)) return 'info'
  if (record.kind === 'outcome' && record.ending === 'failed') return 'error'
  return record.code === undefined ? 'info' : 'warn'
}

// For people; everything in it stands in an attribute as well.
function bodyOf(record: LoggedEntry['record']): string {
  if (record.kind === 'log') return `log ${record.event}`
  if (record.kind === 'refusals') return `refused ${Object.values(record.counts).reduce((sum, count) => sum + count, 0)} calls of nobody known`
  if (!isOfCall(record)) return 'record of a newer kind'
  const what = `${record.action} ${record.resource.type} ${record.resource.id}`
  if (record.kind === 'decision') return `${record.allowed ? 'allowed' : 'refused'} ${what}`
  return `${record.ending} ${what}`
}
