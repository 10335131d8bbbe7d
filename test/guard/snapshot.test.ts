import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { snapshotJson } from '../../src/guard/snapshot.ts'

// Which is refused.
const withoutPrototypes = fc.jsonValue().filter((value) => !JSON.stringify(value).includes('"__proto__":'))

test('copies any JSON value, deeply frozen and equal', () => {
  fc.assert(
    fc.property(withoutPrototypes, (value) => {
      const own = snapshotJson(value)
      assert.deepEqual(own, value)
      const frozen = (each: unknown): boolean =>
        typeof each !== 'object' || each === null || (Object.isFrozen(each) && Object.values(each).every(frozen))
      assert.ok(frozen(own))
    }),
  )
})

test('copies bytes, so that a later change of the original changes nothing', () => {
  const bytes = Uint8Array.of(1, 2, 3)
  const own = snapshotJson({ bytes }) as { bytes: Uint8Array }
  bytes[0] = 9
  assert.deepEqual(own.bytes, Uint8Array.of(1, 2, 3))
})

test('reads every member exactly once, so that a getter or a proxy cannot show two faces', () => {
  let reads = 0
  const shifty = {
    get model() {
      return reads++ === 0 ? 'small' : 'large'
    },
  }
  assert.deepEqual(snapshotJson(shifty), { model: 'small' })
  assert.equal(reads, 1)
  const counts = new Map<PropertyKey, number>()
  const proxy = new Proxy(
    { a: 1, b: [2] },
    {
      get(target, key, receiver) {
        counts.set(key, (counts.get(key) ?? 0) + 1)
        return Reflect.get(target, key, receiver) as unknown
      },
    },
  )
  assert.deepEqual(snapshotJson(proxy), { a: 1, b: [2] })
  assert.equal(counts.get('a'), 1)
})

const invalid: Record<string, () => unknown> = {
  'a BigInt': () => 1n,
  'a symbol': () => Symbol('s'),
  'a function': () => () => 1,
  NaN: () => Number.NaN,
  'an infinite number': () => ({ a: Number.POSITIVE_INFINITY }),
  'a cycle': () => {
    const cycle: Record<string, unknown> = {}
    cycle.self = cycle
    return cycle
  },
  '100,000 levels': () => {
    let deep: unknown = 1
    for (let level = 0; level < 100_000; level++) deep = [deep]
    return deep
  },
  'a lone surrogate': () => 'a\ud800',
  'a lone surrogate in a key': () => ({ '\udc00': 1 }),
  'a symbol as a key': () => ({ [Symbol('s')]: 1 }),
  'a __proto__ key': () => JSON.parse('{"__proto__": {"admin": true}}') as unknown,
  'an instance of a class': () => new (class Money {})(),
  'a Date': () => new Date(),
  'a Map': () => new Map(),
  'a promise': () => Promise.resolve(1),
  'a getter that throws': () => ({
    get a() {
      throw new Error('secret')
    },
  }),
  'a proxy that throws': () =>
    new Proxy(
      {},
      {
        ownKeys() {
          throw new Error('secret')
        },
      },
    ),
  undefined: () => undefined,
  'an item that is undefined': () => [undefined],
}

for (const [what, make] of Object.entries(invalid))
  test(`refuses ${what}`, () => {
    assert.throws(() => snapshotJson(make()), { name: 'GuardError', code: 'payload_invalid', message: 'The payload is malformed.' })
  })

test('refuses what is too large, before it is copied', () => {
  assert.throws(() => snapshotJson('x'.repeat(9 * 1024 * 1024)), { code: 'payload_too_large' })
  assert.throws(() => snapshotJson(new Array(1_000_000).fill(0)), { code: 'payload_too_large' })
  assert.throws(() => snapshotJson(new Array(2 ** 32 - 1)), { code: 'payload_too_large' })
  assert.throws(() => snapshotJson(new Uint8Array(9 * 1024 * 1024)), { code: 'payload_too_large' })
})

test('a member that is undefined is one that is not there, as in JSON', () => {
  assert.deepEqual(Object.keys(snapshotJson({ a: 1, b: undefined }) as object), ['a'])
})

test('an instance of a class has the form that is given for it, however deep, and is refused where there is none', () => {
  const url = new URL('https://a.example/')
  const plain = (instance: object): unknown => (instance instanceof URL ? instance.href : undefined)
  assert.deepEqual(snapshotJson({ list: [{ at: url }] }, plain), { list: [{ at: url.href }] })
  assert.throws(() => snapshotJson({ at: url }), { code: 'payload_invalid' })
  assert.throws(() => snapshotJson({ at: new Map() }, plain), { code: 'payload_invalid' })
  // A form is copied like any other value, and a form of itself ends.
  assert.throws(() => snapshotJson({ at: url }, () => ({ at: () => {} })), { code: 'payload_invalid' })
  assert.throws(() => snapshotJson(url, () => url), { code: 'payload_invalid' })
})
