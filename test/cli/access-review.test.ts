import assert from 'node:assert/strict'
import { cp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileAnchor } from '../../src/audit-log/file-anchor.ts'
import { fileLog } from '../../src/audit-log/file-log.ts'
import { fileSigner } from '../../src/audit-log/file-signer.ts'
import type { DecisionRecord } from '../../src/audit-log/record.ts'
import { recorder, requestOf, sealingKey } from '../access-review/recorded.ts'
import { isHarmless, type MadeLog, madeLog, run, withOneByteChanged } from './made-log.ts'
import { type Folder, folder, policy } from './policy-folder.ts'

const day = Date.UTC(2026, 0, 1)

async function decisions(): Promise<readonly DecisionRecord[]> {
  const record = recorder(policy)
  const ada = (model: string, risk: number) => requestOf('ada', ['reader'], 'chat', model, { context: { risk } })
  return [
    await record(ada('gpt-5', 0.1), { time: day, key: sealingKey }),
    await record(ada('gpt-5', 0.2), { time: day + 1_000, key: sealingKey }),
    await record(ada('gpt-6', 0.95), { time: day + 2_000, key: sealingKey }),
  ]
}

describe('sallyport access review', () => {
  let here: Folder
  let made: MadeLog
  let path: string
  let trusted: readonly string[]
  before(async () => {
    here = await folder()
    path = await here.write('policy.json', policy)
    made = await madeLog(await decisions())
    trusted = ['--log', made.log, '--key', made.verifierKeyFile, '--anchor', made.anchor]
  })
  after(async () => {
    await here.remove()
    await made.remove()
  })

  it('exits 0 where the log holds: says what was used, and writes the tighter policy, which loads', async () => {
    const target = here.path('tighter.json')
    const key = await here.write('attributes.key', Buffer.from(sealingKey).toString('base64'))
    const { code, out, error } = await run('access', 'review', path, ...trusted, '--attributes', key, '--write', target)
    assert.deepEqual([code, error], [0, ''])
    assert.match(out, /^support, version 7: 3 decisions, 2 let through, 1 refused, 1 callers\.\n {2}from 2026-01-01T00:00:00\.000Z to/)
    assert.match(out, /Rules that never decided: 1\n {2}permit {2}admins/)
    assert.match(out, /Roles by which nobody did anything: 2\n {2}admin {2}\(0 holders\)\n {2}guest/)
    assert.match(out, /~ readers-chat {2}narrowed/)
    assert.match(out, /Proven by replaying every record against it:\n +2 {2}let through/)
    assert.equal(out.includes('note:'), false, out)
    assert.equal((await run('policy', 'check', target)).code, 0)
    const { rules } = JSON.parse(await readFile(target, 'utf8'))
    assert.deepEqual(rules[0].resource, { type: 'model', id: 'gpt-5' })
    // Never over a file.
    const again = await run('access', 'review', path, ...trusted, '--write', target)
    assert.equal(again.code, 1)
    assert.match(again.error, /stays as it is/)
  })

  it('gives the whole review as JSON, with what the log is worth', async () => {
    const { code, out } = await run('access', 'review', path, ...trusted, '--json', '--subjects', 'ids')
    const { log, proof, tighter, idleRules } = JSON.parse(out)
    assert.deepEqual([code, log], [0, { verified: true, pinned: true, anchored: true, unsigned: 0, trusted: true }])
    assert.deepEqual([proof.holds, idleRules], [true, ['admins']])
    assert.deepEqual(tighter.rules[0].subject, { type: 'user', id: 'ada', roles: 'reader' })
  })

  it('shows a review and writes nothing where the end may be missing, or the key is the folder’s own', async () => {
    const target = here.path('untrusted.json')
    for (const [args, note] of [
      [['--log', made.log, '--key', made.verifierKey], /whether the end was cut off cannot be told/],
      [['--log', made.log, '--anchor', made.anchor], /the key is from the folder itself/],
      [['--log', made.log], /the key is from the folder itself[\s\S]*the end was cut off/],
    ] as const) {
      const { code, out, error } = await run('access', 'review', path, ...args, '--write', target)
      assert.equal(code, 1)
      assert.match(out, note)
      assert.match(error, /cannot be trusted that far[\s\S]*Nothing was written/)
      await assert.rejects(readFile(target), /ENOENT/)
    }
    for (const more of [['--unanchored'], ['--expected-size', '3']])
      assert.equal((await run('access', 'review', path, '--log', made.log, '--key', made.verifierKey, ...more)).code, 0)
  })

  it('reviews nothing of a log that was changed, cut, signed by another or put back (A24)', async () => {
    const key = ['--key', made.verifierKeyFile]
    const [foreign] = [await madeLog(await decisions())]
    const entries = await withOneByteChanged(made, 'tile/entries/000.p/3')
    const checkpoint = await withOneByteChanged(made, 'checkpoint')
    const gone = join(made.folder, 'gone')
    await cp(made.log, gone, { recursive: true })
    await rm(join(gone, 'tile/entries'), { recursive: true })
    for (const args of [
      [entries, ...key, '--anchor', made.anchor],
      [checkpoint, ...key, '--unanchored'],
      [gone, ...key, '--unanchored'],
      [foreign.log, ...key, '--unanchored'],
      [made.log, ...key, '--anchor', foreign.anchor],
      [made.log, ...key, '--anchor', join(made.folder, 'nowhere')],
      [made.log, ...key, '--expected-size', '4'],
      [made.folder, ...key, '--unanchored'],
    ]) {
      const { code, out, error } = await run('access', 'review', path, '--log', ...args)
      assert.deepEqual([code, out], [1, ''], args.join(' '))
      assert.match(error, /^sallyport access review: /)
    }
    await foreign.remove()
  })

  it('believes a log only where that is said by name, and says so', async () => {
    const copy = await withOneByteChanged(made, 'checkpoint')
    const { code, out } = await run('access', 'review', path, '--log', copy, '--no-verify')
    assert.equal(code, 0)
    assert.match(out, /note: NOT VERIFIED/)
  })

  it('does not look at what no checkpoint covers', async () => {
    const size = (await decisions()).length
    const late = await madeLog([])
    const log = await fileLog(late.log, {
      signer: await fileSigner(late.keyFile),
      origin: 'bot',
      anchor: fileAnchor(late.anchor),
      checkpointEvery: { records: 1_000, seconds: 3_600 },
    })
    for (const record of await decisions()) await log.append(record)
    const copy = join(late.folder, 'copy')
    await cp(late.log, copy, { recursive: true })
    await log.close()
    const { out } = await run('access', 'review', path, '--log', copy, '--key', late.verifierKey, '--unanchored', '--json')
    const { log: worth, records } = JSON.parse(out)
    assert.equal(worth.unsigned + records.decisions, size)
    await late.remove()
  })

  it('exits 1 where nothing was let through in that time', async () => {
    const { code, error } = await run('access', 'review', path, ...trusted, '--from', '2026-02-01')
    assert.equal(code, 1)
    assert.match(error, /nothing to go by/)
  })

  it('opens sealed attributes with the key, of 32 bytes or in base64, and never shows a value', async () => {
    const later = await here.write('later.json', { ...policy, version: '8' })
    const closed = await run('access', 'review', later, ...trusted)
    assert.match(closed.out, /3 have sealed attributes that were not opened: see --attributes/)
    const key = await here.write('attributes.key', Buffer.from(sealingKey).toString('base64'))
    const opened = await run('access', 'review', later, ...trusted, '--attributes', key)
    assert.equal(opened.out.includes('not opened'), false)
    assert.equal(/0\.95|0\.2\b/.test(opened.out), false)
  })

  it('shows names of strangers harmlessly, and takes no harm from them', async () => {
    const record = recorder(policy)
    const odd = 'gpt-\u001b[2J\u202e__proto__\n'
    const records = [await record(requestOf('__proto__\u0007', ['reader'], 'chat', odd, { context: { risk: 0 } }), { id: 'constructor' })]
    const strange = await madeLog(records)
    for (const more of [[], ['--all'], ['--json']]) {
      const said = await run('access', 'review', path, '--log', strange.log, '--key', strange.verifierKey, '--unanchored', ...more)
      assert.equal(said.code, 0)
      assert.ok(isHarmless(said))
    }
    await strange.remove()
  })

  it('exits 2 when the call is wrong, and 1 for a policy that does not load', async () => {
    const nonsense = await here.write('nonsense.key', 'S3CRET')
    for (const args of [
      [],
      [path],
      [path, path, ...trusted],
      [path, ...trusted, '--subjects', 'all'],
      [path, ...trusted, '--from', 'yesterday'],
      [path, ...trusted, '--from', '2026-02-30'],
      [path, ...trusted, '--from', '2026-02-02', '--to', '2026-02-01'],
      [path, ...trusted, '--expected-size', 'x'],
      [path, ...trusted, '--no-verify'],
      [path, ...trusted, '--attributes', nonsense],
      [path, ...trusted, '--attributes', here.path('nowhere')],
      [path, '--log', here.path('nowhere')],
      [here.path('nowhere'), ...trusted],
    ]) {
      const { code, error } = await run('access', 'review', ...args)
      assert.equal(code, 2, args.join(' '))
      assert.match(error, /sallyport access review POLICY/)
      assert.equal(error.includes('S3CRET'), false)
    }
    const bad = await run('access', 'review', await here.write('bad.json', { ...policy, rules: [{}] }), ...trusted)
    assert.equal(bad.code, 1)
    assert.match(bad.error, /bad\.json: .*rules\[0\]/)
  })
})
