import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { sampleRecord } from '../audit-log/records.ts'
import { type MadeLog, madeLog, run } from './made-log.ts'

describe('sallyport audit rotate', () => {
  let made: MadeLog
  before(async () => void (made = await madeLog([sampleRecord(0), sampleRecord(1)])))
  after(() => made.remove())

  it('lets a log go on with a new key, and whoever has the old one goes on verifying', async () => {
    const to = join(made.folder, 'next.key')
    const said = await run('audit', 'rotate', made.log, '--from', made.keyFile, '--to', to, '--anchor', made.anchor)
    assert.deepEqual([said.code, said.error], [0, ''])
    for (const key of [made.verifierKey, said.out, made.verifierKeyFile, to]) {
      assert.equal((await run('audit', 'verify', made.log, '--key', key, '--anchor', made.anchor)).code, 0, key)
      assert.equal((await run('audit', 'prove', made.log, '--entry', '0', '--key', key)).code, 0, key)
      assert.equal((await run('audit', 'query', made.log, '--key', key, '--anchor', made.anchor)).code, 0, key)
    }
    const shown = await run('audit', 'tail', made.log, '-n', '1')
    assert.match(shown.out, /key_rotated/)
    // Once more changes nothing, and back is no way.
    assert.equal((await run('audit', 'rotate', made.log, '--from', made.keyFile, '--to', to)).out, said.out)
    assert.equal((await run('audit', 'rotate', made.log, '--from', to, '--to', made.keyFile)).code, 1)
  })

  it('is a wrong call without a log, or without its key', async () => {
    for (const wrong of [
      [made.log],
      [made.log, '--from', made.keyFile],
      [made.log, '--from', join(made.folder, 'none'), '--to', made.keyFile],
      [join(made.folder, 'none'), '--from', made.keyFile, '--to', join(made.folder, 'unmade.key')],
    ])
      assert.equal((await run('audit', 'rotate', ...wrong)).code, 2, wrong.join(' '))
  })
})
