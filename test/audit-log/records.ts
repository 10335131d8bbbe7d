import type { DecisionRecord } from '../../src/audit-log/record.ts'

/** A record of the usual size, told from others by its number. */
export function sampleRecord(number: number): DecisionRecord {
  return {
    action: 'chat',
    allowed: true,
    guard: 'test',
    id: `call-${number}`,
    kind: 'decision',
    resource: { id: 'gpt-5', type: 'model' },
    task: `call-${number}`,
    time: 1_767_225_600_000 + number,
    version: 1,
  }
}
