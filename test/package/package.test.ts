import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'

interface Manifest {
  readonly version: string
  readonly license: string
  readonly scripts: Readonly<Record<string, string>>
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>
  readonly peerDependencies: Readonly<Record<string, string>>
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional?: boolean }>>
}

const read = <T>(path: string): T => JSON.parse(readFileSync(path, 'utf8')) as T
const manifest = read<Manifest>('package.json')
const sources = Object.fromEntries(
  Object.entries(manifest.exports).flatMap(([name, target]) =>
    typeof target === 'object' && target['@sallyport/source'] !== undefined ? [[name, target['@sallyport/source']]] : [],
  ),
)

test('what is published is the sources, what is built from them, and what stands in a package', () => {
  const said = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  const [packed] = JSON.parse(said) as readonly [{ readonly files: readonly { readonly path: string }[] }]
  const paths = packed.files.map(({ path }) => path)
  const others = paths.filter((path) => !/^src\/.*\.ts$|^src\/tsconfig\.json$|^dist\/.*\.(js|d\.ts|map)$/.test(path)).sort()
  assert.deepEqual(others, ['CHANGELOG.md', 'LICENSE', 'README.md', 'docs/policy.schema.json', 'package.json'])
  for (const source of Object.values(sources)) assert.ok(paths.includes(source.replace('./', '')), source)
})

test('installing runs nothing', () => {
  for (const name of ['preinstall', 'install', 'postinstall', 'prepare']) assert.equal(manifest.scripts[name], undefined, name)
})

test('every peer is optional', () => {
  for (const name of Object.keys(manifest.peerDependencies)) assert.equal(manifest.peerDependenciesMeta[name]?.optional, true, name)
})

test('the other registry is told the same: version, licence, entry points', () => {
  const other = read<{ readonly version: string; readonly license: string; readonly exports: Readonly<Record<string, string>> }>('jsr.json')
  assert.deepEqual([other.version, other.license], [manifest.version, manifest.license])
  assert.deepEqual(other.exports, sources)
  for (const source of Object.values(sources)) assert.ok(existsSync(source), source)
})
