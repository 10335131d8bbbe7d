import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type KeyProvider, localKeys, rewrapAll, type SealContext, type SealedItem, type Sealer, sealer, type Suite } from '../../src/index.ts'
import { readHeader } from '../../src/encryption/sealed-header.ts'

const k1 = Uint8Array.from({ length: 32 }, (_, index) => index)
const k2 = Uint8Array.from({ length: 32 }, (_, index) => 99 - index)
const keys = localKeys({ primary: 'k1', keys: { k1 } })
const context: SealContext = { tenant: 'acme', subject: 'issuer|ada', field: '/notes' }
const refused = { code: 'decryption_failed' }
const text = new TextEncoder().encode('what nobody else may read')
const suites: readonly Suite[] = ['aes-256-gcm', 'xchacha20-poly1305']

async function* cut(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function whole(parts: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const found: Uint8Array[] = []
  for await (const part of parts) found.push(part)
  return Uint8Array.from(found.flatMap((part) => [...part]))
}

const headerLength = (sealed: Uint8Array): number => readHeader(sealed)?.length ?? 0

for (const suite of suites) {
  const box = sealer({ keys, suite })
  describe(`values sealed with ${suite}`, () => {
    test('open as they were: bytes as bytes, JSON as JSON', async () => {
      assert.deepEqual(await box.open(await box.seal(text, context), context), text)
      const value = { a: [1, 'ü', null, true], b: {} }
      assert.deepEqual(await box.open(await box.seal(value, context), context), value)
      assert.deepEqual(await box.openBytes(await box.seal(new Uint8Array(), context), context), new Uint8Array())
      await assert.rejects(box.openBytes(await box.seal('text', context), context), refused)
    })

    test('are never the same twice', async () => {
      const made = await Promise.all(Array.from({ length: 50 }, async () => String(await box.seal(text, context))))
      assert.equal(new Set(made).size, 50)
    })

    test('A20: are refused when any byte of them is another, header, wrapped key and names of keys included', async () => {
      const sealed = await box.seal(text, context)
      assert.ok(headerLength(sealed) > 100)
      for (let at = 0; at < sealed.length; at++)
        for (const difference of [1, 0x80, 0xff]) {
          const changed = Uint8Array.from(sealed)
          changed[at] = (changed[at] ?? 0) ^ difference
          await assert.rejects(box.open(changed, context), refused, `byte ${at}`)
        }
    })

    test('A20: are refused when they are cut anywhere, and when anything stands behind them', async () => {
      const sealed = await box.seal(text, context)
      for (let length = 0; length < sealed.length; length++) await assert.rejects(box.open(sealed.subarray(0, length), context), refused)
      for (const more of [1, 16, 100]) {
        const longer = new Uint8Array(sealed.length + more)
        longer.set(sealed)
        await assert.rejects(box.open(longer, context), refused)
      }
    })

    test('A20: are refused for every other context', () =>
      fc.assert(
        fc.asyncProperty(contexts(), contexts(), async (one, other) => {
          fc.pre(JSON.stringify(sorted(one)) !== JSON.stringify(sorted(other)))
          const sealed = await box.seal(text, one)
          assert.deepEqual(await box.open(sealed, one), text)
          await assert.rejects(box.open(sealed, other), refused)
        }),
        { numRuns: 60 },
      ))

    test('stream in pieces of any size, and are what is sealed and opened whole', () =>
      fc.assert(
        fc.asyncProperty(
          fc.constantFrom(0, 1, 16_383, 16_384, 16_385, 40_000),
          fc.integer({ min: 1, max: 50_000 }),
          fc.constantFrom(13, 1_000, 16_400, 70_000),
          async (length, into, from) => {
            const value = Uint8Array.from({ length }, (_, index) => index * 31)
            const sealed = await whole(box.sealStream(cut(value, into), context))
            assert.deepEqual(await box.open(sealed, context), value)
            assert.deepEqual(await whole(box.openStream(cut(sealed, from), context)), value)
          },
        ),
        { numRuns: 15 },
      ))

    test('A20: a stream that is cut anywhere ends with an error, and gives out nothing that is not genuine', async () => {
      const value = Uint8Array.from({ length: 40_000 }, (_, index) => index)
      const sealed = await whole(box.sealStream(cut(value, 9_999), context))
      const start = headerLength(sealed) + 56
      for (const length of [0, 5, start - 1, start, start + 15, start + 16_400, start + 16_415, start + 2 * 16_400, sealed.length - 1]) {
        let said = 0
        const reading = async (): Promise<void> => {
          for await (const part of box.openStream(cut(sealed.subarray(0, length), 5_000), context)) {
            assert.deepEqual(part, value.subarray(said, said + part.length))
            said += part.length
          }
        }
        await assert.rejects(reading, refused, `${length} bytes`)
      }
    })

    test('A20: a stream with a chunk moved, repeated, left out, or taken from another stream is refused', async () => {
      const value = new Uint8Array(40_000)
      const [sealed, other] = [await whole(box.sealStream(cut(value, 9_999), context)), await whole(box.sealStream(cut(value, 9_999), context))]
      const start = headerLength(sealed) + 56
      const chunk = (from: Uint8Array, number: number): Uint8Array => from.subarray(start + number * 16_400, start + (number + 1) * 16_400)
      const orders: readonly (readonly Uint8Array[])[] = [
        [chunk(sealed, 1), chunk(sealed, 0), chunk(sealed, 2)],
        [chunk(sealed, 0), chunk(sealed, 0), chunk(sealed, 1), chunk(sealed, 2)],
        [chunk(sealed, 0), chunk(sealed, 2)],
        [chunk(sealed, 0), chunk(other, 1), chunk(sealed, 2)],
        [chunk(sealed, 0), chunk(sealed, 1), chunk(sealed, 2), chunk(sealed, 2)],
      ]
      for (const order of orders) {
        const made = async function* (): AsyncGenerator<Uint8Array> {
          yield sealed.subarray(0, start)
          yield* order
        }
        await assert.rejects(whole(box.openStream(made(), context)), refused)
      }
    })

    test('parts of a large one are read without the rest, whose change goes unseen until it is read', async () => {
      const value = Uint8Array.from({ length: 100_000 }, (_, index) => index * 13)
      const sealed = await box.seal(value, context)
      const start = headerLength(sealed) + 56
      sealed[start + 16_400 + 5] = (sealed[start + 16_400 + 5] ?? 0) ^ 1
      let read = 0
      const source = {
        size: sealed.length,
        read: (position: number, length: number) => {
          read += length
          return sealed.subarray(position, position + length)
        },
      }
      const reader = await box.openReader(source, context)
      assert.equal(reader.size, 100_000)
      assert.ok(read < 40_000)
      assert.deepEqual(await reader.read(40_000, 20_000), value.subarray(40_000, 60_000))
      assert.deepEqual(await reader.read(99_990, 100), value.subarray(99_990))
      assert.deepEqual(await reader.read(200_000, 5), new Uint8Array())
      await assert.rejects(reader.read(20_000, 1), refused)
      await assert.rejects(reader.read(-1, 5), TypeError)
      reader.close()
      await assert.rejects(reader.read(0, 1), refused)
      await assert.rejects(box.openReader({ ...source, size: sealed.length - 1 }, context), refused)
      await assert.rejects(box.openReader(source, { ...context, field: '/other' }), refused)
    })
  })
}

describe('a sealer', () => {
  const box = sealer({ keys, context: { tenant: 'acme' } })

  test('opens what another one sealed, whatever its suite', async () => {
    for (const suite of suites) {
      const sealed = await sealer({ keys, suite }).seal(text, { tenant: 'acme', field: '/a' })
      assert.deepEqual(await box.open(sealed, { field: '/a' }), text)
    }
  })

  test('refuses a context that says nothing, says too much, or says it twice', async () => {
    const wrong: readonly unknown[] = [
      { field: '' },
      { field: undefined },
      { field: null },
      { field: 5 },
      { field: '\ud800' },
      { field: 'a'.repeat(5000) },
      { feild: '/a' },
      { tenant: 'acme' },
      { direction: 'sideways' },
      null,
      'acme',
      ['acme'],
    ]
    for (const each of wrong) {
      await assert.rejects(box.seal(text, each as SealContext), TypeError)
      await assert.rejects(box.open(await box.seal(text), each as SealContext), TypeError)
    }
    await assert.rejects(sealer({ keys }).seal(text), /at least one part/)
    await assert.rejects(sealer({ keys }).seal(text, {}), /at least one part/)
  })

  test('A16: refuses what JSON cannot hold', async () => {
    for (const value of [1n, () => 1, Number.NaN, { a: new Uint8Array(1) }, new Date(), '\ud800', undefined])
      await assert.rejects(box.seal(value as never), (error: { code?: string }) => error.code === 'payload_invalid', String(value))
  })

  test('is not made with wrong options', () => {
    const wrong: readonly unknown[] = [
      {},
      { keys: {} },
      { keys, suite: 'aes-128-gcm' },
      { keys, context: { tenant: '' } },
      { keys, other: 1 },
      { keys, dataKeys: { maxAge: 0 } },
      { keys, dataKeys: { maxMessages: 1.5 } },
      { keys, dataKeys: { retries: -1 } },
    ]
    for (const each of wrong) assert.throws(() => sealer(each as { keys: KeyProvider }), TypeError)
  })

  test('works no more once it is closed', async () => {
    const own: Sealer = sealer({ keys })
    const sealed = await own.seal(text, context)
    own.close()
    await assert.rejects(own.open(sealed, context), { code: 'keys_unavailable' })
    await assert.rejects(own.seal(text, context), { code: 'keys_unavailable' })
    assert.equal(own.metrics().kept, 0)
  })

  test('seals what it was given, whatever is written over it while a data key is waited for', async () => {
    const slow: KeyProvider = { ...keys, generate: async (of) => keys.generate(of) }
    for (const suite of suites)
      for (const provider of [keys, slow])
        for (const length of [3, 40_000]) {
          const own = sealer({ keys: provider, suite })
          const given = new Uint8Array(length).fill(7)
          const sealing = own.seal(given, context)
          given.fill(0)
          assert.deepEqual(await own.open(await sealing, context), new Uint8Array(length).fill(7))
        }
  })

  test('opens one value after the other out of the same memory, a Buffer included', async () => {
    const writer = sealer({ keys, dataKeys: { maxMessages: 1 } })
    const values = [await writer.seal('one', context), await writer.seal('two', context)]
    for (const memory of [new Uint8Array(values[0]?.length ?? 0), Buffer.alloc(values[0]?.length ?? 0)]) {
      const own = sealer({ keys })
      const opened: unknown[] = []
      for (const value of values) {
        memory.set(value)
        opened.push(await own.open(memory, context))
      }
      assert.deepEqual(opened, ['one', 'two'])
    }
  })

  test('renews the wrapping and leaves the value as it is', async () => {
    const old = localKeys({ primary: 'k1', keys: { k1, k2 } })
    const renewed = localKeys({ primary: 'k2', keys: { k1, k2 } })
    const later = localKeys({ primary: 'k2', keys: { k1, k2 }, minimum: 'k2' })
    const sealed = await sealer({ keys: old }).seal(text, context)
    const again = await sealer({ keys: renewed }).rewrap(sealed, context)
    assert.deepEqual(sealed.subarray(headerLength(sealed)), again.subarray(headerLength(again)))
    assert.deepEqual(await sealer({ keys: later }).open(again, context), text)
    await assert.rejects(sealer({ keys: later }).open(sealed, context), refused)
    await assert.rejects(sealer({ keys: renewed }).rewrap(sealed, { ...context, tenant: 'other' }), refused)
  })

  describe('renews many', () => {
    const box = sealer({ keys: localKeys({ primary: 'k2', keys: { k1, k2 } }) })
    const renewing = (items: AsyncIterable<SealedItem>, write: () => unknown) =>
      rewrapAll({ box, keys: localKeys({ primary: 'k2', keys: { k1, k2 } }), items, write })
    const failure = new Error('on purpose')

    test('and ends with the failure of one, also where it comes while the next is waited for', async () => {
      const sealed = await sealer({ keys }).seal(text, context)
      let isOver = false
      const items = async function* (): AsyncGenerator<SealedItem> {
        try {
          yield { name: 'one', sealed, context }
          // So long that a promise whose rejection nobody hears of would end the process.
          await new Promise((resolve) => setTimeout(resolve, 20))
          yield { name: 'two', sealed, context }
        } finally {
          isOver = true
        }
      }
      await assert.rejects(
        renewing(items(), () => Promise.reject(failure)),
        failure,
      )
      assert.equal(isOver, true)
    })

    test('and writes nothing after it ended, also where the list of them fails', async () => {
      const sealed = await sealer({ keys }).seal(text, context)
      const items = async function* (): AsyncGenerator<SealedItem> {
        yield { name: 'one', sealed, context }
        throw failure
      }
      let written = 0
      const write = async (): Promise<void> => {
        await new Promise((resolve) => setTimeout(resolve, 20))
        written++
      }
      await assert.rejects(renewing(items(), write), failure)
      assert.equal(written, 1)
    })
  })

  test('makes no room for more data keys than anybody has', () => {
    for (const maxKeys of [0, 1.5, 1_000_001, 2 ** 40]) assert.throws(() => sealer({ keys, dataKeys: { maxKeys } }), TypeError)
  })

  test('reads the header that a stranger wrote within bounds', () =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (rest) => {
        try {
          readHeader(Uint8Array.of(0x53, 0x50, 0x45, 1, 1, 1, 0, ...rest))
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'decryption_failed')
        }
      }),
    ))
})

function contexts(): fc.Arbitrary<SealContext> {
  const part = fc.constantFrom('a', 'b', 'ab', 'a:', '1', 'ü')
  return fc
    .record({ tenant: part, subject: part, audience: part, route: part, field: part, schema: part }, { requiredKeys: [] })
    .filter((context) => Object.keys(context).length > 0)
}

function sorted(context: SealContext): unknown {
  return Object.entries(context).sort()
}
