import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { openMessage, plaintextLength, sealMessage } from '../../src/encryption/chunked-message.ts'
import { chunkLength, ChunkOpener, ChunkSealer } from '../../src/encryption/chunks.ts'
import { xchacha20Poly1305 } from '../../src/encryption/xchacha20-poly1305.ts'
import type { AeadKind } from '../../src/keys/aead.ts'
import { aesGcm } from '../../src/keys/aes-gcm.ts'
import { InputKey } from '../../src/keys/input-key.ts'
import { deriveMessageKey, writeNonce } from '../../src/keys/message-key.ts'
import { type Backend, nativeCrypto } from '../../src/keys/native-crypto.ts'
import { fromHex, messageOf, toHex, vectors } from './cobblestone-vectors.ts'

const native = nativeCrypto()
const backends: readonly (readonly [name: string, backend: Backend])[] = [
  ['WebCrypto', 'webcrypto'],
  ...(native === undefined
    ? []
    : ([
        ['the native one', native],
        ['the native one without crypto.hash', withoutHash(native)],
      ] as const)),
]
const kinds: readonly AeadKind[] = [aesGcm, xchacha20Poly1305]
const refused = { code: 'decryption_failed' }

function withoutHash(crypto: Exclude<Backend, 'webcrypto'>): Backend {
  return {
    createHash: (algorithm) => crypto.createHash(algorithm),
    createCipheriv: (cipher, key, nonce, options) => crypto.createCipheriv(cipher, key, nonce, options),
    createDecipheriv: (cipher, key, nonce, options) => crypto.createDecipheriv(cipher, key, nonce, options),
  }
}

const sha512 = async (bytes: Uint8Array): Promise<string> => toHex(new Uint8Array(await crypto.subtle.digest('SHA-512', Uint8Array.from(bytes))))

for (const [name, backend] of backends)
  describe(`published vectors on ${name}`, () => {
    for (const vector of vectors)
      test(`C2SP chunked-encryption ${vector.id}: ${vector.comment}`, async () => {
        const message = await messageOf(vector)
        const options = { kind: aesGcm, context: fromHex(vector.context), backend }
        const open = async (): Promise<Uint8Array> => openMessage(new InputKey(fromHex(vector.key), backend), message, options)
        if (vector.valid !== true) {
          await assert.rejects(open, /^(TypeError: a key must have 32 bytes|GuardError: )/)
          return
        }
        const text = await open()
        assert.deepEqual([text.length, await sha512(text)], vector.text)
        // The salt of the vector gives the whole message again, byte for byte.
        const input = new InputKey(fromHex(vector.key), backend)
        assert.equal(toHex(await sealMessage(input, text, options, undefined, message.subarray(0, 24))), toHex(message))
        const derived = await input.expand(
          76,
          new TextEncoder().encode('c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0'),
          message.subarray(0, 24),
          options.context,
        )
        assert.deepEqual([toHex(derived.subarray(0, 32)), toHex(derived.subarray(32, 44))], [vector.aeadKey, vector.baseNonce])
      })

    test('AES-256-GCM: test cases 15 and 16 of the specification of GCM', async () => {
      const key = 'feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308'
      const text = 'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255'
      const sealed =
        '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad'
      const cases = [
        { text, sealed: `${sealed}b094dac5d93471bdec1a502270e3cc6c`, aad: undefined },
        {
          text: text.slice(0, -8),
          sealed: `${sealed.slice(0, -8)}76fc6ece0f4e1768cddf8853bb2d551b`,
          aad: fromHex('feedfacedeadbeeffeedfacedeadbeefabaddad2'),
        },
      ]
      for (const each of cases) await roundTrip(aesGcm, key, 'cafebabefacedbaddecaf888', each, backend)
    })

    test('XChaCha20-Poly1305: draft-irtf-cfrg-xchacha-03, appendix A.3.1', async () => {
      const text = toHex(
        new TextEncoder().encode(
          "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
        ),
      )
      const sealed =
        'bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff921f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49'
      const key = '808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f'
      const aad = fromHex('50515253c0c1c2c3c4c5c6c7')
      await roundTrip(xchacha20Poly1305, key, '404142434445464748494a4b4c4d4e4f5051525354555657', { text, sealed, aad }, backend)
    })
  })

