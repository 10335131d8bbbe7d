import type { AuditLog } from '../audit-log/audit-log.ts'
import { memoryLog } from '../audit-log/memory-log.ts'
import type { AuditRecord } from '../audit-log/record.ts'
import { GuardError } from '../guard/errors.ts'

/** A log that a test can read and break. */
export interface RecordingLog extends AuditLog {
  /** A copy of every record, in order. */
  readonly entries: readonly AuditRecord[]
  /** A copy of the newest record. */
  readonly last: AuditRecord | undefined
  /** From now on every append and checkpoint is refused, with this error or `audit_unavailable`. */
  fail(error?: unknown): void
  /** Takes records again. */
  mend(): void
}

/**
 * An audit log in memory for tests: what was recorded can be read, and it can be made to fail.
 *
 * ```ts
 * const log = recordingLog()
 * log.fail()
 * await assert.rejects(chat(input, { credentials }), { code: 'audit_unavailable' })
 * ```
 */
export function recordingLog(): RecordingLog {
  const log = memoryLog()
  let broken: { readonly error: unknown } | undefined
  const refuse = (): Promise<never> => Promise.reject(broken?.error)
  return {
    get entries() {
      return log.entries
    },
    get last() {
      return log.entries.at(-1)
    },
    fail(error = new GuardError('audit_unavailable', { reason: 'the test made the log fail' })) {
      broken = { error }
    },
    mend() {
      broken = undefined
    },
    append: (record) => (broken === undefined ? log.append(record) : refuse()),
    checkpoint: () => (broken === undefined ? log.checkpoint() : refuse()),
    prove: (index) => log.prove(index),
    close: () => log.close(),
    describe: () => ({ ...log.describe(), kind: 'recording' }),
  }
}
