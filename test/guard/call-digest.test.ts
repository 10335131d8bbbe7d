import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { injectiveText } from '../../src/guard/call-digest.ts'

const anything: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(null, true, false, 0, -0, 1, '1', '', '<>', '<AA>', 'null', '\ud800', '\\ud800'),
    fc.string({ unit: 'binary' }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.uint8Array({ maxLength: 4 }),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.string({ maxLength: 3 }), tie('value'), { maxKeys: 3, noNullPrototype: true }),
  ),
})).value

describe('injectiveText', () => {
  test('two values have one text exactly where they are equal', () => {
    fc.assert(
      fc.property(anything, anything, (one, other) => {
        assert.equal(injectiveText(one) === injectiveText(other), isDeepStrictEqual(one, other))
        assert.equal(injectiveText(structuredClone(one)), injectiveText(one))
      }),
      { numRuns: 2_000 },
    )
  })

  test('near misses', () => {
    const near: [unknown, unknown][] = [
      [1, '1'],
      [0, -0],
      [null, 'null'],
      [[], {}],
      [[[]], []],
      [['a,b'], ['a', 'b']],
      [{ a: 1, b: 2 }, { 'a":1,"b': 2 }],
      [new Uint8Array([0]), 'AA'],
      [new Uint8Array([0]), '<AA>'],
      [new Uint8Array(2), new Uint8Array(3)],
      ['\ud800', '\ufffd'],
      ['\u00e9', 'e\u0301'],
      [['a', ['b']], [['a', 'b']]],
    ]
    for (const [one, other] of near) assert.notEqual(injectiveText(one), injectiveText(other))
  })

  test('the order of members is no difference', () => {
    assert.equal(injectiveText({ b: [1, { y: 1, x: 2 }], a: 0 }), '{"a":0,"b":[1,{"x":2,"y":1}]}')
  })

  test('long bytes are written whole', () => {
    const bytes = new Uint8Array(30_001).map((_, index) => index)
    assert.equal(injectiveText(bytes), `<${Buffer.from(bytes).toString('base64')}>`)
  })

  test('what JSON and bytes cannot hold refuses', () => {
    for (const value of [undefined, Number.NaN, Number.POSITIVE_INFINITY, 1n, () => 1, Symbol('x'), [undefined], { a: undefined }])
      assert.throws(() => injectiveText(value), { code: 'misconfigured' })
  })
})
