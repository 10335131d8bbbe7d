// Runs the conformance suite, unchanged, on every runtime: `npm run test:runtimes`; on some and of some files only:
// `npm run test:runtimes -- workerd bun a01 a07`; and writes the result as Markdown with `--report FILE`.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Brought, bring } from './bring.ts'
import { bundle, conformanceFiles } from './bundle.ts'
import type { HostOptions } from './exchange.ts'
import { eachOf } from './pool.ts'
import { caseRows, type HostResult, markdownReport, plainTable } from './result-table.ts'
import { type Outcome, runSuite } from './run-suite.ts'
import { here, type Runtime, runtimes } from './runtimes.ts'
import { failedVerdict, judge, leftOutOn, planOf } from './verdict.ts'

/** Milliseconds for all together, and for each step. */
const limits = { whole: 1_500_000, bringing: 150_000, writing: 120_000, running: 600_000 }
const started = performance.now()
const timeFor = (step: number): number => Math.max(1, Math.min(step, limits.whole - (performance.now() - started)))
// Each is one process with one thread that works, and now and then one that it starts.
const atOnce = Math.min(4, availableParallelism())

const { values, positionals: wanted } = parseArgs({ allowPositionals: true, options: { report: { type: 'string' } } })
const known = [here, ...runtimes]
const isRuntime = (name: string): boolean => known.some((runtime) => runtime.name === name)
const chosen = wanted.some(isRuntime) ? known.filter(({ name }) => wanted.includes(name)) : runtimes
const prefixes = wanted.filter((name) => !isRuntime(name))
const unknown = prefixes.find((prefix) => conformanceFiles([prefix]).length === 0)
if (unknown !== undefined) {
  console.error(`'${unknown}' is neither a runtime (${known.map(({ name }) => name).join(', ')}) nor the beginning of a file in test/conformance.`)
  process.exit(2)
}

const files = conformanceFiles(prefixes)
const folder = mkdtempSync(join(tmpdir(), 'sallyport-runtimes-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
await bundle(folder, files)

/** A runtime, and what it was brought as or why it was not. */
interface Host {
  readonly runtime: Runtime
  readonly brought: Brought | string
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
const hosts = await eachOf(chosen, atOnce, async (runtime): Promise<Host> => {
  try {
    return { runtime, brought: await bring(runtime, folder, timeFor(limits.bringing)) }
  } catch (error) {
    return { runtime, brought: reasonOf(error) }
  }
})

async function outcomeOn({ runtime, brought }: Host, options: HostOptions, time: number): Promise<Outcome> {
  if (typeof brought === 'string') return { reports: [], failure: brought }
  return runSuite(runtime, brought, folder, options, timeFor(time)).catch((error: unknown) => ({ reports: [], failure: reasonOf(error) }))
}

const written: Record<string, unknown> = {}
if (files.includes('exchange'))
  await eachOf(hosts, atOnce, async (host) => {
    const { reports } = await outcomeOn(host, { writes: true }, limits.writing)
    const made = reports.find(({ kind }) => kind === 'made')
    if (made?.kind === 'made') written[host.runtime.name] = made.value
  })
// In the order of the hosts, so that all of them plan the same tests.
const exchanged = Object.fromEntries(chosen.flatMap(({ name }) => (Object.hasOwn(written, name) ? [[name, written[name]]] : [])))

console.log(`${files.length} files on ${chosen.length} runtimes, ${atOnce} at a time`)
const outcomes = await eachOf(hosts, atOnce, async (host) => {
  const begun = performance.now()
  const leftOut = leftOutOn(host.runtime.name, files).map(({ tests }) => tests)
  const outcome = await outcomeOn(host, { leftOut, ...(files.includes('exchange') && { written: exchanged }) }, limits.running)
  const seconds = (performance.now() - begun) / 1_000
  const passed = outcome.reports.filter(({ kind }) => kind === 'passed').length
  console.log(`${host.runtime.name.padEnd(8)} ${`${passed}`.padStart(5)} passed ${seconds.toFixed(1).padStart(7)} s`)
  return { outcome, seconds }
})

const plan = outcomes.map(({ outcome }) => planOf(outcome.reports)).find((tests) => tests !== undefined)
const results = hosts.map(({ runtime: { name: host }, brought }, index): HostResult => {
  const { outcome, seconds } = outcomes[index] ?? { outcome: { reports: [] }, seconds: 0 }
  if (typeof brought === 'string') return { host, version: '-', seconds, verdict: failedVerdict(`${host} is brought`, brought) }
  const verdict = judge(outcome, leftOutOn(host, files), plan)
  const unwritten = files.includes('exchange') && !Object.hasOwn(written, host)
  const failed = unwritten ? [...verdict.failed, { test: 'exchange', error: 'it wrote nothing for the others' }] : verdict.failed
  return { host, version: brought.version, seconds, verdict: { ...verdict, failed } }
})

const named = [...new Set(chosen.flatMap(({ name }) => leftOutOn(name, files)))]
console.log(`\n${plainTable(caseRows(results))}\n`)
for (const { on, tests, reason } of named) console.log(`left out on ${on === '*' ? 'all' : on}: ${tests}\n  It ${reason}.`)
for (const { host, verdict } of results)
  for (const { test, error } of verdict.failed) console.log(`\nfailed on ${host}: ${test}\n  ${error.replaceAll('\n', '\n  ')}`)
const sum = (count: (result: HostResult) => number): number => results.reduce((total, result) => total + count(result), 0)
const failures = sum(({ verdict }) => verdict.failed.length)
const seconds = Math.round((performance.now() - started) / 1_000)
console.log(
  `\n${sum(({ verdict }) => verdict.passed)} passed, ${failures} failed, ${sum(({ verdict }) => verdict.leftOut.length)} left out, in ${seconds} s`,
)
const machine = `${atOnce} of them at a time on ${process.platform} ${process.arch}`
if (values.report !== undefined) writeFileSync(values.report, markdownReport(results, named, machine))
process.exitCode = failures === 0 ? 0 : 1
