import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileAnchor } from '../../src/audit-log/file-anchor.ts'
import { storedSize } from '../../src/audit-log/file-entries.ts'
import { fileLog } from '../../src/audit-log/file-log.ts'
import { proveEntry } from '../../src/audit-log/file-prove.ts'
import { fileSigner } from '../../src/audit-log/file-signer.ts'
import { verifyLog } from '../../src/audit-log/file-verify.ts'
import { splitBundle } from '../../src/audit-log/tiles.ts'
import { sampleRecord } from './records.ts'
import { seededSigner } from './signing.ts'

const signer = seededSigner(1)
const makePipe = 'mkfifo'
let folder: string
let number = 0
before(async () => void (folder = await mkdtemp(join(tmpdir(), 'sallyport-hostile-'))))
after(() => rm(folder, { recursive: true, force: true }))

async function madeLog(): Promise<{ directory: string; key: string }> {
  const directory = join(folder, `log-${++number}`)
  const log = await fileLog(directory, { signer, origin: 'o' })
  for (let index = 0; index < 300; index++) void log.append(sampleRecord(index))
  await log.close()
  return { directory, key: log.key }
}

// What somebody who may write to the folder puts in the place of a file.
const puts: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
  'a pipe': async (path) => execFileSync(makePipe, [path]),
  'a link to a device without an end': (path) => symlink('/dev/zero', path),
  'a link to another file': (path) => symlink('/etc/passwd', path),
  'a folder': (path) => mkdir(path),
  'a huge file of nothing': async (path) => {
    await writeFile(path, '')
    await truncate(path, 2 ** 33)
  },
}
const targets = ['checkpoint', 'tile/0/000', 'tile/entries/000', 'tile/entries/001.p/44', 'journal/0000000000000300', 'lock-1']

describe('a log whose files are no files', { skip: process.platform === 'win32' && 'no pipes' }, () => {
  for (const [what, put] of Object.entries(puts))
    it(`is found unreadable where ${what} stands in the place of one, and is not waited for`, async () => {
      for (const target of targets) {
        const { directory, key } = await madeLog()
        await rm(join(directory, target), { force: true })
        await put(join(directory, target))
        if (target !== 'lock-1') {
          const { ok, problems } = await verifyLog(directory, { key })
          assert.equal(ok, false, target)
          assert.ok(
            problems.some(({ code }) => code === 'unreadable'),
            target,
          )
        }
        // A whole tile that is no longer needed is not looked at.
        if (target !== 'tile/0/000' && target !== 'tile/entries/000') await assert.rejects(fileLog(directory, { signer }), target)
        if (target === 'checkpoint') {
          await assert.rejects(storedSize(directory))
          await assert.rejects(proveEntry(directory, 0))
        }
      }
    })

  it('is not written to through a link or into a pipe', async () => {
    for (const [what, put] of Object.entries({
      pipe: puts['a pipe'],
      link: (path: string) => symlink(join(folder, 'victim'), path),
    })) {
      await writeFile(join(folder, 'victim'), 'kept')
      const { directory } = await madeLog()
      await put?.(join(directory, 'checkpoint.next'))
      const opened = fileLog(directory, { signer }).then(async (log) => {
        await log.append(sampleRecord(300))
        await log.close()
      })
      await assert.rejects(opened, what)
      assert.equal(await readFile(join(folder, 'victim'), 'utf8'), 'kept')
    }
  })

  it('is told from its anchor and its key, which may be links but not pipes', async () => {
    const { directory, key } = await madeLog()
    const pipe = join(folder, 'pipe')
    execFileSync(makePipe, [pipe])
    const { ok, problems } = await verifyLog(directory, { key, anchor: fileAnchor(pipe) })
    assert.equal(ok, false)
    assert.deepEqual(
      problems.map(({ code }) => code),
      ['anchor_unavailable'],
    )
    await assert.rejects(fileSigner(pipe), { code: 'unreadable' })
    const made = await fileSigner(join(folder, 'real.key'))
    await symlink(join(folder, 'real.key'), join(folder, 'linked.key'))
    assert.deepEqual((await fileSigner(join(folder, 'linked.key'))).publicKey, made.publicKey)
  })
})

it('a bundle of more entries than any has is no bundle', () => {
  assert.equal(splitBundle(new Uint8Array(2 * 256 * 2))?.length, 512)
  assert.equal(splitBundle(new Uint8Array(2 * 256 * 65_537)), undefined)
})
