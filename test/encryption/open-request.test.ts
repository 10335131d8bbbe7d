import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { base64url, generateKeyPair } from 'jose'
import { maxSealedLength } from '../../src/encryption/compact-jwe.ts'
import { memoryReplay } from '../../src/encryption/replay-memory.ts'
import { GuardError, isGuardError, reasonOf } from '../../src/guard/errors.ts'
import { address, athOf, type ByHand, makeReplyKey, makeService, now, open, type Service, sealByHand, token } from './sealed-by-hand.ts'

const text = new TextDecoder()

let service: Service
before(async () => {
  service = await makeService()
})

async function refused(opening: Promise<unknown>, reason: RegExp, code = 'decryption_failed'): Promise<void> {
  await assert.rejects(opening, (error: unknown) => {
    assert.ok(isGuardError(error))
    assert.equal(error.code, code)
    assert.match(reasonOf(error), reason)
    if (code === 'decryption_failed') assert.equal(error.message, 'The payload could not be opened.')
    return true
  })
}

describe('a sealed request that is right', () => {
  for (const crv of ['P-256', 'X25519'] as const)
    for (const alg of ['ECDH-ES', 'ECDH-ES+A256KW'])
      test(`opens on ${crv} by ${alg}`, async () => {
        const own = await makeService(crv)
        const { content } = await open(own, await sealByHand(own, { header: { alg } }))
        assert.deepEqual([content.mediaType, text.decode(content.body)], ['application/json', '{"ask":1}'])
      })

  test('may name its content type, with or without the tree that it stands in', async () => {
    const typeOf = async (cty: string): Promise<string> => (await open(service, await sealByHand(service, { header: { cty } }))).content.mediaType
    assert.equal(await typeOf('text/plain'), 'text/plain')
    assert.equal(await typeOf('JSON'), 'application/json')
  })

  test('may be answered on the other curve', async () => {
    const { jwk } = await makeReplyKey('X25519')
    await open(service, await sealByHand(service, { header: { reply_jwk: jwk } }))
  })

  test('may carry header parameters that need not be understood', async () => {
    await open(service, await sealByHand(service, { header: { typ: 'JWE', note: 'x', jku: 'https://evil.example/keys' } }))
  })
})

