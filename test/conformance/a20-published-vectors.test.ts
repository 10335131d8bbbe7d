import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { compactDecrypt, importJWK, type JWK } from 'jose'
import { openCompact, readCompact } from '../../src/encryption/compact-jwe.ts'
import { openDirect } from '../../src/encryption/direct-jwe.ts'
import { openRequest } from '../../src/encryption/open-request.ts'
import { xchacha20Poly1305 } from '../../src/encryption/xchacha20-poly1305.ts'
import { localKeys, memoryReplay } from '../../src/index.ts'
import type { AeadKind } from '../../src/keys/aead.ts'
import { aesGcm } from '../../src/keys/aes-gcm.ts'
import { decodeBase64url } from '../../src/keys/base64url.ts'
import { expandByWebCrypto, NativeExpander } from '../../src/keys/input-key.ts'
import { type Backend, nativeCrypto } from '../../src/keys/native-crypto.ts'
import { fromHex, toHex } from '../encryption/cobblestone-vectors.ts'
import { hkdfVectors } from './hkdf-vectors.ts'
import { jweExamples } from './jwe-examples.ts'

const hmac = { name: 'HMAC', hash: 'SHA-512' } as const
const asKey = (bytes: Uint8Array): Promise<CryptoKey> => crypto.subtle.importKey('raw', Uint8Array.from(bytes), hmac, false, ['sign'])

/** HKDF-Extract (RFC 5869, section 2.2): an empty salt is one of zeros. */
async function extract(salt: Uint8Array, input: Uint8Array): Promise<Uint8Array> {
  const key = await asKey(salt.length === 0 ? new Uint8Array(64) : salt)
  return new Uint8Array(await crypto.subtle.sign(hmac, key, Uint8Array.from(input)))
}

const native = nativeCrypto()
// What the runtime has: workerd leaves out of the module what is needed.
const backends: readonly (readonly [name: string, backend: Backend])[] = [
  ['WebCrypto', 'webcrypto'],
  ...(native === undefined ? [] : ([['the native one', native]] as const)),
]

interface AeadVector {
  readonly source: string
  readonly kind: AeadKind
  readonly key: string
  readonly nonce: string
  readonly text: string
  readonly aad: string | undefined
  readonly sealed: string
}

const gcmKey = 'feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308'
const gcmText = 'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255'
const gcmSealed = '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad'

const aeadVectors: readonly AeadVector[] = [
  {
    source: 'GCM, test case 13',
    kind: aesGcm,
    key: '00'.repeat(32),
    nonce: '00'.repeat(12),
    text: '',
    aad: undefined,
    sealed: '530f8afbc74536b9a963b4f1c4cb738b',
  },
  {
    source: 'GCM, test case 14',
    kind: aesGcm,
    key: '00'.repeat(32),
    nonce: '00'.repeat(12),
    text: '00'.repeat(16),
    aad: undefined,
    sealed: 'cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919',
  },
  {
    source: 'GCM, test case 15',
    kind: aesGcm,
    key: gcmKey,
    nonce: 'cafebabefacedbaddecaf888',
    text: gcmText,
    aad: undefined,
    sealed: `${gcmSealed}b094dac5d93471bdec1a502270e3cc6c`,
  },
  {
    source: 'GCM, test case 16',
    kind: aesGcm,
    key: gcmKey,
    nonce: 'cafebabefacedbaddecaf888',
    text: gcmText.slice(0, -8),
    aad: 'feedfacedeadbeeffeedfacedeadbeefabaddad2',
    sealed: `${gcmSealed.slice(0, -8)}76fc6ece0f4e1768cddf8853bb2d551b`,
  },
  {
    source: 'draft-irtf-cfrg-xchacha-03, appendix A.3.1',
    kind: xchacha20Poly1305,
    key: '808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f',
    nonce: '404142434445464748494a4b4c4d4e4f5051525354555657',
    text: toHex(
      new TextEncoder().encode("Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it."),
    ),
    aad: '50515253c0c1c2c3c4c5c6c7',
    sealed:
      'bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff921f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49',
  },
]

describe('A20: published vectors', () => {
  for (const [name, backend] of backends) {
    test(`HKDF-SHA-512 of Wycheproof, on ${name}`, async () => {
      for (const { id, ikm, salt, info, okm } of hkdfVectors) {
        const key = await extract(fromHex(salt), fromHex(ikm))
        const length = okm.length / 2
        // In one part and in several: what it is of does not depend on how it is given.
        for (const parts of [[fromHex(info)], [fromHex(info).subarray(0, 3), fromHex(info).subarray(3)]]) {
          const derived =
            backend === 'webcrypto' ? await expandByWebCrypto(asKey(key), length, parts) : new NativeExpander(backend, key).expand(length, parts)
          assert.equal(toHex(derived), okm, `number ${id}`)
        }
      }
    })

    for (const { source, kind, key, nonce, text, aad, sealed } of aeadVectors)
      test(`${kind.name} on ${name}: ${source}`, async () => {
        const aead = await kind.create(fromHex(key), fromHex(nonce), backend)
        const extra = aad === undefined ? undefined : fromHex(aad)
        const output = new Uint8Array(sealed.length / 2)
        await aead.seal(fromHex(nonce), fromHex(text), extra, output)
        assert.equal(toHex(output), sealed)
        assert.equal(toHex(await aead.open(fromHex(nonce), output, extra)), text)
        for (const at of [0, output.length - 1]) {
          const changed = Uint8Array.from(output)
          changed[at] = (changed[at] ?? 0) ^ 1
          await assert.rejects(async () => aead.open(fromHex(nonce), changed, extra))
        }
      })
  }
})

describe('A20: examples of JWE by other algorithms than those that are allowed', () => {
  const expected = { replay: memoryReplay(), ath: 'a', address: 'https://api.example/', maxAge: 60, now: 0 }
  for (const { source, compact, key, plaintext } of jweExamples)
    test(source, async () => {
      const header = readCompact(compact)
      const { alg = '', crv = '' }: { readonly alg?: unknown; readonly crv?: unknown } = { ...header, ...key }
      if (key !== undefined) {
        // It is genuine: without an allow list of ours, whoever has its key opens it.
        const said = JSON.parse(new TextDecoder().decode(decodeBase64url(compact.split('.')[0] ?? ''))) as JWK
        const own = await importJWK({ ...key } as JWK, said.alg)
        const opened = await compactDecrypt(compact, own)
        assert.equal(new TextDecoder().decode(opened.plaintext), plaintext)
        for (const algorithm of ['ECDH-ES', 'ECDH-ES+A256KW'] as const) await assert.rejects(openCompact(compact, own as CryptoKey, algorithm))
      }
      // As the body of a sealed request, though its own key is one of the service's where that can be.
      const keys = localKeys({ jwks: { keys: [crv === 'P-256' ? ({ ...key } as JWK) : await anyKey()] } })
      await assert.rejects(openRequest(new TextEncoder().encode(compact), { ...expected, keys }), { code: 'decryption_failed' })
      assert.equal(await openDirect(compact, new Uint8Array(32), 'any'), undefined)
      assert.ok(header === undefined || alg !== 'ECDH-ES+A256KW')
    })
})

async function anyKey(): Promise<JWK> {
  const { privateKey } = (await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, true, ['deriveBits'])) as CryptoKeyPair
  const { kty = '', crv = '', x = '', y = '', d = '' } = await crypto.subtle.exportKey('jwk', privateKey)
  return { kty, crv, x, y, d } as JWK
}
