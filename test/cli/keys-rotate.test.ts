import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { createFileKeys, fileKeys } from '../../src/file.ts'
import { sealer } from '../../src/index.ts'
import { run } from './made-log.ts'

const passphrase = 'correct horse battery'

describe('sallyport keys rotate and rewrap', () => {
  let folder: string
  let lock: readonly string[]
  let ring: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-rotate-'))
    ring = join(folder, 'ring.json')
    await writeFile(join(folder, 'passphrase'), `${passphrase}\n`)
    await createFileKeys(ring, { passphrase, cost: 14 })
    lock = ['--passphrase-file', join(folder, 'passphrase')]
  })
  after(() => rm(folder, { recursive: true, force: true }))

  it('lead values from an old key to a new one without opening them, and can be run again', async () => {
    const context = { tenant: 'acme' }
    const old = sealer({ keys: await fileKeys(ring, { passphrase }) })
    for (let index = 0; index < 20; index++)
      await writeFile(join(folder, `${index}.sealed`), await old.seal(new TextEncoder().encode(`note ${index}`), context))
    await writeFile(join(folder, 'notes.txt'), 'not sealed')
    const added = await run('keys', 'rotate', ring, ...lock)
    assert.match(added.out, /k1 .* seals and opens\nk2 .* opens$/)
    const rewrap = ['keys', 'rewrap', folder, '--ring', ring, ...lock, '--context', 'tenant=acme'] as const
    assert.match((await run(...rewrap)).out, /20 values: 0 wrapped anew, 20 were already, 0 cannot be/)
    assert.equal((await run('keys', 'rotate', ring, ...lock, '--promote')).code, 0)
    await writeFile(join(folder, '99.sealed'), 'broken')
    const first = await run(...rewrap)
    assert.equal(first.code, 1)
    assert.match(first.out, /21 values: 20 wrapped anew, 0 were already, 1 cannot be/)
    await rm(join(folder, '99.sealed'))
    const again = await run(...rewrap, '--json')
    assert.deepEqual([again.code, JSON.parse(again.out)], [0, { seen: 20, renewed: 0, current: 20, failed: [] }])
    await run('keys', 'rotate', ring, ...lock, '--minimum', 'k2')
    const box = sealer({ keys: await fileKeys(ring, { passphrase }) })
    assert.deepEqual(await box.open(await readFile(join(folder, '7.sealed')), context), new TextEncoder().encode('note 7'))
    assert.match((await run('keys', 'rotate', ring, ...lock, '--show')).out, /^k2 .* seals and opens$/)
  })

  it('name what cannot be, and nothing in a name tells a terminal what to do', { skip: process.platform === 'win32' }, async () => {
    const path = join(folder, '\u001b[2J\u009b1m\u202e.sealed')
    await writeFile(path, 'broken')
    const rewrap = ['keys', 'rewrap', folder, '--ring', ring, ...lock, '--context', 'tenant=acme'] as const
    const said = await run(...rewrap)
    assert.ok(said.error.includes(String.raw`/\u001b[2J\u009b1m\u202e.sealed`), said.error)
    const json = await run(...rewrap, '--json')
    assert.ok(JSON.parse(json.out).failed.includes(path))
    assert.doesNotMatch((said.error + json.out).replaceAll('\n', ''), /[\p{Cc}\p{Cf}]/u)
    await rm(path)
  })

  it('make a keyring, and never write over one', async () => {
    const path = join(folder, 'new.json')
    assert.match((await run('keys', 'rotate', path, ...lock, '--new')).out, /^k1 .* seals and opens$/)
    assert.equal((await run('keys', 'rotate', ring, ...lock, '--new')).code, 1)
  })

  it('exit 1 where it cannot be, and 2 where the call is wrong', async () => {
    assert.equal((await run('keys', 'rotate', join(folder, 'none.json'), ...lock)).code, 1)
    await writeFile(join(folder, 'wrong'), 'another passphrase')
    assert.equal((await run('keys', 'rotate', ring, '--passphrase-file', join(folder, 'wrong'))).code, 1)
    for (const args of [
      ['rotate'],
      ['rotate', ring],
      ['rotate', ring, ...lock, '--new', '--promote'],
      ['rewrap', folder, ...lock, '--context', 'tenant=acme'],
      ['rewrap', folder, '--ring', ring, ...lock],
      ['rewrap', folder, '--ring', ring, ...lock, '--context', 'tenent=acme'],
      ['rewrap', folder, '--ring', ring, ...lock, '--context', 'tenant='],
    ])
      assert.equal((await run('keys', ...args)).code, 2, args.join(' '))
  })
})
