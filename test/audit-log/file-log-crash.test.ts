import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import type { Anchor, Receipt } from '../../src/audit-log/audit-log.ts'
import { type FileLog, openLog } from '../../src/audit-log/file-log.ts'
import { verifyOn } from '../../src/audit-log/file-verify.ts'
import type { AuditRecord } from '../../src/audit-log/record.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { type Cut, MemoryDisk, picks } from './memory-disk.ts'
import { sampleRecord } from './records.ts'
import { seededSigner } from './signing.ts'
import { signedRecords, signedSize } from './stored.ts'

const directory = '/var/audit'
const signer = seededSigner(1)
const open = (disk: MemoryDisk, segmentBytes?: number, anchor?: Anchor): Promise<FileLog> =>
  openLog(directory, { signer, origin: 'log', clock: testClock(), checkpointEvery: { records: 3 }, ...(anchor && { anchor }) }, disk, segmentBytes)

/** Acknowledged records, by their place. */
type Acknowledged = Map<number, string>

// One after the other, then several at once, checkpoints on the way: as far as the power lasts.
async function write(disk: MemoryDisk, from: number, segmentBytes?: number, anchor?: Anchor): Promise<Acknowledged> {
  const acknowledged: Acknowledged = new Map()
  const note = (number: number) => (receipt: Receipt) => void acknowledged.set(receipt.index, `call-${number}`)
  try {
    const log = await open(disk, segmentBytes, anchor)
    for (let number = from; number < from + 4; number++) await log.append(sampleRecord(number)).then(note(number))
    await Promise.all([4, 5, 6].map((number) => log.append(sampleRecord(from + number)).then(note(from + number))))
    await log.append(sampleRecord(from + 7)).then(note(from + 7))
    await log.close()
  } catch {
    assert.ok(disk.isOff, 'nothing fails but by the cut')
  }
  return acknowledged
}

// Opens what is left, and says what must be true of it then.
async function checkRepaired(disk: MemoryDisk, acknowledged: Acknowledged, context: string): Promise<void> {
  const signed = (await signedSize(disk, directory)) ?? 0
  const log = await open(disk).catch((cause) => assert.fail(`${context}: ${cause.stack}`))
  const next = await log.append(sampleRecord(999))
  await log.close()
  const records = await signedRecords(disk, directory)
  for (const [index, id] of acknowledged) assert.equal(idOf(records[index]), id, `${context}: acknowledged record ${index}`)
  assert.equal(idOf(records[next.index]), 'call-999', context)
  // What was on the disk beyond the checkpoint was put in order, and the log says so.
  const beyond = [...acknowledged.keys()].some((index) => index >= signed)
  if (beyond)
    assert.ok(
      records.some((record) => record?.kind === 'log' && record.event === 'recovered'),
      `${context}: says that it repaired`,
    )
  const report = await verifyOn(disk, directory, { key: log.key })
  assert.deepEqual(report.problems, [], context)
  assert.equal(report.ok, true, context)
  assert.equal(report.entries, records.length)
}

function idOf(record: AuditRecord | undefined): string | undefined {
  return record !== undefined && 'id' in record ? record.id : record?.kind
}