interface Case {
  readonly text: string
  readonly sealed: string
  readonly aad: Uint8Array | undefined
}

async function roundTrip(kind: AeadKind, key: string, nonce: string, { text, sealed, aad }: Case, backend: Backend): Promise<void> {
  const aead = await kind.create(fromHex(key), fromHex(nonce), backend)
  const output = new Uint8Array(sealed.length / 2)
  await aead.seal(fromHex(nonce), fromHex(text), aad, output)
  assert.equal(toHex(output), sealed)
  const opened = await aead.open(fromHex(nonce), output, aad)
  assert.equal(toHex(opened), text)
  assert.equal(opened.buffer.byteLength, opened.length, 'in memory of its own')
  output[3] = (output[3] ?? 0) ^ 1
  await assert.rejects(async () => aead.open(fromHex(nonce), output, aad))
}

describe('a sealed message', () => {
  const key = fromHex('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f')
  const salt = fromHex('404142434445464748494a4b4c4d4e4f5051525354555657')
  const context = new TextEncoder().encode('for nobody else')

  for (const kind of kinds)
    test(`${kind.name}: what one backend seals every other opens, and seals to the same bytes, at every boundary of a chunk`, async () => {
      for (const length of [0, 1, 40, 1023, 1024, 4096, chunkLength - 1, chunkLength, chunkLength + 1, 2 * chunkLength, 50_000]) {
        const text = Uint8Array.from({ length }, (_, index) => index * 7)
        const made: string[] = []
        for (const [, backend] of backends) {
          const sealed = await sealMessage(new InputKey(key, backend), text, { kind, context, backend }, undefined, salt)
          made.push(toHex(sealed))
          assert.equal(plaintextLength(sealed.length - 56), length)
          for (const [, other] of backends)
            assert.deepEqual(await openMessage(new InputKey(key, other), sealed, { kind, context, backend: other }), text)
        }
        assert.equal(new Set(made).size, 1)
      }
    })

  for (const [name, backend] of backends)
    test(`is of the text that was given, whatever is written over it meanwhile, on ${name}`, async () => {
      const given = new Uint8Array(3 * 16_384).fill(7)
      const options = { kind: aesGcm, context: new Uint8Array(), backend }
      const key = crypto.getRandomValues(new Uint8Array(32))
      const sealing = sealMessage(new InputKey(key, backend), given, options)
      given.fill(0)
      const opened = await openMessage(new InputKey(key, backend), await sealing, options)
      assert.ok(opened.every((byte) => byte === 7))
    })

  test('is refused when any bit of it is another, or when it is cut anywhere', async () => {
    const input = new InputKey(key)
    const sealed = await sealMessage(input, new Uint8Array(20), { kind: aesGcm, context })
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = Uint8Array.from(sealed)
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      await assert.rejects(async () => openMessage(input, changed, { kind: aesGcm, context }), refused)
    }
    for (let length = 0; length < sealed.length; length++)
      await assert.rejects(async () => openMessage(input, sealed.subarray(0, length), { kind: aesGcm, context }), refused)
  })

  test('of the other suite is not opened, though key, salt and context are the same', async () => {
    const sealed = await sealMessage(new InputKey(key), new Uint8Array(20), { kind: aesGcm, context }, undefined, salt)
    await assert.rejects(async () => openMessage(new InputKey(key), sealed, { kind: xchacha20Poly1305, context }), refused)
  })

  test('opens with its own context alone', () =>
    fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 40 }), async (one, other) => {
        fc.pre(toHex(one) !== toHex(other))
        const sealed = await sealMessage(new InputKey(key), Uint8Array.of(1), { kind: aesGcm, context: one })
        await assert.rejects(async () => openMessage(new InputKey(key), sealed, { kind: aesGcm, context: other }), refused)
      }),
    ))
})

