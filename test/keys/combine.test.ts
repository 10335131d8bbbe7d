import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { combine, type KeyProvider, localKeys, sealer } from '../../src/index.ts'

const bytes = (from: number): Uint8Array => Uint8Array.from({ length: 32 }, (_, index) => index + from)
const near = localKeys({ primary: 'n1', keys: { n1: bytes(1) }, id: 'near' })
const far = localKeys({ primary: 'f1', keys: { f1: bytes(2) }, id: 'far' })
const down = (provider: KeyProvider): KeyProvider => ({
  ...provider,
  unwrap: () => Promise.reject(new Error('down')),
  wrap: () => Promise.reject(new Error('down')),
})
const acme = { tenant: 'acme' }
const refused = { code: 'decryption_failed' }

describe('combine', () => {
  test('opens with any one of the providers, also with one alone', async () => {
    const { plaintext, wrapped } = await combine({ near, far }).generate(acme)
    for (const some of [
      combine({ near, far }),
      combine({ near }),
      combine({ far }),
      combine({ near: down(near), far }),
      combine({ far: down(far), near }),
    ])
      assert.deepEqual(await some.unwrap(wrapped, acme), plaintext)
    await assert.rejects(async () => combine({ other: near }).unwrap(wrapped, acme), refused)
    await assert.rejects(async () => combine({ near: far }).unwrap(wrapped, acme), refused)
  })

  test('says that it is not there where one is not and the others did not wrap it', async () => {
    const { wrapped } = await combine({ near, far }).generate(acme)
    const stranger = localKeys({ primary: 'x', keys: { x: bytes(9) } })
    await assert.rejects(async () => combine({ near: stranger, far: down(far) }).unwrap(wrapped, acme), /down/)
    await assert.rejects(async () => combine({ near: down(near), far: stranger }).unwrap(wrapped, acme), /down/)
  })

  test('seals only where all of them answer', async () => {
    await assert.rejects(async () => combine({ near, far: down(far) }).generate(acme), /down/)
  })

  test('A20: any bit of what any of them wrapped, of a name or of the code: refused, whoever opens', async () => {
    const { wrapped } = await combine({ near, far }).generate(acme)
    for (const some of [combine({ near, far }), combine({ far })])
      for (let at = 0; at < wrapped.bytes.length; at++) {
        const changed = Uint8Array.from(wrapped.bytes)
        changed[at] = (changed[at] ?? 0) ^ 1
        await assert.rejects(async () => some.unwrap({ ...wrapped, bytes: changed }, acme), refused, `byte ${at}`)
      }
    for (const other of [
      { id: 'local' },
      { version: '' },
      { version: 'near=n1' },
      { bytes: new Uint8Array(10) },
      { bytes: wrapped.bytes.subarray(0, -1) },
    ])
      await assert.rejects(async () => combine({ near, far }).unwrap({ ...wrapped, ...other }, acme), refused)
    await assert.rejects(async () => combine({ near, far }).unwrap(wrapped, { tenant: 'other' }), refused)
  })

  test('A20: a recipient that was taken out, or put in, is seen', async () => {
    const both = await combine({ near, far }).generate(acme)
    const alone = await combine({ near }).wrap(both.plaintext, acme)
    const cut = Uint8Array.from([...alone.bytes.subarray(0, -32), ...both.wrapped.bytes.subarray(-32)])
    await assert.rejects(async () => combine({ near }).unwrap({ ...alone, bytes: cut }, acme), refused)
  })

  test('wraps anew for all of them, and says when one of them has a new version', async () => {
    const keys = combine({ near, far })
    const { plaintext, wrapped } = await keys.generate(acme)
    assert.equal((await keys.state()).version, wrapped.version)
    const later = combine({ near: localKeys({ primary: 'n2', keys: { n1: bytes(1), n2: bytes(5) }, id: 'near' }), far })
    assert.notEqual((await later.state()).version, wrapped.version)
    const renewed = await later.rewrap(wrapped, acme)
    assert.equal((await later.state()).version, renewed.version)
    assert.deepEqual(await combine({ far }).unwrap(renewed, acme), plaintext)
  })

  test('is a provider for a sealer', async () => {
    const sealed = await sealer({ keys: combine({ near, far }) }).seal({ a: 1 }, acme)
    assert.deepEqual(await sealer({ keys: combine({ near: down(near), far }) }).open(sealed, acme), { a: 1 })
  })

  test('is not made of nothing', () => {
    for (const wrong of [{}, { '': near }, { a: {} }, { 'a b': near }, null, { a: undefined }])
      assert.throws(() => combine(wrong as never), TypeError)
  })
})
