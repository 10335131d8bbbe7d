import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AppendOptions } from '../../src/audit-log/audit-log.ts'
import { openLog } from '../../src/audit-log/file-log.ts'
import { verifyOn } from '../../src/audit-log/file-verify.ts'
import { memoryLog } from '../../src/audit-log/memory-log.ts'
import { audit } from '../../src/controls/audit.ts'
import { GuardError } from '../../src/guard/errors.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { failure, MemoryDisk, picks } from '../audit-log/memory-disk.ts'
import { sampleRecord } from '../audit-log/records.ts'
import { seededSigner } from '../audit-log/signing.ts'
import { signedRecords } from '../audit-log/stored.ts'
import { audited, tokenOf } from './audited.ts'

const operation = { action: 'chat', resource: { type: 'model', id: 'gpt-5' } } as const
const ada = { credentials: { authorization: tokenOf('ada') } }
const open = (disk: MemoryDisk, more: object = {}) => openLog('/log', { signer: seededSigner(1), origin: 'log', clock: testClock(), ...more }, disk)

describe('the durability of records', () => {
  it('is what the class of event was given', async () => {
    const asked: [string, AppendOptions | undefined][] = []
    const log = memoryLog()
    const watching = {
      ...log,
      describe: () => ({}),
      append: (record: Parameters<typeof log.append>[0], options?: AppendOptions) => {
        asked.push([record.kind, options])
        return log.append(record)
      },
    }
    await audited({ log: watching, durability: { outcome: 'written' } }).protect(() => 1, operation)('x', ada)
    assert.deepEqual(asked, [
      ['decision', { durability: 'durable' }],
      ['outcome', { durability: 'written' }],
    ])
    for (const wrong of [{ decision: 'never' }, { other: 'durable' }, 'soon', 1])
      assert.throws(() => audit({ log, durability: wrong as never }), TypeError)
  })

  it('queued: nobody waits, what does not fit refuses the call, and what is lost is told and counted', async () => {
    const log = memoryLog()
    const told: unknown[] = []
    const release: (() => void)[] = []
    let mode: 'slow' | 'full' | 'lost' = 'slow'
    const full = (): GuardError => new GuardError('audit_unavailable', { reason: 'full' })
    const held = {
      ...log,
      describe: () => ({}),
      append: async (record: Parameters<typeof log.append>[0]) => {
        if (mode === 'full') throw full()
        await new Promise<void>((resolve) => release.push(resolve))
        if (mode === 'lost') throw full()
        return log.append(record)
      },
    }
    const chat = audited({ log: held, durability: 'queued', onError: (error) => void told.push(error) }).protect(() => 'ran', operation)
    assert.equal(await chat('x', ada), 'ran')
    assert.equal(log.entries.length, 0)
    mode = 'full'
    await assert.rejects(chat('x', ada), { code: 'audit_unavailable' })
    mode = 'lost'
    for (const one of release.splice(0)) one()
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(told.length, 2)
    mode = 'slow'
    await chat('x', ada)
    for (const one of release.splice(0)) one()
    await new Promise((resolve) => setImmediate(resolve))
    const [decision] = log.entries
    assert.ok(decision !== undefined && 'missing' in decision && (decision.missing ?? 0) >= 2)
  })

  it('written: is on the disk with the next durable record, and with the next checkpoint before that is signed', async () => {
    for (const by of ['record', 'checkpoint'] as const) {
      const disk = new MemoryDisk()
      const log = await open(disk)
      for (let number = 0; number < 3; number++) await log.append(sampleRecord(number), { durability: 'written' })
      if (by === 'record') await log.append(sampleRecord(3))
      else await log.checkpoint()
      const expected = by === 'record' ? 4 : 3
      for (let seed = 0; seed < 12; seed++) {
        const left = disk.afterCut(picks(seed))
        left.forgetLocks()
        const again = await open(left)
        await again.close()
        const ids = (await signedRecords(left, '/log')).map((record) => (record !== undefined && 'id' in record ? record.id : record?.kind))
        assert.deepEqual(
          ids.slice(0, expected),
          [0, 1, 2, 3].slice(0, expected).map((number) => `call-${number}`),
          `${by} ${seed}`,
        )
      }
    }
  })

  it('written: a power cut may take any part of the end, and never a durable record or the log', async () => {
    for (let seed = 0; seed < 60; seed++) {
      const pick = picks(seed)
      const disk = new MemoryDisk()
      const log = await open(disk)
      let durable = 0
      for (let number = 0; number < 12; number++) {
        const isDurable = pick(4) === 0
        await log.append(sampleRecord(number), { durability: isDurable ? 'durable' : 'written' })
        if (isDurable) durable = number + 1
      }
      const left = disk.afterCut(pick)
      left.forgetLocks()
      const again = await open(left).catch((error) => assert.fail(`seed ${seed}: ${error}`))
      await again.close()
      const ids = (await signedRecords(left, '/log')).map((record) => (record !== undefined && 'id' in record ? record.id : record?.kind))
      for (let number = 0; number < durable; number++) assert.equal(ids[number], `call-${number}`, `seed ${seed}`)
      const report = await verifyOn(left, '/log', { key: again.key })
      assert.equal(report.ok, true, `seed ${seed}: ${JSON.stringify(report.problems)}`)
      // And after a mere kill nothing is lost at all.
      const killed = disk.afterKill()
      killed.forgetLocks()
      await (await open(killed)).close()
      const all = (await signedRecords(killed, '/log')).flatMap((record) => (record !== undefined && 'id' in record ? [record.id] : []))
      assert.equal(all.length, 12)
    }
  })

  it('written: where the disk loses what it had taken, nothing is signed and nothing more is taken', async () => {
    const disk = new MemoryDisk()
    const log = await open(disk)
    await log.append(sampleRecord(0), { durability: 'written' })
    disk.fault = (call, path) => (call === 'sync' && path.includes('journal') ? failure('EIO', path) : undefined)
    await assert.rejects(log.append(sampleRecord(1)), { code: 'audit_unavailable' })
    disk.fault = undefined
    await assert.rejects(log.append(sampleRecord(2)), { code: 'audit_unavailable' })
    await assert.rejects(log.append(sampleRecord(2), { durability: 'written' }), { code: 'audit_unavailable' })
    await assert.rejects(log.checkpoint(), { code: 'audit_unavailable' })
    await assert.rejects(log.close())
  })

  it('what waits for the disk is bounded in bytes', async () => {
    const disk = new MemoryDisk()
    const log = await open(disk, { maxQueuedBytes: 65_536 })
    const answers = await Promise.allSettled(
      Array.from({ length: 40 }, (_, number) => log.append({ ...sampleRecord(number), reason: 'x'.repeat(4_000) }, { durability: 'written' })),
    )
    const taken = answers.filter(({ status }) => status === 'fulfilled').length
    assert.ok(taken >= 15 && taken <= 18, `${taken} taken`)
    await log.append(sampleRecord(99))
    await log.close()
    await assert.rejects(open(new MemoryDisk(), { maxQueuedBytes: 1 }), TypeError)
  })
})
