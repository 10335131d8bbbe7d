import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { fileLog, fileSigner, storedEntries, verifyLog } from '../../src/file.ts'
import { picks } from '../audit-log/memory-disk.ts'
import { sampleRecord } from '../audit-log/records.ts'
import { audited, tokenOf } from '../controls/audited.ts'
import { ownProcess } from './own-process.ts'

const root = mkdtempSync(join(tmpdir(), 'sallyport-a25-disks-'))
const operation = { action: 'chat', resource: { type: 'model', id: 'gpt-5' } } as const
const ada = { credentials: { authorization: tokenOf('ada') } }

async function idsIn(folder: string): Promise<(string | undefined)[]> {
  const ids: (string | undefined)[] = []
  for await (const { text } of storedEntries(folder)) ids.push((JSON.parse(text) as { id?: string }).id)
  return ids
}

/** A small disk of its own, where this process may make one. */
function smallDisk(name: string): string | undefined {
  const folder = join(root, name)
  mkdirSync(folder)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', folder], { stdio: 'ignore' })
    disks.push(folder)
    return folder
  } catch {
    return undefined
  }
}
const disks: string[] = []
const full = smallDisk('full')
const readOnly = smallDisk('read-only')

describe('A25: hundreds of writers that are killed', () => {
  after(() => {
    for (const disk of disks) execFileSync('umount', ['-l', disk])
    rmSync(root, { recursive: true, force: true })
  })

  test('at random times: no acknowledged record is lost, and every log is what its key signed', async () => {
    const pick = picks(25)
    const key = join(root, 'key')
    await fileSigner(key)
    const logs = 40
    let killed = 0
    for (let round = 0; round < 5; round++) {
      const folder = join(root, `killed-${round}`)
      mkdirSync(folder)
      const [command, args] = ownProcess('writing-process')
      const child = spawn(command, [...args, folder, key, `${logs}`], { stdio: ['ignore', 'pipe', 'inherit'] })
      // By what it has done, not by the clock: so each round meets it elsewhere, however slow the machine is.
      const enough = 1 + pick(400)
      let heard = ''
      let lines = 0
      await new Promise<void>((resolve) => {
        child.stdout.on('data', (data: Buffer) => {
          const text = data.toString()
          heard += text
          lines += text.split('\n').length - 1
          if (lines >= enough) child.kill('SIGKILL')
        })
        child.on('close', () => resolve())
      })
      const acknowledged = new Map<string, [index: number, id: string][]>()
      for (const line of heard.split('\n').slice(0, -1)) {
        const [name = '', index, id = ''] = line.split(' ')
        acknowledged.set(name, [...(acknowledged.get(name) ?? []), [Number(index), id]])
      }
      assert.ok(acknowledged.size > 0)
      const check = async (name: string): Promise<void> => {
        const log = await fileLog(join(folder, name), { signer: await fileSigner(key), origin: 'killed' })
        await log.close()
        const ids = await idsIn(join(folder, name))
        for (const [index, id] of acknowledged.get(name) ?? []) assert.equal(ids[index], id, `round ${round}, ${name}, entry ${index}`)
        const report = await verifyLog(join(folder, name), { key: log.key, expectedSize: ids.length })
        assert.deepEqual([report.ok, report.unsigned, report.problems], [true, 0, []], `round ${round}, ${name}`)
        killed++
      }
      await Promise.all(Array.from({ length: logs }, (_, number) => check(`log-${number}`)))
      rmSync(folder, { recursive: true })
    }
    assert.equal(killed, 200)
  })

  // Where this process may not mount a disk, the same is shown on a disk in memory (test/audit-log/file-log.test.ts).
  if (full !== undefined)
    test('on a full disk: what does not fit is refused, nothing acknowledged is lost, and with room it goes on', async () => {
      const folder = join(full, 'log')
      const log = await fileLog(folder, { signer: await fileSigner(join(root, 'full.key')), origin: 'full', patience: Infinity })
      const ballast = join(full, 'ballast')
      writeFileSync(ballast, new Uint8Array(1_500_000))
      const acknowledged: string[] = []
      let refused: unknown
      for (let number = 0; refused === undefined && number < 5_000; number++)
        await log.append({ ...sampleRecord(number), reason: 'x'.repeat(500) }).then(
          () => void acknowledged.push(`call-${number}`),
          (error) => (refused = error),
        )
      assert.equal((refused as { code?: string }).code, 'audit_unavailable')
      await assert.rejects(log.append({ ...sampleRecord(0), reason: 'x'.repeat(60_000) }), { code: 'audit_unavailable' })
      const chat = audited({ log }).protect(() => assert.fail('not called'), operation)
      // The last bytes of a disk may take one short record more.
      writeFileSync(join(full, 'rest'), '')
      let filling = true
      while (filling)
        try {
          writeFileSync(join(full, 'rest'), new Uint8Array(4_096), { flag: 'a' })
        } catch {
          filling = false
        }
      while (
        await log.append(sampleRecord(8_888)).then(
          () => true,
          () => false,
        )
      )
        acknowledged.push('call-8888')
      await assert.rejects(chat('x', ada), { code: 'audit_unavailable' })
      const told: unknown[] = []
      let ran = 0
      const degraded = audited({ log, onFailure: 'degrade', onError: (error) => void told.push(error) }).protect(() => ++ran, operation)
      await degraded('x', ada)
      assert.equal(ran, 1)
      assert.equal(told.length, 2)
      rmSync(ballast)
      await degraded('x', ada)
      await log.close()
      const ids = (await idsIn(folder)).slice(0, acknowledged.length)
      assert.deepEqual(ids, acknowledged)
      const report = await verifyLog(folder, { key: log.key, expectedSize: acknowledged.length })
      assert.equal(report.ok, true, JSON.stringify(report.problems))
      const texts: string[] = []
      for await (const { text } of storedEntries(folder)) texts.push(text)
      assert.ok(
        texts.some((text) => text.includes('"missing":2')),
        'what could not be written is said',
      )
    })

  if (readOnly !== undefined)
    test('on a disk that becomes read-only: refused or degraded as configured, and never silently', async () => {
      const folder = join(readOnly, 'log')
      const signer = await fileSigner(join(root, 'read-only.key'))
      const log = await fileLog(folder, { signer, origin: 'read-only', checkpointEvery: { seconds: 3_600 } })
      await log.append(sampleRecord(0))
      await log.checkpoint()
      mkdirSync(join(readOnly, 'other'))
      // The descriptors that are open would keep it from becoming so: as after a fault, the system forces it.
      execFileSync('mount', ['--bind', '-o', 'ro', readOnly, readOnly], { stdio: 'ignore' })
      disks.push(readOnly)
      execFileSync('mount', ['-o', 'remount,bind,ro', readOnly], { stdio: 'ignore' })
      await assert.rejects(fileLog(join(readOnly, 'other'), { signer, origin: 'other' }), { code: 'EROFS' })
      const told: unknown[] = []
      const opening = { log: () => fileLog(join(readOnly, 'other'), { signer, origin: 'other' }), onError: (error: unknown) => void told.push(error) }
      await assert.rejects(audited(opening).protect(() => assert.fail('not called'), operation)('x', ada), { code: 'audit_unavailable' })
      assert.equal(await audited({ ...opening, onFailure: 'degrade' }).protect(() => 'ran', operation)('x', ada), 'ran')
      assert.ok(told.length >= 2)
      assert.equal((await verifyLog(folder, { key: log.key, expectedSize: 1 })).ok, true, 'it can still be read and verified')
      execFileSync('umount', ['-l', disks.pop() ?? ''])
      await log.close()
    })
})
