import assert from 'node:assert/strict'
import { constants } from 'node:fs'
import { mkdtemp, readdir, readFile, readlink, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Anchor, Signer } from '../../src/audit-log/audit-log.ts'
import { type FileLogOptions, fileLog, openLog } from '../../src/audit-log/file-log.ts'
import { proveEntry } from '../../src/audit-log/file-prove.ts'
import { verifyLog } from '../../src/audit-log/file-verify.ts'
import { entryText } from '../../src/audit-log/record.ts'
import { formatProof, verifyProof } from '../../src/audit-log/verify-proof.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { failure, MemoryDisk, picks } from './memory-disk.ts'
import { treeHash } from './naive-tree.ts'
import { sampleRecord } from './records.ts'
import { seededSigner } from './signing.ts'
import { signedRecords } from './stored.ts'

const signer = seededSigner(1)
const idOf = (record: unknown): unknown => (record as { id?: unknown; kind?: unknown } | undefined)?.id ?? (record as { kind?: unknown })?.kind

let folder: string
before(async () => void (folder = await mkdtemp(join(tmpdir(), 'sallyport-log-'))))
after(() => rm(folder, { recursive: true, force: true }))

describe('a log in a folder', () => {
  it('takes records, signs them when it closes, and goes on where it was', async () => {
    const directory = join(folder, 'plain')
    const texts: Buffer[] = []
    for (let round = 0; round < 3; round++) {
      const log = await fileLog(directory, { signer, origin: 'bot.eu-1' })
      const receipts = await Promise.all(Array.from({ length: 100 }, (_, number) => log.append(sampleRecord(round * 100 + number))))
      for (const [number, receipt] of receipts.entries()) {
        const text = Buffer.from(entryText(sampleRecord(round * 100 + number)))
        assert.deepEqual(receipt, { index: round * 100 + number, hash: btoa(treeHash([text])) })
        texts.push(text)
      }
      await log.close()
      const report = await verifyLog(directory, { key: log.key, expectedSize: texts.length })
      assert.deepEqual(report.problems, [])
      assert.equal(report.ok && report.anchored, true)
      assert.equal(report.entries, texts.length)
      assert.equal(report.unsigned, 0)
      assert.equal(report.checkpoint?.root, btoa(treeHash(texts)))
    }
    assert.deepEqual(await readdir(join(directory, 'journal')), [])
    assert.equal((await readFile(join(directory, 'verifier-key'), 'utf8')).startsWith('bot.eu-1+'), true)
  })

  it("is for its owner's eyes only", { skip: process.platform === 'win32' && 'no modes' }, async () => {
    const directory = join(folder, 'modes')
    const log = await fileLog(directory, { signer })
    await log.append(sampleRecord(1))
    await log.close()
    assert.equal((await stat(directory)).mode & 0o077, 0)
    for (const name of await readdir(directory, { recursive: true })) assert.equal((await stat(join(directory, name))).mode & 0o077, 0, name)
  })

  it('writes its journal through to the disk: what it acknowledges needs no second step', {
    skip: process.platform !== 'linux' && 'no /proc',
  }, async () => {
    const directory = join(folder, 'through')
    const log = await fileLog(directory, { signer })
    await log.append(sampleRecord(1))
    const flags: number[] = []
    for (const descriptor of await readdir('/proc/self/fd')) {
      const path = await readlink(`/proc/self/fd/${descriptor}`).catch(() => '')
      if (!path.startsWith(join(directory, 'journal'))) continue
      flags.push(Number.parseInt(/^flags:\s*(\d+)$/m.exec(await readFile(`/proc/self/fdinfo/${descriptor}`, 'utf8'))?.[1] ?? '', 8))
    }
    await log.close()
    assert.equal(flags.length, 1)
    assert.ok(((flags[0] ?? 0) & constants.O_DSYNC) === constants.O_DSYNC)
  })

  it('has the name of its folder where it is given none, and keeps the one it has', async () => {
    const directory = join(folder, 'has no name')
    const first = await fileLog(directory, { signer })
    assert.equal(first.key.startsWith('sallyport.local/has-no-name+'), true)
    await first.close()
    const named = join(folder, 'named')
    const second = await fileLog(named, { signer, origin: 'mine' })
    await second.close()
    const third = await fileLog(named, { signer })
    assert.equal(third.key, second.key)
    await third.close()
  })

  it('proves every record, to whoever has nothing but the proof, the entry and the key', async () => {
    const directory = join(folder, 'proofs')
    const log = await fileLog(directory, { signer, origin: 'proofs' })
    const size = 300
    await Promise.all(Array.from({ length: size }, (_, number) => log.append(sampleRecord(number))))
    const live = await log.prove(size - 1)
    assert.equal(await verifyProof(live, entryText(sampleRecord(size - 1)), log.key), true)
    await log.close()
    for (const index of [0, 1, 127, 255, 256, 299]) {
      const { proof, text } = await proveEntry(directory, index)
      assert.equal(text, entryText(sampleRecord(index)))
      assert.equal(await verifyProof(proof, text, log.key), true)
      assert.equal(await verifyProof(proof, entryText(sampleRecord(index + 1)), log.key), false)
      assert.equal(await verifyProof({ ...proof, index: index ^ 1 }, text, log.key), false)
      assert.equal(await verifyProof({ ...proof, path: proof.path.slice(1) }, text, log.key), false)
      assert.equal(await verifyProof({ ...proof, path: ['', ...proof.path.slice(1)] }, text, log.key), false)
      assert.equal(await verifyProof({ ...proof, checkpoint: { origin: 'proofs', size, root: proof.checkpoint.root } }, text, log.key), false)
      assert.equal(await verifyProof(proof, text, (await openedKey('proofs', seededSigner(2))) ?? ''), false)
    }
    const { proof } = await proveEntry(directory, 5)
    // As in C2SP tlog-proof.
    const lines = formatProof(proof).split('\n')
    assert.deepEqual(lines.slice(0, 3), ['c2sp.org/tlog-proof@v1', 'index 5', proof.path[0]])
    assert.equal(lines[2 + proof.path.length], '')
    assert.equal(lines.slice(3 + proof.path.length).join('\n'), proof.checkpoint.note)
    for (const index of [-1, 300, 0.5]) await assert.rejects(proveEntry(directory, index), RangeError)
    await assert.rejects(proveEntry(join(folder, 'nowhere'), 0), { code: 'checkpoint_missing' })
    for (const wrong of [{}, { path: 'x' }, { path: Array<string>(65).fill('') }, { ...proof, checkpoint: undefined }])
      assert.equal(await verifyProof(wrong as never, '{}', log.key), false)
    await assert.rejects(verifyProof(proof, '{}', 'no key'), TypeError)
  })

  it('proves while it is open, for records under the checkpoint and newer ones', async () => {
    const disk = new MemoryDisk()
    const log = await openLog('/log', { signer, clock: testClock() }, disk)
    for (let number = 0; number < 300; number++) {
      await log.append(sampleRecord(number))
      if (number % 37 === 0) assert.equal(await verifyProof(await log.prove(number >> 1), entryText(sampleRecord(number >> 1)), log.key), true)
    }
    for (const index of [-1, 300, Number.NaN]) await assert.rejects(log.prove(index), RangeError)
    await log.close()
    await assert.doesNotReject(log.prove(299))
  })

  it('keeps what it was given, whatever becomes of the object', async () => {
    const disk = new MemoryDisk()
    const log = await openLog('/log', { signer, clock: testClock() }, disk)
    const record = { ...sampleRecord(1), tools: ['search'] }
    const taken = log.append(record)
    record.action = 'forged'
    record.tools.push('forged')
    await taken
    await log.close()
    assert.deepEqual(await signedRecords(disk, '/log'), [{ ...sampleRecord(1), tools: ['search'] }])
  })

  it('keeps the order in which a caller appended, and gives each record one place', async () => {
    const disk = new MemoryDisk()
    const log = await openLog('/log', { signer, clock: testClock() }, disk)
    const order: number[] = []
    await Promise.all(
      Array.from({ length: 20 }, async (_, caller) => {
        for (let turn = 0; turn < 10; turn++) order.push((await log.append(sampleRecord(caller * 100 + turn))).index)
      }),
    )
    await log.close()
    assert.deepEqual(
      [...order].sort((one, other) => one - other),
      Array.from({ length: 200 }, (_, index) => index),
    )
    const ids = (await signedRecords(disk, '/log')).map(idOf)
    for (let caller = 0; caller < 20; caller++) {
      const places = Array.from({ length: 10 }, (_, turn) => ids.indexOf(`call-${caller * 100 + turn}`))
      assert.deepEqual(
        places,
        [...places].sort((one, other) => one - other),
      )
    }
  })

  it('takes records of any size, and one that is too long in short', async () => {
    const disk = new MemoryDisk()
    const log = await openLog('/log', { signer, clock: testClock() }, disk)
    await Promise.all(Array.from({ length: 40 }, (_, number) => log.append({ ...sampleRecord(number), reason: 'ł'.repeat(number * 2_000) })))
    await log.close()
    const records = await signedRecords(disk, '/log')
    assert.deepEqual(
      records.map(idOf),
      Array.from({ length: 40 }, (_, number) => `call-${number}`),
    )
  })

  it('refuses after it was closed, and closes once', async () => {
    const log = await openLog('/log', { signer, clock: testClock() }, new MemoryDisk())
    const last = log.append(sampleRecord(1))
    await Promise.all([log.close(), log.close()])
    assert.equal((await last).index, 0)
    await assert.rejects(log.append(sampleRecord(2)), { code: 'audit_unavailable' })
    await assert.rejects(log.checkpoint(), { code: 'audit_unavailable' })
  })

  it('makes a checkpoint after so many records, and after so much time', async () => {
    const disk = new MemoryDisk()
    const clock = testClock()
    const log = await openLog('/log', { signer, clock, checkpointEvery: { records: 5, seconds: 2 } }, disk)
    const signed = (): unknown => log.describe().signed
    for (let number = 0; number < 5; number++) await log.append(sampleRecord(number))
    await settled()
    assert.equal(signed(), 5)
    await log.append(sampleRecord(5))
    clock.advance(1_999)
    await settled()
    assert.equal(signed(), 5)
    clock.advance(1)
    await settled()
    assert.equal(signed(), 6)
    assert.equal((await log.checkpoint()).size, 6)
    await log.close()
    assert.equal(clock.pending, 0)
  })

  it('says what it is, without its secret', async () => {
    const log = await openLog('/log', { signer, origin: 'mine', clock: testClock() }, new MemoryDisk())
    assert.deepEqual(log.describe(), { kind: 'file', directory: '/log', origin: 'mine', key: log.key, size: 0, signed: 0, failing: false })
    await log.close()
  })

  it('refuses wrong options when it is made', async () => {
    const wrong: [string, unknown][] = [
      ['', { signer }],
      ['/log', undefined],
      ['/log', {}],
      ['/log', { signer: { sign: () => new Uint8Array(64) } }],
      ['/log', { signer, origin: 'a b' }],
      ['/log', { signer, origin: '' }],
      ['/log', { signer, anchors: {} }],
      ['/log', { signer, checkpointEvery: { record: 1 } }],
      ['/log', { signer, anchor: {} }],
      ['/log', { signer, patience: -1 }],
      ['/log', { signer, patience: Number.NaN }],
      ['/log', { signer, checkpointEvery: { records: 0 } }],
      ['/log', { signer, checkpointEvery: { seconds: 0 } }],
      ['/log', { signer: { publicKey: signer.publicKey, sign: () => crypto.getRandomValues(new Uint8Array(64)) } }],
      ['/log', { signer: { publicKey: seededSigner(2).publicKey, sign: signer.sign } }],
      ['/log', { signer: { publicKey: new Uint8Array(32), sign: signer.sign } }],
    ]
    for (const [directory, options] of wrong) {
      const disk = new MemoryDisk()
      await assert.rejects(async () => openLog(directory, options as FileLogOptions, disk), TypeError)
      // And leaves the folder to who has it right.
      await (await openLog('/log', { signer, clock: testClock() }, disk)).close()
    }
  })
})