describe('nonces', () => {
  test('are the base nonce with the number of the chunk in its last five bytes', () => {
    const base = fromHex('ffffffffffffffffffffffff')
    const nonce = new Uint8Array(12)
    writeNonce(base, 2 ** 38 - 1, nonce)
    assert.equal(toHex(nonce), 'ffffffffffffffc000000000')
    writeNonce(base, 2 ** 32 + 5, nonce)
    assert.equal(toHex(nonce), 'fffffffffffffffefffffffa')
  })

  test('are never the same twice in ten million of one key', () => {
    const base = crypto.getRandomValues(new Uint8Array(12))
    const nonce = new Uint8Array(12)
    const seen = new Uint8Array(10_000_000)
    for (let number = 0; number < seen.length; number++) {
      writeNonce(base, number, nonce)
      let told = 0
      for (let index = 8; index < 12; index++) told = told * 256 + ((nonce[index] ?? 0) ^ (base[index] ?? 0))
      if (told >= seen.length || seen[told] === 1) assert.fail(`nonce ${number} was used before`)
      seen[told] = 1
    }
  })

  test('are counted by the sealer itself, which seals nothing after the last chunk and nothing once it ended', async () => {
    const used: string[] = []
    const real = await deriveMessageKey(new InputKey(crypto.getRandomValues(new Uint8Array(32))), aesGcm, new Uint8Array(24), new Uint8Array())
    const watched = {
      ...real,
      aead: {
        seal: (nonce: Uint8Array, text: Uint8Array, aad: Uint8Array | undefined, into: Uint8Array) => {
          used.push(toHex(nonce))
          return real.aead.seal(nonce, text, aad, into)
        },
        open: () => new Uint8Array(),
        wipe: () => real.aead.wipe(),
      },
    }
    const sealer = new ChunkSealer(watched)
    for (let number = 0; number < 1000; number++) await sealer.seal(new Uint8Array(), new Uint8Array(16), number === 999)
    assert.equal(new Set(used).size, 1000)
    assert.throws(() => sealer.seal(new Uint8Array(), new Uint8Array(16), false), { code: 'payload_too_large' })
    const other = new ChunkSealer(watched)
    other.end()
    assert.throws(() => other.seal(new Uint8Array(), new Uint8Array(16), false))
    assert.equal(used.length, 1000)
  })

  test('a reader that ended opens nothing with a wiped key', async () => {
    const key = await deriveMessageKey(new InputKey(crypto.getRandomValues(new Uint8Array(32))), aesGcm, new Uint8Array(24), new Uint8Array())
    const opener = new ChunkOpener(key)
    opener.end()
    assert.throws(() => opener.open(0, new Uint8Array(16)), refused)
  })
})

describe('an input key', () => {
  for (const [name, backend] of backends)
    test(`derives nothing once it was wiped, on ${name}`, async () => {
      const input = new InputKey(crypto.getRandomValues(new Uint8Array(32)), backend)
      await input.expand(76, new Uint8Array(3))
      input.wipe()
      assert.equal(input.isWiped, true)
      await assert.rejects(async () => input.expand(76, new Uint8Array(3)), /wiped/)
    })

  test('derives from a context that is longer than what it began with', async () => {
    const bytes = crypto.getRandomValues(new Uint8Array(32))
    const [one, other] = [new InputKey(bytes), new InputKey(bytes, 'webcrypto')]
    for (const length of [0, 1, 318, 319, 320, 700, 5000]) {
      const info = new Uint8Array(length).fill(length)
      assert.equal(toHex(await one.expand(128, info)), toHex(await other.expand(128, info)))
    }
  })
})