describe('a log whose process or machine dies', () => {
  let calls = 0
  let full: MemoryDisk

  before(async () => {
    const disk = new MemoryDisk()
    await write(disk, 0)
    calls = disk.calls
    // A log about to fill its first tile.
    full = new MemoryDisk()
    const log = await open(full)
    await Promise.all(Array.from({ length: 252 }, (_, number) => log.append(sampleRecord(number))))
    await log.close()
  })

  it('has every acknowledged record after it was killed at any call', async () => {
    for (let at = 1; at <= calls; at++) {
      const disk = new MemoryDisk(new Map(), { at })
      const acknowledged = await write(disk, 0)
      const left = disk.afterKill()
      left.forgetLocks()
      await checkRepaired(left, acknowledged, `killed at ${disk.trace.at(-1)} (call ${at})`)
    }
  })

  it('has every acknowledged record after the power went at any call', async () => {
    for (let at = 1; at <= calls; at++) {
      const disk = new MemoryDisk(new Map(), { at, bytes: picks(at)(400) })
      const acknowledged = await write(disk, 0)
      for (let seed = 0; seed < 2; seed++) {
        const left = disk.afterCut(picks(at * 100 + seed))
        left.forgetLocks()
        await checkRepaired(left, acknowledged, `power lost at ${disk.trace.at(-1)} (call ${at}, seed ${seed})`)
      }
    }
  })

  it('has every acknowledged record where a tile becomes whole and its unfinished forms go', async () => {
    const clean = full.copy()
    await write(clean, 252)
    for (let at = 1; at <= clean.calls; at++) {
      const disk = full.copy({ at, bytes: picks(at)(400) })
      const acknowledged = await write(disk, 252)
      const left = at % 3 === 0 ? disk.afterKill() : disk.afterCut(picks(at))
      left.forgetLocks()
      await checkRepaired(left, acknowledged, `lost at ${disk.trace.at(-1)} (call ${at})`)
    }
  })

  it('has every acknowledged record after a write was torn at any byte', async () => {
    const clean = new MemoryDisk()
    await write(clean, 0)
    const writes = clean.trace.flatMap((line, index) => (/^write .*journal/.test(line) ? [index + 1] : []))
    // One record at every byte, and three at once at some.
    for (const [at = 0, step] of [
      [writes[1], 1],
      [writes[4], 11],
    ])
      for (let bytes = 0, isWhole = false; !isWhole; bytes += step ?? 1) {
        const disk = new MemoryDisk(new Map(), { at, bytes })
        const acknowledged = await write(disk, 0)
        isWhole = disk.lastWrite <= bytes
        const left = disk.afterKill()
        left.forgetLocks()
        await checkRepaired(left, acknowledged, `torn after ${bytes} bytes`)
      }
  })

  it('has every acknowledged record when the repair itself is cut off, again and again', async () => {
    const pick = picks(7)
    for (let run = 0; run < 40; run++) {
      let cut: Cut = { at: 1 + pick(calls), bytes: pick(400) }
      let disk = new MemoryDisk(new Map(), cut)
      const acknowledged = await write(disk, 0)
      const history = [`${cut.at} ${disk.trace.at(-1)}`]
      for (let again = 0; again < 3; again++) {
        cut = { at: 1 + pick(60), bytes: pick(400) }
        disk = pick(2) === 0 ? disk.afterKill(cut) : disk.afterCut(pick, cut)
        disk.forgetLocks()
        for (const [index, id] of await write(disk, 100 * (again + 1))) acknowledged.set(index, id)
        history.push(`${cut.at} ${disk.trace.at(-1)}`)
      }
      const left = disk.afterCut(pick)
      left.forgetLocks()
      await checkRepaired(left, acknowledged, `run ${run}: ${history.join(', ')}`)
    }
  })

  it('has every acknowledged record when it was cut off while one journal file follows another', async () => {
    const clean = new MemoryDisk()
    await write(clean, 0, 400)
    assert.ok(new Set(clean.trace.filter((line) => /^open .*journal/.test(line))).size > 3, 'there are several')
    for (let at = 30; at <= clean.calls; at++) {
      const disk = new MemoryDisk(new Map(), { at, bytes: picks(at)(400) })
      const acknowledged = await write(disk, 0, 400)
      const left = disk.afterCut(picks(at))
      left.forgetLocks()
      await checkRepaired(left, acknowledged, `power lost at ${disk.trace.at(-1)} (call ${at})`)
    }
  })

  it('is never taken for one that was put back from an older copy', async () => {
    const clean = new MemoryDisk()
    await write(clean, 0)
    for (let at = 30; at <= clean.calls; at++) {
      const disk = new MemoryDisk(new Map(), { at })
      let note: string | undefined
      const anchor: Anchor = { publish: async (next) => void (note = next), latest: async () => note }
      await write(disk, 0, undefined, anchor)
      const left = disk.afterCut(picks(at))
      left.forgetLocks()
      const log = await open(left, undefined, anchor).catch((error) => assert.fail(`power lost at ${disk.trace.at(-1)} (call ${at}): ${error}`))
      await log.close()
    }
  })
})
