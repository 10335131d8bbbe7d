import { type Check, checkOptions } from '../guard/check-options.ts'
import type { Anchor, Checkpoint } from './audit-log.ts'
import { type VerifiedEntries, verifiedEntries } from './file-verified-entries.ts'
import { LogError } from './log-error.ts'
import { type AuditRecord, parseEntry } from './record.ts'

/** A log of one instance, and what it is verified by. */
export interface CollectedLog {
  /** Its folder, or a copy of it. */
  readonly directory: string
  /** Its verifier key. */
  readonly key: string
  readonly anchor?: Anchor
  /** How many entries there must be at least. */
  readonly expectedSize?: number
}

/** Options of `collector`. */
export interface CollectorOptions {
  readonly logs: readonly CollectedLog[]
}

/** A record out of one of several logs. */
export interface CollectedRecord {
  /** The name of the log that it stands in. */
  readonly origin: string
  /** Its place there. */
  readonly index: number
  /** As it stands there. */
  readonly text: string
  readonly record: AuditRecord
}

/** The records of several logs, in the order of their times. */
export interface CollectedRecords extends AsyncIterable<CollectedRecord> {
  /** What each log's key signed. */
  readonly checkpoints: readonly Checkpoint[]
  /** Whether an anchor or an expected size ruled out a missing end, in each of them. */
  readonly anchored: boolean
}

const checks: Readonly<Record<keyof CollectorOptions, Check>> = {
  logs: [(value) => Array.isArray(value) && value.length > 0, 'a list of at least one log'],
}

/**
 * The records of several instances, each of which writes a log of its own: verified, and merged by time. In one log records stay
 * in its order; of the same time, those of the log that was named first come first. Holds a few hundred entries of each.
 *
 * **Nothing counts before the last one came**: the iteration ends with a `LogError` where one of the logs does not hold.
 *
 * ```ts
 * for await (const { origin, record } of await collector({ logs: [{ directory: 'eu-1', key: one }, { directory: 'eu-2', key: two }] }))
 *   console.log(origin, record.kind)
 * ```
 *
 * @throws LogError for a log that is not there, or not signed by its key. TypeError for wrong options, and for two logs of one name.
 */
export async function collector(options: CollectorOptions): Promise<CollectedRecords> {
  checkOptions('collector', options, checks)
  const logs: VerifiedEntries[] = []
  for (const { directory, key, anchor, expectedSize } of options.logs)
    logs.push(await verifiedEntries(directory, { key, ...(anchor !== undefined && { anchor }), ...(expectedSize !== undefined && { expectedSize }) }))
  const origins = logs.map(({ checkpoint }) => checkpoint.origin)
  // A copy of a log beside it would count each of its records twice.
  if (new Set(origins).size !== origins.length) throw new TypeError('collector: two logs have one origin: each instance needs a name of its own')
  return {
    checkpoints: logs.map(({ checkpoint }) => checkpoint),
    anchored: logs.every(({ anchored }) => anchored),
    [Symbol.asyncIterator]: () => merge(logs),
  }
}

async function* merge(logs: readonly VerifiedEntries[]): AsyncGenerator<CollectedRecord> {
  const readers = logs.map((log) => new Reader(log))
  try {
    await Promise.all(readers.map((reader) => reader.next()))
    for (;;) {
      let first: Reader | undefined
      // Logs are few.
      for (const reader of readers) if (reader.current !== undefined && (first === undefined || reader.time < first.time)) first = reader
      if (first?.current === undefined) return
      yield first.current
      await first.next()
    }
  } finally {
    for (const reader of readers) await reader.close()
  }
}

/** Goes through one log. */
class Reader {
  readonly #origin: string
  readonly #rows: AsyncIterator<readonly string[]>
  #row: readonly string[] = []
  #place = 0
  #index: number
  current: CollectedRecord | undefined
  /** Never goes back, where a clock did: else what follows would be taken for newer than it is. */
  time = -Infinity

  constructor(log: VerifiedEntries) {
    this.#origin = log.checkpoint.origin
    this.#index = log.first - 1
    this.#rows = log[Symbol.asyncIterator]()
  }

  async next(): Promise<void> {
    for (;;) {
      if (this.#place === this.#row.length) {
        const { done, value } = await this.#rows.next()
        if (done === true) {
          this.current = undefined
          return
        }
        this.#row = value
        this.#place = 0
        continue
      }
      const text = this.#row[this.#place++] ?? ''
      this.#index++
      const record = parseEntry(text)
      if (record === undefined) throw new LogError('unreadable', `Entry ${this.#index} of ${this.#origin} is no record`)
      this.time = Math.max(this.time, record.time)
      this.current = { origin: this.#origin, index: this.#index, text, record }
      return
    }
  }

  async close(): Promise<void> {
    await this.#rows.return?.()
  }
}