describe('a log on a disk that fails', () => {
  const full = (call: string): Error | undefined => (call === 'write' ? failure('ENOSPC', 'no space left') : undefined)

  it('refuses what a full disk does not take, and takes records again when there is room', async () => {
    const disk = new MemoryDisk()
    const log = await openLog('/log', { signer, clock: testClock() }, disk)
    await log.append(sampleRecord(1))
    disk.fault = full
    const refused = await Promise.allSettled([log.append(sampleRecord(2)), log.append(sampleRecord(3))])
    for (const result of refused) assert.equal(result.status === 'rejected' && result.reason.code, 'audit_unavailable')
    disk.fault = undefined
    assert.equal((await log.append(sampleRecord(4))).index, 1)
    await log.close()
    assert.deepEqual((await signedRecords(disk, '/log')).map(idOf), ['call-1', 'call-4'])
  })

  it('does not say that a record is safe when the disk would not bring it there', async () => {
    const disk = new MemoryDisk()
    const log = await openLog('/log', { signer, clock: testClock() }, disk)
    disk.fault = (call) => (call === 'sync' ? failure('EIO', 'broken') : undefined)
    await assert.rejects(log.append(sampleRecord(1)), { code: 'audit_unavailable' })
    disk.fault = undefined
    assert.equal((await log.append(sampleRecord(2))).index, 0)
    await log.close()
    assert.deepEqual((await signedRecords(disk, '/log')).map(idOf), ['call-2'])
  })

  it('leaves nothing behind of what it refused, for whoever starts after a crash', async () => {
    const disk = new MemoryDisk()
    const log = await openLog('/log', { signer, clock: testClock() }, disk)
    // What was written does not reach the disk; that it is cut off again does.
    let syncs = 0
    disk.fault = (call) => (call === 'sync' && syncs++ % 2 === 0 ? failure('EIO', 'broken') : undefined)
    // Each write is shorter than the one before it, so that more of the earlier ones would stand behind it.
    for (const count of [6, 3]) {
      const refused = await Promise.allSettled(Array.from({ length: count }, (_, number) => log.append(sampleRecord(number))))
      assert.ok(refused.every(({ status }) => status === 'rejected'))
    }
    disk.fault = undefined
    await log.append(sampleRecord(4))
    const left = disk.afterKill()
    await log.close()
    left.forgetLocks()
    await (await openLog('/log', { signer, clock: testClock() }, left)).close()
    assert.deepEqual((await signedRecords(left, '/log')).map(idOf), ['call-4', 'log'])
  })

  it('does not open on a disk that is read-only, and refuses records when it becomes so', async () => {
    const changing = ['write', 'makeFolder', 'rename', 'link', 'remove', 'truncate', 'touch']
    const readOnly = (call: string): Error | undefined => (changing.includes(call) ? failure('EROFS', 'read-only') : undefined)
    const disk = new MemoryDisk()
    const log = await openLog('/log', { signer, clock: testClock() }, disk)
    await log.append(sampleRecord(1))
    disk.fault = readOnly
    await assert.rejects(log.append(sampleRecord(2)), { code: 'audit_unavailable' })
    await assert.rejects(log.checkpoint(), { code: 'audit_unavailable' })
    await assert.rejects(log.close())
    const left = disk.copy()
    left.forgetLocks()
    left.fault = readOnly
    await assert.rejects(openLog('/log', { signer, clock: testClock() }, left), { code: 'EROFS' })
    left.fault = undefined
    await (await openLog('/log', { signer, clock: testClock() }, left)).close()
    assert.equal(idOf((await signedRecords(left, '/log'))[0]), 'call-1')
  })

  it('that is slow holds a bounded memory: what does not fit is refused at once', async () => {
    let open = (): void => {}
    let gate: Promise<void> | undefined
    class Slow extends MemoryDisk {
      override async sync(descriptor: number): Promise<void> {
        await gate
        return super.sync(descriptor)
      }
    }
    const disk = new Slow()
    const log = await openLog('/log', { signer, clock: testClock() }, disk)
    gate = new Promise((resolve) => void (open = resolve))
    // The first is on its way to the disk; the others wait behind it.
    const first = log.append(sampleRecord(0))
    await settled()
    const reason = 'x'.repeat(60_000)
    const taken = Array.from({ length: 700 }, (_, number) => log.append({ ...sampleRecord(number + 1), reason }))
    const refused = (await Promise.allSettled(taken.slice(-100))).filter(
      (result) => result.status === 'rejected' && result.reason.code === 'audit_unavailable',
    )
    assert.equal(refused.length, 100)
    open()
    const results = await Promise.allSettled([first, ...taken])
    const count = results.filter(({ status }) => status === 'fulfilled').length
    assert.ok(count > 500 && count < 601)
    await log.close()
    assert.equal((await signedRecords(disk, '/log')).length, count)
  })

  it('loses no acknowledged record, whatever fails in between', async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const pick = picks(seed)
      const disk = new MemoryDisk()
      const clock = testClock()
      const log = await openLog('/log', { signer, clock, checkpointEvery: { records: 4 } }, disk, 700)
      disk.fault = () => (pick(8) === 0 ? failure('EIO', 'broken') : undefined)
      const acknowledged = new Map<number, string>()
      for (let number = 0; number < 30; number += 2)
        for (const result of await Promise.allSettled([log.append(sampleRecord(number)), log.append(sampleRecord(number + 1))]))
          if (result.status === 'fulfilled') acknowledged.set(result.value.index, '')
      const numbers = [...acknowledged.keys()]
      assert.deepEqual(
        numbers,
        numbers.map((_, place) => place),
        'places have no gaps',
      )
      disk.fault = undefined
      await log.append(sampleRecord(999))
      await log.close()
      const records = await signedRecords(disk, '/log')
      assert.equal(records.length, acknowledged.size + 1, `seed ${seed}: what was refused is not there, the rest is`)
      assert.equal(idOf(records.at(-1)), 'call-999')
      await (await openLog('/log', { signer, clock }, disk)).close()
    }
  })
})

