import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { dirname } from 'node:path'
import type { Figure } from './figure.ts'

/** What a bench ran on. */
export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memory: string
  readonly node: string
  readonly platform: string
}

/** One run of one bench. */
export interface Run {
  readonly date: string
  /** The commit that was measured, with a plus where files differed from it; absent where that is not known. */
  readonly commit?: string
  readonly machine: Machine
  readonly seconds: number
  /** How many processes of the machine wanted to run when it began, in the mean of a minute: what else was at work. */
  readonly load?: number
  /** Versions of the packages beside which it was measured. */
  readonly peers: Readonly<Record<string, string>>
  readonly figures: readonly Figure[]
}

/** The last run of each bench, and the one before. */
export interface Results {
  readonly version: 1
  readonly benches: Readonly<Record<string, { readonly now: Run; readonly last?: Run }>>
}

/** What this is running on. */
export function thisMachine(): Machine {
  const all = cpus()
  return {
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
  }
}

/** The commit of a folder, where git knows one. What the report itself writes makes no difference. */
export function commitOf(folder: string): string | undefined {
  try {
    const git = (...args: string[]): string =>
      execFileSync('git', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
    const changed = git('status', '--porcelain', '--', ':/', ':(exclude,top)docs/benchmarks')
    return git('rev-parse', '--short=10', 'HEAD') + (changed === '' ? '' : '+')
  } catch {
    return undefined
  }
}

export function readResults(path: string): Results {
  if (!existsSync(path)) return { version: 1, benches: {} }
  const results = JSON.parse(readFileSync(path, 'utf8')) as Results
  if (results.version !== 1) throw new Error(`${path} has a version that is not known`)
  return results
}

/** The results with a new run of a bench: what was there becomes the last one, or is forgotten. */
export function withRun(results: Results, bench: string, now: Run, isAnew = false): Results {
  const last = isAnew ? undefined : results.benches[bench]?.now
  return { version: 1, benches: { ...results.benches, [bench]: { now, ...(last !== undefined && { last }) } } }
}

/** Writes them, a line for each figure, all or nothing. */
export function writeResults(path: string, results: Results): void {
  const figures: string[] = []
  const outline = JSON.stringify(
    results,
    (name, value: unknown) => {
      if (name !== 'figures' || !Array.isArray(value)) return value
      figures.push(value.length === 0 ? '[]' : `[\n${value.map((figure) => `  ${JSON.stringify(figure)}`).join(',\n')}\n]`)
      return `figures ${figures.length - 1}`
    },
    1,
  )
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(`${path}.new`, `${outline.replace(/"figures (\d+)"/g, (_, index) => figures[Number(index)] ?? '[]')}\n`)
  renameSync(`${path}.new`, path)
}
