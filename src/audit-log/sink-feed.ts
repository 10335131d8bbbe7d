import type { Clock } from '../guard/clock.ts'
import type { AuditSink, LoggedEntry } from './audit-log.ts'
import { within } from '../guard/clock.ts'

/** Entries that wait for one sink at most. */
const maxWaiting = 10_000
const batchSize = 256
/** Milliseconds. */
const times = { deliver: 30_000, firstPause: 1_000, longestPause: 60_000 } as const

/**
 * Feeds one sink with what is in the log: in order, each entry at least once, and without anybody waiting for it. What
 * exceeds the bound is left out and counted.
 */
export class SinkFeed {
  readonly #sink: AuditSink
  readonly #clock: Clock
  readonly #onError: (error: unknown) => void
  #waiting: LoggedEntry[] = []
  #missed = 0
  #running: Promise<void> | undefined
  #wake: (() => void) | undefined
  #closed = false

  constructor(sink: AuditSink, clock: Clock, onError: (error: unknown) => void) {
    this.#sink = sink
    this.#clock = clock
    this.#onError = onError
  }

  push(entry: LoggedEntry): void {
    // Once one was left out, none is taken until the sink has heard of it: so the gap has one place.
    if (this.#missed > 0 || this.#waiting.length >= maxWaiting) this.#missed++
    else this.#waiting.push(entry)
    this.#running ??= this.#run()
  }

  /** Tries what waits once more, and gives up what the sink does not take in that time (milliseconds). */
  async close(milliseconds: number): Promise<void> {
    this.#closed = true
    this.#wake?.()
    if (this.#running !== undefined)
      await within(this.#clock, milliseconds, `The sink ${this.#sink.name}`, this.#running).catch((error: unknown) => this.#onError(error))
  }

  async #run(): Promise<void> {
    let pause: number = times.firstPause
    // Not in the caller's turn.
    await Promise.resolve()
    while (this.#waiting.length > 0 || this.#missed > 0) {
      const batch = this.#waiting.slice(0, batchSize)
      const missed = batch.length === 0 ? this.#missed : 0
      try {
        await within(this.#clock, times.deliver, `The sink ${this.#sink.name}`, this.#sink.deliver(batch, missed))
        this.#waiting.splice(0, batch.length)
        this.#missed -= missed
        pause = times.firstPause
      } catch (error) {
        this.#onError(new Error(`The audit sink ${this.#sink.name} did not take ${batch.length} entries`, { cause: error }))
        if (this.#closed) break
        await this.#pause(pause)
        pause = Math.min(pause * 2, times.longestPause)
      }
    }
    this.#running = undefined
  }

  #pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(milliseconds, resolve)
      this.#wake = () => {
        cancel()
        resolve()
      }
    })
  }
}
