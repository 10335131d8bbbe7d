import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { canonicalJson, looseJson } from '../../src/audit-log/canonical-json.ts'

describe('canonical JSON', () => {
  it('sorts members and writes values as in RFC 8785, section 3.2', () => {
    const value: unknown = JSON.parse(String.raw`{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }`)
    assert.equal(
      canonicalJson(value),
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    )
  })

  it('sorts by UTF-16 units, as in RFC 8785, section 3.2.3', () => {
    const value: unknown = JSON.parse(
      String.raw`{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\ud83d\ude00":"Emoji","\u0080":"Control","\u00f6":"Latin"}`,
    )
    const names = [...canonicalJson(value).matchAll(/:"(.*?)"/g)].map(([, name]) => name)
    assert.deepEqual(names, ['Carriage Return', 'One', 'Control', 'Latin', 'Euro Sign', 'Emoji', 'Hebrew Letter Dalet With Dagesh'])
  })

  it('writes numbers as in RFC 8785, appendix B', () => {
    const samples: readonly [bits: string, text: string][] = [
      ['0000000000000000', '0'],
      ['8000000000000000', '0'],
      ['0000000000000001', '5e-324'],
      ['8000000000000001', '-5e-324'],
      ['7fefffffffffffff', '1.7976931348623157e+308'],
      ['4340000000000000', '9007199254740992'],
      ['4430000000000000', '295147905179352830000'],
      ['44b52d02c7e14af5', '9.999999999999997e+22'],
      ['44b52d02c7e14af6', '1e+23'],
      ['444b1ae4d6e2ef4e', '999999999999999700000'],
      ['444b1ae4d6e2ef50', '1e+21'],
      ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
      ['3eb0c6f7a0b5ed8d', '0.000001'],
      ['41b3de4355555553', '333333333.3333332'],
      ['41b3de4355555557', '333333333.33333343'],
      ['becbf647612f3696', '-0.0000033333333333333333'],
      ['43143ff3c1cb0959', '1424953923781206.2'],
    ]
    for (const [bits, text] of samples) assert.equal(canonicalJson(Buffer.from(bits, 'hex').readDoubleBE()), text)
  })

  it('is one text for one value, whatever the order of its members', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value)
        assert.equal(canonicalJson(turned(value)), text)
        assert.equal(canonicalJson(JSON.parse(text)), text)
        assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(value)))
        assert.equal(looseJson(value), text)
      }),
    )
  })

  it('leaves out members without a value, and writes bytes as base64', () => {
    assert.equal(canonicalJson({ b: undefined, a: 1 }), '{"a":1}')
    assert.equal(canonicalJson({ a: Uint8Array.of(0, 255, 1) }), '{"a":"AP8B"}')
    const large = new Uint8Array(40_000).fill(7)
    assert.equal(canonicalJson(large), `"${Buffer.from(large).toString('base64')}"`)
  })

  it('refuses what I-JSON cannot hold', () => {
    const cyclic: { self?: unknown } = {}
    cyclic.self = cyclic
    for (const value of [
      Number.NaN,
      Number.POSITIVE_INFINITY,
      '\ud800',
      { '\ud800': 1 },
      1n,
      undefined,
      () => 1,
      Symbol('x'),
      [undefined],
      new Date(0),
      cyclic,
    ])
      assert.throws(() => canonicalJson(value), TypeError)
  })

  it('is not led astray by toJSON', () => {
    assert.throws(() => canonicalJson({ toJSON: () => 'forged' }), TypeError)
    assert.equal(canonicalJson(Object.assign([], { toJSON: () => 'forged' })), '[]')
    assert.equal(canonicalJson(Object.assign([1], { toJSON: () => 'forged' })), '[1]')
  })
})

describe('loose JSON', () => {
  it('replaces what JSON cannot hold', () => {
    const text = looseJson({
      big: 12n,
      deep: { fine: true, throws: Object.defineProperty({}, 'x', { enumerable: true, get: () => assert.fail() }) },
      lone: 'a\ud800b',
      nan: Number.NaN,
      none: undefined,
      odd: () => 1,
    })
    assert.equal(text, '{"big":"12","deep":{"fine":true,"throws":{"x":null}},"lone":"a\ufffdb","nan":null}')
  })

  it('gives a text for anything at all', () => {
    const revoked = Proxy.revocable({}, {})
    revoked.revoke()
    const hostile = new Proxy({}, { ownKeys: () => assert.fail(), getPrototypeOf: () => assert.fail() })
    for (const value of [revoked.proxy, hostile, { hostile }, [revoked.proxy], Symbol('x'), undefined])
      assert.doesNotThrow(() => JSON.parse(looseJson(value)))
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withNullPrototype: true, withObjectString: true }),
        (value) => JSON.parse(looseJson(value)) !== undefined,
      ),
    )
  })

  it('has never two members of one name', () => {
    assert.equal(looseJson({ '\ud800': 1, '\ud801': 2 }), '{"\ufffd":1}')
  })

  it('keeps to its bounds', () => {
    assert.equal(looseJson({ a: { list: [1, 2, 3], text: 'abcdef' } }, { characters: 4, items: 2 }), '{"a":{"list":[1,2],"text":"abcd…"}}')
  })

  it('ends for a value that is in itself, or in many places of itself', () => {
    const cyclic: { one?: unknown; two?: unknown } = {}
    cyclic.one = cyclic.two = cyclic
    assert.doesNotThrow(() => JSON.parse(looseJson(cyclic)))
    let wide: unknown = 1
    for (let level = 0; level < 40; level++) wide = [wide, wide]
    assert.ok(looseJson(wide).length < 1_000_000)
  })
})

// The same value with the members of every object set in the opposite order.
function turned(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(turned)
  const members = Object.entries(value).reverse()
  const own: Record<string, unknown> = Object.create(null)
  for (const [name, member] of members) own[name] = turned(member)
  return own
}
