import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type KeyedDigest, keyedDigest, webDigest } from '../../src/audit-log/keyed-digest.ts'

const key = new Uint8Array(32).fill(0x0b)
const kinds: readonly [string, (key: Uint8Array<ArrayBuffer>) => KeyedDigest][] = [
  ['native', keyedDigest],
  ['by WebCrypto', webDigest],
]

for (const [name, make] of kinds)
  describe(`a keyed digest, ${name}`, () => {
    it('is HMAC-SHA-256 (RFC 4231, test cases 6 and 7)', async () => {
      const vector = make(new Uint8Array(131).fill(0xaa))
      const expected: readonly [string, string][] = [
        ['Test Using Larger Than Block-Size Key - Hash Key First', '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54'],
        [
          'This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.',
          '9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2',
        ],
      ]
      for (const [text, hex] of expected) {
        const digest = `hmac-sha256:${Buffer.from(hex, 'hex').toString('base64url')}`
        assert.equal(await vector.digest(text), digest)
        assert.equal(await vector.digest(Buffer.from(text)), digest)
      }
    })

    it('is the same for content in one piece and in many', async () => {
      const digest = make(key)
      await fc.assert(
        fc.asyncProperty(fc.array(fc.oneof(fc.string({ unit: 'grapheme' }), fc.uint8Array())), async (pieces) => {
          const running = digest.running()
          for (const piece of pieces) running.update(piece)
          assert.equal(await running.end(), await digest.digest(Buffer.concat(pieces.map((piece) => Buffer.from(piece as string)))))
        }),
        { numRuns: 30 },
      )
    })

    it('is another under another key, and takes no part in what becomes of the key', async () => {
      const own = key.slice()
      const digest = make(own)
      const before = await digest.digest('1234')
      own.fill(0)
      assert.equal(await digest.digest('1234'), before)
      assert.notEqual(await make(new Uint8Array(32)).digest('1234'), before)
    })
  })

describe('the key of a keyed digest', () => {
  it('has at least 32 bytes', () => {
    assert.throws(() => keyedDigest(new Uint8Array(31)), TypeError)
    assert.throws(() => keyedDigest('x'.repeat(32) as never), TypeError)
  })
})
