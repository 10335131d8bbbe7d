import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseTokenPart } from '../../src/identity/presented.ts'

const parse = (text: string): unknown => parseTokenPart(new TextEncoder().encode(text))

test('a part of a token: gives back any object', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true }), (value) => {
      const text = JSON.stringify(value)
      if (!text.includes('"__proto__":')) assert.deepEqual(parse(text), JSON.parse(text))
    }),
  )
})

test('a part of a token: an object with a name twice is none, at any depth and in any spelling', () => {
  for (const text of [
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":2}',
    '{"x":{"a":1,"a":2}}',
    '{"x":[{"a":1,"b":":","a":2}]}',
    '{"":1,"":2}',
    '{"a\\"":1,"a\\u0022":2}',
  ])
    assert.equal(parse(text), undefined, text)
  for (const text of ['{"a":":","b":"\\":"}', '{"a":{"a":{"a":[{"a":"\\\\"}]}}}', '{}', ' {"a" : "}" } '])
    assert.deepEqual(parse(text), JSON.parse(text))
})

test('a part of a token: what is no object, has a prototype of its own, or is too deep, is none', () => {
  const deep = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`
  for (const text of ['[]', 'null', '"a"', '1', '', '{', '{"a":1}x', '{"__proto__":{}}', '{"a":{"__proto__":1}}', deep(33), '\ufeff{}', "{'a':1}"])
    assert.equal(parse(text), undefined, text)
  assert.ok(parse(deep(32)))
  assert.equal(parseTokenPart(Uint8Array.of(0x7b, 0x22, 0xc0, 0x80, 0x22, 0x3a, 0x31, 0x7d)), undefined, 'an overlong NUL')
})
