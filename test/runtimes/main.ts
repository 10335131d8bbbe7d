// Runs the conformance suite, unchanged, on every runtime: `npm run test:runtimes`, or on some and of some files only:
// `npm run test:runtimes -- workerd bun a01 a07`.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bring } from './bring.ts'
import { bundle, conformanceFiles } from './bundle.ts'
import { runSuite } from './run-suite.ts'
import { type Runtime, runtimes } from './runtimes.ts'
import { judge, leftOutOn, planOf, type Verdict } from './verdict.ts'

/** Milliseconds for all together, and for each step. */
const limits = { whole: 600_000, bringing: 150_000, running: 240_000 }
const started = performance.now()
const timeFor = (step: number): number => Math.max(1, Math.min(step, limits.whole - (performance.now() - started)))

const wanted = process.argv.slice(2)
const isRuntime = (name: string): boolean => runtimes.some((runtime) => runtime.name === name)
const chosen = wanted.some(isRuntime) ? runtimes.filter(({ name }) => wanted.includes(name)) : runtimes
const prefixes = wanted.filter((name) => !isRuntime(name))
const unknown = prefixes.find((prefix) => conformanceFiles([prefix]).length === 0)
if (unknown !== undefined) {
  console.error(`'${unknown}' is neither a runtime (${runtimes.map(({ name }) => name).join(', ')}) nor the beginning of a file in test/conformance.`)
  process.exit(2)
}

const files = conformanceFiles(prefixes)
const folder = mkdtempSync(join(tmpdir(), 'sallyport-runtimes-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
await bundle(folder, files)

let plan: readonly string[] | undefined
const row = (cells: readonly string[]): void =>
  console.log(cells.map((cell, column) => (column < 2 ? cell.padEnd(column === 0 ? 10 : 14) : cell.padStart(9))).join(''))
row(['runtime', 'version', 'tests', 'passed', 'failed', 'left out', 'seconds'])
const verdicts = new Map<Runtime, Verdict>()
for (const runtime of chosen) {
  const begun = performance.now()
  const { version, verdict } = await tryOn(runtime)
  verdicts.set(runtime, verdict)
  const { tests, passed, failed, leftOut } = verdict
  row([runtime.name, version, ...[tests, passed, failed.length, leftOut.length].map(String), ((performance.now() - begun) / 1_000).toFixed(1)])
}

async function tryOn(runtime: Runtime): Promise<{ readonly version: string; readonly verdict: Verdict }> {
  let version = '-'
  try {
    const brought = await bring(runtime, folder, timeFor(limits.bringing))
    version = brought.version
    const entries = leftOutOn(runtime.name, files)
    const outcome = await runSuite(runtime, brought, folder, { leftOut: entries.map(({ tests }) => tests) }, timeFor(limits.running))
    const verdict = judge(outcome, entries, plan)
    plan ??= planOf(outcome.reports)
    return { version, verdict }
  } catch (error) {
    const failure = { test: `${runtime.name} is brought`, error: error instanceof Error ? error.message : String(error) }
    return { version, verdict: { tests: 0, passed: 0, failed: [failure], leftOut: [] } }
  }
}

const named = new Set(chosen.flatMap(({ name }) => leftOutOn(name, files)))
for (const { on, tests, reason } of named) console.log(`\nleft out on ${on === '*' ? 'all' : on}: ${tests}\n  It ${reason}.`)
for (const [{ name }, { failed }] of verdicts)
  for (const { test, error } of failed) console.log(`\nfailed on ${name}: ${test}\n  ${error.replaceAll('\n', '\n  ')}`)
const sum = (count: (verdict: Verdict) => number): number => [...verdicts.values()].reduce((total, verdict) => total + count(verdict), 0)
const failures = sum(({ failed }) => failed.length)
console.log(`\n${sum(({ passed }) => passed)} passed, ${failures} failed`)
process.exitCode = failures === 0 ? 0 : 1
