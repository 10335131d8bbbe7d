import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import fc from 'fast-check'
import { anonymize, type AnonymizeOptions, type RowSource } from '../../src/anonymize/anonymize.ts'
import { readCsv } from '../../src/anonymize/csv-reader.ts'
import { readJsonLines, writeJsonLines } from '../../src/anonymize/json-rows.ts'
import type { AnonymizePlan } from '../../src/anonymize/plan.ts'
import type { AnonymizeReport } from '../../src/anonymize/report.ts'
import type { Row } from '../../src/anonymize/row.ts'
import { isGuardError, reasonOf } from '../../src/guard/errors.ts'
import { detectors } from '../../src/masking/detectors.ts'
import { loadSurrogates } from '../../src/masking/surrogate.ts'

const key = new Uint8Array(32).fill(5)

before(() => loadSurrogates())

async function run(
  rows: RowSource | (() => RowSource),
  plan: AnonymizePlan,
  options: AnonymizeOptions = {},
): Promise<{ readonly rows: Row[]; readonly report: AnonymizeReport }> {
  const out = anonymize(rows, plan, { detect: detectors.all, ...options })
  const written: Row[] = []
  for await (const row of out) written.push(row)
  return { rows: written, report: out.report() }
}

function refused(code: string, ...hidden: readonly string[]): (error: unknown) => boolean {
  return (error) => isGuardError(error) && error.code === code && !hidden.some((text) => reasonOf(error).includes(text))
}

const people: readonly Row[] = [
  { name: 'Ada Lovelace', mail: 'ada@example.com', card: '4111 1111 1111 1111', age: 36, zip: '94110', notes: 'Call Ada at +49 170 1234567.' },
  { name: 'Bob', mail: 'bob@example.com', card: '', age: 31, zip: '94117', notes: null },
]

test('each column goes its own way, and the report counts without telling', async () => {
  const { rows, report } = await run(
    people,
    {
      columns: {
        name: 'drop',
        mail: { mode: 'hash', type: 'EMAIL' },
        card: 'partial',
        age: { mode: 'generalize', to: { range: 10 } },
        zip: { mode: 'generalize', to: { prefix: 3 } },
        notes: 'mask',
      },
    },
    { key },
  )
  assert.match(String(rows[0]?.mail), /^[0-9a-f]{64}$/)
  assert.deepEqual(
    rows.map(({ mail: _, ...others }) => others),
    [
      { card: '**** **** **** 1111', age: '[30, 40)', zip: '941*', notes: 'Call [NAME] at [PHONE].' },
      { card: '', age: '[30, 40)', zip: '941*', notes: null },
    ],
  )
  assert.deepEqual(report.rows, { in: 2, out: 2, suppressed: 0 })
  assert.deepEqual(report.columns.notes, { mode: 'mask', changed: 1, empty: 1, unreadable: 0, found: { PHONE: 1, NAME: 1 } })
  assert.equal(report.columns.name?.mode, 'drop')
  for (const value of ['Ada', 'ada@', '1111', '94110', '1234567']) assert.ok(!JSON.stringify(report).includes(value))
})

test('redact, pseudonym and surrogate: the same value is the same again in every column of its type, under one key alone', async () => {
  const plan: AnonymizePlan = {
    columns: {
      a: { mode: 'pseudonym', type: 'EMAIL' },
      b: { mode: 'pseudonym', type: 'EMAIL' },
      c: 'redact',
      d: { mode: 'surrogate', type: 'EMAIL' },
    },
  }
  const row = { a: 'bob@example.com', b: 'bob@example.com', c: 'x', d: 'bob@example.com' }
  const one = await run([row, row], plan, { key })
  assert.match(String(one.rows[0]?.a), /^EMAIL[0-9a-z]{16}$/)
  assert.equal(one.rows[0]?.a, one.rows[0]?.b)
  assert.deepEqual(one.rows[0], one.rows[1])
  assert.equal(one.rows[0]?.c, '[REDACTED]')
  assert.match(String(one.rows[0]?.d), /@example\.com$/)
  assert.notEqual(one.rows[0]?.d, row.d)
  const other = await run([row], plan, { key: key.map(() => 6) })
  assert.notEqual(other.rows[0]?.a, one.rows[0]?.a)
  assert.notEqual(other.rows[0]?.d, one.rows[0]?.d)
})

test('a value has one pseudonym, in its column and in free text', async () => {
  const plan: AnonymizePlan = { columns: { mail: { mode: 'pseudonym', type: 'EMAIL' }, notes: { mode: 'mask', with: 'pseudonym' } } }
  const { rows } = await run([{ mail: 'bob@example.com', notes: 'wrote to bob@example.com, EMAIL0000000000000000' }], plan, { key })
  assert.match(String(rows[0]?.notes), new RegExp(`^wrote to ${String(rows[0]?.mail)}, TOKEN[0-9a-z]{16}$`))
})

