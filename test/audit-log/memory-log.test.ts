import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memoryLog } from '../../src/audit-log/memory-log.ts'
import { rootFromInclusion } from '../../src/audit-log/merkle-proof.ts'
import { entryText } from '../../src/audit-log/record.ts'
import { treeHash } from './naive-tree.ts'
import { sampleRecord } from './records.ts'

describe('a log in memory', () => {
  it('has the tree of its records at every size, and proves each', async () => {
    const log = memoryLog({ origin: 'mine' })
    const texts: Buffer[] = []
    for (let size = 0; size <= 20; size++) {
      const checkpoint = await log.checkpoint()
      assert.deepEqual(checkpoint, { origin: 'mine', size, root: btoa(treeHash(texts)) })
      for (let index = 0; index < size; index++) {
        const proof = await log.prove(index)
        const root = await rootFromInclusion(
          index,
          size,
          atob(proof.hash),
          proof.path.map((hash) => atob(hash)),
        )
        assert.equal(btoa(root ?? ''), checkpoint.root)
      }
      const receipt = await log.append(sampleRecord(size))
      texts.push(Buffer.from(entryText(sampleRecord(size))))
      assert.deepEqual(receipt, { index: size, hash: btoa(treeHash(texts.slice(-1))) })
    }
  })

  it('keeps what it was given, whatever becomes of the objects', async () => {
    const log = memoryLog()
    const record = { ...sampleRecord(1), tools: ['search'] }
    await log.append(record)
    record.tools.push('forged')
    record.action = 'forged'
    const [read] = log.entries
    assert.ok(read?.kind === 'decision')
    assert.equal(read.action, 'chat')
    assert.deepEqual(read.tools, ['search'])
    Object.assign(read, { action: 'forged' })
    assert.equal((log.entries[0] as { action?: string }).action, 'chat')
  })

  it('refuses when it is full, and loses nothing', async () => {
    const log = memoryLog({ maxEntries: 2 })
    await log.append(sampleRecord(1))
    await log.append(sampleRecord(2))
    await assert.rejects(log.append(sampleRecord(3)), { code: 'audit_unavailable' })
    assert.equal(log.entries.length, 2)
    assert.deepEqual(log.describe(), { kind: 'memory', origin: 'memory', size: 2, maxEntries: 2 })
  })

  it('refuses when it is closed, a proof of what it has not, and a bound that is none', async () => {
    const log = memoryLog()
    await assert.rejects(log.prove(0), RangeError)
    await log.append(sampleRecord(1))
    for (const index of [-1, 1, 0.5, Number.NaN]) await assert.rejects(log.prove(index), RangeError)
    await log.close()
    await assert.rejects(log.append(sampleRecord(2)), { code: 'audit_unavailable' })
    assert.throws(() => memoryLog({ maxEntry: 1 } as never), TypeError)
    for (const maxEntries of [0, -1, 1.5, Number.NaN]) assert.throws(() => memoryLog({ maxEntries }), TypeError)
  })

  it('takes records of many callers at once, each in a place of its own', async () => {
    const log = memoryLog()
    const receipts = await Promise.all(Array.from({ length: 200 }, (_, number) => log.append(sampleRecord(number))))
    assert.deepEqual(
      receipts.map(({ index }) => index),
      Array.from({ length: 200 }, (_, number) => number),
    )
    await Promise.all(Array.from({ length: 20 }, (_, index) => log.prove(index * 7)))
    assert.equal((await log.checkpoint()).root, btoa(treeHash(log.entries.map((record) => Buffer.from(entryText(record))))))
  })
})
