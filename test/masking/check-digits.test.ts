import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isDate, isRepeated, luhn, mod11x2, mod11x10, remainder, verhoeff } from '../../src/masking/check-digits.ts'

/** Every number that differs from this one in one digit. */
function neighbours(digits: string): string[] {
  return Array.from(digits, (digit, place) =>
    Array.from({ length: 9 }, (_, step) => digits.slice(0, place) + ((Number(digit) + step + 1) % 10) + digits.slice(place + 1)),
  ).flat()
}

test('Luhn: the example of ISO/IEC 7812-1, and every single wrong digit', () => {
  for (const number of ['79927398713', '4242424242424242', '490154203237518']) {
    assert.ok(luhn(number))
    for (const other of neighbours(number)) assert.ok(!luhn(other), other)
  }
})

test('Verhoeff: published examples, every single wrong digit and every swap of two', () => {
  for (const number of ['2363', '123451', '84736430954837284567892']) {
    assert.ok(verhoeff(number), number)
    for (const other of neighbours(number)) assert.ok(!verhoeff(other), other)
    for (let place = 1; place < number.length; place++) {
      const swapped = number.slice(0, place - 1) + number.charAt(place) + number.charAt(place - 1) + number.slice(place + 1)
      assert.ok(swapped === number || !verhoeff(swapped), swapped)
    }
  }
})

test('ISO 7064: MOD 11-2 and MOD 11,10 find every single wrong digit', () => {
  assert.ok(mod11x2('07940'))
  assert.ok(!mod11x2('0794X'))
  assert.ok(mod11x2('11010519491231002X'))
  for (const other of neighbours('07940')) assert.ok(!mod11x2(other), other)
  for (const number of ['69435151530', '86095742719', '07945']) {
    assert.ok(mod11x10(number), number)
    for (const other of neighbours(number)) assert.ok(!mod11x10(other), other)
  }
})

test('a remainder takes numbers of any length, and letters as ISO 13616 does', () => {
  assert.equal(remainder('3214282912345698765432161182', 97), 1)
  assert.equal(remainder('370400440532013000DE89', 97), 1)
  assert.equal(remainder('97'.repeat(100), 97), 0)
})

test('knows which days there are', () => {
  assert.ok(isDate(29, 2, 2024) && isDate(29, 2, 2000) && isDate(29, 2, 24) && isDate(31, 12, 1999))
  assert.ok(
    !isDate(29, 2, 2023) && !isDate(29, 2, 1900) && !isDate(31, 4, 2020) && !isDate(0, 1, 2020) && !isDate(1, 13, 2020) && !isDate(1, 0, 2020),
  )
  assert.ok(isRepeated('1111') && !isRepeated('1112'))
})
