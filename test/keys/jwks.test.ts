import assert from 'node:assert/strict'
import { generateKeyPairSync, type JsonWebKey } from 'node:crypto'
import { describe, test } from 'node:test'
import type { JWK } from 'jose'
import { systemClock } from '../../src/guard/clock.ts'
import { localJwks, readJwks } from '../../src/keys/jwks.ts'
import type { KeyQuery } from '../../src/keys/key-source.ts'

const jwkOf = (pair: { publicKey: { export(options: { format: 'jwk' }): JsonWebKey } }, more: object = {}): JWK =>
  ({ ...pair.publicKey.export({ format: 'jwk' }), ...more }) as JWK
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
const ed25519 = generateKeyPairSync('ed25519')
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const rsa1024 = generateKeyPairSync('rsa', { modulusLength: 1024 })
const secret = (bytes: number, alg: string): JWK => ({ kty: 'oct', kid: 's', alg, k: Buffer.alloc(bytes, 7).toString('base64url') })

const found = (keys: JWK[], query: KeyQuery): unknown => readJwks({ keys }).find(query)?.id
const es = { algorithm: 'ES256' } as const

describe('a JWK Set', () => {
  test('gives the key of an id, for its own algorithm and no other', () => {
    const keys = [
      jwkOf(p256, { kid: 'e' }),
      jwkOf(p384, { kid: 'f' }),
      jwkOf(ed25519, { kid: 'd' }),
      jwkOf(rsa, { kid: 'r' }),
      jwkOf(rsa, { kid: 'p', alg: 'PS256' }),
    ]
    assert.equal(found(keys, { ...es, id: 'e' }), 'e')
    assert.equal(found(keys, { algorithm: 'ES384', id: 'f' }), 'f')
    assert.equal(found(keys, { algorithm: 'EdDSA', id: 'd' }), 'd')
    assert.equal(found(keys, { algorithm: 'Ed25519', id: 'd' }), 'd')
    assert.equal(found(keys, { algorithm: 'RS256', id: 'r' }), 'r')
    assert.equal(found(keys, { algorithm: 'PS256', id: 'p' }), 'p')
    for (const [algorithm, id] of [
      ['ES384', 'e'],
      ['PS256', 'r'],
      ['RS384', 'r'],
      ['RS256', 'p'],
      ['ES256', 'd'],
      ['HS256', 'e'],
      ['ES256', 'none'],
    ] as const)
      assert.equal(found(keys, { algorithm, id }), undefined, `${algorithm} ${id}`)
  })

  test('gives the only key of an algorithm where no id is named, and none where two would fit', () => {
    const keys = [jwkOf(p256), jwkOf(ed25519, { kid: 'd' })]
    assert.equal(readJwks({ keys }).find({ ...es, id: undefined })?.algorithm, 'ES256')
    assert.equal(found([...keys, jwkOf(p256, { kid: 'e' })], { ...es, id: undefined }), undefined)
    assert.equal(found(keys, { ...es, id: 'e' }), undefined, 'a key without an id is not the key of an id')
  })

  test('leaves out what is for something else, what it does not know, and what contradicts itself', () => {
    for (const more of [
      { use: 'enc' },
      { key_ops: ['encrypt'] },
      { key_ops: 'verify' },
      { alg: 'ES384' },
      { alg: 'RS256' },
      { alg: 7 },
      { crv: 'secp256k1' },
      { crv: 'constructor' },
      { kty: 'EXT' },
      { x: 7 },
    ])
      assert.equal(found([jwkOf(p256, { kid: 'e', ...more })], { ...es, id: 'e' }), undefined, JSON.stringify(more))
    for (const more of [{ crv: 'X25519' }, { alg: 'ES256' }])
      assert.equal(found([jwkOf(ed25519, { kid: 'd', ...more })], { algorithm: 'EdDSA', id: 'd' }), undefined)
    for (const more of [{ alg: 'RSA-OAEP' }, { alg: 'HS256' }, { n: 7 }])
      assert.equal(found([jwkOf(rsa, { kid: 'r', ...more })], { algorithm: 'RS256', id: 'r' }), undefined)
  })

  test('refuses RSA keys that are too short or too long, and exponents that are too small, even or huge', () => {
    const long = Buffer.alloc(1025, 0xff).toString('base64url')
    const padded = Buffer.concat([Buffer.alloc(200), Buffer.from(jwkOf(rsa1024).n as string, 'base64url')]).toString('base64url')
    const bad = [jwkOf(rsa1024), jwkOf(rsa, { n: long }), jwkOf(rsa, { n: padded }), jwkOf(rsa, { n: '!' }), jwkOf(rsa, { n: '' })]
    // 3, 65535, 65536, 2^56 + 1, none, 3 with zeros before it, and 2^32 - 1 as it is and with one bit more.
    for (const e of ['Aw', '__8', 'AQAA', 'AQAAAAAAAQ', '', 'AAAAAw', 'Af____8']) bad.push(jwkOf(rsa, { e }))
    for (const jwk of bad) {
      const query = { algorithm: 'RS256', id: 'r' }
      assert.equal(found([{ ...jwk, kid: 'r' }], query), undefined)
      assert.equal(found([{ ...jwk, kid: 'r' }, jwkOf(p256, { kid: 'e' })], { ...es, id: 'e' }), 'e', 'the good keys beside it stay')
      assert.throws(() => localJwks({ keys: [{ ...jwk, kid: 'r' }] }), TypeError)
    }
  })

  test('takes the shortest RSA key and the smallest exponent that are allowed', () => {
    const query = { algorithm: 'RS256', id: 'r' }
    assert.equal(rsa.publicKey.asymmetricKeyDetails?.modulusLength, 2048)
    for (const e of ['AQAB', '_____w']) assert.equal(found([jwkOf(rsa, { kid: 'r', e })], query), 'r')
  })

  test('refuses a whole set with any private member, whatever stands in it', () => {
    const good = jwkOf(p256, { kid: 'e' })
    for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'priv'])
      for (const value of ['AAAA', '', null, 7])
        for (const jwk of [jwkOf(rsa, { [member]: value }), jwkOf(p256, { [member]: value }), { kty: 'AKP', [member]: value }]) {
          assert.throws(() => readJwks({ keys: [good, jwk] }), TypeError)
          assert.throws(() => localJwks({ keys: [good, jwk as JWK] }), TypeError)
        }
    assert.equal(found([good], { ...es, id: 'e' }), 'e')
  })

  test('refuses a whole set with a private key, a secret, a kid that stands twice, too many keys, or no keys', () => {
    const privateJwk = p256.privateKey.export({ format: 'jwk' }) as JWK
    for (const set of [
      { keys: [privateJwk] },
      { keys: [jwkOf(p256), { kty: 'RSA', n: 'x', e: 'y', dp: 'z' }] },
      { keys: [secret(32, 'HS256')] },
      { keys: [jwkOf(p256, { kid: 'a' }), jwkOf(ed25519, { kid: 'a' })] },
      { keys: Array.from({ length: 101 }, () => ({ kty: 'EXT' })) },
      { keys: [jwkOf(p256, { kid: 7 })] },
      { keys: [jwkOf(p256, { kid: 'k'.repeat(257) })] },
      { keys: [null] },
      { keys: ['x'] },
      { keys: {} },
      {},
      [],
      null,
      'keys',
    ])
      assert.throws(() => readJwks(set), TypeError)
  })

  test('keeps the objects of keys that were there before, so that what they verified stays known', () => {
    const before = readJwks({ keys: [jwkOf(p256, { kid: 'a' }), jwkOf(ed25519, { kid: 'b' })] })
    const after = readJwks({ keys: [jwkOf(p256, { kid: 'a', use: 'sig' }), jwkOf(p384, { kid: 'b' })] }, before)
    assert.equal(after.find({ ...es, id: 'a' }), before.find({ ...es, id: 'a' }))
    const [, gone] = before.keys
    assert.ok(gone !== undefined && !after.has(gone))
  })

  test('a key that is no point on its curve cannot be loaded, and says so each time', async () => {
    const key = readJwks({ keys: [jwkOf(p256, { kid: 'a', x: Buffer.alloc(32, 1).toString('base64url') })] }).keys[0]
    for (let turn = 0; turn < 2; turn++) await assert.rejects(async () => await key?.load())
  })

  test('a key is loaded once', async () => {
    const key = readJwks({ keys: [jwkOf(p256)] }).keys[0]
    assert.equal(await key?.load(), await key?.load())
    assert.ok(key?.load() instanceof CryptoKey, 'at once, the second time')
  })
})

