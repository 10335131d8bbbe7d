import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { entryText } from '../../src/audit-log/record.ts'
import { verifyProof } from '../../src/audit-log/verify-proof.ts'
import { sampleRecord } from '../audit-log/records.ts'
import { type MadeLog, madeLog, run, withOneByteChanged } from './made-log.ts'

describe('sallyport audit prove', () => {
  let made: MadeLog
  before(async () => void (made = await madeLog(Array.from({ length: 300 }, (_, number) => sampleRecord(number)))))
  after(() => made.remove())

  it('writes a proof that others can check', async () => {
    const { code, out } = await run('audit', 'prove', made.log, '--entry', '270')
    assert.equal(code, 0)
    assert.match(out, /^c2sp\.org\/tlog-proof@v1\nindex 270\n([A-Za-z0-9+/]{43}=\n)+\nbot\n300\n[A-Za-z0-9+/]{43}=\n\n— bot \S+$/)
  })

  it('writes entry and proof as JSON, and verifies it with a key', async () => {
    const { code, out } = await run('audit', 'prove', made.log, '--entry', '0', '--json', '--key', made.verifierKeyFile)
    assert.equal(code, 0)
    const { entry, proof } = JSON.parse(out)
    assert.equal(entry, entryText(sampleRecord(0)))
    assert.equal(await verifyProof(proof, entry, made.verifierKey), true)
  })

  it('exits 1 for an entry that is not there, a log that does not hold there, and another key', async () => {
    const other = (await run('keys', 'new', join(made.folder, 'other.key'), '--origin', 'bot')).out
    for (const args of [
      [made.log, '--entry', '300'],
      [join(made.folder, 'nowhere'), '--entry', '0'],
      [made.log, '--entry', '0', '--key', other],
      [await withOneByteChanged(made, 'checkpoint'), '--entry', '0', '--key', made.verifierKey],
      [await withOneByteChanged(made, 'tile/entries/001.p/44'), '--entry', '278'],
    ]) {
      const said = await run('audit', 'prove', ...args)
      assert.equal(said.code, 1, args.join(' '))
      assert.equal(said.out, '')
    }
  })

  it('exits 2 when the call is wrong', async () => {
    for (const args of [
      [],
      [made.log],
      [made.log, '--entry', 'x'],
      [made.log, '--entry', '-1'],
      [made.log, 'more', '--entry', '1'],
      [made.log, '--entry', '1', '--key', 'x'],
    ])
      assert.equal((await run('audit', 'prove', ...args)).code, 2, args.join(' '))
  })
})
