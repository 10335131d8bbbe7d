import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isGuardError, reasonOf } from '../../src/guard/errors.ts'
import { parseJson } from '../../src/payload/strict-json.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

function refuses(body: Uint8Array | string, code: string): void {
  assert.throws(
    () => parseJson(body),
    (error: unknown) => isGuardError(error) && error.code === code,
  )
}

test('reads what JSON.parse reads, from a string and from bytes', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), (text) => {
      let expected: unknown
      try {
        expected = JSON.parse(text)
      } catch {
        return
      }
      if (text.includes('"__proto__"')) return
      if (!text.isWellFormed() || !JSON.stringify(expected).isWellFormed() || /\\u[dD][89a-fA-F]/.test(text)) return
      assert.deepEqual(parseJson(text), expected)
      assert.deepEqual(parseJson(bytes(text)), expected)
    }),
  )
})

test('refuses a name that stands twice, at any level, also in another spelling', () => {
  for (const text of [
    '{"a":1,"a":2}',
    '{"a":1,"a":1}',
    '[{"x":{"a":1,"b":{},"a":2}}]',
    '{"a":1,"\\u0061":2}',
    '{"":1,"":2}',
    '{"a:b":1,"a:b":2}',
    '{"a\\"":1,"a\\"":2}',
  ])
    refuses(text, 'payload_invalid')
})

test('a duplicate put anywhere is found', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { minKeys: 1 }), fc.nat(), (record, pick) => {
      const members = Object.entries(record).map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`)
      const again = members[pick % members.length] ?? ''
      refuses(`{"outer":[{${[...members, again].join(',')}}]}`, 'payload_invalid')
    }),
  )
})

test('the same name in two objects is no duplicate, nor are colons and quotes in strings', () => {
  assert.deepEqual(parseJson('[{"a":1},{"a":2}]'), [{ a: 1 }, { a: 2 }])
  assert.deepEqual(parseJson('{"a":"\\"b\\":1,\\"b\\":2","c":"\\\\"}'), { a: '"b":1,"b":2', c: '\\' })
})

test('refuses __proto__ as a name, plain and escaped', () => {
  refuses('{"__proto__":{"admin":true}}', 'payload_invalid')
  refuses('{"a":[{"\\u005f_proto__":1}]}', 'payload_invalid')
  assert.deepEqual(parseJson('{"a":"__proto__"}'), { a: '__proto__' })
})

test('refuses bytes that are not UTF-8, and a byte order mark', () => {
  for (const octets of [
    [0x22, 0xff, 0x22],
    [0x22, 0xc3, 0x22],
    [0x22, 0xed, 0xa0, 0x80, 0x22],
    [0x22, 0xc0, 0xaf, 0x22],
  ])
    refuses(new Uint8Array(octets), 'payload_invalid')
  refuses(bytes('\ufeff{}'), 'payload_invalid')
  refuses('\ufeff{}', 'payload_invalid')
})

test('refuses lone surrogates, raw and escaped, in values and in names', () => {
  for (const text of ['"\ud800"', '"\\ud800"', '{"\\udc00":1}', '["\\ud83d\\ud83d"]', '{"\ud800":1}']) refuses(text, 'payload_invalid')
  assert.equal(parseJson('"\\ud83d\\ude00"'), '\u{1f600}')
})

test('refuses numbers that overflow', () => {
  refuses('[1e999]', 'payload_invalid')
  refuses('{"a":-1e999}', 'payload_invalid')
})

test('takes 64 levels and refuses 65', () => {
  const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels)
  assert.ok(Array.isArray(parseJson(nested(64))))
  refuses(nested(65), 'payload_invalid')
  refuses(`${'{"a":'.repeat(65)}1${'}'.repeat(65)}`, 'payload_invalid')
})

test('refuses what is not JSON, and does not quote it', () => {
  for (const text of ['', ' ', '{', '{"a"}', "{'a':1}", '[1,]', 'NaN', '01', '1 2', '{"a":1}x', '"\n"', 'undefined', '{"secret-4711"'])
    refuses(text, 'payload_invalid')
  try {
    parseJson('{"secret-4711": oops}')
    assert.fail()
  } catch (error) {
    assert.doesNotMatch(reasonOf(error), /4711|oops/)
  }
})

test('refuses a text beyond the bound, and too many values', () => {
  assert.throws(() => parseJson('"12345678"', { maxLength: 9 }), { code: 'payload_too_large' })
  assert.equal(parseJson('"1234567"', { maxLength: 9 }), '1234567')
  refuses(' '.repeat(8 * 1024 * 1024 + 1), 'payload_too_large')
  refuses(`[${'1,'.repeat(600_000)}1]`, 'payload_too_large')
})

test('A17: a megabyte of hostile text ends at once', () => {
  const n = 1_000_000
  for (const text of [
    '['.repeat(n),
    '{'.repeat(n),
    '"'.repeat(n),
    '\\'.repeat(n),
    `"${'\\"'.repeat(n / 2)}`,
    `"${'\\'.repeat(n)}"`,
    `"${'\\u0041'.repeat(n / 6)}"`,
    ':'.repeat(n),
    ','.repeat(n),
    ' '.repeat(n),
    '1'.repeat(n),
    '{"a":'.repeat(n / 5),
    `[${'"",'.repeat(n / 4)}""]`,
  ]) {
    try {
      parseJson(text)
    } catch (error) {
      assert.ok(isGuardError(error))
    }
  }
})
