import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import type { AppendOptions, AuditLog, AuditRecord, Checkpoint, Proof, Receipt } from '../../../dist/index.js'

/** A log that keeps count of what waits to become durable, and for how long. */
export class MeasuredLog implements AuditLog {
  readonly #log: AuditLog
  /** Microseconds. */
  readonly #times: RecordableHistogram = createHistogram()
  appended = 0
  waiting = 0

  constructor(log: AuditLog) {
    this.#log = log
  }

  get key(): string {
    return this.#log.key ?? ''
  }

  async append(record: AuditRecord, options?: AppendOptions): Promise<Receipt> {
    const began = performance.now()
    this.waiting++
    try {
      const receipt = await this.#log.append(record, options)
      this.appended++
      this.#times.record(Math.max(1, Math.round((performance.now() - began) * 1000)))
      return receipt
    } finally {
      this.waiting--
    }
  }

  /** Milliseconds of what became durable since this was called last. */
  take(): { append50: number; append99: number; appendMax: number; waiting: number } {
    const ms = (microseconds: number): number => Math.round(microseconds / 10) / 100
    const times = this.#times
    const taken = {
      append50: ms(times.percentile(50)),
      append99: ms(times.percentile(99)),
      appendMax: times.count === 0 ? 0 : ms(times.max),
      waiting: this.waiting,
    }
    times.reset()
    return taken
  }

  checkpoint(): Promise<Checkpoint> {
    return this.#log.checkpoint()
  }

  prove(index: number): Promise<Proof> {
    return this.#log.prove(index)
  }

  close(): Promise<void> {
    return this.#log.close()
  }

  describe(): Readonly<Record<string, unknown>> {
    return this.#log.describe()
  }
}
