import assert from 'node:assert/strict'
import { createPrivateKey, generateKeyPairSync, verify } from 'node:crypto'
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { createKeyFile, fileSigner } from '../../src/audit-log/file-signer.ts'

let folder: string
before(async () => void (folder = await mkdtemp(join(tmpdir(), 'sallyport-key-'))))
after(() => rm(folder, { recursive: true, force: true }))

describe('the key of a log in a file', () => {
  it('is made when there is none, for its owner alone, and is the same the next time', async () => {
    const path = join(folder, 'deep', 'down', 'log.key')
    const signer = await fileSigner(path)
    if (process.platform !== 'win32') assert.equal((await stat(path)).mode & 0o777, 0o600)
    const again = await fileSigner(path)
    assert.deepEqual(again.publicKey, signer.publicKey)
    const message = Buffer.from('message')
    const signature = await again.sign(message)
    assert.equal(verify(null, message, createPrivateKey(await readFile(path)) as never, signature), true)
    assert.deepEqual(await readdir(join(folder, 'deep', 'down')), ['log.key'], 'nothing else is left')
  })

  it('is one key, also when several begin at once', async () => {
    const path = join(folder, 'many.key')
    const keys = await Promise.all(Array.from({ length: 8 }, () => fileSigner(path)))
    assert.equal(new Set(keys.map(({ publicKey }) => Buffer.from(publicKey).toString('hex'))).size, 1)
  })

  it('is never written over', async () => {
    const path = join(folder, 'kept.key')
    await writeFile(path, 'something else', { mode: 0o600 })
    await assert.rejects(createKeyFile(path), { code: 'EEXIST' })
    await assert.rejects(fileSigner(path), TypeError)
    assert.equal(await readFile(path, 'utf8'), 'something else')
  })

  it('is refused when others may read it', { skip: process.platform === 'win32' && 'no modes' }, async () => {
    const path = join(folder, 'open.key')
    await fileSigner(path)
    for (const mode of [0o644, 0o640, 0o602, 0o660]) {
      await chmod(path, mode)
      await assert.rejects(fileSigner(path), /chmod 600/)
    }
  })

  it('is refused when it is another kind of key, and no message shows what is in the file', async () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' })
    const publicKey = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' })
    for (const [index, content] of [rsa, publicKey, '', '-----BEGIN PRIVATE KEY-----\nSECRETSECRET\n-----END PRIVATE KEY-----\n'].entries()) {
      const path = join(folder, `wrong-${index}.key`)
      await writeFile(path, content, { mode: 0o600 })
      await assert.rejects(
        fileSigner(path),
        (error: Error) => error instanceof TypeError && !error.message.includes('SECRET') && error.cause === undefined,
      )
    }
  })
})
