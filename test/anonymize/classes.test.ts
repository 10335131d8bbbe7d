import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { anonymize, type RowSource } from '../../src/anonymize/anonymize.ts'
import type { AnonymizePlan } from '../../src/anonymize/plan.ts'
import type { AnonymizeReport } from '../../src/anonymize/report.ts'
import type { Row } from '../../src/anonymize/row.ts'
import { isGuardError } from '../../src/guard/errors.ts'

async function run(
  rows: RowSource | (() => RowSource),
  plan: AnonymizePlan,
  maxHeld?: number,
): Promise<{ readonly rows: Row[]; readonly report: AnonymizeReport }> {
  const out = anonymize(rows, plan, maxHeld === undefined ? {} : { maxHeld })
  const written: Row[] = []
  for await (const row of out) written.push(row)
  return { rows: written, report: out.report() }
}

const plan: AnonymizePlan = {
  columns: { zip: { mode: 'generalize', to: { prefix: 2 }, unreadable: 'null' }, sex: 'keep', illness: 'keep', who: 'drop' },
  quasiIdentifiers: ['zip', 'sex'],
  k: 3,
  sensitive: ['illness'],
  l: 2,
  missing: 'null',
}

function rowsOf(...rows: readonly (readonly [zip: unknown, sex: unknown, illness: unknown, who?: unknown])[]): Row[] {
  return rows.map(([zip, sex, illness, who = null]) => ({ zip, sex, illness, who }))
}

/** What the definition says, without any of our code: the fewest rows, and the fewest different sensitive values, of a class. */
function measured(rows: readonly Row[]): { readonly k: number; readonly l: number } {
  const classes = new Map<string, string[]>()
  for (const { zip, sex, illness } of rows) {
    const key = JSON.stringify([zip, sex])
    classes.set(key, [...(classes.get(key) ?? []), String(illness)])
  }
  const lists = [...classes.values()]
  return { k: Math.min(...lists.map((list) => list.length)), l: Math.min(...lists.map((list) => new Set(list).size)) }
}

const value = fc.record({
  zip: fc.constantFrom('9411', '9412', '8011', '80', null),
  sex: fc.constantFrom('f', 'm', 'F', '', null),
  illness: fc.constantFrom('flu', 'gout', 'cold'),
  who: fc.constantFrom('a', 'b', 'c', 'd'),
})

test('property: every class that is left has k rows and l values, rows that were read twice keep their order, and once or twice the same are left', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(value, { maxLength: 40 }), async (rows) => {
      const twice = await run(() => rows, plan)
      const once = await run(rows, plan)
      const texts = (list: readonly Row[]): string[] => list.map((row) => JSON.stringify(row))
      assert.deepEqual(texts(once.rows).sort(), texts(twice.rows).sort())
      assert.deepEqual(once.report, twice.report)
      const { k, l } = measured(twice.rows)
      assert.ok(k >= 3 && l >= 2)
      const { rows: counts, anonymity } = twice.report
      assert.deepEqual(counts, { in: rows.length, out: twice.rows.length, suppressed: rows.length - twice.rows.length })
      assert.deepEqual([anonymity?.k.after ?? k, anonymity?.l.after ?? l], [k, l])
      // In order.
      const { who: _, ...columns } = plan.columns
      const all = await run(rows, { columns: { ...columns, who: 'drop' }, missing: 'null' })
      let at = 0
      for (const row of twice.rows) {
        at = all.rows.findIndex((other, index) => index >= at && JSON.stringify(other) === JSON.stringify(row)) + 1
        assert.ok(at > 0)
      }
    }),
    { numRuns: 60 },
  )
})

