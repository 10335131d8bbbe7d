import assert from 'node:assert/strict'
import { execFileSync, type ExecFileSyncOptionsWithStringEncoding } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'

interface Locked {
  readonly packages: Readonly<Record<string, { readonly hasInstallScript?: boolean; readonly optional?: boolean }>>
}
interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>
  readonly scripts: Readonly<Record<string, string>>
}

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest
const folder = mkdtempSync(join(tmpdir(), 'sallyport-install-'))
after(() => rmSync(folder, { recursive: true, force: true }))

describe('what a user installs', () => {
  // From npm's cache, where `npm install` of this repository has put all of it.
  test('is this package and its four dependencies, with no script that runs', () => {
    const quiet: ExecFileSyncOptionsWithStringEncoding = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }
    execFileSync('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], quiet)
    const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? ''
    writeFileSync(join(folder, 'package.json'), '{ "name": "consumer", "private": true }')
    execFileSync('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', `./${tarball}`], { ...quiet, cwd: folder })
    const { packages } = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')) as Locked
    const names = Object.keys(packages).filter((path) => path !== '')
    const expected = ['sallyport', ...Object.keys(manifest.dependencies)].map((name) => `node_modules/${name}`)
    // Npm notes optional peers too, where something else brings them; here nothing does.
    assert.deepEqual(names.sort(), expected.sort())
    assert.equal(names.length, 5)
    for (const name of names) {
      assert.equal(packages[name]?.hasInstallScript, undefined, name)
      assert.ok(existsSync(join(folder, name, 'package.json')), name)
    }
  })
})

test('a release is checked by what checks packages, and says where it was built', () => {
  const { check = '', 'check:package': ofPackage = '', 'check:unused': ofUnused = '' } = manifest.scripts
  for (const step of ['check:format', 'check:types', 'check:unused', 'check:architecture', 'docs', 'build', 'check:package'])
    assert.ok(check.split(' && ').includes(`npm run ${step}`), step)
  assert.match(ofPackage, /publint --strict && attw --pack/)
  assert.equal(ofUnused, 'knip')
  const release = readFileSync('.github/workflows/release.yml', 'utf8')
  assert.match(release, /id-token: write/)
  assert.match(release, /npm publish --provenance/)
  assert.ok(release.indexOf('bash .ci/run') < release.indexOf('npm publish'))
  for (const page of ['SECURITY.md', 'docs/versions.md', 'CHANGELOG.md', 'LICENSE']) assert.ok(existsSync(page), page)
})
