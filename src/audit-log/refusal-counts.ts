import { isGuardError, reasonOf } from '../guard/errors.ts'
import type { GuardErrorCode } from '../guard/errors.ts'
import type { RefusalsRecord } from './record.ts'

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
