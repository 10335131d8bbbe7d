import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { generateAgreementKeys, importPublicKey, parsePublicKey } from '../../src/keys/agreement-key.ts'

const encode = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url')

// RFC 7748, section 6.1: Alice's public key.
const alice = encode(Buffer.from('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a', 'hex'))

function littleEndian(value: bigint): string {
  return encode(Uint8Array.from({ length: 32 }, (_, index) => Number((value >> BigInt(8 * index)) & 0xffn)))
}

describe('a public key from outside', () => {
  test('is read without its other members', () => {
    assert.deepEqual(parsePublicKey({ kty: 'OKP', crv: 'X25519', x: alice, kid: 'a', use: 'enc' }), { kty: 'OKP', crv: 'X25519', x: alice })
  })

  test('has no private member, not even one that is inherited', () => {
    for (const name of ['d', 'k', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'priv'])
      for (const value of ['x', '', null, false]) {
        assert.equal(parsePublicKey({ kty: 'OKP', crv: 'X25519', x: alice, [name]: value }), undefined)
        assert.equal(parsePublicKey(Object.assign(Object.create({ [name]: value }), { kty: 'OKP', crv: 'X25519', x: alice })), undefined)
      }
    // Some runtimes export a public key with every member, and undefined where there is none.
    assert.deepEqual(parsePublicKey({ kty: 'OKP', crv: 'X25519', x: alice, d: undefined }), { kty: 'OKP', crv: 'X25519', x: alice })
  })

  test("is on an allowed curve, under that curve's own kind", () => {
    const wrong = [
      { kty: 'EC', crv: 'X25519', x: alice },
      { kty: 'OKP', crv: 'P-256', x: alice, y: alice },
      { kty: 'OKP', crv: 'Ed25519', x: alice },
      { kty: 'OKP', crv: 'X448', x: alice },
      { kty: 'EC', crv: 'secp256k1', x: alice, y: alice },
      { kty: 'EC', crv: 'P-256', x: alice },
      { kty: ['OKP'], crv: 'X25519', x: alice },
      Object.create({ kty: 'OKP', crv: 'X25519', x: alice }),
      'X25519',
      undefined,
    ]
    for (const value of wrong) assert.equal(parsePublicKey(value), undefined)
  })

  test('has one spelling', () => {
    const respelled = [`${alice}=`, `${alice} `, alice.slice(0, -1), `${alice.slice(0, -1)}h`, `A${alice}`, alice.replace(/.$/, 'p'), [alice], '']
    for (const x of respelled.filter((other) => other !== alice)) assert.equal(parsePublicKey({ kty: 'OKP', crv: 'X25519', x }), undefined)
    const prime = 2n ** 255n - 19n
    for (const x of [prime, prime + 1n, prime + 9n, 2n ** 255n - 1n, 2n ** 255n + 9n])
      assert.equal(parsePublicKey({ kty: 'OKP', crv: 'X25519', x: littleEndian(x) }), undefined)
    for (const x of [9n, prime - 2n]) assert.notEqual(parsePublicKey({ kty: 'OKP', crv: 'X25519', x: littleEndian(x) }), undefined)
  })

  test('is of full order: what is refused for it agrees on nothing in any runtime', async () => {
    const { privateKey } = await generateAgreementKeys('X25519', false)
    const prime = 2n ** 255n - 19n
    const low = [
      0n,
      1n,
      prime - 1n,
      325606250916557431795983626356110631294008115727848805560023387167927233504n,
      39382357235489614581723060781553021112529911719440698176882885853963445705823n,
    ].map(littleEndian)
    for (const x of low) {
      assert.equal(parsePublicKey({ kty: 'OKP', crv: 'X25519', x }), undefined)
      await assert.rejects(async () => {
        const key = await importPublicKey({ kty: 'OKP', crv: 'X25519', x })
        await crypto.subtle.deriveBits({ name: 'X25519', public: key }, privateKey, 256)
      })
    }
  })
})
