import { type Clock, systemClock } from '../guard/clock.ts'
import { GuardError, type GuardErrorCode, isGuardError, reasonOf } from '../guard/errors.ts'
import { abandon } from '../guard/thenable.ts'
import type { AppendOptions, AuditLog, AuditSink, Receipt } from './audit-log.ts'
import type { AuditRecord, RefusalsRecord } from './record.ts'
import { SinkFeed } from './sink-feed.ts'
import type { Awaitable } from '../guard/context.ts'
import { within } from '../guard/clock.ts'

/** Milliseconds after which counted refusals become a record, and the number after which they do at once. */
const flushing = { every: 10_000, at: 50_000 } as const
/** Milliseconds that sinks have to take what waits, once nothing more comes. */
const lastDelivery = 5_000

/**
 * When a record counts as taken: when it outlives a power cut (`durable`), when it outlives the process (`written`), or at once
 * (`queued`), where what the log has no room for is refused and what is lost later is counted in the next record.
 */
export type Durability = 'durable' | 'written' | 'queued'

/** Settings of a `RecordWriter`. */
export interface RecordWriterSettings {
  readonly log: AuditLog | (() => Promise<AuditLog>)
  readonly sinks: readonly AuditSink[]
  /** Whether a record that cannot be written is only reported. */
  readonly degrade: boolean
  /** How records of counted refusals are written; `durable` unless given. */
  readonly refusals?: Durability
  readonly onError: (error: unknown) => void
}

/** Writes the records of a guard's calls to its log, counts those that cannot be written, and feeds the sinks. */
export class RecordWriter {
  readonly #settings: RecordWriterSettings
  readonly #access: LogAccess
  readonly #refusals = new Map<string, RefusalCounts>()
  #feeds: readonly SinkFeed[] | undefined
  #missing = 0
  #clock: Clock = systemClock
  #disarm: (() => void) | undefined
  #closing: Promise<void> | undefined

  constructor(settings: RecordWriterSettings) {
    this.#settings = settings
    this.#access = new LogAccess(settings.log)
  }

  /** Begins to open the log, where it is to be opened, so that it is there when the first record comes. */
  open(clock: Clock): void {
    this.#clock = clock
    this.#access.get(clock)
  }

