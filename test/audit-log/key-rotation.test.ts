import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import type { Anchor, Signer } from '../../src/audit-log/audit-log.ts'
import { type FileLog, openLog } from '../../src/audit-log/file-log.ts'
import { type VerifyOptions, verifyOn } from '../../src/audit-log/file-verify.ts'
import { endorseKey, KeyChain, openRotation } from '../../src/audit-log/key-rotation.ts'
import { formatVerifierKey, parseVerifierKey, verifierKey } from '../../src/audit-log/signed-note.ts'
import type { Report } from '../../src/audit-log/log-report.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { MemoryDisk, picks } from './memory-disk.ts'
import { sampleRecord } from './records.ts'
import { seededSigner } from './signing.ts'
import { signedRecords } from './stored.ts'

const directory = '/log'
const signers = [1, 2, 3, 4].map(seededSigner)
const [one, two, three, other] = signers as [Signer, Signer, Signer, Signer]
const keys: string[] = []

const open = (disk: MemoryDisk, signer: Signer, previous?: Signer, anchor?: Anchor): Promise<FileLog> =>
  openLog(
    directory,
    { signer, origin: 'log', clock: testClock(), checkpointEvery: { records: 3 }, ...(previous && { previous }), ...(anchor && { anchor }) },
    disk,
  )

async function write(disk: MemoryDisk, signer: Signer, from: number, count: number, previous?: Signer, anchor?: Anchor): Promise<FileLog> {
  const log = await open(disk, signer, previous, anchor)
  for (let number = from; number < from + count; number++) await log.append(sampleRecord(number))
  await log.close()
  return log
}

const verify = (disk: MemoryDisk, key: number, options: Partial<VerifyOptions> = {}): Promise<Report> =>
  verifyOn(disk, directory, { key: keys[key] ?? '', ...options })
const codes = ({ problems }: Report): string[] => problems.filter(({ severity }) => severity === 'error').map(({ code }) => code)

