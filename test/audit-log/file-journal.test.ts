import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openLog } from '../../src/audit-log/file-log.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { failure, MemoryDisk, picks } from './memory-disk.ts'
import { sampleRecord } from './records.ts'
import { seededSigner } from './signing.ts'
import { signedRecords } from './stored.ts'

const directory = '/var/audit'
const options = { signer: seededSigner(1), origin: 'log', clock: testClock() }

describe('a file of the journal', () => {
  it('holds no record that counts as taken while a power cut may still take its name', async () => {
    const disk = new MemoryDisk()
    // Each batch begins a new file.
    const log = await openLog(directory, options, disk, 1)
    await log.append(sampleRecord(0))
    disk.fault = (call, path) => (call === 'syncFolder' && path.endsWith('/journal') ? failure('EIO', path) : undefined)
    for (let number = 1; number < 3; number++) await assert.rejects(log.append(sampleRecord(number)), { code: 'audit_unavailable' })
    disk.fault = undefined
    const { index } = await log.append(sampleRecord(3))
    assert.equal(index, 1, 'what was refused left nothing behind')
    for (let seed = 0; seed < 8; seed++) {
      const left = disk.afterCut(picks(seed))
      left.forgetLocks()
      await (await openLog(directory, options, left)).close()
      const records = await signedRecords(left, directory)
      assert.deepEqual(
        records.flatMap((record) => (record?.kind === 'decision' ? [record.id] : [])),
        ['call-0', 'call-3'],
        `seed ${seed}`,
      )
    }
    await log.close()
  })
})
