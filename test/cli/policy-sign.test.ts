import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { chmod, readFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { openPolicy } from '../../src/policy/open-policy.ts'
import { run } from './made-log.ts'
import { asked, type Folder, folder, policy } from './policy-folder.ts'

describe('sallyport policy sign', () => {
  let here: Folder
  let path: string
  let pem: string
  let publicPem: string
  before(async () => {
    here = await folder()
    path = await here.write('policy.json', policy)
    pem = here.path('policy.key')
    await run('keys', 'new', pem)
    publicPem = await here.write('public.pem', createPublicKey(await readFile(pem)).export({ type: 'spki', format: 'pem' }))
  })
  after(() => here.remove())

  it('signs with a key of keys new, and the other commands read what it signed', async () => {
    const { code, out } = await run('policy', 'sign', path, '--key', pem, '--kid', 'release')
    assert.equal(code, 0)
    const jwk = { ...createPublicKey(await readFile(pem)).export({ format: 'jwk' }), kty: 'OKP', alg: 'EdDSA', kid: 'release' }
    assert.deepEqual(await openPolicy(out, { keys: { keys: [jwk] } }), policy)
    const signed = await here.write('policy.jws', `${out}\n`)
    const tests = await here.write('tests.json', [{ name: 'a', request: asked, expect: 'allow' }])
    const jwks = await here.write('jwks.json', { keys: [jwk] })
    assert.equal((await run('policy', 'check', signed, '--signed-by', jwks)).code, 0)
    for (const key of [pem, publicPem]) assert.equal((await run('policy', 'test', signed, '--signed-by', key, '--tests', tests)).code, 0)
    const request = await here.write('request.json', asked)
    assert.equal((await run('policy', 'explain', signed, '--request', request, '--signed-by', await here.write('jwk.json', jwk))).code, 0)
  })

  it('signs with a JWK, writes where it is told and never over a file', async () => {
    const jwk = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })
    const key = await here.write('jwk.key', { ...jwk, alg: 'ES256', kid: 'k1' })
    const target = here.path('signed.jws')
    const { code, out } = await run('policy', 'sign', path, '--key', key, '--write', target)
    assert.deepEqual([code, out], [0, `Signed support, version 7, as k1: ${target}`])
    const before = await readFile(target, 'utf8')
    assert.equal((await run('policy', 'sign', path, '--key', key, '--write', target)).code, 1)
    assert.equal(await readFile(target, 'utf8'), before)
    const told = JSON.parse((await run('policy', 'sign', path, '--key', key, '--json')).out)
    assert.deepEqual([told.policy, told.kid], [{ id: 'support', version: '7' }, 'k1'])
  })

  it('exits 1 for what does not load, and what is read by the wrong key or not signed is refused', async () => {
    const bad = await run('policy', 'sign', await here.write('bad.json', { id: 'p' }), '--key', pem, '--kid', 'k')
    assert.deepEqual([bad.code, bad.out], [1, ''])
    const { out } = await run('policy', 'sign', path, '--key', pem, '--kid', 'release')
    const signed = await here.write('policy.jws', out)
    const other = await here.write('other.pem', generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString())
    assert.equal((await run('policy', 'check', signed, '--signed-by', other)).code, 1)
    assert.equal((await run('policy', 'check', path, '--signed-by', publicPem)).code, 1)
    const without = await run('policy', 'check', signed)
    assert.equal(without.code, 2)
    assert.match(without.error, /is signed: give the public key/)
  })

  it('exits 2 for a key that it should not use, and shows nothing of one', async () => {
    const jwk = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
    const loose = await here.write('loose.key', { ...jwk, alg: 'EdDSA', kid: 'k' })
    await chmod(loose, 0o644)
    for (const args of [
      [],
      [path],
      [path, '--key', here.path('nowhere')],
      [path, '--key', pem],
      [path, '--key', publicPem, '--kid', 'k'],
      [path, '--key', path, '--kid', 'k'],
      [path, '--key', await here.write('nameless.key', { ...jwk, kid: 'k' })],
      [path, '--key', await here.write('nonsense.key', 'S3CRET'), '--kid', 'k'],
      [path, '--key', await here.write('broken.key', '-----BEGIN PRIVATE KEY-----\nS3CRET'), '--kid', 'k'],
      ...(process.platform === 'win32' ? [] : [[path, '--key', loose]]),
    ]) {
      const { code, out, error } = await run('policy', 'sign', ...args)
      assert.equal(code, 2, args.join(' '))
      assert.equal(`${out}${error}`.includes(jwk.d ?? '-'), false)
      assert.equal(error.includes('S3CRET'), false)
    }
    const secret = await here.write('secret.json', { kty: 'oct', k: 'S3CRET' })
    for (const key of [secret, await here.write('private.json', { ...jwk, alg: 'EdDSA' }), await here.write('none.json', { keys: [1] })]) {
      const { code, error } = await run('policy', 'check', path, '--signed-by', key)
      assert.equal(code, 2)
      assert.equal(error.includes('S3CRET'), false)
    }
  })
})
