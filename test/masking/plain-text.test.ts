import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { endsInHalf, isFoldable, plainText } from '../../src/masking/plain-text.ts'

test('folds compatibility forms, digits of other scripts, spaces, dashes and look-alikes, and leaves out what nobody sees', () => {
  for (const [original, plain] of [
    ['ｂｏｂ＠ｅｘａｍｐｌｅ．ｃｏｍ', 'bob@example.com'],
    ['４１１１　1111\u00a01111\u20111111', '4111 1111 1111-1111'],
    ['\u0664\u06f9\u096b\u09e7\u0e57', '49517'],
    ['b\u200bo\u00adb\u2060 \u202e1\ufe0f2\u{e0033}3', 'bob 123'],
    ['𝐛𝓸𝖻 𝟒② ⑩ ﬁ ¹²³ ℡', 'bob 42 10 fi 123 TEL'],
    ['раураl ΑΒΕ', 'paypal ABE'],
    ['4\u03361\u0332', '41'],
    ['“a” ‘b’', '"a" \'b\''],
  ] as const)
    assert.equal(plainText(original).text, plain)
  for (const text of ['plain ASCII', 'für Jürgen', '日本語のテキスト', '🙂👍', 'שלום', 'नमस्ते']) assert.equal(plainText(text).text, text)
})

test('says where each unit stood', () => {
  const { text, offsets } = plainText('a\u200b𝟒⑩b')
  assert.equal(text, 'a410b')
  assert.deepEqual([...(offsets ?? [])], [0, 2, 4, 4, 5])
})

test('of many invisible characters in a row only the first are left out', () => {
  assert.equal(plainText(`4${'\u200b'.repeat(8)}1`).text, '41')
  assert.equal(plainText(`4${'\u200b'.repeat(9)}1`).text, '4\u200b1')
})

const unseen = ['\u200b', '\u0301', '\u{e0041}']

function isUnseen(unit: string | undefined): boolean {
  return unit !== undefined && unseen.includes(unit)
}

test('property: each character is folded alone, and offsets rise and stay within the text', () => {
  const unit = fc.constantFrom('a', '1', ' ', 'é', 'е', '𝟒', '①', '⑩', 'ﬁ', '🙂', '\u200b', '\u0301', '\u{e0041}', '\ud835', '\udfd2', '日', '٣')
  fc.assert(
    fc.property(fc.array(unit, { maxLength: 30 }), fc.nat({ max: 30 }), (units, at) => {
      const whole = units.join('')
      const { text, offsets } = plainText(whole)
      let last = 0
      for (const offset of offsets ?? []) {
        assert.ok(offset >= last && offset < whole.length)
        last = offset
      }
      assert.equal(offsets?.length ?? whole.length, text.length)
      assert.equal(isFoldable(whole) || text === whole, true)
      const [first, second] = [units.slice(0, at).join(''), units.slice(at).join('')]
      // A run of invisible characters counts from its beginning; no other cut makes a difference.
      if (!endsInHalf(first) && !isUnseen(units[at - 1])) assert.equal(plainText(first).text + plainText(second).text, text)
    }),
  )
})