test('property: with a subject a class counts persons', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(value, { maxLength: 40 }), async (rows) => {
      const marked = rows.map((row, id) => ({ ...row, id }))
      const { rows: left } = await run(() => marked, { ...plan, columns: { ...plan.columns, id: 'keep' }, subject: 'who', l: 1 })
      const persons = new Map<string, Set<unknown>>()
      for (const { zip, sex, id } of left) {
        const key = JSON.stringify([zip, sex])
        persons.set(key, (persons.get(key) ?? new Set()).add(marked[Number(id)]?.who))
      }
      for (const set of persons.values()) assert.ok(set.size >= 3)
    }),
    { numRuns: 60 },
  )
})

test('a value that is missing stands for no other one: it joins no class, and makes none more diverse', async () => {
  // Three rows of one person's neighbourhood, of which one keeps its sex to itself.
  const hidden = rowsOf(['94110', 'f', 'flu'], ['94110', 'f', 'gout'], ['94110', null, 'cold'])
  assert.deepEqual((await run(hidden, plan)).rows, [])
  for (const nothing of [null, '', ' ', '\t', '\u00a0', '\u200b', 'N/A', 'n/a', 'NaN', 'null', 'unknown', '-', '?', '---']) {
    const rows = rowsOf(['94110', 'f', 'flu'], ['94110', 'f', 'flu'], ['94110', 'f', nothing])
    assert.deepEqual((await run(rows, plan)).rows, [], JSON.stringify(nothing))
  }
  // What has no value at all is a class of its own, of those who have none.
  const none = rowsOf([null, null, 'flu'], [null, null, 'gout'], [null, null, 'flu'])
  assert.equal((await run(none, plan)).rows.length, 3)
})

test('spellings of one sensitive value are one value', async () => {
  for (const spelling of ['FLU', ' flu', 'flu\u00a0', 'f\u200blu', 'fl\u00adu', 'ｆｌｕ', 'fl\u0075', 'flu\n', 'fIu'.replace('I', 'l'), 'ﬂu']) {
    const rows = rowsOf(['94110', 'f', 'flu'], ['94110', 'f', 'flu'], ['94110', 'f', spelling])
    assert.deepEqual((await run(rows, plan)).rows, [], JSON.stringify(spelling))
  }
  for (const [one, other] of [
    [1, '1'],
    [1, '1.0'],
    ['01', '1'],
    [true, 'TRUE'],
    ['straße', 'STRASSE'],
    [0, -0],
  ] as const) {
    const rows = rowsOf(['94110', 'f', one], ['94110', 'f', one], ['94110', 'f', other])
    assert.deepEqual((await run(rows, plan)).rows, [], JSON.stringify([one, other]))
  }
})

test('spellings of a quasi-identifier are different to whoever reads the rows, and hide nobody', async () => {
  for (const spelling of ['F', ' f', 'f ', 'ｆ', 'f\u200b', 'f\u0301']) {
    const rows = rowsOf(['94110', 'f', 'flu'], ['94110', 'f', 'gout'], ['94110', spelling, 'flu'])
    assert.deepEqual((await run(rows, plan)).rows, [], JSON.stringify(spelling))
  }
  const rows = rowsOf(['94110', 1, 'flu'], ['94110', '1', 'gout'], ['94110', true, 'flu'], ['94110', 'true', 'gout'])
  assert.deepEqual((await run(rows, plan)).rows, [])
})

test('a column cannot run into the next', async () => {
  const two: AnonymizePlan = { columns: { a: 'keep', b: 'keep' }, quasiIdentifiers: ['a', 'b'], k: 2 }
  for (const [one, other] of [
    [
      { a: 'x,y', b: 'z' },
      { a: 'x', b: 'y,z' },
    ],
    [
      { a: 'x","y', b: 'z' },
      { a: 'x', b: 'y","z' },
    ],
    [
      { a: null, b: 'null' },
      { a: 'null', b: null },
    ],
    [
      { a: ['x'], b: 1 },
      { a: '["x"]', b: 1 },
    ],
  ] as const)
    assert.deepEqual((await run([one, other], two)).rows, [])
})

