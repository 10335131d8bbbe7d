import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { CborTag, type CborValue, readCbor } from '../../src/attestation/cbor.ts'
import { type Writable, writeCbor } from './cbor-writer.ts'

const read = (hex: string): CborValue => readCbor(Uint8Array.from(Buffer.from(hex, 'hex')))
const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'))

// RFC 8949, appendix A: those of the types that are read here.
const examples: readonly (readonly [hex: string, value: unknown])[] = [
  ['00', 0],
  ['01', 1],
  ['0a', 10],
  ['17', 23],
  ['1818', 24],
  ['1819', 25],
  ['1864', 100],
  ['1903e8', 1000],
  ['1a000f4240', 1_000_000],
  ['1b000000e8d4a51000', 1_000_000_000_000],
  ['1bffffffffffffffff', 18446744073709551615n],
  ['3bffffffffffffffff', -18446744073709551616n],
  ['20', -1],
  ['29', -10],
  ['3863', -100],
  ['3903e7', -1000],
  ['f4', false],
  ['f5', true],
  ['f6', null],
  ['40', bytes('')],
  ['4401020304', bytes('01020304')],
  ['60', ''],
  ['6161', 'a'],
  ['6449455446', 'IETF'],
  ['62225c', '"\\'],
  ['62c3bc', '\u00fc'],
  ['63e6b0b4', '\u6c34'],
  ['64f0908591', '\u{10151}'],
  ['80', []],
  ['83010203', [1, 2, 3]],
  ['8301820203820405', [1, [2, 3], [4, 5]]],
  ['98190102030405060708090a0b0c0d0e0f101112131415161718181819', Array.from({ length: 25 }, (_, index) => index + 1)],
  ['a0', new Map()],
  [
    'a201020304',
    new Map([
      [1, 2],
      [3, 4],
    ]),
  ],
  [
    'a26161016162820203',
    new Map<string, unknown>([
      ['a', 1],
      ['b', [2, 3]],
    ]),
  ],
  ['826161a161626163', ['a', new Map([['b', 'c']])]],
  ['5f42010243030405ff', bytes('0102030405')],
  ['7f657374726561646d696e67ff', 'streaming'],
  ['9fff', []],
  ['9f018202039f0405ffff', [1, [2, 3], [4, 5]]],
  ['9f01820203820405ff', [1, [2, 3], [4, 5]]],
  ['83018202039f0405ff', [1, [2, 3], [4, 5]]],
  ['83019f0203ff820405', [1, [2, 3], [4, 5]]],
  [
    'bf61610161629f0203ffff',
    new Map<string, unknown>([
      ['a', 1],
      ['b', [2, 3]],
    ]),
  ],
  ['826161bf61626163ff', ['a', new Map([['b', 'c']])]],
  ['c11a514b67b0', new CborTag(1, 1_363_896_240)],
]

const refused: readonly (readonly [what: string, hex: string])[] = [
  ['nothing', ''],
  ['bytes behind the item', '0000'],
  ['a number that is longer than it need be, in one byte', '1817'],
  ['in two', '1900ff'],
  ['in four', '1a0000ffff'],
  ['in eight', '1b00000000ffffffff'],
  ['a length that is longer than it need be', '580101'],
  ['a number of a reserved form', '1c'],
  ['an indefinite number', '1f'],
  ['an indefinite tag', 'df00'],
  ['a number without an end', '1903'],
  ['bytes without an end', '4401'],
  ['bytes whose length is beyond everything', '5bffffffffffffffff00'],
  ['bytes of four gigabytes that are not there', '5affffffff00'],
  ['a list of four thousand million items that are not there', '9affffffff'],
  ['a map of as many', 'baffffffff'],
  ['an indefinite list without an end', '9f01'],
  ['an end where nothing began', 'ff'],
  ['an end within a list of a known length', '82 01 ff'.replaceAll(' ', '')],
  ['an end in the place of a value', 'bf01ff'],
  ['a text that is not UTF-8', '61ff'],
  ['a text with half a surrogate', '63eda080'],
  ['pieces of a text that are cut within a character', '7f61c361bcff'],
  ['pieces of another type', '5f6161ff'],
  ['pieces in pieces', '5f5f4101ffff'],
  ['a key that stands twice', 'a201000100'],
  ['a key that stands twice, in a map without a length', 'bf6161006161f6ff'],
  ['a key that is a list', 'a18000'],
  ['a key that is bytes', 'a1410000'],
  ['a key that is null', 'a1f600'],
  ['undefined', 'f7'],
  ['a simple value', 'f820'],
  ['a floating point number of two bytes', 'f90000'],
  ['of four', 'fa00000000'],
  ['of eight', 'fb0000000000000000'],
]

describe('CBOR (RFC 8949)', () => {
  for (const [hex, value] of examples) test(`appendix A: ${hex}`, () => assert.deepEqual(read(hex), value))
  for (const [what, hex] of refused) test(`refuses ${what}`, () => assert.throws(() => read(hex), RangeError))

  test('takes one number as a key in one way only', () => assert.throws(() => read('a2010018 0100'.replaceAll(' ', '')), RangeError))

  test('refuses what stands deeper than eight levels, however deep, without running out of stack', () => {
    assert.deepEqual(read(`${'81'.repeat(8)}00`), [[[[[[[[0]]]]]]]])
    assert.throws(() => read(`${'81'.repeat(9)}00`), RangeError)
    for (const open of [0x81, 0x9f, 0xbf, 0xc1]) assert.throws(() => readCbor(new Uint8Array(1_000_000).fill(open)), RangeError)
  })

  const leaf = fc.oneof(
    fc.maxSafeInteger(),
    fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n - 1n }).map((value) => (value > 2n ** 53n || value < -(2n ** 53n) ? value : 0)),
    fc.string({ unit: 'grapheme' }),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 300 }),
  )
  const key = fc.oneof(fc.nat(), fc.string())
  const { value } = fc.letrec<{ value: Writable }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', maxDepth: 6 },
      leaf,
      fc.array(tie('value'), { maxLength: 4 }),
      fc.array(fc.tuple(key, tie('value')), { maxLength: 4 }).map((entries) => new Map(entries)),
    ),
  }))

  test('reads whatever was written, with definite lengths and with indefinite ones', () => {
    fc.assert(
      fc.property(value, fc.boolean(), (written, indefinite) => {
        assert.deepEqual(readCbor(writeCbor(written, indefinite)), written)
      }),
    )
  })

  test('reads the beginning of nothing, and nothing with something behind it', () => {
    fc.assert(
      fc.property(value, fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 3 }), (written, cut, more) => {
        const whole = writeCbor(written)
        assert.throws(() => readCbor(whole.subarray(0, cut % whole.length)), RangeError)
        assert.throws(() => readCbor(Uint8Array.from([...whole, ...more])), RangeError)
      }),
    )
  })

  test('throws a RangeError and nothing else, whatever it is given', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (input) => {
        try {
          readCbor(input)
        } catch (error) {
          assert.ok(error instanceof RangeError)
        }
      }),
    )
  })
})
