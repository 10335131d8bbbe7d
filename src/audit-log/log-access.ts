import type { Clock } from '../guard/clock.ts'
import type { Awaitable } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import type { AuditLog } from './audit-log.ts'
import { within } from './within.ts'

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
