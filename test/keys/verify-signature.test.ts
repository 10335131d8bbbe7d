import assert from 'node:assert/strict'
import { constants, createHmac, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { before, describe, test } from 'node:test'
import fc from 'fast-check'
import { compactVerify } from 'jose'
import { publicAlgorithms, secretAlgorithms } from '../../src/keys/jwks.ts'
import { verifyByWebCrypto, verifyNatively, verifySignature } from '../../src/keys/verify-signature.ts'

type Key = CryptoKey | Uint8Array

/** One algorithm with a pair of keys: what it signs, and what it is verified with. */
interface Signer {
  readonly algorithm: string
  readonly key: Key
  readonly secret: KeyObject | Uint8Array
}

const encode = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString('base64url')
const inputOf = (algorithm: string, payload = '{"sub":"ada"}'): string => `${encode(JSON.stringify({ alg: algorithm }))}.${encode(payload)}`

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const pairs = {
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ES384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  ES512: generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  EdDSA: generateKeyPairSync('ed25519'),
  Ed25519: generateKeyPairSync('ed25519'),
}
const parameters = (algorithm: string): RsaHashedImportParams | EcKeyImportParams | { name: string } => {
  const hash = `SHA-${algorithm.slice(2)}`
  if (algorithm.startsWith('ES')) return { name: 'ECDSA', namedCurve: { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }[algorithm] ?? '' }
  if (algorithm.startsWith('Ed')) return { name: 'Ed25519' }
  return { name: algorithm.startsWith('PS') ? 'RSA-PSS' : 'RSASSA-PKCS1-v1_5', hash }
}
const imported = (key: KeyObject, algorithm: string, usages: KeyUsage[] = ['verify']): Promise<CryptoKey> =>
  crypto.subtle.importKey('spki', key.export({ format: 'der', type: 'spki' }), parameters(algorithm), true, usages)

async function signerFor(algorithm: string): Promise<Signer> {
  if (algorithm.startsWith('HS')) {
    const secret = new Uint8Array(randomBytes(Number(algorithm.slice(2)) / 8))
    return { algorithm, key: secret, secret }
  }
  const { publicKey, privateKey } = pairs[algorithm as keyof typeof pairs] ?? rsa
  return { algorithm, key: await imported(publicKey, algorithm), secret: privateKey }
}

function signed({ algorithm, secret }: Signer, input: string, more: object = {}): Uint8Array {
  const bits = algorithm.slice(2)
  if (secret instanceof Uint8Array) return new Uint8Array(createHmac(`sha${bits}`, secret).update(input).digest())
  const padding = algorithm.startsWith('PS') ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: Number(bits) / 8 } : {}
  const key = { key: secret, dsaEncoding: 'ieee-p1363', ...padding, ...more } as const
  return new Uint8Array(sign(algorithm.startsWith('Ed') ? null : `sha${bits}`, Buffer.from(input), key))
}

/** What both ways say, and jose; they must agree. */
async function verdict(algorithm: string, key: Key, input: string, signature: Uint8Array): Promise<boolean> {
  const native = verifyNatively(algorithm, key, input, signature)
  const web = await verifyByWebCrypto(algorithm, key, input, signature)
  const token = `${input}.${encode(signature)}`
  const theirs = await compactVerify(token, key, { algorithms: [algorithm] }).then(
    () => true,
    () => false,
  )
  assert.deepEqual([native, web, await verifySignature(algorithm, key, input, signature)], [theirs, theirs, theirs], `${algorithm} ${token}`)
  return theirs
}

const algorithms = [...publicAlgorithms, ...secretAlgorithms]
const signers = new Map<string, Signer>()
const signerOf = (algorithm: string): Signer => signers.get(algorithm) ?? assert.fail()
before(async () => {
  for (const algorithm of algorithms) signers.set(algorithm, await signerFor(algorithm))
})