describe('a log whose key is rotated', () => {
  before(async () => {
    for (const { publicKey } of signers) keys.push(formatVerifierKey(await verifierKey('log', publicKey)))
  })

  it('is verified with its first key, and with each that followed', async () => {
    const disk = new MemoryDisk()
    await write(disk, one, 0, 5)
    await write(disk, two, 5, 5, one)
    await write(disk, two, 10, 2, one)
    await write(disk, three, 12, 5, two)
    for (const key of [0, 1, 2]) {
      const report = await verify(disk, key, { expectedSize: 19 })
      assert.deepEqual([report.ok, report.problems, report.entries], [true, [], 19], `key ${key}`)
    }
    assert.deepEqual(codes(await verify(disk, 3)), ['key_unknown'])
    const records = await signedRecords(disk, directory)
    assert.deepEqual(
      records.flatMap((record, index) => (record?.kind === 'log' ? [[index, record.event, record.size]] : [])),
      [
        [5, 'key_rotated', 5],
        [13, 'key_rotated', 13],
      ],
    )
  })

  it('goes on with no older key, and with none that nobody named', async () => {
    const disk = new MemoryDisk()
    await write(disk, one, 0, 5)
    await write(disk, two, 5, 5, one)
    await assert.rejects(open(disk, one), { code: 'key_rotated' })
    await assert.rejects(open(disk, other), { code: 'key_unknown' })
    await assert.rejects(open(disk, other, three), { code: 'key_unknown' })
    await assert.rejects(open(disk, one, two), { code: 'key_rotated' })
    await assert.rejects(open(new MemoryDisk(), one, {} as never), TypeError)
  })

  it('of nothing has nothing to rotate, and an empty one can', async () => {
    const disk = new MemoryDisk()
    await write(disk, two, 0, 0, one)
    assert.equal((await verify(disk, 1)).ok, true)
    const empty = new MemoryDisk()
    await write(empty, one, 0, 0)
    await write(empty, two, 0, 3, one)
    for (const key of [0, 1]) assert.deepEqual(codes(await verify(empty, key)), [])
    assert.equal((await verify(empty, 0)).entries, 4)
  })

  it('keeps to its anchor, which remembers what the key before it signed', async () => {
    const disk = new MemoryDisk()
    let note: string | undefined
    const anchor: Anchor = { publish: async (next) => void (note = next), latest: async () => note }
    await write(disk, one, 0, 5, undefined, anchor)
    const old = note
    await write(disk, two, 5, 5, one, anchor)
    assert.equal((await verify(disk, 0, { anchor })).anchored, true)
    assert.deepEqual(codes(await verify(disk, 0, { anchor })), [])
    // An anchor that could not be told for a while.
    note = old
    assert.deepEqual(codes(await verify(disk, 0, { anchor })), [])
    await (await open(disk, two, undefined, anchor)).close()
    assert.notEqual(note, old)
  })

  it('is not believed where the word of the old key is missing, changed, or about another tree', async () => {
    const disk = new MemoryDisk()
    await write(disk, one, 0, 5)
    await write(disk, two, 5, 5, one)
    const path = `${directory}/key-rotations`
    const put = async (content: string): Promise<MemoryDisk> => {
      const copy = disk.copy()
      const descriptor = await copy.open(path, 'w')
      await copy.write(descriptor, Buffer.from(content), 0)
      return copy
    }
    const notes = JSON.parse(disk.files.get(path)?.toString() ?? '') as string[]
    for (const content of ['', 'x', '[]', '[1]', JSON.stringify(notes.map((text) => text.replace('\n5\n', '\n6\n')))]) {
      assert.deepEqual(codes(await verify(await put(content), 0)), ['key_unknown'], content)
      // The new key alone needs nobody's word.
      assert.deepEqual(codes(await verify(await put(content), 1)), [])
    }
    // By whoever has both keys: another word than the one in the log.
    const [first, next] = [await parseVerifierKey(keys[0] ?? ''), await parseVerifierKey(keys[1] ?? '')]
    const { root = '' } = (await openRotation(notes[0] ?? '', first)) ?? {}
    const forged = await endorseKey({ size: 4, root }, next, first, one)
    assert.ok(codes(await verify(await put(JSON.stringify([forged])), 0)).includes('rotation_invalid'))
    // The old key may say nothing about what came after it.
    const late = await endorseKey({ size: 3, root }, await parseVerifierKey(keys[3] ?? ''), first, one)
    assert.deepEqual(codes(await verify(await put(JSON.stringify([late, ...notes])), 0)), ['key_unknown'])
  })

  it('a key that was followed signs no larger tree', async () => {
    const disk = new MemoryDisk()
    await write(disk, one, 0, 5)
    const stolen = disk.copy()
    await write(disk, two, 5, 5, one)
    // Whoever stole the old key goes on with the old log, and puts the word for the new key beside it.
    await write(stolen, one, 5, 5)
    const descriptor = await stolen.open(`${directory}/key-rotations`, 'w')
    await stolen.write(descriptor, disk.files.get(`${directory}/key-rotations`) ?? Buffer.alloc(0), 0)
    assert.deepEqual(codes(await verify(stolen, 0)), ['key_unknown'])
  })

  it('loses no record and no key, wherever it is killed or the power goes', async () => {
    const full = new MemoryDisk()
    const log = await open(full, one)
    for (let number = 0; number < 4; number++) await log.append(sampleRecord(number))
    // Not closed: there is a journal to take up as well.
    const start = full.afterKill()
    start.forgetLocks()
    const clean = start.copy()
    await write(clean, two, 4, 2, one)
    for (let at = 1; at <= clean.calls; at++)
      for (const kind of at % 4 === 0 ? (['kill', 'cut'] as const) : (['cut'] as const)) {
        const disk = start.copy({ at, bytes: picks(at)(400) })
        await write(disk, two, 4, 2, one).catch(() => assert.ok(disk.isOff))
        const left = kind === 'kill' ? disk.afterKill() : disk.afterCut(picks(at))
        left.forgetLocks()
        const context = `${kind} at ${disk.trace.at(-1)} (call ${at})`
        await write(left, two, 9, 1, one).catch((error) => assert.fail(`${context}: ${error.stack}`))
        for (const key of [0, 1]) {
          const report = await verify(left, key)
          assert.deepEqual(codes(report), [], `${context}: ${JSON.stringify(report.problems)}`)
        }
        const ids = (await signedRecords(left, directory)).map((record) =>
          record !== undefined && 'id' in record ? record.id : record?.kind === 'log' ? record.event : '',
        )
        assert.deepEqual(
          ids.slice(0, 4),
          [0, 1, 2, 3].map((number) => `call-${number}`),
          context,
        )
        assert.equal(ids.filter((id) => id === 'key_rotated').length, 1, context)
        assert.equal(ids.at(-1), 'call-9', context)
      }
  })

  it('its keys follow each other in order only', async () => {
    const parsed = await Promise.all(keys.map(parseVerifierKey))
    const [first, second, third] = parsed
    assert.ok(first !== undefined && second !== undefined && third !== undefined)
    const root = btoa('r'.repeat(32))
    const toSecond = await endorseKey({ size: 5, root }, second, first, one)
    const toThird = await endorseKey({ size: 9, root }, third, second, two)
    const backwards = await endorseKey({ size: 3, root }, third, second, two)
    const sizes = async (notes: string[]): Promise<number[]> => (await KeyChain.follow(first, notes)).rotations.map(({ size }) => size)
    assert.deepEqual(await sizes([toSecond, toThird]), [5, 9])
    assert.deepEqual(await sizes([toThird, toSecond]), [5])
    assert.deepEqual(await sizes([toSecond, backwards]), [5])
    assert.deepEqual(await sizes(['', toSecond, 'x', toThird]), [5, 9])
    assert.equal(await openRotation(toSecond, second), undefined)
  })
})