test('a hash, a pseudonym and a surrogate without a key, and free text without detectors, are refused when the plan is given', () => {
  for (const mode of ['hash', 'pseudonym', { mode: 'surrogate', type: 'EMAIL' }] as const)
    assert.throws(() => anonymize([], { columns: { a: mode } }), /^TypeError: .*needs a key/)
  for (const mode of ['hash', 'pseudonym', 'surrogate'] as const)
    assert.throws(() => anonymize([], { columns: { a: { mode: 'mask', with: mode } } }, { detect: detectors.all }), /^TypeError: .*needs a key/)
  assert.throws(() => anonymize([], { columns: { a: 'mask' } }), /^TypeError: .*needs detectors/)
  assert.throws(() => anonymize([], { columns: {}, others: 'mask' }), /^TypeError: .*needs detectors/)
  assert.throws(() => anonymize([], { columns: { a: 'hash' } }, { key: new Uint8Array(16) }), TypeError)
})

test('refuses unknown and missing columns unless the plan says otherwise, and does not tell their names', async () => {
  const plan: AnonymizePlan = { columns: { a: 'keep', b: 'keep' } }
  await assert.rejects(run([{ a: 1, b: 2, secret: 3 }], plan), refused('payload_invalid', 'secret'))
  await assert.rejects(run([{ a: 1 }], plan), refused('payload_invalid'))
  await assert.rejects(run([Object.create({ a: 1, b: 2 }) as Row], plan), refused('payload_invalid'))
  assert.deepEqual((await run([{ a: 1, b: 2, secret: 3 }], { ...plan, others: 'drop' })).rows, [{ a: 1, b: 2 }])
  assert.deepEqual((await run([{ a: 1 }], { ...plan, missing: 'null' })).rows, [{ a: 1, b: null }])
  assert.deepEqual((await run([{ a: 1, b: 2, c: 'mail bob@example.com' }], { ...plan, others: 'mask' })).rows, [{ a: 1, b: 2, c: 'mail [EMAIL]' }])
})

test('a column whose name is a value, as of a file without a header, refuses what masks all columns', async () => {
  const rows = (): RowSource => readCsv(['bob@example.com,4111111111111111\nrob@example.com,x\n'])
  await assert.rejects(run(rows(), { columns: {}, others: 'mask' }), refused('payload_blocked', 'bob', '4111'))
})

test('A16: values that JSON does not have are refused, and names of every object are columns', async () => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, undefined, 1n, () => 1, Symbol('x'), new Date(), new Uint8Array(2), { a: Number.NaN }])
    for (const mode of ['keep', 'redact', 'drop'] as const)
      await assert.rejects(run([{ a: value }], { columns: { a: mode } }), refused('payload_invalid'))
  const columns = JSON.parse('{"constructor":"redact","toString":"redact","hasOwnProperty":"keep","valueOf":"drop"}') as AnonymizePlan['columns']
  const plan: AnonymizePlan = { columns }
  const { rows } = await run(readJsonLines(['{"constructor":"a","toString":"b","hasOwnProperty":"c","valueOf":"d"}\n']), plan)
  assert.deepEqual(Object.entries(rows[0] ?? {}), [
    ['constructor', '[REDACTED]'],
    ['toString', '[REDACTED]'],
    ['hasOwnProperty', 'c'],
  ])
  await assert.rejects(run([JSON.parse('{"constructor":1,"hasOwnProperty":1,"valueOf":1}') as Row], plan), refused('payload_invalid'))
  const hostile = JSON.parse('{"a":1,"__proto__":{"b":2}}') as Row
  for (const others of ['refuse', 'drop', 'mask'] as const)
    await assert.rejects(run([hostile], { columns: { a: 'keep' }, others }), refused('payload_invalid'))
  assert.throws(() => anonymize([], { columns: JSON.parse('{"__proto__":"keep"}') as AnonymizePlan['columns'] }), TypeError)
})

test('a value that cannot be read refuses the data set, or becomes nothing and is counted', async () => {
  const to = { range: 10 }
  await assert.rejects(run([{ a: 5 }, { a: 'secret' }], { columns: { a: { mode: 'generalize', to } } }), refused('payload_invalid', 'secret'))
  const { rows, report } = await run([{ a: 'secret' }, { a: ' ' }], { columns: { a: { mode: 'generalize', to, unreadable: 'null' } } })
  assert.deepEqual(rows, [{ a: null }, { a: null }])
  assert.deepEqual([report.columns.a?.unreadable, report.columns.a?.empty], [1, 1])
})

