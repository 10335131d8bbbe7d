// Runs every test file, or those whose path contains one of the arguments. On Node 20 `node --test` knows no patterns.
// Property tests draw the same cases each time, unless `SEED` says otherwise: see `seed.ts`.
// Where `CI` is set a skipped test fails the run: what a test needs is installed there.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const wanted = process.argv.slice(2)
const files = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.test.ts') && !path.includes('node_modules') && !path.startsWith(`bench${sep}`))
  .map((path) => join('test', path))
  .filter((path) => wanted.length === 0 || wanted.some((part) => path.includes(part)))
  .sort()

if (files.length === 0) {
  console.error('No test file has such a path.')
  process.exit(2)
}
const folder = mkdtempSync(join(tmpdir(), 'sallyport-test-'))
const summary = join(folder, 'summary.tap')
const flags = ['--import', 'tsx', '--import', './test/seed.ts', '--conditions=@sallyport/source', '--test', '--test-concurrency=2']
const reporters = ['--test-reporter=spec', '--test-reporter-destination=stdout', '--test-reporter=tap', `--test-reporter-destination=${summary}`]
const { status } = spawnSync(process.execPath, [...flags, ...reporters, ...files], { cwd: root, stdio: 'inherit' })
// By the marks and not by the sum at the end, which counts no suites.
const skipped = readFileSync(summary, 'utf8').match(/^\s*ok \d+ .*# SKIP/gm)?.length ?? 0
rmSync(folder, { recursive: true })
if (skipped > 0 && process.env.CI !== undefined) console.error(`${skipped} tests were skipped, and CI skips none.`)
process.exitCode = status === 0 && skipped > 0 && process.env.CI !== undefined ? 1 : (status ?? 1)