describe('a JWS signature verifies as in jose, natively and by WebCrypto', () => {
  for (const algorithm of algorithms)
    test(algorithm, async () => {
      const signer = signerOf(algorithm)
      const input = inputOf(algorithm)
      let good = signed(signer, input)
      // OpenSSL, and so jose, also takes a PSS signature without its leading zeros. Here it has one length (RFC 8017, section 8.1.2).
      while (algorithm.startsWith('PS') && good[0] === 0) good = signed(signer, input)
      assert.equal(await verdict(algorithm, signer.key, input, good), true)
      assert.equal(await verdict(algorithm, signer.key, inputOf(algorithm, '{"sub":"eve"}'), good), false)
      assert.equal(await verdict(algorithm, (await signerFor('HS512')).key, input, good), false, 'a secret')

      const zeros = new Uint8Array(good.length)
      const half = good.length / 2
      const wrong: Uint8Array[] = [
        zeros,
        new Uint8Array(good.length).fill(0xff),
        new Uint8Array(),
        good.subarray(1),
        good.subarray(0, -1),
        good.subarray(0, half),
        Uint8Array.of(...good, 0),
        Uint8Array.of(0, ...good),
        Uint8Array.of(...good, ...good),
        Uint8Array.of(...zeros.subarray(0, half), ...good.subarray(half)),
        Uint8Array.of(...good.subarray(0, half), ...zeros.subarray(half)),
        Uint8Array.of(...good.subarray(half), ...good.subarray(0, half)),
      ]
      for (let at = 0; at < good.length; at += 7) wrong.push(good.map((byte, index) => (index === at ? byte ^ (1 << (at % 8)) : byte)))
      for (const signature of wrong) assert.equal(await verdict(algorithm, signer.key, input, signature), false)
    })

  test('whatever byte of input or signature is changed', async () => {
    for (const algorithm of ['ES256', 'EdDSA', 'PS256', 'RS256', 'HS256']) {
      const signer = signerOf(algorithm)
      const input = inputOf(algorithm)
      const good = signed(signer, input)
      fc.assert(
        fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), fc.nat(input.length - 1), (at, difference, place) => {
          assert.equal(
            verifySignature(
              algorithm,
              signer.key,
              input,
              good.map((byte, index) => (index === at ? byte ^ difference : byte)),
            ),
            false,
          )
          const other = input[place] === 'A' ? 'B' : 'A'
          assert.equal(verifySignature(algorithm, signer.key, input.slice(0, place) + other + input.slice(place + 1), good), false)
        }),
        { numRuns: 30 },
      )
    }
  })

  test('an ECDSA signature in DER, as other formats have it, does not', async () => {
    for (const algorithm of ['ES256', 'ES384', 'ES512']) {
      const signer = signerOf(algorithm)
      assert.equal(await verdict(algorithm, signer.key, inputOf(algorithm), signed(signer, inputOf(algorithm), { dsaEncoding: 'der' })), false)
    }
  })

  test('an RSA signature of the other padding, of another salt length or of another hash does not', async () => {
    for (const bits of ['256', '384', '512']) {
      const [pss, pkcs] = [signerOf(`PS${bits}`), signerOf(`RS${bits}`)]
      const input = inputOf(`PS${bits}`)
      assert.equal(await verdict(`PS${bits}`, pss.key, input, signed(pkcs, input)), false)
      assert.equal(await verdict(`RS${bits}`, pkcs.key, input, signed(pss, input)), false)
      for (const saltLength of [0, 20, Number(bits) / 8 - 1, Number(bits) / 8 + 1, constants.RSA_PSS_SALTLEN_MAX_SIGN])
        assert.equal(await verdict(`PS${bits}`, pss.key, input, signed(pss, input, { saltLength })), false, `salt ${saltLength}`)
      for (const other of ['256', '384', '512'].filter((name) => name !== bits)) {
        assert.equal(await verdict(`RS${bits}`, pkcs.key, input, signed(signerOf(`RS${other}`), input)), false)
        assert.equal(await verdict(`PS${bits}`, pss.key, input, signed(signerOf(`PS${other}`), input)), false)
      }
    }
  })
})

