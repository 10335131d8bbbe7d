import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { GuardError } from '../../src/guard/errors.ts'
import { recordingLog } from '../../src/testing/recording-log.ts'
import { sampleRecord } from './records.ts'

describe('a log for tests', () => {
  it('shows copies of what was recorded, in order', async () => {
    const log = recordingLog()
    assert.deepEqual(log.entries, [])
    assert.equal(log.last, undefined)
    await log.append(sampleRecord(1))
    await log.append(sampleRecord(2))
    assert.deepEqual(log.entries, [sampleRecord(1), sampleRecord(2)])
    assert.deepEqual(log.last, sampleRecord(2))
    Object.assign(log.last ?? {}, { action: 'forged' })
    assert.deepEqual(log.last, sampleRecord(2))
    assert.equal((await log.prove(0)).checkpoint.size, 2)
    assert.equal(log.describe().kind, 'recording')
  })

  it('fails and mends as a test wants it', async () => {
    const log = recordingLog()
    log.fail()
    await assert.rejects(log.append(sampleRecord(1)), { code: 'audit_unavailable' })
    await assert.rejects(log.checkpoint(), { code: 'audit_unavailable' })
    const error = new GuardError('denied')
    log.fail(error)
    await assert.rejects(log.append(sampleRecord(1)), error)
    log.mend()
    await log.append(sampleRecord(2))
    assert.equal(log.entries.length, 1)
    await log.close()
    await assert.rejects(log.append(sampleRecord(3)), { code: 'audit_unavailable' })
  })
})