describe('a sealed request is refused', () => {
  const spoiled: readonly (readonly [what: string, change: ByHand, reason: RegExp])[] = [
    ['without a kid', { omit: ['kid'] }, /'kid'/],
    ['with a kid that nobody has', { header: { kid: 'k2' } }, /no key has this kid/],
    ['with a kid of the wrong type', { header: { kid: 1 } }, /'kid'/],
    ['when bound to another credential', { header: { ath: athOf('another') } }, /another credential/],
    ['when bound to another address', { header: { htu: 'https://api.example/v1/other' } }, /another address/],
    ['when bound to another origin', { header: { htu: 'https://evil.example/v1/chat' } }, /another address/],
    ['when bound to another scheme', { header: { htu: 'http://api.example/v1/chat' } }, /another address/],
    ['when bound to an address with a query', { header: { htu: `${address}?a=1` } }, /another address/],
    ['when bound to an address with a user', { header: { htu: 'https://u@api.example/v1/chat' } }, /another address/],
    ['when bound to a path alone', { header: { htu: '/v1/chat' } }, /another address/],
    ['when it is too old', { header: { iat: now / 1000 - 60 } }, /too long ago/],
    ['when it comes from the future', { header: { iat: now / 1000 + 6 } }, /in the future/],
    ['when its time is no number', { header: { iat: String(now / 1000) } }, /'iat'/],
    ['when its jti is empty', { header: { jti: '' } }, /'jti'/],
    ['when its jti is endless', { header: { jti: 'j'.repeat(129) } }, /'jti'/],
    ['when crit leaves something out', { header: { crit: ['reply_jwk', 'ath', 'htu', 'iat'] } }, /'crit'/],
    [
      'when crit lists something unknown in its place',
      { header: { crit: ['reply_jwk', 'ath', 'htu', 'iat', 'exp'], exp: 1 } },
      /'crit' does not list/,
    ],
    ['when crit lists something unknown as well', { header: { crit: ['reply_jwk', 'ath', 'htu', 'iat', 'jti', 'exp'], exp: 1 } }, /'crit'/],
    ['when compressed', { header: { zip: 'DEF' }, body: '0'.repeat(1_000_000) }, /compressed/],
    ['when sealed twice', { header: { cty: 'jose' } }, /sealed twice/],
    ['when its content type is none', { header: { cty: 'a/b/c' } }, /'cty'/],
    ['by another content encryption', { header: { alg: 'ECDH-ES', enc: 'A128GCM' } }, /'enc'/],
    ['by another content encryption of the same key length', { header: { enc: 'A128CBC-HS256' } }, /'enc'|compact form/],
    ['by a shorter wrap', { header: { alg: 'ECDH-ES+A128KW' } }, /'alg'|compact form/],
  ]
  for (const [what, change, reason] of spoiled)
    test(what, async () => {
      await refused(open(service, await sealByHand(service, change)), reason)
    })

  for (const name of ['reply_jwk', 'ath', 'htu', 'iat', 'jti', 'crit'])
    test(`without ${name}`, async () => {
      const crit = ['reply_jwk', 'ath', 'htu', 'iat', 'jti'].filter((other) => other !== name)
      await refused(open(service, await sealByHand(service, { header: { crit }, omit: [name] })), new RegExp(`'(${name}|crit)'`))
    })

  test('where the caller presented no credential', async () => {
    await refused(open(service, await sealByHand(service), { ath: undefined }), /no credential/)
  })

  test('when sealed to another key under a known kid', async () => {
    const other = await makeService()
    await refused(open(service, await sealByHand({ ...service, publicKey: other.publicKey })), /ERR_JWE_DECRYPTION_FAILED/)
  })

  test('when sealed on another curve than that of the key', async () => {
    const other = await makeService('X25519')
    await refused(open(service, await sealByHand(other)), /another algorithm or curve/)
  })

  test('by an algorithm that the key is not for', async () => {
    const { localKeys } = await import('../../src/keys/local-keys.ts')
    const keys = localKeys({ jwks: { keys: [{ ...service.privateJwk, alg: 'ECDH-ES' }] } })
    await refused(open({ keys }, await sealByHand(service)), /another algorithm or curve/)
    await open({ keys }, await sealByHand(service, { header: { alg: 'ECDH-ES' } }))
  })

  test('by RSA, by a shared key, or by a password of a billion rounds, before any of that is computed', async () => {
    const rsa = await generateKeyPair('RSA-OAEP-256')
    await refused(open(service, await sealByHand(service, { header: { alg: 'RSA-OAEP-256' }, key: rsa.publicKey })), /'alg'|compact form/)
    await refused(open(service, await sealByHand(service, { header: { alg: 'dir' }, key: new Uint8Array(32) })), /'alg'/)
    const [, ...rest] = (await sealByHand(service)).split('.')
    for (const alg of ['RSA1_5', 'PBES2-HS512+A256KW', 'A256KW', 'none', '__proto__']) {
      const header = base64url.encode(JSON.stringify({ alg, enc: 'A256GCM', kid: 'k1', p2c: 1e9, p2s: 'c2FsdHNhbHQ' }))
      await refused(open(service, [header, ...rest].join('.')), /'alg'/)
    }
  })

  test('when the answer would go to the ephemeral key', async () => {
    const { privateKey, jwk } = await makeReplyKey()
    await refused(open(service, await sealByHand(service, { header: { reply_jwk: jwk }, epk: privateKey })), /reply_jwk is the epk/)
  })

  test('when the answer would go to the negative of the ephemeral key', async () => {
    const { privateKey, jwk } = await makeReplyKey()
    const prime = BigInt('0xffffffff00000001000000000000000000000000ffffffffffffffffffffffff')
    const y = prime - BigInt(`0x${Buffer.from(jwk.y ?? '', 'base64url').toString('hex')}`)
    const negative = { ...jwk, y: Buffer.from(y.toString(16).padStart(64, '0'), 'hex').toString('base64url') }
    await refused(open(service, await sealByHand(service, { header: { reply_jwk: negative }, epk: privateKey })), /reply_jwk is the epk/)
  })

  test('when reply_jwk is private, of another curve, off its curve, of low order or no key', async () => {
    const { jwk, privateJwk } = await makeReplyKey()
    const p384 = await generateKeyPair('ECDH-ES', { crv: 'P-384', extractable: true })
    const { exportJWK } = await import('jose')
    const low = { kty: 'OKP', crv: 'X25519', x: 'AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' }
    for (const reply_jwk of [privateJwk, { ...jwk, k: 'x' }, await exportJWK(p384.publicKey), low, { ...jwk, y: undefined }, 'key', null, [jwk], {}])
      await refused(open(service, await sealByHand(service, { header: { reply_jwk } })), /'reply_jwk'/)
    await refused(open(service, await sealByHand(service, { header: { reply_jwk: { ...jwk, y: jwk.x } } })), /not on its curve/)
  })

  test('when its ephemeral key is private, or none', async () => {
    const [encoded = '', ...rest] = (await sealByHand(service)).split('.')
    const header = JSON.parse(Buffer.from(encoded, 'base64url').toString()) as Record<string, unknown>
    for (const epk of [undefined, { ...(header.epk as object), d: 'AAAA' }, { ...(header.epk as object), crv: 'P-521' }])
      await refused(open(service, [base64url.encode(JSON.stringify({ ...header, epk })), ...rest].join('.')), /'epk'/)
  })
})