test('free text: JSON is masked in every leaf, and what other columns do not keep is taken out of it', async () => {
  const plan: AnonymizePlan = { columns: { name: 'drop', age: { mode: 'generalize', to: { range: 10 } }, sex: 'keep', talk: 'mask' } }
  const row = {
    name: "D'Arcy Müller",
    age: 37,
    sex: 'female',
    talk: [
      { role: 'user', content: "I am MÜLLER, female, 37. Write to d'arcy.mueller@example.com" },
      { content: { card: 4111111111111111 } },
      'd’arcy müller',
    ],
  }
  const { rows } = await run([row], plan)
  assert.deepEqual(rows[0]?.talk, [
    { role: 'user', content: 'I am [NAME], female, [AGE]. Write to [EMAIL]' },
    { content: { card: '[CARD]' } },
    'd’[NAME] [NAME]',
  ])
  // What is as it was is not counted as changed.
  assert.equal((await run([{ ...row, talk: { a: [1, 'x'] } }], plan)).report.columns.talk?.changed, 0)
  // A word of one letter stands in every text, and one in another word is another word.
  const { rows: kept } = await run([{ name: 'A Li', age: 1, sex: 'x', talk: 'a Lion ate a list' }], plan)
  assert.equal(kept[0]?.talk, 'a Lion ate a list')
  const { rows: named } = await run([{ name: 'Ada', age: 1, sex: 'x', talk: { 'ada was here 17': 1, 'bob@example.com': 1 } }], plan)
  assert.deepEqual(named[0]?.talk, { '[NAME] was here 17': 1, '[EMAIL]': 1 })
})

test('values of other columns that overlap leave nothing of either, and a long text is no name', async () => {
  const plan: AnonymizePlan = { columns: { a: 'drop', b: 'redact', note: 'mask' } }
  const note = async (a: unknown, b: unknown, text: string): Promise<unknown> => (await run([{ a, b, note: text }], plan)).rows[0]?.note
  assert.equal(await note('Ada Lovelace', 'Lovelace King', 'by Ada Lovelace King, and King Ada.'), 'by [A], and [REDACTED] [A].')
  assert.equal(
    await note('İpek Ünal', '+49 (0)', 'tell İPEK and ünal: +49 (0)1 or +49 (0) x'),
    'tell İPEK and [A]: +49 (0)1 or [REDACTED] x'.replace('İPEK', '[A]'),
  )
  const bio = 'She was the first who saw that the engine could do more than to count.'
  assert.equal(await note(bio, 'x', 'the engine was slow'), 'the engine was slow')
})

test('A17: hostile values and texts cost no more than their length', async () => {
  const plan: AnonymizePlan = { columns: { a: 'drop', b: 'drop', c: 'drop', note: 'mask' } }
  const row = {
    a: 'a'.repeat(128),
    b: '+'.repeat(128),
    c: Array.from({ length: 20 }, (_, index) => 'a'.repeat(index + 3))
      .join(' ')
      .slice(0, 64),
  }
  for (const [text, expected] of [
    ['a'.repeat(100_000), 'a'.repeat(100_000)],
    ['a '.repeat(50_000), 'a '.repeat(50_000)],
    ['+'.repeat(100_000), '[B]'],
  ] as const)
    assert.ok((await run([{ ...row, note: text }], plan)).rows[0]?.note === expected)
})

test('a detector that takes its time masks free text too, and refuses where it fails', async () => {
  const names = {
    types: ['PERSON'],
    find: async (text: string) => [...text.matchAll(/Eve/g)].map(({ index }) => ({ type: 'PERSON', start: index, end: index + 3 })),
  }
  const { rows } = await run([{ a: 'Eve and bob@example.com' }], { columns: { a: 'mask' } }, { asyncDetect: names })
  assert.deepEqual(rows, [{ a: '[PERSON] and [EMAIL]' }])
  const failing = { types: ['PERSON'], find: () => Promise.reject(new Error('Eve')) }
  // Also while another column refuses the row before it.
  const to = { range: 1 }
  await assert.rejects(
    run([{ a: 'Eve', b: 'x' }], { columns: { a: 'mask', b: { mode: 'generalize', to } } }, { asyncDetect: failing }),
    refused('payload_invalid'),
  )
  await assert.rejects(run([{ a: 'Eve' }], { columns: { a: 'mask' } }, { asyncDetect: failing }), refused('misconfigured', 'Eve'))
})

