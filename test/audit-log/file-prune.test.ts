import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { storedEntries } from '../../src/audit-log/file-entries.ts'
import { evidence } from '../../src/audit-log/file-evidence.ts'
import { feedSink } from '../../src/audit-log/file-feed.ts'
import { type FileLog, fileLog, type FileLogOptions, openLog } from '../../src/audit-log/file-log.ts'
import { verifiedRecords } from '../../src/audit-log/file-verified-entries.ts'
import { verifyLog, verifyOn } from '../../src/audit-log/file-verify.ts'
import type { AuditRecord } from '../../src/audit-log/record.ts'
import { verifyEvidence } from '../../src/audit-log/verify-evidence.ts'
import { verifyProof } from '../../src/audit-log/verify-proof.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { failure, MemoryDisk, picks } from './memory-disk.ts'
import { sampleRecord } from './records.ts'
import { seededSigner } from './signing.ts'

const day = 86_400_000
const signer = seededSigner(1)

/** A log of 100 records a day. */
async function write(open: (more?: Partial<FileLogOptions>) => Promise<FileLog>, start: number, days: number): Promise<FileLog> {
  const log = await open()
  for (let number = 0; number < days; number++)
    await Promise.all(Array.from({ length: 100 }, (_, place) => log.append({ ...sampleRecord(number * 100 + place), time: start + number * day })))
  await log.close()
  return log
}

