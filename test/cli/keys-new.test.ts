import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileLog } from '../../src/audit-log/file-log.ts'
import { fileSigner } from '../../src/audit-log/file-signer.ts'
import { run } from './made-log.ts'

describe('sallyport keys new', () => {
  let folder: string
  before(async () => void (folder = await mkdtemp(join(tmpdir(), 'sallyport-keys-'))))
  after(() => rm(folder, { recursive: true, force: true }))

  it('makes a key for its owner alone, and prints what the log of that name verifies with', async () => {
    const path = join(folder, 'a.key')
    const { code, out } = await run('keys', 'new', path, '--origin', 'bot')
    assert.equal(code, 0)
    if (process.platform !== 'win32') assert.equal((await stat(path)).mode & 0o777, 0o600)
    const log = await fileLog(join(folder, 'log'), { signer: await fileSigner(path), origin: 'bot' })
    assert.equal(out, log.key)
    await log.close()
    const quiet = await run('keys', 'new', join(folder, 'b.key'))
    assert.equal(quiet.code, 0)
    assert.equal(quiet.out, '')
  })

  it('exits 1 and changes nothing where there is a file', async () => {
    const path = join(folder, 'c.key')
    await run('keys', 'new', path)
    const before = await readFile(path, 'utf8')
    assert.equal((await run('keys', 'new', path)).code, 1)
    assert.equal(await readFile(path, 'utf8'), before)
  })

  it('exits 2 when the call is wrong, and makes nothing then', async () => {
    const path = join(folder, 'd.key')
    for (const args of [[], [path, 'more'], [path, '--origin', 'a b'], [path, '--origin', ''], [path, '--nonsense']])
      assert.equal((await run('keys', 'new', ...args)).code, 2, args.join(' '))
    await assert.rejects(stat(path))
  })
})