test('measures without enforcing, and tells what was there before', async () => {
  const rows = rowsOf(['94110', 'f', 'flu'], ['94117', 'f', 'gout'], ['80331', 'm', 'flu'])
  const { rows: all, report } = await run(rows, { ...plan, k: 1, l: 1 })
  assert.equal(all.length, 3)
  assert.deepEqual(report.anonymity, {
    k: { wanted: 1, before: 1, after: 1 },
    l: { wanted: 1, before: 1, after: 1 },
    classes: { before: 2, after: 2 },
  })
  const enforced = await run(rows, { ...plan, k: 2, l: 2 })
  assert.deepEqual(enforced.report.anonymity, {
    k: { wanted: 2, before: 1, after: 2 },
    l: { wanted: 2, before: 1, after: 2 },
    classes: { before: 2, after: 1 },
  })
  const empty = await run([], plan)
  assert.deepEqual(empty.report.anonymity?.k, { wanted: 3, before: null, after: null })
})

test('rows that are others when they are read again are refused', async () => {
  const first = rowsOf(['94110', 'f', 'flu'], ['94110', 'f', 'gout'], ['94110', 'f', 'flu'], ['80331', 'm', 'flu'])
  for (const second of [
    first.slice(0, 3),
    [...first, ...first.slice(0, 1)],
    [...first.slice(0, 3), { ...first[3], zip: '94110', sex: 'f' }],
    first.map((row) => ({ ...row, illness: 'flu' })),
    [...first].reverse(),
  ]) {
    let reads = 0
    await assert.rejects(
      run(() => (reads++ === 0 ? first : second), plan),
      (error) => isGuardError(error) && error.code === 'payload_invalid',
    )
  }
})

test('what is held is bounded, and what has left is held no longer', async () => {
  const refused = (error: unknown): boolean => isGuardError(error) && error.code === 'payload_too_large'
  const many = function* (classes: number): Generator<Row> {
    for (let index = 0; index < 3_000; index++) yield { zip: '94110', sex: `s${index % classes}`, illness: `i${index % 7}`, who: 'x'.repeat(100) }
  }
  await assert.rejects(
    run(() => many(3_000), plan, 100_000),
    refused,
  )
  await assert.rejects(run(many(3_000), plan, 100_000), refused)
  const few = await run(many(10), plan, 100_000)
  assert.equal(few.rows.length, 3_000)
  // A giant value counts for what it is.
  await assert.rejects(
    run(() => [{ zip: '94110', sex: 'f'.repeat(200_000), illness: 'flu', who: 1 }], plan, 100_000),
    refused,
  )
})

test('one person or one value in two spellings is one, and who is not named counts for nobody', async () => {
  const bySubject: AnonymizePlan = { columns: { zip: 'keep', who: 'drop' }, quasiIdentifiers: ['zip'], subject: 'who', k: 2 }
  const kept = async (...who: readonly unknown[]): Promise<number> =>
    (await run(() => who.map((one) => ({ zip: '1', who: one })), bySubject)).rows.length
  assert.equal(await kept('Jos\u00e9', 'Jose\u0301'), 0)
  assert.equal(await kept('ada', '', 'n/a', null), 0)
  assert.equal(await kept('ada', 'bob', null), 3)
  const key = new Uint8Array(32).fill(1)
  const hashed: AnonymizePlan = { columns: { zip: 'keep', illness: 'hash' }, quasiIdentifiers: ['zip'], sensitive: ['illness'], l: 2 }
  const left = async (...illnesses: readonly unknown[]): Promise<number> => {
    const out = anonymize(() => illnesses.map((illness) => ({ zip: '1', illness })), hashed, { key })
    let count = 0
    for await (const _ of out) count++
    return count
  }
  assert.equal(await left('flu', 'Flu'), 0)
  assert.equal(await left('flu', 'N/A'), 0)
  assert.equal(await left('10', '1e1', '10.', '10,0'), 0)
  assert.equal(await left('flu', 'gout'), 2)
})