describe('a log with a period of retention', () => {
  let root = ''
  before(async () => void (root = await mkdtemp(join(tmpdir(), 'sallyport-prune-'))))
  after(() => rm(root, { recursive: true }))

  it('removes entries whose time is over and never one that is younger, says so, and keeps every proof', async () => {
    const folder = join(root, 'log')
    const clock = testClock()
    const start = clock.now()
    const open = (more: Partial<FileLogOptions> = {}): Promise<FileLog> => fileLog(folder, { signer, origin: 'log', clock, ...more })
    const { key } = await write(open, start, 10)
    const texts: string[] = []
    for await (const { text } of storedEntries(folder)) texts.push(text)
    clock.advance(9 * day)
    const log = await open({ retention: { days: 3 } })
    const proof = await log.prove(5)
    await log.close()
    // Those of the first six days are older than three, and whole bundles of them are two.
    const kept: AuditRecord[] = []
    for await (const record of await verifiedRecords(folder, { key, expectedSize: 1_001 })) if (record !== undefined) kept.push(record)
    assert.equal(kept.length, 1_001 - 512)
    const said = kept.at(-1)
    assert.ok(said?.kind === 'log' && said.event === 'pruned' && said.kept === 512)
    assert.ok(!(await readdir(join(folder, 'tile/entries'))).includes('000'))
    const report = await verifyLog(folder, { key, expectedSize: 1_001 })
    assert.deepEqual([report.ok, report.problems], [true, []])
    assert.equal(await verifyProof(proof, texts[5] ?? '', key), true, 'whoever has the entry can prove it')
    for await (const { index } of storedEntries(folder)) {
      assert.equal(index, 512)
      break
    }
    // Evidence says what it has, and not more.
    const lines: string[] = []
    for await (const line of evidence(folder, { signer, since: start + 7 * day, until: start + 8 * day })) lines.push(...line.split('\n'))
    assert.deepEqual((await verifyEvidence(lines, key)).problems, [])
    const all: string[] = []
    for await (const line of evidence(folder, { signer })) all.push(...line.split('\n'))
    assert.match((await verifyEvidence(all, key)).problems.join(), /Nothing shows where the period begins/)
    // Nothing more is over, and nothing is without a period.
    const again = await open({ retention: { days: 3 } })
    assert.equal(await again.prune(), 0)
    await again.close()
    clock.advance(100 * day)
    const forEver = await open()
    assert.equal(await forEver.prune(), 0)
    await forEver.close()
    await assert.rejects(open({ retention: { days: 0 } }), TypeError)
  })

  it('entries that are missing without a word in the log are missing', async () => {
    const folder = join(root, 'removed')
    const clock = testClock()
    const { key } = await write(() => fileLog(folder, { signer, origin: 'log', clock }), clock.now(), 10)
    await rm(join(folder, 'tile/entries/000'))
    await writeFile(join(folder, 'pruned'), '256\n')
    const report = await verifyLog(folder, { key, expectedSize: 1_000 })
    assert.deepEqual(
      report.problems.map(({ code, index }) => [code, index]),
      [['bundle_missing', 0]],
    )
    await assert.rejects(async () => {
      for await (const record of await verifiedRecords(folder, { key })) assert.ok(record)
    }, /the log does not say that their time was over/)
  })

  it('more is not missing than the log says', async () => {
    const folder = join(root, 'more')
    const clock = testClock()
    const open = (more: Partial<FileLogOptions> = {}): Promise<FileLog> => fileLog(folder, { signer, origin: 'log', clock, ...more })
    const { key } = await write(open, clock.now(), 10)
    clock.advance(9 * day)
    await (await open({ retention: { days: 6 } })).close()
    assert.equal(await readFile(join(folder, 'pruned'), 'utf8'), '256\n')
    assert.equal((await verifyLog(folder, { key, expectedSize: 1 })).ok, true)
    await rm(join(folder, 'tile/entries/001'))
    await writeFile(join(folder, 'pruned'), '512\n')
    assert.equal((await verifyLog(folder, { key, expectedSize: 1 })).ok, false)
  })

  it('a sink that comes too late, and after another key follows, is told how many it missed', async () => {
    const folder = join(root, 'late')
    const clock = testClock()
    const { key } = await write(() => fileLog(folder, { signer, origin: 'log', clock }), clock.now(), 10)
    clock.advance(9 * day)
    await (await fileLog(folder, { signer: seededSigner(2), previous: signer, origin: 'log', clock, retention: { days: 3 } })).close()
    const taken: [index: number, count: number, missed: number][] = []
    const sink = {
      name: 'late',
      deliver: (entries: readonly { readonly index: number }[], missed: number) => void taken.push([entries[0]?.index ?? -1, entries.length, missed]),
    }
    const feed = await feedSink(folder, { key, sink, cursor: join(root, 'late.cursor'), every: 3_600 })
    await feed.flush()
    await feed.close()
    assert.equal(feed.failure, undefined)
    assert.deepEqual(taken, [
      [512, 256, 512],
      [768, 234, 0],
    ])
  })

  it('is whole wherever the power goes while it removes, and what does not go stays', async () => {
    const clock = testClock()
    const start = clock.now()
    const disk = new MemoryDisk()
    const open = (on: MemoryDisk, retention?: number): Promise<FileLog> =>
      openLog('/log', { signer, origin: 'log', clock, ...(retention !== undefined && { retention: { days: retention } }) }, on)
    const { key } = await write(() => open(disk), start, 7)
    clock.advance(6 * day)
    const clean = disk.copy()
    await (await open(clean, 1)).close()
    for (let at = 1; at <= clean.calls; at++) {
      const copy = disk.copy({ at, bytes: picks(at)(400) })
      await open(copy, 1)
        .then((log) => log.close())
        .catch(() => assert.ok(copy.isOff))
      const left = copy.afterCut(picks(at))
      left.forgetLocks()
      const log = await open(left, 1).catch((error) => assert.fail(`call ${at}, ${copy.trace.at(-1)}: ${error}`))
      await log.close()
      const report = await verifyOn(left, '/log', { key, expectedSize: 701 })
      assert.equal(report.ok, true, `call ${at}, ${copy.trace.at(-1)}: ${JSON.stringify(report.problems)}`)
    }
    const stuck = disk.copy()
    stuck.fault = (call, path) => (call === 'remove' && path.includes('entries') ? failure('EACCES', path) : undefined)
    await assert.rejects(open(stuck, 1), { code: 'EACCES' })
    stuck.fault = undefined
    stuck.forgetLocks()
    await (await open(stuck)).close()
    assert.equal((await verifyOn(stuck, '/log', { key })).ok, true)
  })
})