describe('a log whose signer or anchor does not answer', () => {
  // Like the one in a file, in memory; it can be made to hang and to fail.
  function anchorInMemory(): Anchor & { note: string | undefined; mode: 'answer' | 'hang' | 'fail' } {
    const anchor = {
      note: undefined as string | undefined,
      mode: 'answer' as 'answer' | 'hang' | 'fail',
      async publish(note: string) {
        await answer()
        anchor.note = note
      },
      async latest() {
        await answer()
        return anchor.note
      },
    }
    const answer = async (): Promise<void> => {
      if (anchor.mode === 'fail') throw new Error('the anchor is down')
      if (anchor.mode === 'hang') await new Promise(() => {})
    }
    return anchor
  }

  for (const mode of ['hang', 'fail'] as const)
    it(`takes records for as long as it was told, then refuses, and takes them again (${mode})`, async () => {
      const clock = testClock()
      const anchor = anchorInMemory()
      const log = await openLog('/log', { signer, clock, anchor, patience: 60 }, new MemoryDisk())
      await log.append(sampleRecord(1))
      anchor.mode = mode
      const checkpoint = assert.rejects(log.checkpoint(), { code: 'audit_unavailable' })
      await settled()
      clock.advance(15_000)
      await checkpoint
      await log.append(sampleRecord(2))
      for (let second = 0; second < 61; second++) {
        clock.advance(1_000)
        await settled()
      }
      await assert.rejects(log.append(sampleRecord(3)), { code: 'audit_unavailable' })
      assert.equal(log.describe().failing, true)
      anchor.mode = 'answer'
      for (let second = 0; second < 20; second++) {
        clock.advance(1_000)
        await settled()
      }
      assert.equal((await log.append(sampleRecord(4))).index, 2)
      await log.close()
      assert.equal(anchor.note?.split('\n')[1], '3')
    })

  it('does not open while the anchor cannot be asked', async () => {
    const clock = testClock()
    const anchor = anchorInMemory()
    const disk = new MemoryDisk()
    anchor.mode = 'fail'
    await assert.rejects(openLog('/log', { signer, clock, anchor }, disk), { code: 'anchor_unavailable' })
    anchor.mode = 'hang'
    const opening = assert.rejects(openLog('/log', { signer, clock, anchor }, disk), { code: 'anchor_unavailable' })
    // Until it is the anchor that is waited for: before that there are real files to read.
    while (clock.pending === 0) await settled()
    await settled()
    clock.advance(15_000)
    await opening
    anchor.mode = 'answer'
    await (await openLog('/log', { signer, clock, anchor }, disk)).close()
  })

  it('makes no checkpoint while the signer hangs, and one afterwards', async () => {
    const clock = testClock()
    let isHanging = false
    let hung = 0
    const slow: Signer = {
      publicKey: signer.publicKey,
      sign: (message) => (isHanging ? new Promise<never>(() => void hung++) : signer.sign(message)),
    }
    const log = await openLog('/log', { signer: slow, clock }, new MemoryDisk())
    isHanging = true
    await log.append(sampleRecord(1))
    const checkpoint = assert.rejects(log.checkpoint(), { code: 'audit_unavailable' })
    while (hung === 0) await settled()
    clock.advance(15_000)
    await checkpoint
    isHanging = false
    assert.equal((await log.checkpoint()).size, 1)
    await log.close()
  })
})

async function openedKey(origin: string, other: Signer): Promise<string> {
  const log = await openLog('/log', { signer: other, origin, clock: testClock() }, new MemoryDisk())
  await log.close()
  return log.key
}

// Until everything that a disk in memory has to do is done.
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}
