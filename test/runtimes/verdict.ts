import type { Report } from './harness.ts'
import { leftOut as everyLeftOut, type LeftOut } from './left-out.ts'
import { fileOf, type Outcome } from './run-suite.ts'

/** What is to be said of a runtime. */
export interface Verdict {
  readonly tests: number
  readonly passed: number
  /** Names, and why each failed. */
  readonly failed: readonly { readonly test: string; readonly error: string }[]
  readonly leftOut: readonly string[]
  readonly files: ReadonlyMap<string, FileCounts>
}

/** What came of the tests of one file. */
export interface FileCounts {
  readonly passed: number
  readonly failed: number
  readonly leftOut: number
  readonly seconds: number
}

/** What is left out on a runtime, of these files. */
export function leftOutOn(runtime: string, files: readonly string[], all: readonly LeftOut[] = everyLeftOut): readonly LeftOut[] {
  return all.filter(({ on, tests }) => (on === '*' || on === runtime) && files.includes(fileOf(tests)))
}

/**
 * Judges a run by what was to run: a test that says nothing has failed, and so has one that was left out without being
 * named, a name that is no test any more, and a runtime where other tests run than elsewhere.
 */
export function judge({ reports, spent, failure }: Outcome, entries: readonly LeftOut[], elsewhere?: readonly string[]): Verdict {
  const planned = planOf(reports) ?? []
  const failed: { readonly test: string; readonly error: string }[] = []
  const fail = (test: string, error: string): void => void failed.push({ test, error })
  const last = new Map<string, Report['kind']>()
  for (const report of reports) {
    if (report.kind === 'plan' || report.kind === 'made' || report.kind === 'end') continue
    if (report.kind === 'failed') fail(report.test, report.error)
    else if (last.has(report.test)) fail(report.test, 'it is reported twice')
    else if (!planned.includes(report.test)) fail(report.test, 'it is reported, and was not planned')
    last.set(report.test, report.kind)
  }
  if (failure !== undefined) fail('the suite', failure)
  else if (planned.length === 0) fail('the suite', 'it has no test')
  else for (const test of planned) if (!last.has(test)) fail(test, 'nothing was heard of it')
  const isNamed = (test: string, { tests }: LeftOut): boolean => test === tests || test.startsWith(`${tests} > `)
  for (const entry of entries)
    if (planned.length > 0 && !planned.some((test) => isNamed(test, entry))) fail(entry.tests, 'left-out.ts names it, and there is no such test')
  const leftOut = planned.filter((test) => last.get(test) === 'left out')
  for (const test of leftOut) if (!entries.some((entry) => isNamed(test, entry))) fail(test, 'it was left out, and left-out.ts does not name it')
  // Of a file that is not loaded here the tests are not known here.
  const common = (tests: readonly string[]): string => tests.filter((test) => !entries.some((entry) => isNamed(test, entry))).join('\n')
  if (elsewhere !== undefined && planned.length > 0 && common(planned) !== common(elsewhere)) fail('the suite', 'other tests run here than elsewhere')
  const files = new Map<string, FileCounts>()
  for (const file of new Set(planned.map(fileOf))) {
    const count = (kind: Report['kind']): number => planned.filter((test) => fileOf(test) === file && last.get(test) === kind).length
    files.set(file, { passed: count('passed'), failed: count('failed'), leftOut: count('left out'), seconds: spent?.get(file) ?? 0 })
  }
  return { tests: planned.length, passed: planned.filter((test) => last.get(test) === 'passed').length, failed, leftOut, files }
}

/** The verdict on a runtime where nothing could run. */
export function failedVerdict(test: string, error: string): Verdict {
  return { tests: 0, passed: 0, failed: [{ test, error }], leftOut: [], files: new Map() }
}

/** The names of the tests that a run was to run. */
export function planOf(reports: readonly Report[]): readonly string[] | undefined {
  return reports.find((report) => report.kind === 'plan')?.tests
}
