import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { localKeys, type KeyringOptions } from '../../src/index.ts'

const k1 = Uint8Array.from({ length: 32 }, (_, index) => index)
const k2 = Uint8Array.from({ length: 32 }, (_, index) => 200 - index)
const acme = { tenant: 'acme' }
const refused = { code: 'decryption_failed' }

describe('localKeys with a keyring', () => {
  test('wraps with the primary key and unwraps with the one that is named', async () => {
    const old = localKeys({ primary: 'k1', keys: { k1 } })
    const both = localKeys({ primary: 'k2', keys: { k1, k2 } })
    const { plaintext, wrapped } = await old.generate(acme)
    assert.deepEqual([wrapped.id, wrapped.version], ['local', 'k1'])
    assert.deepEqual(await both.unwrap(wrapped, acme), plaintext)
    const renewed = await both.rewrap(wrapped, acme)
    assert.equal(renewed.version, 'k2')
    assert.deepEqual(await both.unwrap(renewed, acme), plaintext)
    await assert.rejects(async () => old.unwrap(renewed, acme), refused)
    assert.deepEqual(await both.state(), { id: 'local', version: 'k2', opens: ['k1', 'k2'] })
  })

  test('refuses another context, another name, another version, and any other bit', async () => {
    const ring = localKeys({ primary: 'k1', keys: { k1, k2 } })
    const { wrapped } = await ring.generate(acme)
    for (const context of [{}, { tenant: 'acm' }, { tenant: 'acme', subject: 'a' }, { subject: 'acme' }])
      await assert.rejects(async () => ring.unwrap(wrapped, context), refused)
    for (const other of [{ id: 'other' }, { version: 'k2' }, { version: 'k3' }, { version: '' }, { version: '__proto__' }])
      await assert.rejects(async () => ring.unwrap({ ...wrapped, ...other }, acme), refused)
    for (let bit = 0; bit < wrapped.bytes.length * 8; bit++) {
      const bytes = Uint8Array.from(wrapped.bytes)
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      await assert.rejects(async () => ring.unwrap({ ...wrapped, bytes }, acme), refused)
    }
    for (const bytes of [new Uint8Array(), wrapped.bytes.subarray(1), new Uint8Array(200)])
      await assert.rejects(async () => ring.unwrap({ ...wrapped, bytes }, acme), refused)
  })

  test('refuses what is below the minimum', async () => {
    const { wrapped } = await localKeys({ primary: 'k1', keys: { k1, k2 } }).generate(acme)
    const ring = localKeys({ primary: 'k2', keys: { k1, k2 }, minimum: 'k2' })
    await assert.rejects(async () => ring.unwrap(wrapped, acme), refused)
    assert.deepEqual((await ring.state()).opens, ['k2'])
  })

  test('keeps its own copies of the keys, and tells nobody', async () => {
    const own = Uint8Array.from(k1)
    const ring = localKeys({ primary: 'k1', keys: { k1: own } })
    own.fill(7)
    const { wrapped, plaintext } = await ring.generate(acme)
    assert.deepEqual(await localKeys({ primary: 'k1', keys: { k1 } }).unwrap(wrapped, acme), plaintext)
    assert.deepEqual(ring.describe(), { kind: 'local', id: 'local', primary: 'k1', opens: ['k1'] })
  })

  test('is not made with wrong options, and says nothing of a key', () => {
    const wrong: readonly unknown[] = [
      { primary: 'k2', keys: { k1 } },
      { primary: 'k1', keys: { k1: k1.subarray(1) } },
      { primary: 'k1', keys: { k1: 'secret' } },
      { primary: 'k1', keys: { k1: new Uint8Array(32) } },
      { primary: '1', keys: { 1: k1 } },
      { primary: 'a b', keys: { 'a b': k1 } },
      { primary: 'k1', keys: { k1, k2 }, minimum: 'k2' },
      { primary: 'k1', keys: { k1 }, minimum: 'k0' },
      { primary: 'k1', keys: { k1 }, id: '' },
      { primary: 'k1', keys: { k1 }, more: 1 },
      { primary: 'k1' },
      {},
      null,
    ]
    for (const each of wrong)
      assert.throws(
        () => localKeys(each as KeyringOptions),
        (error: unknown) => error instanceof TypeError && !error.message.includes('secret'),
      )
  })
})
