import assert from 'node:assert/strict'
import { test } from 'node:test'
import { partitionKeys, webPartitionKeys } from '../../src/limits/partition-key.ts'

const secret = new Uint8Array(32).fill(7)

test('a partition is named by a keyed hash, the same one on every runtime', async () => {
  const native = partitionKeys(secret)
  const web = webPartitionKeys(new Uint8Array(secret))
  const name = native('minute', '1:iada')
  assert.equal(name, await web('minute', '1:iada'))
  assert.match(String(name), /^[A-Za-z0-9+/]{22}==$/)
  for (const [limit, key] of [
    ['minute', '1:igrace'],
    ['hour', '1:iada'],
    ['minut', 'e1:iada'],
  ] as const)
    assert.notEqual(native(limit, key), name)
  assert.notEqual(partitionKeys(new Uint8Array(32).fill(8))('minute', '1:iada'), name)
})

test('a secret that is too short is none, and one that is given is copied', () => {
  for (const wrong of [new Uint8Array(31), 'x'.repeat(32), undefined]) assert.throws(() => partitionKeys(wrong as never), TypeError)
  const own = new Uint8Array(secret)
  const name = partitionKeys(own)
  const before = name('minute', 'k')
  own.fill(0)
  assert.equal(name('minute', 'k'), before)
})