describe('keys at hand', () => {
  test('take secrets that are as long as their hash, and no shorter ones', async () => {
    const source = localJwks({ keys: [secret(32, 'HS256')] })
    const key = await source.find({ algorithm: 'HS256', id: 's' }, systemClock)
    assert.ok((await key?.load()) instanceof Uint8Array)
    assert.throws(() => localJwks({ keys: [secret(31, 'HS256')] }), TypeError)
    assert.throws(() => localJwks({ keys: [secret(47, 'HS384')] }), TypeError)
    assert.throws(() => localJwks({ keys: [secret(63, 'HS512')] }), TypeError)
    for (const [bytes, alg] of [
      [48, 'HS384'],
      [64, 'HS512'],
    ] as const)
      assert.ok((await localJwks({ keys: [secret(bytes, alg)] }).find({ algorithm: alg, id: 's' }, systemClock)) !== undefined)
    assert.throws(() => localJwks({ keys: [{ kty: 'oct', k: 'AAAA' }] }), TypeError)
  })

  test('are secrets or public keys, and never both, and at least one', () => {
    assert.throws(() => localJwks({ keys: [secret(32, 'HS256'), jwkOf(p256)] }), TypeError)
    assert.throws(() => localJwks({ keys: [] }), TypeError)
    assert.throws(() => localJwks({ keys: [jwkOf(p256, { use: 'enc' })] }), TypeError)
  })

  test('have each kid once', () => {
    const twice = [jwkOf(p256, { kid: 'a' }), jwkOf(ed25519, { kid: 'a' })]
    assert.throws(() => localJwks({ keys: twice }), TypeError)
    localJwks({ keys: [jwkOf(p256, { kid: 'a' }), jwkOf(ed25519, { kid: 'A' })] })
  })

  test('are copied: what is changed afterwards changes nothing', async () => {
    const jwk = jwkOf(p256, { kid: 'a' })
    const set = { keys: [jwk] }
    const source = localJwks(set)
    const key = await source.find({ ...es, id: 'a' }, systemClock)
    jwk.x = 'AAAA'
    set.keys.length = 0
    assert.ok(key !== undefined && source.trusts(key, systemClock))
    assert.ok((await key.load()) instanceof CryptoKey)
    assert.equal(source.trusts({ ...key }, systemClock), false, 'a look-alike is not the key')
  })

  test('say their ids and never their material', () => {
    const text = JSON.stringify(localJwks({ keys: [secret(32, 'HS256')] }).describe())
    assert.equal(text, '{"kind":"local","keys":[{"id":"s","algorithm":"HS256"}]}')
  })
})
