import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { lockFolder, type LockTimes } from '../../src/audit-log/file-lock.ts'
import { fileLog } from '../../src/audit-log/file-log.ts'
import { fileSigner } from '../../src/audit-log/file-signer.ts'
import { writeFile } from '../../src/audit-log/file-system.ts'
import { verifyLog } from '../../src/audit-log/file-verify.ts'
import { systemClock } from '../../src/guard/clock.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { failure, MemoryDisk } from './memory-disk.ts'
import { signedRecords } from './stored.ts'
import { systemFiles } from '../../src/audit-log/file-system.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const held = fileURLToPath(new URL('./hold-log.ts', import.meta.url))

let folder: string
before(async () => void (folder = await mkdtemp(join(tmpdir(), 'sallyport-lock-'))))
after(() => rm(folder, { recursive: true, force: true }))

// A process that writes to the log, and what it says, line by line.
function hold(
  directory: string,
  keyFile: string,
): { child: ChildProcess; lines: string[]; said: (count: number) => Promise<void>; ended: Promise<void> } {
  const child = spawn(process.execPath, ['--import', 'tsx', '--conditions=@sallyport/source', held, directory, keyFile], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines: string[] = []
  const waiting: { count: number; resolve: () => void }[] = []
  let rest = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts)
    for (const { count, resolve } of waiting) if (lines.length >= count) resolve()
  })
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()))
  const said = (count: number): Promise<void> =>
    Promise.race([ended, new Promise<void>((resolve) => (lines.length >= count ? resolve() : void waiting.push({ count, resolve })))])
  return { child, lines, said, ended }
}

describe('the one writer of a log', () => {
  it('keeps out a second one in the same process and in another, until it closes', async () => {
    const directory = join(folder, 'two')
    const keyFile = join(folder, 'two.key')
    const signer = await fileSigner(keyFile)
    const log = await fileLog(directory, { signer, origin: 'held' })
    await assert.rejects(fileLog(directory, { signer, origin: 'held' }), { code: 'locked' })
    const other = hold(directory, keyFile)
    await other.ended
    assert.deepEqual(other.lines, ['refused locked'])
    await log.close()
    await (await fileLog(directory, { signer, origin: 'held' })).close()
    assert.deepEqual((await readdir(directory)).filter((name) => name.includes('lock')).length, 1, 'it leaves one file')
  })

  it('is kept out by a process that lives, and follows one that was killed, whose records are all there', async () => {
    const directory = join(folder, 'killed')
    const keyFile = join(folder, 'killed.key')
    const signer = await fileSigner(keyFile)
    const other = hold(directory, keyFile)
    await other.said(20)
    await assert.rejects(fileLog(directory, { signer, origin: 'held' }), { code: 'locked' })
    other.child.kill('SIGKILL')
    await other.ended
    const log = await fileLog(directory, { signer, origin: 'held' })
    await log.close()
    const records = await signedRecords(systemFiles, directory)
    assert.ok(other.lines.length >= 20)
    for (const line of other.lines) {
      const [index, id] = line.split(' ')
      assert.equal((records[Number(index)] as { id?: string }).id, id)
    }
    assert.ok(records.some((record) => record?.kind === 'log' && record.event === 'recovered'))
    const report = await verifyLog(directory, { key: log.key, expectedSize: records.length })
    assert.deepEqual(report.problems, [])
  })
})

