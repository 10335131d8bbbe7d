import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { eventParser, type ServerSentEvent, serializeEvent } from '../../src/payload/server-sent-events.ts'

const encoder = new TextEncoder()

function parse(text: string | Uint8Array, cuts: readonly number[] = [], maxLength?: number): ServerSentEvent[] {
  const bytes = typeof text === 'string' ? encoder.encode(text) : text
  const parser = eventParser(maxLength === undefined ? {} : { maxLength })
  const events: ServerSentEvent[] = []
  let start = 0
  for (const cut of [...cuts, bytes.length]) {
    for (const event of parser.push(bytes.subarray(start, cut))) events.push(event)
    start = cut
  }
  parser.end()
  return events
}

// The examples of WHATWG HTML, section 9.2.6.
test('reads the examples of the standard', () => {
  assert.deepEqual(parse('data: YHOO\ndata: +2\ndata: 10\n\n'), [{ data: 'YHOO\n+2\n10' }])
  assert.deepEqual(parse(': test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n'), [
    { data: 'first event', id: '1' },
    { data: 'second event', id: '' },
  ])
  assert.deepEqual(parse('data\n\ndata\ndata\n\ndata:'), [{ data: '' }, { data: '\n' }])
  assert.deepEqual(parse('data:test\n\ndata: test\n\n'), [{ data: 'test' }, { data: 'test' }])
})

test('reads every kind of line end', () => {
  const expected = [{ data: 'a\nb', event: 'x' }, { data: 'c' }]
  for (const end of ['\n', '\r', '\r\n']) assert.deepEqual(parse(['event: x', 'data: a', 'data: b', '', 'data: c', '', ''].join(end)), expected)
  assert.deepEqual(parse('event: x\rdata: a\ndata: b\r\n\rdata: c\n\r'), expected)
})

test('a line end cut in two is one, also with an empty piece between', () => {
  const parser = eventParser()
  const pieces = ['data: a\r', '', '\ndata: b\r', '\n\r', '', '\n']
  assert.deepEqual(
    pieces.flatMap((piece) => parser.push(encoder.encode(piece))),
    [{ data: 'a\nb' }],
  )
})

test('drops one byte order mark, and only at the beginning', () => {
  assert.deepEqual(parse('\ufeffdata: a\n\n\ufeffdata: b\n\n'), [{ data: 'a' }])
})

test('ignores comments, unknown fields, ids with NUL and retry times that are none', () => {
  assert.deepEqual(parse(':c\nfoo: bar\nData: no\nid: a\0b\nretry: 1s\nretry:\ndata: a\nretry: 250\n\n'), [{ data: 'a', retry: 250 }])
})

test('an event without data is none, and neither its type nor its id is kept for the next', () => {
  assert.deepEqual(parse('event: x\nid: 7\n\ndata: a\n\n'), [{ data: 'a' }])
})

test('drops an event that has no end', () => {
  assert.deepEqual(parse('data: a\n\ndata: b\n'), [{ data: 'a' }])
  assert.deepEqual(parse('data: a'), [])
})

test('gives an event that has no end where that is asked for, wherever its bytes are cut', () => {
  for (const [text, last] of [
    ['data: a\n\nevent: x\ndata: b\n', { data: 'b', event: 'x' }],
    ['data: a\n\nevent: x\ndata: b', { data: 'b', event: 'x' }],
    ['data: a\r\rdata: [DONE]\r', { data: '[DONE]' }],
    ['data: a\n\ndata', { data: '' }],
    ['data: a\n\nid: 7', undefined],
    ['data: a\n\n: comment', undefined],
    ['data: a\n\n', undefined],
  ] as const)
    for (let cut = 0; cut <= text.length; cut++) {
      const parser = eventParser({ unfinished: 'give' })
      const read = [...parser.push(encoder.encode(text.slice(0, cut))), ...parser.push(encoder.encode(text.slice(cut))), ...parser.end()]
      assert.deepEqual(read, last === undefined ? [{ data: 'a' }] : [{ data: 'a' }, last])
      assert.deepEqual(parser.end(), [])
    }
})

test('an unfinished event that ends within a character is refused', () => {
  const parser = eventParser({ unfinished: 'give' })
  parser.push(new Uint8Array([...encoder.encode('data: '), 0xf0, 0x9f]))
  assert.throws(() => parser.end(), { code: 'payload_invalid' })
})

test('refuses a stream beyond the bound, by its bytes, also where it says nothing', () => {
  const parser = eventParser({ maxTotal: 90 })
  for (let count = 0; count < 10; count++) parser.push(encoder.encode(':\n\n: é\n\n'))
  assert.throws(() => parser.push(encoder.encode('\n')), { code: 'payload_too_large' })
})

