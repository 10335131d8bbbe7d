import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import type { Anchor, Signer } from '../../src/audit-log/audit-log.ts'
import { type FileLogOptions, openLog } from '../../src/audit-log/file-log.ts'
import { type VerifyOptions, verifyOn } from '../../src/audit-log/file-verify.ts'
import type { ProblemCode, Report } from '../../src/audit-log/log-report.ts'
import { entryText } from '../../src/audit-log/record.ts'
import { splitBundle } from '../../src/audit-log/tiles.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { MemoryDisk } from './memory-disk.ts'
import { sampleRecord } from './records.ts'
import { seededSigner } from './signing.ts'

const signer = seededSigner(1)
const directory = '/log'
const checkpoint = '/log/checkpoint'

interface Made {
  readonly disk: MemoryDisk
  readonly key: string
  readonly note: string
}

async function make(size: number, options: Partial<FileLogOptions> & { from?: number; disk?: MemoryDisk } = {}): Promise<Made> {
  const { from = 0, disk = new MemoryDisk(), ...rest } = options
  const log = await openLog(directory, { signer, origin: 'log', clock: testClock(), ...rest }, disk)
  await Promise.all(Array.from({ length: size }, (_, number) => log.append(sampleRecord(from + number))))
  await log.close()
  return { disk, key: log.key, note: (await disk.read(checkpoint))?.toString() ?? '' }
}

const remembering = (note: string | undefined): Anchor => ({ publish: async () => {}, latest: async () => note })

async function verify(disk: MemoryDisk, key: string, options: Partial<VerifyOptions> = {}): Promise<Report> {
  return await verifyOn(disk, directory, { key, ...options })
}

async function codes(disk: MemoryDisk, key: string, options: Partial<VerifyOptions> = {}): Promise<ProblemCode[]> {
  const report = await verify(disk, key, options)
  assert.equal(
    report.ok,
    report.problems.every(({ severity }) => severity === 'warning'),
  )
  return [...new Set(report.problems.map(({ code }) => code))]
}

async function rewritten(disk: MemoryDisk, path: string, change: (bytes: Buffer) => Buffer): Promise<MemoryDisk> {
  const copy = disk.copy()
  const bytes = await copy.read(path)
  assert.ok(bytes, `${path} is there`)
  await put(copy, path, change(bytes))
  return copy
}

async function put(disk: MemoryDisk, path: string, bytes: Uint8Array): Promise<void> {
  const descriptor = await disk.open(path, 'w')
  await disk.write(descriptor, bytes, 0)
  await disk.close(descriptor)
}

function bundleOf(entries: readonly Uint8Array[]): Buffer {
  return Buffer.concat(entries.flatMap((entry) => [Buffer.of(entry.length >> 8, entry.length & 255), entry]))
}

function entriesIn(bundle: Buffer): Buffer[] {
  return (splitBundle(bundle) ?? []).map((entry) => Buffer.from(entry))
}