test('rows can be read once, and there is a report when the last one was', async () => {
  const out = anonymize(people, { columns: { name: 'keep' }, others: 'drop' })
  assert.throws(() => out.report(), TypeError)
  const lines: string[] = []
  for await (const line of writeJsonLines(out)) lines.push(line)
  assert.deepEqual(lines, ['{"name":"Ada Lovelace"}\n', '{"name":"Bob"}\n'])
  assert.deepEqual(out.columns(), ['name'])
  assert.equal(out.report().rows.out, 2)
  assert.throws(() => out[Symbol.asyncIterator](), TypeError)
})

test('JSON lines: strict, and no number is rounded', async () => {
  for (const text of [
    '{"a":1,"a":2}\n',
    '[1]\n',
    '1\n',
    'null\n',
    '{"a":12345678901234567890}\n',
    '{"a":[{"b":9007199254740993}]}\n',
    '{"__proto__":1}\n',
    '{"a":1} {"a":2}\n',
  ])
    await assert.rejects(run(readJsonLines([text]), { columns: { a: 'keep' } }), refused('payload_invalid'), text)
  assert.deepEqual((await run(readJsonLines(['{"a":', new TextEncoder().encode('1}\r\n\n{"a":2}')]), { columns: { a: 'keep' } })).rows, [
    { a: 1 },
    { a: 2 },
  ])
})

test('property: the order and the number of rows stay where nothing is asked of classes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 99 })), async (ages) => {
      const { rows } = await run(
        ages.map((age) => ({ age })),
        { columns: { age: 'keep' }, quasiIdentifiers: ['age'] },
      )
      assert.deepEqual(
        rows.map(({ age }) => age),
        ages,
      )
    }),
  )
})

test('wrong plans are refused when they are given', () => {
  const wrong: readonly object[] = [
    { columns: {} },
    { columns: [] },
    { columns: { a: 'blur' } },
    { columns: { a: null } },
    { columns: { a: { mode: 'keep', to: {} } } },
    { columns: { a: { mode: 'hash', type: 'email' } } },
    { columns: { a: 'surrogate' } },
    { columns: { a: 'generalize' } },
    { columns: { a: { mode: 'generalize', to: { prefix: 1 }, unreadable: 'keep' } } },
    { columns: { a: { mode: 'mask', with: 'blur' } } },
    { columns: { a: 'keep' }, others: 'keep' },
    { columns: { a: 'keep' }, missing: 'keep' },
    { columns: { a: 'keep' }, k: 2 },
    { columns: { a: 'keep' }, quasiIdentifiers: ['b'] },
    { columns: { a: 'keep' }, quasiIdentifiers: ['a', 'a'] },
    { columns: { a: 'drop' }, quasiIdentifiers: ['a'] },
    { columns: { a: 'mask' }, quasiIdentifiers: ['a'] },
    { columns: { a: 'keep' }, quasiIdentifiers: ['a'], k: 0 },
    { columns: { a: 'keep' }, quasiIdentifiers: ['a'], k: Number.NaN },
    { columns: { a: 'keep' }, quasiIdentifiers: ['a'], l: 2 },
    { columns: { a: 'keep' }, sensitive: ['a'] },
    { columns: { a: 'keep' }, quasiIdentifiers: ['a'], sensitive: ['a'] },
    { columns: { a: 'keep' }, quasiIdentifiers: ['a'], subject: 'toString' },
    { columns: { a: 'keep' }, quasiIdentifier: ['a'] },
  ]
  for (const plan of wrong) assert.throws(() => anonymize([], plan as AnonymizePlan, { detect: detectors.all, key }), TypeError, JSON.stringify(plan))
  assert.throws(() => anonymize(7 as never, { columns: { a: 'keep' } }), TypeError)
  for (const options of [{ maxHeld: 0 }, { keys: 1 }])
    assert.throws(() => anonymize([], { columns: { a: 'keep' } }, options as AnonymizeOptions), TypeError)
})

test('what other columns tell is taken out of free text wherever it is told, or the row is refused', async () => {
  const plan: AnonymizePlan = { columns: { notes: 'mask', name: 'drop', about: 'drop' }, others: 'drop' }
  const long = 'a rather long sentence about somebody '.repeat(8).trim()
  const { rows } = await run(
    [
      { name: 'Zo\u00eb Quist', about: { first: 'Ada', last: 'Lovelace' }, notes: 'Zoe\u0308 Quist met Lovelace' },
      { name: long, about: null, notes: `He said: ${long}!` },
    ],
    plan,
  )
  assert.ok(!JSON.stringify(rows).normalize('NFC').includes('Zo\u00eb') && !JSON.stringify(rows).includes('Lovelace'))
  assert.ok(!JSON.stringify(rows).includes(long))
  const flood = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`c${index}`, `${index}${'x'.repeat(1_000)}`]))
  await assert.rejects(run([{ ...flood, name: 'Ada', about: null, notes: 'Ada' }], plan), refused('payload_too_large', 'Ada'))
})
