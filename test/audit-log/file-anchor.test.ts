import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { signCheckpoint } from '../../src/audit-log/checkpoint.ts'
import { fileAnchor } from '../../src/audit-log/file-anchor.ts'
import { fileLog } from '../../src/audit-log/file-log.ts'
import { verifyLog } from '../../src/audit-log/file-verify.ts'
import { verifierKey } from '../../src/audit-log/signed-note.ts'
import { sampleRecord } from './records.ts'
import { seededSigner } from './signing.ts'

const signer = seededSigner(1)
let folder: string
before(async () => void (folder = await mkdtemp(join(tmpdir(), 'sallyport-anchor-'))))
after(() => rm(folder, { recursive: true, force: true }))

async function noteOf(size: number, root: number, origin = 'log'): Promise<string> {
  const key = await verifierKey(origin, signer.publicKey)
  return (await signCheckpoint(size, String.fromCharCode(root).repeat(32), key, signer)).note ?? ''
}

describe('an anchor in a file', () => {
  it('remembers the newest checkpoint and never a smaller or another one', async () => {
    const path = join(folder, 'deep', 'anchor')
    const anchor = fileAnchor(path)
    assert.equal(await anchor.latest(), undefined)
    await anchor.publish(await noteOf(5, 1))
    await anchor.publish(await noteOf(5, 1))
    await anchor.publish(await noteOf(9, 2))
    const newest = await noteOf(9, 2)
    for (const wrong of [await noteOf(8, 2), await noteOf(9, 3), await noteOf(10, 2, 'other'), 'nonsense', '']) {
      await assert.rejects(anchor.publish(wrong))
      assert.equal(await anchor.latest(), newest)
    }
    await writeFile(path, 'nonsense')
    await assert.rejects(anchor.publish(newest))
    assert.equal(await readFile(path, 'utf8'), 'nonsense', 'whoever looks into it must see it')
  })

  it('is told by the log, and tells the verifier', async () => {
    const directory = join(folder, 'log')
    const anchor = fileAnchor(join(folder, 'log.anchor'))
    const log = await fileLog(directory, { signer, origin: 'log', anchor })
    for (let number = 0; number < 10; number++) await log.append(sampleRecord(number))
    assert.equal((await log.checkpoint()).note, await anchor.latest())
    await log.append(sampleRecord(10))
    await log.close()
    const report = await verifyLog(directory, { key: log.key, anchor })
    assert.deepEqual(report.problems, [])
    assert.equal(report.anchored, true)
    assert.equal(report.entries, 11)
  })

  it('is a file', async () => {
    assert.throws(() => fileAnchor(''), TypeError)
    await assert.rejects(fileAnchor(folder).latest())
  })

  it('A28: one that never says what it remembers is waited for once, and the report says so', async (t) => {
    const directory = join(folder, 'silent')
    const log = await fileLog(directory, { signer, origin: 'log' })
    await log.append(sampleRecord(1))
    await log.close()
    const note = await readFile(join(directory, 'checkpoint'), 'utf8')
    let tell = (): void => {}
    const asked = new Promise<void>((resolve) => (tell = resolve))
    const silent = {
      publish: () => Promise.resolve(),
      latest: () => Promise.resolve(note),
      async *history(): AsyncGenerator<string> {
        tell()
        yield await new Promise<string>(() => {})
      },
    }
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const verifying = verifyLog(directory, { key: log.key, anchor: silent })
    await asked
    t.mock.timers.tick(15_001)
    const { ok, problems } = await verifying
    assert.deepEqual([ok, problems.map(({ code }) => code)], [false, ['anchor_unavailable']])
  })
})