describe('a verified log', () => {
  let small: Made
  let large: Made

  before(async () => {
    small = await make(5)
    large = await make(600)
  })

  it('holds when nobody touched it', async () => {
    for (const { disk, key, note } of [small, large, await make(0), await make(256), await make(1)]) {
      const report = await verify(disk, key, { anchor: remembering(note) })
      assert.deepEqual(report.problems, [])
      assert.equal(report.ok, true)
      assert.equal(report.anchored, true)
    }
  })

  it('does not hold when any bit of any file of it is another', async () => {
    for (const [path, bytes] of small.disk.files) {
      if (/lock-|verifier-key/.test(path)) continue
      for (let at = 0; at < bytes.length; at++) {
        const changed = await rewritten(small.disk, path, (before) => {
          const after = Buffer.from(before)
          after[at] = (after[at] ?? 0) ^ (1 << (at % 8))
          return after
        })
        assert.equal((await verify(changed, small.key)).ok, false, `${path} at ${at}`)
      }
    }
  })

  it('does not hold when any file of it is gone, empty, or cut or made longer anywhere', async () => {
    for (const { disk, key } of [small, large])
      for (const [path, bytes] of disk.files) {
        if (/lock-|verifier-key/.test(path)) continue
        const gone = disk.copy()
        await gone.remove(path)
        assert.equal((await verify(gone, key)).ok, false, `without ${path}`)
        for (const length of [0, 1, bytes.length >> 1, bytes.length - 33, bytes.length - 32, bytes.length - 1])
          if (length >= 0)
            assert.equal((await verify(await rewritten(disk, path, (all) => all.subarray(0, length)), key)).ok, false, `${path} cut to ${length}`)
        for (const more of [Buffer.of(0), Buffer.alloc(32), Buffer.from('\n')])
          assert.equal((await verify(await rewritten(disk, path, (all) => Buffer.concat([all, more])), key)).ok, false, `${path} and more`)
      }
  })

  it('says which entry was edited, removed, inserted or moved', async () => {
    const bundle = '/log/tile/entries/001'
    const forged = Buffer.from(entryText({ ...sampleRecord(300), allowed: false }))
    const manipulations: [ProblemCode, number, (entries: Buffer[]) => Buffer[]][] = [
      ['entry_changed', 300, (entries) => entries.with(44, forged)],
      ['entry_missing', 300, (entries) => entries.toSpliced(44, 1)],
      ['entry_inserted', 300, (entries) => entries.toSpliced(44, 0, forged)],
      ['entry_inserted', 512, (entries) => [...entries, forged]],
      ['entry_moved', 300, (entries) => entries.with(44, entries[45] ?? forged).with(45, entries[44] ?? forged)],
    ]
    for (const [code, index, change] of manipulations) {
      const changed = await rewritten(large.disk, bundle, (bytes) => bundleOf(change(entriesIn(bytes))))
      const [first] = (await verify(changed, large.key)).problems
      assert.equal(first?.code, code)
      assert.equal(first?.index, index)
    }
  })

  it('says that hashes were changed where the entries were not', async () => {
    const changed = await rewritten(large.disk, '/log/tile/0/000', (bytes) => bytes.fill(1, 320, 352))
    assert.deepEqual(await codes(changed, large.key), ['tile_changed'])
    const above = await rewritten(large.disk, '/log/tile/1/000.p/2', (bytes) => bytes.fill(1, 0, 32))
    assert.deepEqual(await codes(above, large.key), ['tile_changed'])
  })

  it('does not hold when everything was written anew without the key', async () => {
    // With a key of one's own, and everything that belongs to it.
    const theirs = await make(5, { signer: seededSigner(2), from: 100 })
    assert.deepEqual(await codes(theirs.disk, small.key), ['key_unknown'])
    // Or with entries of one's own under the old checkpoint.
    await put(theirs.disk, checkpoint, Buffer.from(small.note))
    assert.deepEqual(await codes(theirs.disk, small.key), ['root_mismatch'])
    // Or with a checkpoint over them that one cannot sign.
    const head = (await make(5, { signer: seededSigner(2), from: 100 })).note.split('\n').slice(0, 3).join('\n')
    const signature = small.note.split('\n\n')[1] ?? ''
    await put(theirs.disk, checkpoint, Buffer.from(`${head}\n\n${signature}`))
    assert.deepEqual(await codes(theirs.disk, small.key), ['signature_invalid'])
  })

  it('does not hold when its end was cut off', async () => {
    const cut = await rewritten(small.disk, '/log/tile/entries/000.p/5', (bytes) => bundleOf(entriesIn(bytes).slice(0, 3)))
    assert.deepEqual(await codes(cut, small.key), ['entry_missing'])
    const both = await rewritten(cut, '/log/tile/0/000.p/5', (bytes) => bytes.subarray(0, 96))
    assert.equal((await verify(both, small.key)).ok, false)
    const gone = large.disk.copy()
    for (const path of ['/log/tile/entries/002.p', '/log/tile/0/002.p']) await gone.remove(path)
    assert.ok((await codes(gone, large.key)).includes('truncated'))
  })

  it('does not hold when an older copy was put back, to whoever has an anchor or knows the size', async () => {
    const disk = new MemoryDisk()
    const before = await make(5, { disk })
    const older = disk.copy()
    const after = await make(5, { disk, from: 5 })
    assert.equal(before.key, after.key)
    const anchored = { anchor: remembering(after.note) }
    assert.deepEqual(await codes(older, after.key, anchored), ['rolled_back'])
    assert.deepEqual(await codes(older, after.key, { expectedSize: 10 }), ['truncated'])
    assert.deepEqual(await codes(disk, after.key, { ...anchored, expectedSize: 10 }), [])
    // From inside it cannot be seen, and the report says so.
    const report = await verify(older, after.key)
    assert.equal(report.ok, true)
    assert.equal(report.anchored, false)
    // The log itself does not go on from there either.
    await assert.rejects(openLog(directory, { signer, ...anchored, clock: testClock() }, older.copy()), { code: 'rolled_back' })
  })

  it('does not hold when its own writer wrote it anew, to whoever has an anchor', async () => {
    const first = await make(5)
    const second = await make(9, { from: 100 })
    const anchored = { anchor: remembering(first.note) }
    assert.deepEqual(await codes(second.disk, second.key, anchored), ['forked'])
    await assert.rejects(openLog(directory, { signer, ...anchored, clock: testClock() }, second.disk.copy()), { code: 'forked' })
  })

  it('does not hold when it was removed', async () => {
    assert.deepEqual(await codes(new MemoryDisk(), small.key), ['log_missing'])
    const empty = new MemoryDisk()
    await empty.makeFolder(directory)
    assert.deepEqual(await codes(empty, small.key), ['checkpoint_missing'])
    await assert.rejects(openLog(directory, { signer, origin: 'log', anchor: remembering(small.note), clock: testClock() }, empty), {
      code: 'rolled_back',
    })
  })

  it('does not hold when two logs of one key were swapped', async () => {
    const other = await make(5, { origin: 'other' })
    assert.deepEqual(await codes(other.disk, small.key), ['key_unknown'])
    assert.deepEqual(await codes(small.disk, other.key), ['key_unknown'])
    await assert.rejects(openLog(directory, { signer, origin: 'other', clock: testClock() }, small.disk.copy()), { code: 'key_unknown' })
  })

  it('counts nobody as an anchor who does not answer, knows nothing, or knows another log', async () => {
    const failing: Anchor = { publish: async () => {}, latest: () => Promise.reject(new Error('down')) }
    for (const [anchor, code] of [
      [failing, 'anchor_unavailable'],
      [remembering(undefined), 'anchor_unavailable'],
      [remembering((await make(5, { signer: seededSigner(2) })).note), 'forked'],
      [remembering('nonsense'), 'forked'],
    ] as const) {
      const report = await verify(small.disk, small.key, { anchor })
      assert.deepEqual(
        report.problems.map((problem) => problem.code),
        [code],
      )
      assert.equal(report.anchored, false)
    }
  })

  it('takes a line break in a field for nothing but a line break', async () => {
    const forgery = `\n${entryText(sampleRecord(7))}\n= 2 ${'A'.repeat(43)}=\n\n— log AAAAAAAA\n`
    const disk = new MemoryDisk()
    const log = await openLog(directory, { signer, origin: 'log', clock: testClock() }, disk)
    await log.append({ ...sampleRecord(1), action: forgery, reason: forgery, guard: forgery })
    await log.close()
    const report = await verify(disk, log.key, { expectedSize: 1 })
    assert.deepEqual(report.problems, [])
    assert.equal(report.entries, 1)
  })

  it('says that what is not yet under a checkpoint is not proven, and that a write was torn', async () => {
    const disk = new MemoryDisk()
    const log = await openLog(directory, { signer, origin: 'log', clock: testClock() }, disk)
    for (let number = 0; number < 3; number++) await log.append(sampleRecord(number))
    const killed = disk.afterKill()
    const journal = '/log/journal/0000000000000000'
    assert.deepEqual(await codes(killed, log.key), ['unsigned'])
    assert.equal((await verify(killed, log.key)).unsigned, 3)
    const torn = await rewritten(killed, journal, (bytes) => bytes.subarray(0, bytes.length - 10))
    assert.deepEqual(await codes(torn, log.key), ['torn_tail', 'unsigned'])
    assert.equal((await verify(torn, log.key)).unsigned, 2)
    await log.close()
  })

  it('does not hold when the journal says otherwise than what was signed', async () => {
    const disk = new MemoryDisk()
    const log = await openLog(directory, { signer, origin: 'log', clock: testClock() }, disk)
    for (let number = 0; number < 3; number++) await log.append(sampleRecord(number))
    await log.checkpoint()
    const killed = disk.afterKill()
    await log.close()
    const journal = '/log/journal/0000000000000000'
    assert.deepEqual(await codes(killed, log.key), [])
    const edited = await rewritten(killed, journal, (bytes) => Buffer.from(bytes.toString().replace('call-1', 'call-9')))
    assert.deepEqual(await codes(edited, log.key), ['journal_changed'])
    const lines = (await killed.read(journal))?.toString().split('\n') ?? []
    const without = await rewritten(killed, journal, () => Buffer.from(lines.toSpliced(2, 1).join('\n')))
    assert.deepEqual(await codes(without, log.key), ['journal_changed'])
    // Nor does the log go on from there, although its tiles hold all that was signed: somebody was at it.
    const last = await rewritten(killed, journal, (bytes) => Buffer.from(bytes.toString().replace('call-2', 'call-9')))
    last.forgetLocks()
    await assert.rejects(openLog(directory, { signer, clock: testClock() }, last), { code: 'truncated' })
  })

  it('says when the clock was set back, once, and when an entry is no record', async () => {
    const disk = new MemoryDisk()
    const log = await openLog(directory, { signer, origin: 'log', clock: testClock() }, disk)
    for (const time of [10_000, 9_500, 5_000, 5_100, 20_000]) await log.append({ ...sampleRecord(1), time })
    await log.append({ nothing: true } as never)
    await log.close()
    const { ok, problems } = await verify(disk, log.key)
    assert.equal(ok, true)
    assert.deepEqual(
      problems.map(({ code, index, severity }) => [code, index, severity]),
      [
        ['time_reversed', 2, 'warning'],
        ['record_malformed', 5, 'warning'],
      ],
    )
  })

  it('gives a short report however much is wrong', async () => {
    const changed = await rewritten(large.disk, '/log/tile/entries/000', (bytes) =>
      bundleOf(entriesIn(bytes).map((_, index) => Buffer.from(`${index}`))),
    )
    const { ok, problems } = await verify(changed, large.key)
    assert.equal(ok, false)
    assert.ok(problems.length <= 101)
  })

  it('throws for a wrong call alone', async () => {
    for (const options of [{ key: 'none' }, { key: 1 }, {}, { key: small.key, expectedSize: -1 }, { key: small.key, expectedSize: 0.5 }])
      await assert.rejects(verifyOn(small.disk, directory, options as VerifyOptions), TypeError)
    await assert.rejects(verifyOn(small.disk, '', { key: small.key }), TypeError)
    const broken = small.disk.copy()
    broken.fault = (call) => (call === 'read' ? new Error('EIO') : undefined)
    assert.deepEqual(await codes(broken, small.key), ['unreadable'])
  })
})