describe('the form of a sealed request', () => {
  test('is exactly one spelling of a JWE in compact form', async () => {
    const compact = await sealByHand(service)
    const [header = '', key = '', nonce = '', ciphertext = '', tag = ''] = compact.split('.')
    const respelled = [
      '',
      '....',
      `${compact}.`,
      `${compact}\n`,
      ` ${compact}`,
      `\u{feff}${compact}`,
      `"${compact}"`,
      JSON.stringify({ protected: header, encrypted_key: key, iv: nonce, ciphertext, tag }),
      [header, key, nonce, ciphertext].join('.'),
      [header, key, `${nonce}=`, ciphertext, tag].join('.'),
      [header, key, nonce, `${ciphertext}==`, tag].join('.'),
      [header, key, nonce, ciphertext, `${tag.slice(0, -1)}${tag.endsWith('A') ? 'B' : String.fromCharCode(tag.charCodeAt(21) + 1)}`].join('.'),
      [header, key, nonce, `${ciphertext}A`, tag].join('.').replaceAll('_', '/'),
      [base64url.encode('{"alg":'), key, nonce, ciphertext, tag].join('.'),
      [base64url.encode('[]'), key, nonce, ciphertext, tag].join('.'),
      [base64url.encode('null'), key, nonce, ciphertext, tag].join('.'),
      [base64url.encode(new Uint8Array([0x22, 0xff, 0x22])), key, nonce, ciphertext, tag].join('.'),
      [base64url.encode(JSON.stringify({ pad: 'x'.repeat(10_000) })), key, nonce, ciphertext, tag].join('.'),
      [header, 'A'.repeat(55), nonce, ciphertext, tag].join('.'),
      '.'.repeat(100_000),
    ]
    for (const other of respelled) await refused(open(service, other), /compact form|decrypt/)
    await refused(open(service, new Uint8Array(1000).fill(0xff)), /compact form/)
    await open(service, compact)
  })

  test('is bounded', async () => {
    await refused(open(service, new Uint8Array(maxSealedLength + 1)), /too long/, 'payload_too_large')
  })

  test('survives no changed bit', async () => {
    const compact = await sealByHand(service)
    const segments = compact.split('.')
    for (const [index, segment] of segments.entries())
      for (const at of [0, Math.floor(segment.length / 2)]) {
        const bytes = base64url.decode(segment)
        const place = Math.min(Math.floor((at * 3) / 4), bytes.length - 1)
        bytes[place] = (bytes[place] ?? 0) ^ 1
        const changed = segments.map((other, place) => (place === index ? base64url.encode(bytes) : other)).join('.')
        await refused(open(service, changed), /./)
      }
    await open(service, compact)
  })
})

describe('a sealed request works once', () => {
  test('and a second time is refused', async () => {
    const replay = memoryReplay()
    const compact = await sealByHand(service)
    await open(service, compact, { replay })
    await refused(open(service, compact, { replay, now: now + 59_000 }), /opened before/, 'replayed')
    await open(service, await sealByHand(service, { header: { jti: 'second-use' } }), { replay })
  })

  test('of many at the same moment one is opened', async () => {
    const replay = memoryReplay()
    const compact = await sealByHand(service)
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => open(service, compact, { replay })))
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
  })

  test('what does not decrypt takes no place in the memory', async () => {
    const replay = memoryReplay({ maxEntries: 1 })
    const other = await makeService()
    await refused(open(service, await sealByHand({ ...service, publicKey: other.publicKey }), { replay }), /does not decrypt/)
    await open(service, await sealByHand(service), { replay })
  })

  test('a memory that is full, fails or answers nonsense refuses', async () => {
    const replay = memoryReplay({ maxEntries: 1 })
    await open(service, await sealByHand(service), { replay })
    await refused(open(service, await sealByHand(service, { header: { jti: 'b' } }), { replay }), /full/, 'limits_unavailable')
    const down = { add: () => Promise.reject(new Error('connection lost')) }
    await refused(open(service, await sealByHand(service), { replay: down }), /replay memory failed: Error/, 'limits_unavailable')
    const odd = { add: () => 'OK' as unknown as boolean }
    await refused(open(service, await sealByHand(service), { replay: odd }), /opened before/, 'replayed')
  })
})

describe('a key provider', () => {
  test('that fails refuses with another code than a wrong payload', async () => {
    const keys = { ...service.keys, decryptionKey: () => Promise.reject(new Error('no route to the key service')) }
    await refused(open({ keys }, await sealByHand(service)), /key provider failed/, 'keys_unavailable')
    const typed = { ...service.keys, decryptionKey: () => Promise.reject(new GuardError('switched_off')) }
    await refused(open({ keys: typed }, await sealByHand(service)), /.*/, 'switched_off')
  })

  test('is not asked before the request is bound to its caller', async () => {
    const keys = {
      ...service.keys,
      decryptionKey: () => {
        throw new Error('asked')
      },
    }
    await refused(open({ keys }, await sealByHand(service, { header: { ath: athOf('x') } })), /another credential/)
  })
})

test('no reason holds a value of the header or of the credential', async () => {
  const secret = 'S3cr3t'
  for (const header of [
    { kid: secret },
    { cty: `${secret}/${secret}/` },
    { crit: [secret], [secret]: 1 },
    { htu: `https://${secret}/` },
    { enc: 'A128GCM', jti: secret },
  ]) {
    const opening = open(service, await sealByHand(service, { header }))
    await assert.rejects(opening, (error: unknown) => !reasonOf(error).includes(secret) && !reasonOf(error).includes(token))
  }
})
