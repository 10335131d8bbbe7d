import assert from 'node:assert/strict'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { exportJWK, generateKeyPair, type JWK } from 'jose'
import { localKeys } from '../../src/index.ts'
import { createFileAgreementKeys, fileAgreementKeys } from '../../src/keys/file-agreement-keys.ts'
import { createFileKeys, fileKeys } from '../../src/keys/file-keyring.ts'

const passphrase = 'correct horse battery'
const lock = { passphrase, cost: 14 }
const refused = { code: 'decryption_failed' }
const provider = localKeys({ primary: 'k', keys: { k: Uint8Array.from({ length: 32 }, (_, index) => index) } })

describe('a JWK Set in a file', () => {
  let folder: string
  let jwk: JWK
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-jwks-'))
    jwk = { ...(await exportJWK((await generateKeyPair('ECDH-ES', { crv: 'P-256', extractable: true })).privateKey)), kid: 'p' }
  })
  after(() => rm(folder, { recursive: true, force: true }))

  test('holds a new key, opens with its passphrase alone, is for its owner alone, and shows no key', async () => {
    const path = join(folder, 'a.json')
    const published = await createFileAgreementKeys(path, lock)
    if (process.platform !== 'win32') assert.equal((await stat(path)).mode & 0o777, 0o600)
    const keys = await fileAgreementKeys(path, { passphrase })
    assert.deepEqual(await keys.publicKeys(), published)
    const [{ kid = '', crv } = {}] = published.keys
    assert.equal(crv, 'X25519')
    assert.equal((await keys.decryptionKey(kid))?.key.extractable, false)
    await assert.rejects(fileAgreementKeys(path, { passphrase: 'incorrect horse battery' }), refused)
    await assert.rejects(fileAgreementKeys(path, { passphrase: 'short' }), TypeError)
    await assert.rejects(createFileAgreementKeys(path, lock), { code: 'EEXIST' })
    assert.deepEqual(Object.keys(JSON.parse(await readFile(path, 'utf8'))), ['format', 'id', 'scrypt', 'sealed'])
  })

  test('holds the keys that it is given, of both curves', async () => {
    const path = join(folder, 'b.json')
    const other: JWK = { ...(await exportJWK((await generateKeyPair('ECDH-ES', { crv: 'X25519', extractable: true })).privateKey)), alg: 'ECDH-ES' }
    const jwks = { keys: [jwk, other] }
    await createFileAgreementKeys(path, lock, { jwks })
    const keys = await fileAgreementKeys(path, { passphrase })
    assert.deepEqual(await keys.publicKeys(), await localKeys({ jwks }).publicKeys())
    assert.equal((await keys.decryptionKey('p'))?.curve, 'P-256')
    assert.ok(!(await readFile(path, 'utf8')).includes(jwk.d ?? ''))
  })

  test('is locked by another provider, under its own name', async () => {
    const path = join(folder, 'c.json')
    const published = await createFileAgreementKeys(path, { provider }, { curve: 'P-256', id: 'wire' })
    assert.deepEqual(await (await fileAgreementKeys(path, { provider })).publicKeys(), published)
    await assert.rejects(fileAgreementKeys(path, { passphrase }), refused)
    const foreign = localKeys({ primary: 'k', keys: { k: Uint8Array.from({ length: 32 }, (_, index) => index + 1) } })
    await assert.rejects(fileAgreementKeys(path, { provider: foreign }), refused)
    const file = JSON.parse(await readFile(path, 'utf8'))
    await writeFile(path, JSON.stringify({ ...file, id: 'other' }))
    await assert.rejects(fileAgreementKeys(path, { provider }), refused)
  })

  test('is refused where it was changed, or where others may read it', async () => {
    const path = join(folder, 'd.json')
    await createFileAgreementKeys(path, lock)
    const file = JSON.parse(await readFile(path, 'utf8'))
    const changes = [
      { ...file, sealed: `A${file.sealed.slice(1)}` },
      { ...file, sealed: file.sealed.slice(0, -4) },
      { ...file, id: 'other' },
      { ...file, scrypt: { ...file.scrypt, cost: 15 } },
      { ...file, scrypt: { ...file.scrypt, cost: 40 } },
      { ...file, scrypt: { ...file.scrypt, salt: 'AAAA' } },
      { ...file, format: 'sallyport keyring v1' },
      { ...file, scrypt: undefined },
      [],
      'text',
    ]
    for (const changed of changes) {
      await writeFile(path, JSON.stringify(changed))
      await assert.rejects(fileAgreementKeys(path, { passphrase }), refused)
    }
    if (process.platform === 'win32') return
    await writeFile(path, JSON.stringify(file))
    await chmod(path, 0o644)
    await assert.rejects(fileAgreementKeys(path, { passphrase }), /chmod 600/)
  })

  test('is not taken for a keyring, nor a keyring for it, whatever it says of itself', async () => {
    const [ring, wire] = [join(folder, 'ring.json'), join(folder, 'wire.json')]
    await createFileKeys(ring, lock)
    await createFileAgreementKeys(wire, lock)
    await assert.rejects(fileAgreementKeys(ring, { passphrase }), refused)
    await assert.rejects(fileKeys(wire, { passphrase }), refused)
    const disguised = { ...JSON.parse(await readFile(ring, 'utf8')), format: 'sallyport jwks v1' }
    await writeFile(ring, JSON.stringify(disguised))
    await assert.rejects(fileAgreementKeys(ring, { passphrase }), refused)
  })

  test('is made of nothing that localKeys does not take', async () => {
    const path = join(folder, 'e.json')
    const { d: _, ...point } = jwk
    for (const keys of [[], [point], [jwk, jwk], [{ ...jwk, use: 'sig' }], [{ kty: 'oct', k: 'AAAA' }]])
      await assert.rejects(createFileAgreementKeys(path, lock, { jwks: { keys } }), TypeError)
    await assert.rejects(createFileAgreementKeys(path, lock, { curve: 'P-384' as never }), TypeError)
    await assert.rejects(createFileAgreementKeys(path, { passphrase, cost: 1 }), TypeError)
    await assert.rejects(createFileAgreementKeys(path, lock, { id: 5 as never }), TypeError)
    await assert.rejects(
      createFileAgreementKeys(path, lock, { jwks: { keys: [{ ...jwk, x5c: ['A'.repeat(20_000)] }] } }),
      /more keys than a file holds/,
    )
    await assert.rejects(readFile(path), { code: 'ENOENT' })
  })
})
