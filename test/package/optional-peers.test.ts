import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { buildPackage } from './build-package.ts'

interface Package {
  readonly exports: Readonly<Record<string, unknown>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional?: boolean }>>
}

const root = fileURLToPath(new URL('../..', import.meta.url))
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Package
const folder = mkdtempSync(join(tmpdir(), 'sallyport-package-'))
const installed = join(folder, 'node_modules', 'sallyport')
after(() => rmSync(folder, { recursive: true }))

// What a user installs: the built code, its dependencies, and no peer at all.
function install(): void {
  mkdirSync(installed, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "name": "consumer", "private": true }')
  buildPackage(installed)
  for (const name of Object.keys(manifest.dependencies)) {
    const link = join(folder, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), link)
  }
}

describe('the package without its optional peers', () => {
  install()

  test('every peer is optional', () => {
    for (const name of Object.keys(manifest.peerDependencies)) assert.equal(manifest.peerDependenciesMeta[name]?.optional, true, name)
    const found = readdirSync(join(folder, 'node_modules'))
    for (const name of Object.keys(manifest.peerDependencies)) assert.ok(!found.includes(name.split('/')[0] ?? ''), name)
  })

  test('every entry point can be imported', () => {
    const entries = Object.keys(manifest.exports)
      .filter((name) => !name.endsWith('.json'))
      .map((name) => `sallyport${name.slice(1)}`)
    assert.ok(entries.includes('sallyport/ai-sdk') && entries.includes('sallyport/langchain'), entries.join())
    const program = join(folder, 'main.mjs')
    writeFileSync(
      program,
      `const failed = []
for (const entry of ${JSON.stringify(entries)}) await import(entry).catch((error) => failed.push(entry + ': ' + error.message))
console.log(JSON.stringify(failed))`,
    )
    const { stdout, stderr } = spawnSync(process.execPath, [program], { cwd: folder, encoding: 'utf8', env: { PATH: process.env.PATH ?? '' } })
    assert.equal(stderr, '')
    assert.deepEqual(JSON.parse(stdout), [])
  })
})