describe('a hold on a folder', () => {
  const times: LockTimes = { beat: 20, silence: 200 }
  const lock = (disk: MemoryDisk) => lockFolder(disk, '/log', systemClock, times)
  const holder = { pid: 1, started: '', boot: 'another', host: 'elsewhere', space: '' }

  async function folderHeldBy(content: unknown): Promise<MemoryDisk> {
    const disk = new MemoryDisk()
    await disk.makeFolder('/log')
    await writeFile(disk, '/log/lock-7', Buffer.from(typeof content === 'string' ? content : JSON.stringify(content)), true)
    return disk
  }

  it('is never had by two, however many try at once', async () => {
    const disk = new MemoryDisk()
    await disk.makeFolder('/log')
    for (let round = 0; round < 20; round++) {
      const tried = await Promise.allSettled(Array.from({ length: 5 }, () => lock(disk)))
      const [one, ...more] = tried.filter((result) => result.status === 'fulfilled')
      assert.ok(one !== undefined && more.length === 0)
      for (const result of tried) if (result.status === 'rejected') assert.equal(result.reason.code, 'locked')
      await one.value.release()
    }
  })

  it('is never had by two that have found it free at the same time', async () => {
    let arrived = 0
    let open = (): void => {}
    const all = new Promise<void>((resolve) => void (open = resolve))
    // Whoever looks has to wait until all five have looked.
    class Meeting extends MemoryDisk {
      override async list(path: string): Promise<string[]> {
        const names = await super.list(path)
        if (++arrived >= 5) open()
        await all
        return names
      }
    }
    const disk = new Meeting()
    await disk.makeFolder('/log')
    const tried = await Promise.allSettled(Array.from({ length: 5 }, () => lock(disk)))
    assert.equal(tried.filter(({ status }) => status === 'fulfilled').length, 1)
  })

  it('passes on from a holder of another machine that is silent, and not from one that beats', async () => {
    const disk = await folderHeldBy(holder)
    const beating = setInterval(() => disk.touch('/log/lock-7').catch(() => {}), 15)
    await assert.rejects(lock(disk), { code: 'locked' })
    clearInterval(beating)
    const taken = await lock(disk)
    await taken.release()
  })

  it('passes on from a holder that cannot be read, after the same silence', async () => {
    for (const content of ['', 'nonsense', { pid: -1 }, { ...holder, pid: 'x' }, [], 'null']) {
      const disk = await folderHeldBy(content)
      await (await lock(disk)).release()
    }
  })

  it('passes on at once from a process that is gone', async () => {
    const child = spawn(process.execPath, ['-e', ''])
    const pid = child.pid
    await new Promise((resolve) => child.on('close', resolve))
    const [boot, space] = await hereOf()
    const disk = await folderHeldBy({ ...holder, pid, boot, space, host: hostname() })
    await (await lockFolder(disk, '/log', systemClock, { beat: 1_000, silence: 600_000 })).release()
  })

  it('does not pass on from a living process, and does from another that has its number now', {
    skip: process.platform !== 'linux' && 'no /proc',
  }, async () => {
    const [boot, space] = await hereOf()
    const here = { ...holder, pid: process.pid, boot, space, host: hostname() }
    await assert.rejects(lockFolder(await folderHeldBy(here), '/log', systemClock), { code: 'locked' })
    await (await lockFolder(await folderHeldBy({ ...here, started: '1' }), '/log', systemClock)).release()
  })

  it('is noticed to be lost by who stood still, and is not taken back from who has it now', async () => {
    const disk = new MemoryDisk()
    await disk.makeFolder('/log')
    const clock = testClock()
    const stopped = await lockFolder(disk, '/log', clock, times)
    await writeFile(disk, '/log/lock-2', Buffer.from(JSON.stringify(holder)), true)
    await stopped.check()
    // Nothing beat for it in all this time.
    disk.fault = (call) => (call === 'touch' ? failure('EIO', 'no beat') : undefined)
    clock.advance(150)
    await assert.rejects(stopped.check(), { code: 'locked' })
    disk.fault = undefined
    await stopped.release()
    assert.deepEqual(JSON.parse((await disk.read('/log/lock-2'))?.toString() ?? ''), holder)
    assert.deepEqual((await disk.list('/log')).sort(), ['lock-1', 'lock-2'])
  })
})

// What a holder on this machine says of itself.
async function hereOf(): Promise<[boot: string, space: string]> {
  const disk = new MemoryDisk()
  await disk.makeFolder('/log')
  const lock = await lockFolder(disk, '/log', systemClock)
  const { boot, space } = JSON.parse((await disk.read('/log/lock-1'))?.toString() ?? '')
  await lock.release()
  return [boot, space]
}
