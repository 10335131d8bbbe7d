import type { LoggedEntry } from './audit-log.ts'
import { timeText } from './record.ts'

/** An event of CloudEvents 1.0. */
export type CloudEvent = Readonly<Record<string, unknown>>

/**
 * An entry as an event: its id is where it stands in the log, so that one that comes twice is known again. `leafhash` is the leaf's
 * hash (RFC 9162, section 2.1.1) in base64.
 *
 * @param source a URI reference that names the log.
 */
export function cloudEvent(source: string, { index, hash, record }: LoggedEntry): CloudEvent {
  return {
    specversion: '1.0',
    id: String(index),
    source,
    type: `sallyport.${record.kind}.v1`,
    time: timeText(record),
    datacontenttype: 'application/json',
    leafhash: hash,
    ...('task' in record && { subject: record.task }),
    data: record,
  }
}

/** That entries were left out before the next ones. */
export function missedEvent(source: string, missed: number, now: number): CloudEvent {
  return {
    specversion: '1.0',
    id: `missed-${now}`,
    source,
    type: 'sallyport.missed.v1',
    time: new Date(now).toISOString(),
    datacontenttype: 'application/json',
    data: { missed },
  }
}
