import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readCsv, type ReadCsvOptions } from '../../src/anonymize/csv-reader.ts'
import { writeCsv, type WriteCsvOptions } from '../../src/anonymize/csv-writer.ts'
import type { Row } from '../../src/anonymize/row.ts'
import { isGuardError } from '../../src/guard/errors.ts'

async function read(text: string | readonly (string | Uint8Array)[], options?: ReadCsvOptions): Promise<Row[]> {
  const rows: Row[] = []
  for await (const row of readCsv(typeof text === 'string' ? [text] : text, options)) rows.push(row)
  return rows
}

async function write(rows: readonly Row[], options?: WriteCsvOptions): Promise<string> {
  let text = ''
  for await (const line of writeCsv(rows, options)) text += line
  return text
}

function refused(code: string, hidden = 'secret'): (error: unknown) => boolean {
  return (error) => isGuardError(error) && error.code === code && !String(error.cause).includes(hidden)
}

test('RFC 4180, section 2: lines, quotes, line breaks and commas in fields', async () => {
  assert.deepEqual(await read('a,b,c\r\n1,2,3\r\n'), [{ a: '1', b: '2', c: '3' }])
  assert.deepEqual(await read('a,b,c\n1,2,3'), [{ a: '1', b: '2', c: '3' }])
  assert.deepEqual(await read('a,b\r\n"x, ""y""","two\r\nlines"\r\n"",\r\n'), [
    { a: 'x, "y"', b: 'two\r\nlines' },
    { a: '', b: '' },
  ])
  assert.deepEqual(await read('a;b\n1;"2;3"\n', { delimiter: ';' }), [{ a: '1', b: '2;3' }])
  assert.deepEqual(await read('1,2\n', { header: ['x', 'y'] }), [{ x: '1', y: '2' }])
  assert.deepEqual(await read('a\n\n'), [{ a: '' }])
  assert.deepEqual(await read(''), [])
  assert.deepEqual(await read('a,b\n'), [])
})

test('a byte order mark is no part of the first name, as bytes and as text', async () => {
  for (const source of [['\ufeffa\n1\n'], [new TextEncoder().encode('\ufeffa\n1\n')], ['', '\ufeff', 'a\n1\n']])
    assert.deepEqual(await read(source), [{ a: '1' }])
})

test('what two readers could read differently is refused, and the file is not quoted', async () => {
  for (const text of [
    'a,b\nsecret\n',
    'a,b\n1,2,secret\n',
    'a\nsec"ret\n',
    'a\n"secret" \n',
    'a\n"secret"x\n',
    'a\n"secret',
    'a\nsec\rret\n',
    'a\nsecret\r',
    'secret,secret\n',
    'secret,\n1,2\n',
    '__proto__,secret\n1,2\n',
    'a,b\n\n1,2\n',
  ])
    await assert.rejects(read(text), refused('payload_invalid'), JSON.stringify(text))
  await assert.rejects(read([new Uint8Array([97, 10, 0xff, 10])]), refused('payload_invalid'))
})

test('A16: names of every object are columns like any other', async () => {
  const [row] = await read('constructor,toString,hasOwnProperty\n1,2,3\n')
  assert.deepEqual(Object.entries(row ?? {}), [
    ['constructor', '1'],
    ['toString', '2'],
    ['hasOwnProperty', '3'],
  ])
})

test('a record, its fields and the header are bounded, however they come', async () => {
  const giant = function* (): Generator<string> {
    yield 'a\n"'
    for (let index = 0; index < 100_000; index++) yield 'secret'.repeat(100)
  }
  await assert.rejects(async () => {
    for await (const _ of readCsv(giant(), { maxRecord: 1_000_000 }));
  }, refused('payload_too_large'))
  await assert.rejects(read(`a\n${','.repeat(20_000)}`), refused('payload_too_large'))
  await assert.rejects(read(`${Array.from({ length: 10_001 }, (_, index) => `c${index}`).join(',')}\n`), refused('payload_too_large'))
})

test('property: what was written is read again, however it is cut', async () => {
  const cell = fc.oneof(fc.string({ unit: fc.constantFrom('"', ',', '\n', '\r', ' ', 'a', "'", '=', 'é', '🙂', '\t', ';') }), fc.constant('plain'))
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(cell, cell), { maxLength: 6 }),
      fc.nat({ max: 7 }),
      fc.constantFrom(',', ';', '\t', '|'),
      async (cells, size, delimiter) => {
        const rows = cells.map(([a, b]) => ({ 'a b': a, 'c"': b }))
        const bytes = new TextEncoder().encode(await write(rows, { delimiter, columns: ['a b', 'c"'] }))
        const pieces = Array.from({ length: Math.ceil(bytes.length / (size + 1)) }, (_, index) =>
          bytes.subarray(index * (size + 1), (index + 1) * (size + 1)),
        )
        assert.deepEqual(await read(pieces, { delimiter }), rows)
      },
    ),
  )
})

test('writes null as nothing, an empty text in quotes, and a header where there is no row', async () => {
  assert.equal(await write([{ a: null, b: '', c: 1.5, d: true }]), 'a,b,c,d\r\n,"",1.5,true\r\n')
  assert.equal(await write([], { columns: () => ['a', 'b'] }), 'a,b\r\n')
  assert.equal(await write([]), '')
})

test('a text that a spreadsheet would compute is escaped where that is asked for, and numbers are not', async () => {
  const rows = ['=1+1', '+cmd|x', '-2+3', '@SUM(A1)', '\t=1', ' =1', '\r\n=1', '＝1', '-5', '+4.2e7', 'a=1', '=HYPERLINK("x")'].map((a) => ({ a }))
  const escaped = await read(await write(rows, { formulas: 'escape' }))
  assert.deepEqual(
    escaped.map(({ a }) => a),
    ["'=1+1", "'+cmd|x", "'-2+3", "'@SUM(A1)", "'\t=1", "' =1", "'\r\n=1", "'＝1", '-5', '+4.2e7', 'a=1', '\'=HYPERLINK("x")'],
  )
  assert.deepEqual(await read(await write(rows)), rows)
  assert.match(await write([{ '=1': 1 }], { formulas: 'escape' }), /^'=1\r\n/)
})

test('rows with other columns, and values that CSV does not have, are refused', async () => {
  for (const rows of [
    [{ a: 1 }, { b: 1 }],
    [{ a: 1 }, { a: 1, b: 2 }],
    [{ a: {} }],
    [{ a: [1] }],
    [{ a: Number.NaN }],
    [{ a: undefined }],
    [{ a: 1n }],
  ])
    await assert.rejects(write(rows), refused('payload_invalid'))
})

test('wrong options are refused when they are given', () => {
  for (const options of [{ delimiter: 'x' }, { header: 'a' }, { maxRecord: 0 }, { quote: "'" }])
    assert.throws(() => readCsv([], options as ReadCsvOptions), TypeError)
  for (const options of [{ delimiter: '' }, { columns: 1 }, { formulas: 'strip' }, { header: [] }])
    assert.throws(() => writeCsv([], options as WriteCsvOptions), TypeError)
})
