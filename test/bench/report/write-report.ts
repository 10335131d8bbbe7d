import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { drawReport } from './report.ts'
import { readResults } from './results.ts'
import type { Soak } from './soak-results.ts'

/** Where results and report are. */
export const folder: string = fileURLToPath(new URL('../../../docs/benchmarks', import.meta.url))

/** Draws the report of what was measured so far, and takes away plots that it has no more. */
export function writeReport(): void {
  mkdirSync(folder, { recursive: true })
  const soaks = ['soak.json', 'soak-2.json'].map((name) => join(folder, name)).filter((path) => existsSync(path))
  const files = drawReport(
    readResults(join(folder, 'results.json')),
    soaks.map((path) => JSON.parse(readFileSync(path, 'utf8')) as Soak),
  )
  for (const [name, contents] of Object.entries(files)) writeFileSync(join(folder, name), contents)
  for (const name of readdirSync(folder)) if (name.endsWith('.svg') && files[name] === undefined) rmSync(join(folder, name))
}
