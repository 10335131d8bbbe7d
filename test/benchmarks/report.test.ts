import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { benches } from '../bench/report/benches.ts'
import { drawReport } from '../bench/report/report.ts'
import { readResults, withRun, writeResults } from '../bench/report/results.ts'
import { figure, results, run, soak } from './fixed-results.ts'
import { assertWellFormed } from './well-formed.ts'

const bench = fileURLToPath(new URL('../bench/', import.meta.url))

describe('the report of benchmarks', () => {
  const files = drawReport(results, [soak])
  const page = files['README.md'] ?? ''
  const headings = page.split('\n').filter((line) => line.startsWith('#'))

  test('has a section for each bench that ran, in the order in which they run, and a table for each of theirs', () => {
    assert.deepEqual(headings, [
      '# Benchmarks',
      '## What is asked',
      '## Policy',
      '### A decision, µs',
      '## Import',
      '### A fresh process, ms',
      '## Soak of 10 minutes',
    ])
  })

  test('says on what, when and of which commit it was measured, and beside which versions', () => {
    assert.match(page, /\| all \| Test CPU <8>, 2 cores, 8 GiB, Node v20\.19\.0, linux x64 \| 2026-01-02 \| `0123456789` \| 0\.30 to 1\.20 \|/)
    assert.match(page, /Beside: casbin 5\.0\.0\./)
  })

  test('marks what is slower than the last time, in the table and in the plot, and what the others took', () => {
    assert.match(page, /\| \*\*sallyport\*\* \| 120 \|.*\| \*\*slower, 1\.20 ×\*\* \|/)
    assert.match(page, /\| jose \| 90\.0 \|.*\| same \|/)
    assert.match(page, /Compared with 2026-01-01 \(`abcdef0123`\); the others took 1\.01 times as much as then\./)
    assert.match(files['import-a-fresh-process.svg'] ?? '', /class="bad"[^>]*>slower, 1\.20 ×</)
  })

  test('shows what is asked beside what was measured', () => {
    assert.match(page, /\| Import: a fresh process, sallyport \| 120 ms \| at most 135 ms \(1\.5 × jose\) \| kept \|/)
    assert.match(page, /\| Policy: a decision, sallyport at 10,000 rules \| 0\.70 µs \| at most 1\.00 µs \| kept \|/)
    const slow = withRun({ version: 1, benches: {} }, 'policy', run([figure({ median: 2, asked: 1 })]))
    assert.match(drawReport(slow, [])['README.md'] ?? '', /\| 2\.00 µs \| at most 1\.00 µs \| \*\*missed\*\* \|/)
  })

  test('shows growth by size', () => {
    assert.match(page, /\|\s+\| 10 rules \| 10,000 rules \| growth \|/)
    assert.match(page, /\| \*\*sallyport\*\* \| 0\.60 \| 0\.70 \| 1\.17 × \|/)
    assert.match(page, /\| casbin & others \| 17\.0 \| 17,000 \| 1,000 × \|/)
  })

  test('compares nothing with another machine, and says so', () => {
    const { now, last } = results.benches.import ?? {}
    assert.ok(now !== undefined && last !== undefined)
    const elsewhere = { version: 1 as const, benches: { import: { now, last: { ...last, machine: { ...last.machine, cores: 64 } } } } }
    const said = drawReport(elsewhere, [])['README.md'] ?? ''
    assert.match(said, /The last time it ran elsewhere, so nothing is compared\./)
    assert.doesNotMatch(said, /slower, /)
  })

  test('every plot is well-formed, and is shown once; none is shown that is not there', () => {
    const plots = Object.keys(files).filter((name) => name.endsWith('.svg'))
    assert.deepEqual(plots.sort(), [
      'import-a-fresh-process.svg',
      'policy-a-decision.svg',
      'soak-event-loop-delay.svg',
      'soak-log-lag.svg',
      'soak-memory.svg',
      'soak-p99.svg',
    ])
    for (const name of plots) assert.equal(assertWellFormed(files[name] ?? '')[0], 'svg', name)
    assert.deepEqual([...page.matchAll(/\]\(([a-z0-9-]+\.svg)\)/g)].map(([, name]) => name).sort(), plots)
  })

  test('the soak says what held and what did not', () => {
    assert.match(page, /^- holds: every place was given back$/m)
    assert.match(page, /^- \*\*does not hold\*\*: no record waits$/m)
    assert.match(page, /34,200 decisions and 34,200 outcomes/)
    assert.match(page, /\| resident set, MB \| 200 \| 200 \| 1\.00 × \|/)
  })

  test('the soak says how long it took where the machine could not keep the rate, and draws no answers where there were none', () => {
    const last = { ...soak.rows.at(-1), at: 900, json50: 0, json99: 0 } as (typeof soak.rows)[number]
    const late = drawReport(results, [{ ...soak, rows: [...soak.rows, last] }])
    assert.match(late['README.md'] ?? '', /It took 15, since the machine was too busy/)
    assert.doesNotMatch(page, /too busy/)
    assert.match(late['README.md'] ?? '', /\| whole answers, 99 %, ms \| 50\.0 \| 50\.0 \|/)
  })

  test('a second soak has plots of its own', () => {
    const both = drawReport(results, [soak, { ...soak, seconds: 1_200 }])
    assert.ok(both['soak-memory.svg'] !== undefined && both['soak-2-memory.svg'] !== undefined)
    assert.match(both['README.md'] ?? '', /## Soak of 10 minutes[\s\S]*## Soak of 20 minutes[\s\S]*\(soak-2-memory\.svg\)/)
  })

  test('is drawn of nothing as well, and says so', () => {
    assert.match(drawReport({ version: 1, benches: {} }, [])['README.md'] ?? '', /Nothing was measured yet/)
  })
})

describe('the results of benchmarks', () => {
  test('are written with a line for each figure, and read as they were', () => {
    const folder = mkdtempSync(join(tmpdir(), 'sallyport-results-'))
    const file = join(folder, 'deep', 'results.json')
    writeResults(file, results)
    assert.deepEqual(readResults(file), results)
    const lines = readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.includes('"subject"'))
    assert.ok(lines.length === 8 && lines.every((line) => line.match(/"subject"/g)?.length === 1))
    rmSync(folder, { recursive: true })
  })

  test('keep the last run of a bench, and touch no other', () => {
    const now = run([figure({ median: 7 })])
    const next = withRun(results, 'policy', now)
    assert.equal(next.benches.policy?.now, now)
    assert.equal(next.benches.policy?.last, results.benches.policy?.now)
    assert.equal(next.benches.import, results.benches.import)
    assert.equal(withRun(results, 'import', now, true).benches.import?.last, undefined)
  })

  test('every bench that is named is there, and every one that is there is named', () => {
    for (const { file } of benches) assert.ok(readFileSync(join(bench, file), 'utf8').length > 0)
    assert.equal(new Set(benches.map(({ name }) => name)).size, benches.length)
  })
})