describe('a key is for one algorithm', () => {
  test('and for no other, whoever signed', async () => {
    for (const { algorithm, key } of signers.values())
      for (const other of signers.values()) {
        const isSame = other.algorithm === algorithm || (algorithm.startsWith('Ed') && other.algorithm.startsWith('Ed'))
        if (isSame || key instanceof Uint8Array) continue
        const input = inputOf(other.algorithm)
        const signature = signed(other, input)
        assert.equal(verifyNatively(other.algorithm, key, input, signature), false)
        assert.equal(await verifyByWebCrypto(other.algorithm, key, input, signature), false)
      }
  })

  test('its other curve does not count, nor an HMAC made with the public key', async () => {
    const input = inputOf('ES256')
    // As long as a signature of P-256, and made with the right hash.
    const other = new Uint8Array(sign('sha256', Buffer.from(input), { key: pairs.ES384.privateKey, dsaEncoding: 'ieee-p1363' }))
    assert.equal(await verdict('ES256', signerOf('ES384').key, input, other.subarray(0, 64)), false)
    const spki = new Uint8Array(rsa.publicKey.export({ format: 'der', type: 'spki' }))
    const forged = new Uint8Array(createHmac('sha256', spki).update(inputOf('HS256')).digest())
    assert.equal(await verdict('HS256', signerOf('RS256').key, inputOf('HS256'), forged), false)
  })

  test('and must be there for verifying: no private key, no key for something else, no RSA key below 2048 bits', async () => {
    const input = inputOf('ES256')
    const good = signed(signerOf('ES256'), input)
    const pkcs8 = pairs.ES256.privateKey.export({ format: 'der', type: 'pkcs8' })
    const refused: [string, CryptoKey, Uint8Array][] = [
      ['ES256', await crypto.subtle.importKey('pkcs8', pkcs8, { name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign']), good],
      [
        'ES256',
        await crypto.subtle.importKey(
          'spki',
          pairs.ES256.publicKey.export({ format: 'der', type: 'spki' }),
          { name: 'ECDH', namedCurve: 'P-256' },
          true,
          [],
        ),
        good,
      ],
      ['ES256', await imported(pairs.ES256.publicKey, 'ES256', []), good],
    ]
    const small = generateKeyPairSync('rsa', { modulusLength: 1024 })
    for (const algorithm of ['RS256', 'PS256'])
      refused.push([algorithm, await imported(small.publicKey, algorithm), signed({ ...signerOf(algorithm), secret: small.privateKey }, input)])
    const pss = pairs.EdDSA.publicKey
    refused.push(['RS1', await imported(pss, 'EdDSA'), good], ['none', await imported(pss, 'EdDSA'), new Uint8Array()])
    for (const [algorithm, key, signature] of refused) assert.equal(await verdict(algorithm, key, input, signature), false)
  })

  test('RSA keys whose length in bits fills no last byte verify all the same', async () => {
    const odd = generateKeyPairSync('rsa', { modulusLength: 2052 })
    for (const algorithm of ['RS256', 'PS256']) {
      const signer = { algorithm, key: await imported(odd.publicKey, algorithm), secret: odd.privateKey }
      assert.equal(await verdict(algorithm, signer.key, inputOf(algorithm), signed(signer, inputOf(algorithm))), true)
    }
  })

  test('what is remembered of a key cannot be changed by changing what it says of itself', async () => {
    const key = await imported(pairs.ES256.publicKey, 'ES256')
    const input = inputOf('ES256')
    assert.equal(verifySignature('ES256', key, input, signed(signerOf('ES256'), input)), true)
    Object.assign(key.algorithm, { namedCurve: 'P-384' })
    assert.equal(verifySignature('ES384', key, input, signed(signerOf('ES384'), input)), false)
  })
})

describe('a secret', () => {
  test('may also be a CryptoKey, extractable or not, of its own hash', async () => {
    const secret = new Uint8Array(randomBytes(64))
    const input = inputOf('HS256')
    for (const extractable of [true, false]) {
      const key = await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, extractable, ['verify'])
      const good = signed({ algorithm: 'HS256', key, secret }, input)
      const bad = good.map((byte, index) => (index === 31 ? byte ^ 1 : byte))
      for (const [signature, expected] of [[good, true] as const, [bad, false] as const]) {
        assert.equal(verifyNatively('HS256', key, input, signature), extractable ? expected : undefined)
        assert.equal(await verifyByWebCrypto('HS256', key, input, signature), expected)
        assert.equal(await verifySignature('HS256', key, input, signature), expected)
      }
      assert.equal(await verifySignature('HS512', key, input, signed({ algorithm: 'HS512', key, secret }, input)), false)
    }
  })

  test('must be as long as its hash (RFC 7518, section 3.2)', async () => {
    for (const algorithm of secretAlgorithms) {
      const secret = new Uint8Array(randomBytes(Number(algorithm.slice(2)) / 8 - 1))
      const input = inputOf(algorithm)
      const signature = signed({ algorithm, key: secret, secret }, input)
      assert.equal(verifyNatively(algorithm, secret, input, signature), false)
      assert.equal(await verifyByWebCrypto(algorithm, secret, input, signature), false)
      const key = await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: `SHA-${algorithm.slice(2)}` }, true, ['verify'])
      assert.equal(await verifySignature(algorithm, key, input, signature), false)
    }
  })
})

test('an input that is not ASCII verifies with nothing, also where a lossy encoding would make it so', async () => {
  const signer = signerOf('HS256')
  for (const [text, read] of [
    ['ab', 'aš'],
    ['\u00fe', '\u00fe'],
    ['\ufffd', '\ud800'],
  ] as const) {
    const signature = new Uint8Array(
      createHmac('sha256', signer.key as Uint8Array)
        .update(text)
        .digest(),
    )
    assert.equal(verifyNatively('HS256', signer.key, read, signature), false)
    assert.equal(await verifyByWebCrypto('HS256', signer.key, read, signature), false)
  }
})

test('the examples of RFC 7515, appendices A.1 and A.3, and of RFC 8037, appendix A.4, verify', async () => {
  const payload = 'eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ'
  const publicKey = (jwk: object, algorithm: string): Promise<CryptoKey> => imported(createPublicKey({ key: { ...jwk }, format: 'jwk' }), algorithm)
  const examples: [string, Key, string][] = [
    [
      'HS256',
      new Uint8Array(Buffer.from('AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow', 'base64url')),
      `eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.${payload}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk`,
    ],
    [
      'ES256',
      await publicKey(
        { kty: 'EC', crv: 'P-256', x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU', y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0' },
        'ES256',
      ),
      `eyJhbGciOiJFUzI1NiJ9.${payload}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q`,
    ],
    [
      'EdDSA',
      await publicKey({ kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }, 'EdDSA'),
      'eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg',
    ],
  ]
  for (const [algorithm, key, token] of examples) {
    const end = token.lastIndexOf('.')
    assert.equal(await verdict(algorithm, key, token.slice(0, end), new Uint8Array(Buffer.from(token.slice(end + 1), 'base64url'))), true)
  }
})
