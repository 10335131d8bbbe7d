import assert from 'node:assert/strict'
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { localKeys } from '../../src/index.ts'
import { createFileKeys, fileKeys, readFileKeys, rotateFileKeys } from '../../src/keys/file-keyring.ts'

const passphrase = 'correct horse battery'
const acme = { tenant: 'acme' }
const refused = { code: 'decryption_failed' }

describe('a keyring file', () => {
  let folder: string
  before(async () => void (folder = await mkdtemp(join(tmpdir(), 'sallyport-ring-'))))
  after(() => rm(folder, { recursive: true, force: true }))

  test('opens with its passphrase alone, is for its owner alone, and shows no key', async () => {
    const path = join(folder, 'a.json')
    await createFileKeys(path, { passphrase, cost: 14 })
    if (process.platform !== 'win32') assert.equal((await stat(path)).mode & 0o777, 0o600)
    const ring = await fileKeys(path, { passphrase })
    const { plaintext, wrapped } = await ring.generate(acme)
    assert.deepEqual(await (await fileKeys(path, { passphrase })).unwrap(wrapped, acme), plaintext)
    await assert.rejects(fileKeys(path, { passphrase: 'incorrect horse battery' }), refused)
    await assert.rejects(fileKeys(path, { passphrase: 'short' }), TypeError)
    await assert.rejects(createFileKeys(path, { passphrase, cost: 14 }), { code: 'EEXIST' })
    await assert.rejects(createFileKeys(path, { passphrase, cost: 1 }), TypeError)
    await assert.rejects(createFileKeys(join(folder, 'none.json'), { passphrase, cost: 14 }, 5 as never), TypeError)
    assert.deepEqual(await readdir(folder), ['a.json'])
    const file = JSON.parse(await readFile(path, 'utf8'))
    assert.deepEqual(Object.keys(file), ['format', 'id', 'scrypt', 'sealed'])
    const changes = [
      { ...file, sealed: `A${file.sealed.slice(1)}` },
      { ...file, id: 'other' },
      { ...file, scrypt: { ...file.scrypt, cost: 15 } },
      { ...file, scrypt: { ...file.scrypt, salt: 'AAAA' } },
      { ...file, scrypt: { ...file.scrypt, cost: 40 } },
      { ...file, format: 'other' },
      { ...file, sealed: '' },
      [],
    ]
    for (const changed of changes) {
      await writeFile(path, JSON.stringify(changed))
      await assert.rejects(fileKeys(path, { passphrase }), refused)
    }
    if (process.platform === 'win32') return
    await writeFile(path, JSON.stringify(file))
    await chmod(path, 0o644)
    await assert.rejects(fileKeys(path, { passphrase }), /chmod 600/)
  })

  test('rotates in two steps: what the new key wraps is known everywhere before it wraps', async () => {
    const path = join(folder, 'b.json')
    const provider = localKeys({ primary: 'k', keys: { k: Uint8Array.from({ length: 32 }, (_, index) => index) } })
    await createFileKeys(path, { provider }, 'notes')
    const old = await fileKeys(path, { provider })
    const { wrapped } = await old.generate(acme)
    await assert.rejects(rotateFileKeys(path, { provider }, { promote: true }), TypeError)
    assert.equal((await rotateFileKeys(path, { provider })).primary, 'k1')
    const known = await fileKeys(path, { provider })
    assert.deepEqual(await known.state(), { id: 'notes', version: 'k1', opens: ['k1', 'k2'] })
    assert.equal((await rotateFileKeys(path, { provider }, { promote: true })).primary, 'k2')
    const promoted = await fileKeys(path, { provider })
    const renewed = await promoted.rewrap(wrapped, acme)
    assert.equal(renewed.version, 'k2')
    assert.deepEqual(await known.unwrap(renewed, acme), await old.unwrap(wrapped, acme))
    await assert.rejects(rotateFileKeys(path, { provider }, { minimum: 'k9' }), TypeError)
    await rotateFileKeys(path, { provider }, { minimum: 'k2' })
    const last = await fileKeys(path, { provider })
    await assert.rejects(async () => last.unwrap(wrapped, acme), refused)
    await last.unwrap(renewed, acme)
    assert.deepEqual(
      (await readFileKeys(path, { provider })).keys.map(({ name }) => name),
      ['k2'],
    )
    assert.deepEqual(
      (await readdir(folder)).filter((name) => name.startsWith('b.json.')),
      [],
    )
    const other = localKeys({ primary: 'k', keys: { k: Uint8Array.from({ length: 32 }, (_, index) => index + 1) } })
    await assert.rejects(fileKeys(path, { provider: other }), refused)
  })
})
