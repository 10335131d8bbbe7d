import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { caseRows, type HostResult, markdownReport, plainTable } from './result-table.ts'
import type { FileCounts } from './verdict.ts'

const counts = (passed: number, failed = 0, leftOut = 0): FileCounts => ({ passed, failed, leftOut, seconds: passed / 2 })
const host = (name: string, files: readonly (readonly [string, FileCounts])[]): HostResult => ({
  host: name,
  version: '1.2.3',
  seconds: 7.25,
  verdict: { tests: 0, passed: 4, failed: [], leftOut: [], files: new Map(files) },
})
const results = [
  host('bun', [
    ['a10-one', counts(1)],
    ['a02-x', counts(1)],
    ['a02-y', counts(2, 1)],
    ['exchange', counts(3)],
  ]),
  host('workerd', [['a02-x', counts(0, 0, 2)]]),
]

describe('the table of results', () => {
  test('has a row for each attack, in the order of numbers, and a column for each host', () => {
    assert.deepEqual(caseRows(results), [
      ['case', 'bun', 'workerd'],
      ['A2', '3, 1 failed (1.5 s)', '2 left out'],
      ['A10', '1 (0.5 s)', '0'],
      ['exchange', '3 (1.5 s)', '0'],
      ['passed', '4', '4'],
      ['failed', '0', '0'],
      ['left out', '0', '0'],
      ['seconds', '7.3', '7.3'],
    ])
  })

  test('is as wide as its cells', () => {
    assert.equal(
      plainTable([
        ['a', 'bbb'],
        ['ccc', 'd'],
      ]),
      'a    bbb\nccc    d',
    )
  })

  test('is a page of Markdown that says what was left out, and why', () => {
    const page = markdownReport(results, [{ on: 'workerd', tests: 'a02-x > A2: s > one', reason: 'cannot' }], '2 at a time')
    assert.match(page, /^\| case \| bun \| workerd \|\n\| --- \| ---: \| ---: \|\n\| A2 \| 3, 1 failed/m)
    assert.match(page, /^- on workerd, one: it cannot$/m)
  })
})
