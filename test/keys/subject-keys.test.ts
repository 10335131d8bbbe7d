import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { localKeys, memorySubjectKeys, sealer, subjectKeys, type SubjectKeyStore } from '../../src/index.ts'
import { testClock } from '../../src/testing/index.ts'

const k1 = Uint8Array.from({ length: 32 }, (_, index) => index)
const k2 = Uint8Array.from({ length: 32 }, (_, index) => index + 9)
const ring = localKeys({ primary: 'k1', keys: { k1 } })
const ada = { tenant: 'acme', subject: 'ada' }
const bob = { tenant: 'acme', subject: 'bob' }
const refused = { code: 'decryption_failed' }

describe('subjectKeys', () => {
  test('shred makes unreadable all that was sealed for a subject, and nothing else', async () => {
    const keys = subjectKeys({ keys: ring, store: memorySubjectKeys() })
    const box = sealer({ keys })
    const [first, second, other] = [await box.seal('one', { ...ada, field: '/a' }), await box.seal('two', ada), await box.seal('three', bob)]
    assert.equal(await sealer({ keys }).open(first, { ...ada, field: '/a' }), 'one')
    await keys.shred(ada)
    box.clear()
    for (const reader of [box, sealer({ keys })]) {
      await assert.rejects(reader.open(first, { ...ada, field: '/a' }), refused)
      await assert.rejects(reader.open(second, ada), refused)
      assert.equal(await reader.open(other, bob), 'three')
    }
    // Who comes back has another key.
    const again = await box.seal('four', ada)
    assert.equal(await box.open(again, ada), 'four')
    await assert.rejects(box.open(second, ada), refused)
  })

  test('no sealer holds a shredded key beyond the age of its keys', async () => {
    const clock = testClock()
    const keys = subjectKeys({ keys: ring, store: memorySubjectKeys() })
    const box = sealer({ keys, dataKeys: { clock, maxAge: 300, staleWhileDown: 60 } })
    const sealed = await box.seal('one', ada)
    await box.open(sealed, ada)
    await keys.shred(ada)
    clock.advance(299_999)
    assert.equal(await box.open(sealed, ada), 'one')
    clock.advance(1)
    await assert.rejects(box.open(sealed, ada), refused)
    clock.advance(60_000)
    assert.equal(box.metrics().kept, 0)
  })

  test('many at once agree on one key of a subject, over a store that is slow', async () => {
    const store = memorySubjectKeys()
    const slow: SubjectKeyStore = {
      get: async (name) => store.get(name),
      add: async (name, record) => {
        await Promise.resolve()
        return store.add(name, record)
      },
      replace: async (name, record, before) => store.replace(name, record, before),
      delete: async (name) => store.delete(name),
    }
    const all = await Promise.all(Array.from({ length: 10 }, () => subjectKeys({ keys: ring, store: slow }).generate(ada)))
    assert.equal(new Set(all.map(({ plaintext }) => String(plaintext))).size, 1)
  })

  test('wraps anew where the key is kept, and does not bring back what was shredded meanwhile', async () => {
    const store = memorySubjectKeys()
    const old = subjectKeys({ keys: ring, store })
    const sealed = await sealer({ keys: old }).seal('one', ada)
    const both = localKeys({ primary: 'k2', keys: { k1, k2 } })
    const renewed = subjectKeys({ keys: both, store })
    assert.deepEqual(await sealer({ keys: renewed }).rewrap(sealed, ada), sealed)
    const last = subjectKeys({ keys: localKeys({ primary: 'k2', keys: { k2 } }), store })
    assert.equal(await sealer({ keys: last }).open(sealed, ada), 'one')
    const racing = subjectKeys({
      keys: {
        ...both,
        rewrap: async (wrapped, context) => {
          await renewed.shred(ada)
          return both.rewrap(wrapped, context)
        },
      },
      store,
    })
    assert.equal(await racing.renew(ada), false)
    await assert.rejects(sealer({ keys: last }).open(sealed, ada), refused)
  })

  test('refuses a context without a subject, another subject, and a store that answers nonsense', async () => {
    const keys = subjectKeys({ keys: ring, store: memorySubjectKeys() })
    const box = sealer({ keys, dataKeys: { retries: 0 } })
    await assert.rejects(box.seal('one', { tenant: 'acme' }), { code: 'misconfigured' })
    const sealed = await box.seal('one', ada)
    await box.seal('two', bob)
    await assert.rejects(box.open(sealed, bob), refused)
    for (const nonsense of ['', '{}', 5, '{"id":"AAAA","kek":"k","version":"","wrapped":"AA"}']) {
      const broken = { ...memorySubjectKeys(), get: () => nonsense as string }
      await assert.rejects(sealer({ keys: subjectKeys({ keys: ring, store: broken }), dataKeys: { retries: 0 } }).open(sealed, ada), {
        code: 'keys_unavailable',
      })
    }
    for (const wrong of [
      {},
      { keys: ring },
      { keys: ring, store: {} },
      { keys: {}, store: memorySubjectKeys() },
      { keys: ring, store: memorySubjectKeys(), a: 1 },
    ])
      assert.throws(() => subjectKeys(wrong as never), TypeError)
  })
})
