import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose'
import { localKeys } from '../../src/keys/local-keys.ts'

async function privateJwk(crv: 'P-256' | 'X25519' | 'P-384'): Promise<JWK> {
  return exportJWK((await generateKeyPair('ECDH-ES', { crv, extractable: true })).privateKey)
}

let p256: JWK
let x25519: JWK
before(async () => {
  p256 = await privateJwk('P-256')
  x25519 = await privateJwk('X25519')
})

describe('localKeys', () => {
  test('finds a key by its kid, which is its thumbprint unless it was named', async () => {
    const keys = localKeys({ jwks: { keys: [p256, { ...x25519, kid: 'x' }] } })
    const found = await keys.decryptionKey(await calculateJwkThumbprint(p256))
    assert.deepEqual([found?.curve, found?.algorithms], ['P-256', ['ECDH-ES+A256KW', 'ECDH-ES']])
    assert.equal((await keys.decryptionKey('x'))?.curve, 'X25519')
    for (const kid of ['y', '', '__proto__', await calculateJwkThumbprint(x25519)]) assert.equal(await keys.decryptionKey(kid), undefined)
  })

  test('publishes public halves and nothing else', async () => {
    const keys = localKeys({
      jwks: {
        keys: [
          { ...p256, alg: 'ECDH-ES', use: 'enc', key_ops: ['deriveBits'], ext: true },
          { ...x25519, kid: 'x' },
        ],
      },
    })
    const { d: _, ...point } = p256
    const { d: __, ...other } = x25519
    assert.deepEqual(await keys.publicKeys(), {
      keys: [
        { ...point, kid: await calculateJwkThumbprint(p256), use: 'enc', alg: 'ECDH-ES' },
        { ...other, kid: 'x', use: 'enc' },
      ],
    })
  })

  test('keeps a key to the algorithm that it is for', async () => {
    const keys = localKeys({ jwks: { keys: [{ ...p256, kid: 'k', alg: 'ECDH-ES' }] } })
    assert.deepEqual((await keys.decryptionKey('k'))?.algorithms, ['ECDH-ES'])
  })

  test('imports each key once, and none that could be exported', async () => {
    const keys = localKeys({ jwks: { keys: [{ ...p256, kid: 'k', ext: true }] } })
    const [one, other] = await Promise.all([keys.decryptionKey('k'), keys.decryptionKey('k')])
    assert.equal(one?.key, other?.key)
    assert.deepEqual([one?.key.extractable, one?.key.usages], [false, ['deriveBits']])
  })

  test('is not changed by what its options become', async () => {
    const jwk = { ...p256, kid: 'k' }
    const jwks = { keys: [jwk] }
    const keys = localKeys({ jwks })
    Object.assign(jwk, x25519, { kid: 'other' })
    jwks.keys.push({ ...x25519, kid: 'new' })
    assert.equal((await keys.decryptionKey('k'))?.curve, 'P-256')
    assert.equal(await keys.decryptionKey('new'), undefined)
  })

  test('describes itself without a secret', () => {
    const described = JSON.stringify(localKeys({ jwks: { keys: [p256, { ...x25519, kid: 'x' }] } }).describe())
    assert.deepEqual(JSON.parse(described), { kind: 'local', keys: [{ curve: 'P-256' }, { kid: 'x', curve: 'X25519' }] })
    for (const secret of [p256.d, x25519.d]) assert.ok(secret !== undefined && !described.includes(secret))
  })

  test('refuses keys of a kind that opens nothing here', async () => {
    const { d: _, ...publicOnly } = p256
    const rsa = await exportJWK((await generateKeyPair('RSA-OAEP-256', { extractable: true })).privateKey)
    const ed25519 = await exportJWK((await generateKeyPair('Ed25519', { extractable: true })).privateKey)
    const wrong: readonly JWK[] = [
      publicOnly,
      rsa,
      { ...rsa, n: rsa.n?.slice(0, 171) ?? '' },
      ed25519,
      await privateJwk('P-384'),
      { kty: 'oct', k: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' },
      { ...p256, use: 'sig' },
      { ...p256, key_ops: ['sign'] },
      { ...p256, key_ops: [] },
      { ...p256, alg: 'ECDH-ES+A128KW' },
      { ...p256, alg: 'ES256' },
      { ...p256, kid: '' },
      { ...p256, kid: 'k'.repeat(257) },
      { ...p256, d: `${p256.d}=` },
      { ...p256, d: '' },
      { ...x25519, x: `${x25519.x?.slice(0, 42)}_` },
      {},
    ]
    for (const jwk of wrong)
      assert.throws(
        () => localKeys({ jwks: { keys: [x25519, jwk] } }),
        (error: unknown) =>
          error instanceof TypeError && error.message.startsWith('localKeys: jwks.keys[1]') && !error.message.includes(p256.d ?? '?'),
      )
  })

  test('refuses a key or a kid that is there twice', () => {
    const twice = [
      [p256, p256],
      [{ ...p256, kid: 'a' }, x25519, { ...p256, kid: 'b' }],
      [
        { ...p256, kid: 'a' },
        { ...x25519, kid: 'a' },
      ],
    ]
    for (const keys of twice) assert.throws(() => localKeys({ jwks: { keys } }), /twice/)
  })

  test('refuses a name that is the thumbprint of another key', async () => {
    const keys = localKeys({ jwks: { keys: [p256, { ...x25519, kid: await calculateJwkThumbprint(p256) }] } })
    await assert.rejects(async () => keys.decryptionKey('x'), /one kid/)
  })

  test('refuses to be made of nothing', () => {
    for (const options of [
      undefined,
      {},
      { jwks: {} },
      { jwks: { keys: [] } },
      { jwks: { keys: [p256] }, kid: 'x' },
      { primary: 'k', keys: { k: new Uint8Array(32) } },
    ])
      assert.throws(() => localKeys(options as never), TypeError)
  })

  test('refuses at first use a secret that does not belong to its public key', async () => {
    const other = await privateJwk('P-256')
    const keys = localKeys({ jwks: { keys: [{ ...p256, kid: 'k', ...(other.d !== undefined && { d: other.d }) }] } })
    await assert.rejects(async () => keys.decryptionKey('k'))
    await assert.rejects(async () => keys.publicKeys())
  })
})
