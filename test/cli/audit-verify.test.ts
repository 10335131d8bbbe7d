import assert from 'node:assert/strict'
import { createPublicKey } from 'node:crypto'
import { copyFile, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { sampleRecord } from '../audit-log/records.ts'
import { type MadeLog, madeLog, run, withOneByteChanged } from './made-log.ts'

describe('sallyport audit verify', () => {
  let made: MadeLog
  before(async () => void (made = await madeLog(Array.from({ length: 5 }, (_, number) => sampleRecord(number)))))
  after(() => made.remove())

  it('exits 0 when the log holds: with an anchor, a known size, or by saying that the end may be missing', async () => {
    const key = ['--key', made.verifierKeyFile]
    for (const more of [['--anchor', made.anchor], ['--expected-size', '5'], ['--unanchored']]) {
      const said = await run('audit', 'verify', made.log, ...key, ...more)
      assert.equal(said.code, 0, said.out + said.error)
      assert.match(said.out, /^The log holds: 5 entries, signed by bot\./)
    }
  })

  it('takes the key as text, as a file with it, and as a key in PEM', async () => {
    const publicKeyFile = join(made.folder, 'public.pem')
    await writeFile(publicKeyFile, createPublicKey(await readFile(made.keyFile)).export({ type: 'spki', format: 'pem' }))
    for (const key of [made.verifierKey, made.verifierKeyFile, made.keyFile, publicKeyFile])
      assert.equal((await run('audit', 'verify', made.log, '--key', key, '--anchor', made.anchor)).code, 0)
  })

  it('takes lines of JSON that were exported for an anchor, and says what is no anchor', async () => {
    const exported = join(made.folder, 'exported.jsonl')
    const key = ['--key', made.verifierKeyFile]
    await writeFile(exported, `${JSON.stringify({ resourceLogs: [{ body: { stringValue: await readFile(made.anchor, 'utf8') } }] })}\n{"not wh`)
    const said = await run('audit', 'verify', made.log, ...key, '--anchor-export', exported)
    assert.equal(said.code, 0, said.out + said.error)
    await writeFile(exported, '{}\n')
    for (const path of [exported, join(made.folder, 'nowhere')]) {
      const none = await run('audit', 'verify', made.log, ...key, '--anchor-export', path)
      assert.equal(none.code, 1)
      assert.match(none.out, /anchor_unavailable/)
    }
    assert.equal((await run('audit', 'verify', made.log, ...key, '--anchor-export', exported, '--anchor', made.anchor)).code, 2)
  })

  it('exits 1 without an anchor, and without a key from elsewhere', async () => {
    const unanchored = await run('audit', 'verify', made.log, '--key', made.verifierKey)
    assert.equal(unanchored.code, 1)
    assert.match(unanchored.out, /--unanchored/)
    const unpinned = await run('audit', 'verify', made.log, '--anchor', made.anchor)
    assert.equal(unpinned.code, 1)
    assert.match(unpinned.out, /Give --key/)
  })

  it('A24: exits 1 with a key in the folder of the log, which whoever wrote the log anew would have put there', async () => {
    const own = join(made.log, 'verifier-key')
    const link = join(made.folder, 'linked-key')
    await symlink(own, link)
    const pem = join(made.log, 'audit.key')
    await copyFile(made.keyFile, pem)
    for (const key of [own, link, pem, join(made.log, '..', basename(made.log), 'verifier-key')]) {
      const said = await run('audit', 'verify', made.log, '--key', key, '--anchor', made.anchor)
      assert.equal(said.code, 1, key)
      assert.match(said.out, /Give --key/)
    }
    await rm(pem)
  })

  it('exits 1 for a copy with one byte changed, and says where', async () => {
    for (const [file, code] of [
      ['tile/entries/000.p/5', /entry_changed at entry 2/],
      ['tile/0/000.p/5', /tile_changed at entry 2/],
      // Keys are new each time: the byte may stand where what it becomes is no base64 any more.
      ['checkpoint', /signature_invalid|checkpoint_malformed/],
    ] as const) {
      const copy = await withOneByteChanged(made, file)
      const said = await run('audit', 'verify', copy, '--key', made.verifierKeyFile, '--anchor', made.anchor)
      assert.equal(said.code, 1)
      assert.match(said.out, /^The log does not hold\./)
      assert.match(said.out, code)
    }
  })

  it('exits 1 for another key, a larger size, an anchor without a checkpoint, and a folder without a log', async () => {
    const other = join(made.folder, 'other.key')
    const { out: theirs } = await run('keys', 'new', other, '--origin', 'bot')
    for (const args of [
      [made.log, '--key', theirs, '--unanchored'],
      [made.log, '--key', other, '--unanchored'],
      [made.log, '--key', made.verifierKey, '--expected-size', '6'],
      [made.log, '--key', made.verifierKey, '--anchor', join(made.folder, 'nowhere')],
      [join(made.folder, 'nowhere'), '--key', made.verifierKey, '--unanchored'],
      [made.folder, '--key', made.verifierKey, '--unanchored'],
    ])
      assert.equal((await run('audit', 'verify', ...args)).code, 1, args.join(' '))
  })

  it('gives the whole report as JSON', async () => {
    const good = await run('audit', 'verify', made.log, '--key', made.verifierKey, '--anchor', made.anchor, '--json')
    assert.equal(good.code, 0)
    const report = JSON.parse(good.out)
    assert.deepEqual(
      { ok: report.ok, entries: report.entries, anchored: report.anchored, pinned: report.pinned, problems: report.problems, key: report.key },
      { ok: true, entries: 5, anchored: true, pinned: true, problems: [], key: made.verifierKey },
    )
    const bad = await run('audit', 'verify', await withOneByteChanged(made, 'tile/entries/000.p/5'), '--key', made.verifierKey, '--json')
    assert.equal(bad.code, 1)
    assert.equal(JSON.parse(bad.out).problems[0].code, 'entry_changed')
  })

  it('exits 2 when the call is wrong, and shows how it is right', async () => {
    const nonsense = join(made.folder, 'nonsense')
    await writeFile(nonsense, 'nonsense')
    const broken = join(made.folder, 'broken.pem')
    await writeFile(broken, '-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----\n')
    for (const args of [
      [],
      [made.log, 'more'],
      [made.log, '--nonsense'],
      [made.log, '--key'],
      [made.log, '--key', join(made.folder, 'nowhere')],
      [made.log, '--key', nonsense],
      [made.log, '--key', broken],
      [made.log, '--expected-size', '-1'],
      [made.log, '--expected-size', 'x'],
      [join(made.folder, 'nowhere')],
    ]) {
      const said = await run('audit', 'verify', ...args)
      assert.equal(said.code, 2, args.join(' '))
      assert.match(said.error, /sallyport audit verify DIR/)
      assert.equal(said.error.includes('SECRET'), false)
    }
  })

  it('exits 2 when the key in the folder is damaged', async () => {
    const copy = await withOneByteChanged(made, 'verifier-key')
    assert.equal((await run('audit', 'verify', copy)).code, 2)
    await rm(join(copy, 'verifier-key'))
    assert.equal((await run('audit', 'verify', copy)).code, 2)
  })
})
