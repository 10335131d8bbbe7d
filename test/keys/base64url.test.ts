import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeBase64url, encodeBase64url } from '../../src/keys/base64url.ts'

test('gives back any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const text = encodeBase64url(bytes)
      assert.equal(text, Buffer.from(bytes).toString('base64url'))
      assert.deepEqual(decodeBase64url(text), bytes)
    }),
  )
})

test('takes a text only in the spelling that it would write itself', () => {
  const text = fc.string({ unit: fc.constantFrom(...'ABYZabyz0189-_+/=. \n\u0100'), maxLength: 12 })
  fc.assert(
    fc.property(text, (spelling) => {
      const bytes = decodeBase64url(spelling)
      if (bytes !== undefined) assert.equal(Buffer.from(bytes).toString('base64url'), spelling)
      else assert.notEqual(Buffer.from(spelling, 'base64url').toString('base64url'), spelling)
    }),
  )
})
