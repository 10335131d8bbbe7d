import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keyedHash } from '../../src/masking/keyed-hash.ts'

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

test('hashes the HMAC example of RFC 4231, section 4.7', () => {
  const hash = keyedHash(new Uint8Array(131).fill(0xaa))
  assert.equal(
    hex(hash('Test Using Larger Than Block-Size Key - Hash Key First')),
    '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
  )
})

test('copies its key', () => {
  const key = new Uint8Array(32).fill(7)
  const hash = keyedHash(key)
  const before = hex(hash('a'))
  key.fill(0)
  assert.equal(hex(hash('a')), before)
})

test('refuses a key that is too short, and a runtime that cannot hash at once', (context) => {
  assert.throws(() => keyedHash(new Uint8Array(31)), TypeError)
  context.mock.method(process, 'getBuiltinModule', () => undefined)
  assert.throws(() => keyedHash(new Uint8Array(32)), /cannot hash at once/)
})