  /**
   * Writes a record, and resolves when it is durable. Where it cannot: rejects with `audit_unavailable`, or resolves all the
   * same where the settings want that.
   *
   * @param make is given how many records could not be written before.
   */
  write(make: (missing: number | undefined) => AuditRecord, clock: Clock, durability: Durability = 'durable'): Promise<void> {
    const missing = this.#takeMissing()
    // By hand: every call waits for this twice, and nothing is to be waited for but the log.
    try {
      const record = make(missing)
      const log = this.#access.get(clock)
      const taking =
        log instanceof Promise
          ? log.then((opened) => this.#take(opened, record, missing, clock, durability))
          : this.#take(log, record, missing, clock, durability)
      return taking.catch((error: unknown) => this.#fail(error, missing))
    } catch (error) {
      return Promise.reject(error).catch((thrown: unknown) => this.#fail(thrown, missing))
    }
  }

  #take(log: AuditLog, record: AuditRecord, missing: number | undefined, clock: Clock, durability: Durability): Promise<void> {
    if (durability === 'queued') return this.#queue(log, record, missing ?? 0, clock)
    // A log may be anybody's.
    return Promise.resolve(log.append(record, appendOptions[durability])).then((receipt) => {
      this.#feed(record, receiptOf(receipt), clock)
    })
  }

  #fail(error: unknown, missing = 0): void {
    this.#missing += missing + 1
    const refusal = asUnavailable(error)
    if (!this.#settings.degrade) throw refusal
    this.tell(refusal)
  }

  // Waits no longer than it takes to know whether there is room: a log says at once that there is none.
  async #queue(log: AuditLog, record: AuditRecord, missing: number, clock: Clock): Promise<void> {
    let isTaken = false
    let refusal: { readonly error: unknown } | undefined
    log
      .append(record, appendOptions.written)
      .then((receipt) => this.#feed(record, receiptOf(receipt), clock))
      .catch((error: unknown) => {
        if (!isTaken) refusal = { error }
        else {
          this.#missing += missing + 1
          this.tell(asUnavailable(error))
        }
      })
    // As many turns as an answer that is there already takes to come here.
    await undefined
    await undefined
    await undefined
    if (refusal !== undefined) throw refusal.error
    isTaken = true
  }

  /** Counts a refusal of somebody whom nobody knows. Nobody waits for its record. */
  count(guard: string, error: unknown, clock: Clock): void {
    let counts = this.#refusals.get(guard)
    if (counts === undefined) {
      counts = new RefusalCounts(guard)
      this.#refusals.set(guard, counts)
    }
    counts.add(error, clock.now())
    if (counts.total >= flushing.at) void this.#flush(counts, clock)
    else this.#arm(clock)
  }

  /** Writes what was counted, gives the sinks a last chance, and closes the log if it was opened here. */
  close(): Promise<void> {
    this.#closing ??= this.#end()
    return this.#closing
  }

  #feed(record: AuditRecord, receipt: Receipt, clock: Clock): void {
    if (this.#settings.sinks.length === 0) return
    this.#feeds ??= this.#settings.sinks.map((sink) => new SinkFeed(sink, clock, (error) => this.tell(error)))
    const entry = freeze({ ...receipt, record })
    for (const feed of this.#feeds) feed.push(entry)
  }

  #arm(clock: Clock): void {
    if (this.#closing !== undefined) return
    this.#disarm ??= clock.after(flushing.every, () => {
      this.#disarm = undefined
      for (const counts of this.#refusals.values()) void this.#flush(counts, clock)
    })
  }

  async #flush(counts: RefusalCounts, clock: Clock): Promise<void> {
    if (counts.total === 0) return
    const missing = this.#takeMissing()
    const record = counts.take(clock.now(), missing)
    try {
      const log = await this.#access.get(clock)
      this.#feed(
        record,
        receiptOf(await log.append(record, appendOptions[(this.#settings.refusals ?? 'durable') === 'durable' ? 'durable' : 'written'])),
        clock,
      )
    } catch (error) {
      // Nothing is lost: the next record has them.
      this.#missing += missing ?? 0
      counts.putBack(record)
      this.tell(asUnavailable(error))
      this.#arm(clock)
    }
  }

  #takeMissing(): number | undefined {
    const missing = this.#missing
    this.#missing = 0
    return missing === 0 ? undefined : missing
  }

  /** Tells whoever is told of what could not be recorded. */
  tell(error: unknown): void {
    try {
      abandon(this.#settings.onError(error))
    } catch {
      // Whoever is told of errors must not cause any.
    }
  }

  async #end(): Promise<void> {
    this.#disarm?.()
    for (const counts of this.#refusals.values()) await this.#flush(counts, this.#clock)
    await Promise.all((this.#feeds ?? []).map((feed) => feed.close(lastDelivery)))
    await this.#access.close(this.#clock)
  }
}

const appendOptions: Readonly<Record<'durable' | 'written', AppendOptions>> = Object.freeze({
  durable: Object.freeze({ durability: 'durable' }),
  written: Object.freeze({ durability: 'written' }),
})

// A log may be anybody's: without a receipt nothing says that the record was taken.
function receiptOf(answer: unknown): Receipt {
  if (typeof answer === 'object' && answer !== null && 'index' in answer && 'hash' in answer) {
    const { index, hash } = answer
    if (typeof index === 'number' && Number.isSafeInteger(index) && index >= 0 && typeof hash === 'string') return { index, hash }
  }
  throw new GuardError('audit_unavailable', { reason: 'the log gave no receipt' })
}

function asUnavailable(error: unknown): GuardError {
  if (isGuardError(error) && error.code === 'audit_unavailable') return error
  return new GuardError('audit_unavailable', { reason: 'the record could not be written', cause: error })
}

// All the way down: several sinks hold it, and none may change what the others get.
function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const member of Object.values(value)) freeze(member)
  return Object.freeze(value)
}

/** Codes that are kept apart; there are fewer, but for other versions of this package. */
const maxCodes = 64

/** Counts the refusals of callers whom nobody knows, so that a flood of them makes one record and not one each. */
export class RefusalCounts {
  readonly #guard: string
  readonly #codes = new Map<GuardErrorCode, { count: number; readonly reason: string | undefined }>()
  #since = 0
  #until = 0
  #total = 0

  constructor(guard: string) {
    this.#guard = guard
  }

  get total(): number {
    return this.#total
  }

  add(error: unknown, now: number): void {
    if (this.#total === 0) this.#since = now
    this.#until = now
    this.#total++
    const code = isGuardError(error) ? error.code : 'misconfigured'
    const known = this.#codes.get(code)
    if (known !== undefined) known.count++
    else if (this.#codes.size < maxCodes) this.#codes.set(code, { count: 1, reason: reasonOf(error) || undefined })
  }

  /** What was counted since the last time, as a record; counting begins anew. */
  take(now: number, missing: number | undefined): RefusalsRecord {
    const codes = [...this.#codes].sort(([one], [other]) => (one < other ? -1 : 1))
    const reasons = codes.flatMap(([code, { reason }]) => (reason === undefined ? [] : [[code, reason] as const]))
    const record: RefusalsRecord = {
      counts: Object.fromEntries(codes.map(([code, { count }]) => [code, count])),
      guard: this.#guard,
      kind: 'refusals',
      missing,
      reasons: reasons.length === 0 ? undefined : Object.fromEntries(reasons),
      since: this.#since,
      time: now,
      until: this.#until,
      version: 1,
    }
    this.#codes.clear()
    this.#total = 0
    return record
  }

  /** Takes back a record that could not be written. */
  putBack(record: RefusalsRecord): void {
    if (this.#total === 0) this.#until = record.until
    this.#since = record.since
    for (const [code, count] of Object.entries(record.counts) as [GuardErrorCode, number][]) {
      const known = this.#codes.get(code)
      this.#codes.set(code, { count: count + (known?.count ?? 0), reason: record.reasons?.[code] ?? known?.reason })
      this.#total += count
    }
  }
}

/** Milliseconds. */
const times = { retry: 1_000, close: 10_000 } as const

/** A log that is given, or opened once when it is first needed and then closed by whoever opened it. */
export class LogAccess {
  readonly #open: (() => Promise<AuditLog>) | undefined
  #log: AuditLog | undefined
  #opening: Promise<AuditLog> | undefined
  #failedAt = 0

  constructor(source: AuditLog | (() => Promise<AuditLog>)) {
    if (typeof source === 'function') this.#open = source
    else this.#log = source
  }

  /** The log; at once where it is open. Rejects with `audit_unavailable`; what failed is tried again after a second. */
  get(clock: Clock): Awaitable<AuditLog> {
    if (this.#log !== undefined) return this.#log
    if (this.#opening === undefined || (this.#failedAt > 0 && clock.monotonic() - this.#failedAt >= times.retry)) {
      this.#failedAt = 0
      this.#opening = this.#begin(clock)
      // Whoever appends hears of it; nobody else has to.
      this.#opening.catch(() => {})
    }
    return this.#opening
  }

  /** Closes what was opened here. */
  async close(clock: Clock): Promise<void> {
    const opening = this.#opening
    if (opening === undefined) return
    const log = await within(clock, times.close, 'The log', opening).catch(() => undefined)
    await log?.close()
  }

  async #begin(clock: Clock): Promise<AuditLog> {
    try {
      const log = await this.#open?.()
      if (typeof log?.append !== 'function') throw new TypeError('log: the function gave no AuditLog')
      this.#log = log
      return log
    } catch (error) {
      this.#failedAt = Math.max(clock.monotonic(), Number.MIN_VALUE)
      throw new GuardError('audit_unavailable', { reason: 'the log could not be opened', cause: error })
    }
  }
}
