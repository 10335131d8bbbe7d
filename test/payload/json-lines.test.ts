import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { jsonLinesParser, type LineBounds } from '../../src/payload/json-lines.ts'

const encoder = new TextEncoder()

function parse(text: string | Uint8Array, cuts: readonly number[] = [], bounds: LineBounds = {}): unknown[] {
  const bytes = typeof text === 'string' ? encoder.encode(text) : text
  const parser = jsonLinesParser(bounds)
  const values: unknown[] = []
  let start = 0
  for (const cut of [...cuts, bytes.length]) {
    values.push(...parser.push(bytes.subarray(start, cut)))
    start = cut
  }
  return [...values, ...parser.end()]
}

test('reads a value a line, with either line end, empty lines, a byte order mark and a last line without an end', () => {
  assert.deepEqual(parse('\ufeff{"a":1}\r\n\n \t\r\n[2]\n"\u2028"\nnull'), [{ a: 1 }, [2], '\u2028', null])
  assert.deepEqual(parse(''), [])
  assert.deepEqual(parse('\n\r\n'), [])
  assert.deepEqual(parse('{"a":\r1}\n'), [{ a: 1 }])
})

test('A18: gives the same values wherever the bytes are cut', () => {
  const value = fc.jsonValue({ maxDepth: 2 }).filter((json) => !JSON.stringify(json).includes('__proto__'))
  fc.assert(
    fc.property(
      fc.array(value, { maxLength: 5 }),
      fc.constantFrom('\n', '\r\n'),
      fc.array(fc.nat(400), { maxLength: 12 }),
      (values, end, positions) => {
        const bytes = encoder.encode(values.map((json) => JSON.stringify(json)).join(end))
        const cuts = positions.map((position) => Math.min(position, bytes.length)).sort((a, b) => a - b)
        assert.deepEqual(parse(bytes, cuts), JSON.parse(JSON.stringify(values)))
      },
    ),
  )
  const text = '{"é":"🙂"}\r\n{"b":2}'
  for (let cut = 0; cut <= encoder.encode(text).length; cut++) assert.deepEqual(parse(text, [cut]), [{ é: '🙂' }, { b: 2 }])
})

test('A16: refuses what is not UTF-8 or not strict JSON, and never quotes it', () => {
  for (const text of ['{"a":1', '{"a":1,"a":2}\n', '{"__proto__":1}\n', '{"a":1}{"b":2}\n', 'data: {}\n', '\u00a0\n', '"\\ud800"\n', '\u0000\n'])
    assert.throws(() => parse(text), { code: 'payload_invalid' }, text)
  for (const octets of [[0xff], [0x22, 0xed, 0xa0, 0x80, 0x22], [0x22, 0xf0, 0x9f]])
    assert.throws(() => parse(new Uint8Array(octets)), { code: 'payload_invalid' })
  assert.throws(
    () => parse('{"token":hunter2}\n'),
    (error: unknown) => !String(error instanceof Error && error.message).includes('hunter2'),
  )
})

test('refuses a line and a stream beyond their bounds', () => {
  assert.throws(() => parse(`"${'x'.repeat(100)}"`, [], { maxLength: 64 }), { code: 'payload_too_large' })
  assert.throws(() => parse(' '.repeat(65), [10, 20, 30], { maxLength: 64 }), { code: 'payload_too_large' })
  assert.throws(() => parse('\n'.repeat(101), [], { maxTotal: 100 }), { code: 'payload_too_large' })
  assert.equal(parse('"x"\n'.repeat(1000), [], { maxLength: 3 }).length, 1000)
})

test('A17: takes time in proportion to the bytes, also for a line that comes byte by byte', () => {
  const parser = jsonLinesParser()
  const byte = encoder.encode('1')
  for (let count = 0; count < 200_000; count++) assert.deepEqual(parser.push(byte), [])
})