const events = 'event: täst\r\ndata: {"content":"naïve 😀 \u2028"}\rid: é\n\r\n:ping\n\ndata: 😀\ndata:\n\ndata: [DONE]\n\n'

test('A18: gives the same events wherever the bytes are cut', () => {
  const whole = parse(events)
  const length = encoder.encode(events).length
  assert.equal(whole.length, 3)
  for (let cut = 0; cut <= length; cut++) assert.deepEqual(parse(events, [cut]), whole)
  for (let size = 1; size <= 7; size++) {
    const cuts = Array.from({ length: Math.floor(length / size) }, (_, index) => index * size)
    assert.deepEqual(parse(events, cuts), whole)
  }
})

const line = fc.string({ unit: 'binary', maxLength: 20 }).map((text) => text.replace(/[\r\n]/g, ''))

test('what is written is read again, wherever it is cut', () => {
  const arbitrary = fc.record(
    {
      data: fc.string({ unit: 'binary', maxLength: 60 }),
      event: line.map((text) => text.replaceAll('\0', '')),
      id: line.map((text) => text.replaceAll('\0', '')),
      retry: fc.nat(),
    },
    { requiredKeys: ['data'] },
  )
  fc.assert(
    fc.property(fc.array(arbitrary, { maxLength: 5 }), fc.array(fc.nat(400), { maxLength: 12 }), (list, positions) => {
      const bytes = encoder.encode(list.map(serializeEvent).join(''))
      const cuts = positions.map((position) => Math.min(position, bytes.length)).sort((a, b) => a - b)
      const expected = list.map(({ event, ...rest }) => ({
        ...rest,
        data: rest.data.replace(/\r\n|\r/g, '\n'),
        ...(event !== undefined && event !== '' && { event }),
      }))
      assert.deepEqual(parse(bytes, cuts), expected)
    }),
  )
})

test('refuses to write a type or an id that would forge a field', () => {
  for (const forged of ['a\ndata: b', 'a\rdata: b', 'a\0b']) {
    assert.throws(() => serializeEvent({ data: '', event: forged }), { code: 'payload_invalid' })
    assert.throws(() => serializeEvent({ data: '', id: forged }), { code: 'payload_invalid' })
  }
  assert.equal(serializeEvent({ data: 'x\n\nevent: forged\r\rdata: y' }), 'data: x\ndata: \ndata: event: forged\ndata: \ndata: data: y\n\n')
})

test('refuses bytes that are not UTF-8, also at the very end', () => {
  for (const octets of [[0xff], [0x64, 0xc3, 0x0a], [0xed, 0xa0, 0x80], [0x61, 0xf0, 0x9f]])
    assert.throws(() => parse(new Uint8Array(octets)), { code: 'payload_invalid' })
})

test('refuses an event beyond the bound: a line that does not end, and data in many lines', () => {
  assert.throws(() => parse(`data: ${'x'.repeat(100)}`, [], 64), { code: 'payload_too_large' })
  assert.throws(() => parse(`data: ${'x'.repeat(100)}\n\n`, [], 64), { code: 'payload_too_large' })
  assert.throws(() => parse('data: xxxxxxxxxx\n'.repeat(8), [], 64), { code: 'payload_too_large' })
  assert.throws(() => parse('data\n'.repeat(100), [], 64), { code: 'payload_too_large' })
  assert.throws(
    () =>
      parse(
        `:${'x'.repeat(100)}`,
        Array.from({ length: 100 }, (_, index) => index),
        64,
      ),
    { code: 'payload_too_large' },
  )
  assert.equal(parse(`${': ping\n\n'.repeat(100)}data: x\n\n`, [], 64).length, 1)
  assert.throws(() => parse(encoder.encode(`data: ${'x'.repeat(5 * 1024 * 1024)}`)), { code: 'payload_too_large' })
})

test('A17: a megabyte of line ends, of colons, of one line byte by byte', () => {
  const n = 1_000_000
  for (const text of [
    '\n'.repeat(n),
    '\r'.repeat(n),
    ':'.repeat(n),
    '\r\n'.repeat(n / 2),
    'data\n'.repeat(n / 5),
    'data:x\n\n'.repeat(n / 8),
    'id\r'.repeat(n / 3),
  ])
    parse(text)
  const parser = eventParser()
  const one = encoder.encode('x')
  for (let index = 0; index < n; index++) parser.push(one)
  parser.end()
})
