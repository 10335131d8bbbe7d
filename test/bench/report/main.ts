// `npm run bench` runs all benches, `npm run bench -- policy limits` some, `--draw` only draws the report anew. What a bench gave is kept as soon
// as it has ended, so a run that was interrupted goes on with the names of those that are missing.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Bench, benches } from './benches.ts'
import { compare, isSame } from './compare.ts'
import type { Figure } from './figure.ts'
import { commitOf, readResults, type Run, thisMachine, withRun, writeResults } from './results.ts'
import { folder, writeReport } from './write-report.ts'

const bench = fileURLToPath(new URL('..', import.meta.url))
const file = join(folder, 'results.json')
const names = benches.map(({ name }) => name)

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { draw: { type: 'boolean' }, anew: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
})
const unknown = positionals.filter((name) => !names.includes(name))
if (values.help === true || unknown.length > 0) {
  if (unknown.length > 0) console.error(`There is no bench ${unknown.join(', ')}.\n`)
  console.log(`npm run bench [-- NAME ... --anew | --draw]

Measures all of these, or those that are named, and writes docs/benchmarks: ${names.join(', ')}.
--anew compares with nothing: what was measured before is forgotten, as where the machine was busy then.
--draw draws the report of what was measured before.`)
  process.exit(unknown.length > 0 ? 2 : 0)
}

const wanted = values.draw === true ? [] : benches.filter(({ name }) => positionals.length === 0 || positionals.includes(name))
const failed: string[] = []
let interrupted = false
for (const [index, one] of wanted.entries()) {
  if (interrupted) break
  const before = readResults(file).benches
  const usual = wanted.slice(index).map(({ name }) => before[name]?.now.seconds)
  const left = usual.reduce<number>((sum, seconds) => sum + (seconds ?? 0), 0)
  const known = before[one.name]?.now.seconds
  const time = known === undefined ? '' : `, ${Math.round(known)} s the last time; about ${Math.ceil(left / 60)} min to go`
  console.log(`\n== ${index + 1} of ${wanted.length}: ${one.name}${time} ==`)
  const run = await measure(one)
  if (run === undefined) failed.push(one.name)
  else keep(one.name, run)
}
writeReport()
console.log(`\nThe report is in ${folder}`)
if (failed.length > 0) console.error(`Not measured: ${failed.join(', ')}`)
process.exit(interrupted ? 130 : failed.length > 0 ? 1 : 0)

function keep(name: string, run: Run): void {
  const results = withRun(readResults(file), name, run, values.anew === true)
  writeResults(file, results)
  writeReport()
  const last = results.benches[name]?.last
  for (const figure of run.figures) {
    const compared = compare(
      figure,
      last?.figures.find((other) => isSame(figure, other)),
    )
    if (compared?.verdict === 'slower') console.log(`slower than the last time, ${compared.times.toFixed(2)} ×: ${figure.table}, ${figure.subject}`)
  }
}

/** Runs a bench in a process of its own; undefined where it failed, was given up or was interrupted. */
async function measure({ name, file: main, flags = [], args = [], most, peers }: Bench): Promise<Run | undefined> {
  const own = mkdtempSync(join(tmpdir(), 'sallyport-bench-figures-'))
  const told = join(own, 'figures')
  const began = performance.now()
  const load = Number((loadavg()[0] ?? 0).toFixed(1))
  const child = spawn(process.execPath, ['--import', 'tsx', ...flags, join(bench, main), ...args], {
    cwd: bench,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, SALLYPORT_BENCH_FIGURES: told },
  })
  const stop = (): void => {
    interrupted = true
    child.kill('SIGTERM')
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  const late = setTimeout(() => {
    console.error(`${name} is given up after ${most} s`)
    child.kill('SIGTERM')
    setTimeout(() => child.kill('SIGKILL'), 10_000).unref()
  }, most * 1000)
  const pulse = setInterval(() => console.log(`   ... ${name} for ${Math.round((performance.now() - began) / 1000)} s`), 30_000)
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve))
  clearTimeout(late)
  clearInterval(pulse)
  process.off('SIGINT', stop)
  process.off('SIGTERM', stop)
  const lines = existsSync(told) ? readFileSync(told, 'utf8').trimEnd().split('\n') : []
  rmSync(own, { recursive: true })
  if (code !== 0 || interrupted || lines.length === 0) return undefined
  const commit = commitOf(join(bench, '../..'))
  return {
    date: new Date().toISOString(),
    ...(commit !== undefined && { commit }),
    machine: thisMachine(),
    seconds: Math.round((performance.now() - began) / 1000),
    load,
    peers: Object.fromEntries(peers.flatMap((peer) => versionOf(peer))),
    figures: lines.map((line) => JSON.parse(line) as Figure),
  }
}

function versionOf(name: string): [string, string][] {
  const path = join(bench, 'node_modules', name, 'package.json')
  if (!existsSync(path)) return []
  return [[name, (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version]]
}
