// Runs every test file, or those whose path contains one of the arguments. On Node 20 `node --test` knows no patterns.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

const root = new URL('..', import.meta.url).pathname
const wanted = process.argv.slice(2)
const files = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.test.ts') && !path.includes('node_modules') && !path.startsWith('bench'))
  .map((path) => join('test', path))
  .filter((path) => wanted.length === 0 || wanted.some((part) => path.includes(part)))
  .sort()

if (files.length === 0) {
  console.error('No test file has such a path.')
  process.exit(2)
}
const { status } = spawnSync(
  process.execPath,
  [
    '--import',
    'tsx',
    '--conditions=@sallyport/source',
    '--test',
    '--test-concurrency=2',
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    ...files,
  ],
  { cwd: root, stdio: 'inherit' },
)
process.exitCode = status ?? 1