describe('a log that was manipulated', () => {
  const open = (disk: MemoryDisk, by: Signer = signer) => openLog(directory, { signer: by, clock: testClock() }, disk)
  const journal = '/log/journal/0000000000000000'

  async function killed(): Promise<MemoryDisk> {
    const disk = new MemoryDisk()
    const log = await openLog(directory, { signer, origin: 'log', clock: testClock() }, disk)
    for (let number = 0; number < 4; number++) await log.append(sampleRecord(number))
    const left = disk.afterKill()
    await log.close()
    left.forgetLocks()
    return left
  }

  it('is not written to: its signed end was changed', async () => {
    const { disk } = await make(5)
    const edited = await rewritten(disk, '/log/tile/entries/000.p/5', (bytes) => bundleOf(entriesIn(bytes).with(2, Buffer.from('{}'))))
    await assert.rejects(open(edited), { code: 'root_mismatch' })
    const hashes = await rewritten(disk, '/log/tile/0/000.p/5', (bytes) => bytes.fill(1, 0, 32))
    await assert.rejects(open(hashes), { code: 'root_mismatch' })
    const cut = disk.copy()
    await cut.remove('/log/tile/entries/000.p')
    await assert.rejects(open(cut), { code: 'truncated' })
  })

  it('is not written to: its checkpoint is gone, another, or of another key', async () => {
    const { disk } = await make(5)
    const gone = disk.copy()
    await gone.remove(checkpoint)
    await assert.rejects(open(gone), { code: 'checkpoint_missing' })
    await assert.rejects(open(await rewritten(disk, checkpoint, (bytes) => Buffer.from(bytes.toString().replace('\n5\n', '\n4\n')))), {
      code: 'signature_invalid',
    })
    await assert.rejects(open(await rewritten(disk, checkpoint, () => Buffer.from('nothing'))), { code: 'checkpoint_malformed' })
    await assert.rejects(open(disk.copy(), seededSigner(2)), { code: 'key_unknown' })
  })

  it('is not written to: its journal was changed, cut in the midst, or forged', async () => {
    const left = await killed()
    const edited = await rewritten(left, journal, (bytes) => Buffer.from(bytes.toString().replace('call-1', 'call-9')))
    await assert.rejects(open(edited), { code: 'root_mismatch' })
    const lines = (await left.read(journal))?.toString().split('\n') ?? []
    const without = await rewritten(left, journal, () => Buffer.from(lines.toSpliced(2, 2).join('\n')))
    await assert.rejects(open(without), { code: 'root_mismatch' })
    const late = left.copy()
    await late.rename(journal, '/log/journal/0000000000000002')
    await assert.rejects(open(late), { code: 'truncated' })
  })

  it('takes up nothing from its journal that it did not write', async () => {
    const left = await killed()
    const forged = `${entryText(sampleRecord(9))}\n= 5 ${Buffer.alloc(32, 1).toString('base64')}\n`
    const disk = await rewritten(left, journal, (bytes) => Buffer.concat([bytes, Buffer.from(forged)]))
    const log = await open(disk)
    assert.equal(log.describe().size, 5)
    await log.close()
    const bundle = await disk.read('/log/tile/entries/000.p/5')
    const texts = entriesIn(bundle ?? Buffer.of()).map(String)
    assert.equal(
      texts.some((text) => text.includes('call-9')),
      false,
    )
    const recovered: unknown = JSON.parse(texts[4] ?? '')
    assert.deepEqual(recovered, { ...(recovered as object), cut: forged.length, event: 'recovered', kind: 'log', replayed: 4, size: 4, version: 1 })
  })
})
