import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runtimes } from './runtimes.ts'

function main(...args: readonly string[]): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  const script = fileURLToPath(new URL('main.ts', import.meta.url))
  return spawnSync(process.execPath, ['--import', 'tsx', '--conditions=@sallyport/source', script, ...args], { encoding: 'utf8', timeout: 60_000 })
}

describe('the conformance suite on every runtime', () => {
  test('runs on the one that is here, and prints a table', () => {
    const { status, stdout, stderr } = main('node', 'a07')
    assert.equal(status, 0, stdout + stderr)
    const [, passed] = /^A7 +(\d+) \(\d+\.\d s\)$/m.exec(stdout) ?? []
    assert.ok(Number(passed) > 0, stdout)
    for (const row of [`case +node`, `passed +${passed}`, 'failed +0', 'left out +0', `${passed} passed, 0 failed, 0 left out, in \\d+ s`])
      assert.match(stdout, new RegExp(`^${row}$`, 'm'))
  })

  test('takes no name that is neither a runtime nor a file', () => {
    const { status, stderr } = main('nod', 'a07')
    assert.equal(status, 2)
    assert.match(stderr, /'nod' is neither a runtime \(node, .*workerd\) nor/)
  })

  test('pins every runtime, and none of them is a dependency', () => {
    const { dependencies, devDependencies } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as Record<
      string,
      Readonly<Record<string, string>>
    >
    for (const { from } of runtimes) {
      if (from === undefined) continue
      const [, name = '', version = ''] = /^(.+)@(.+)$/.exec(from) ?? []
      assert.match(version, /^\d+\.\d+\.\d+$/)
      assert.ok(!Object.hasOwn({ ...dependencies, ...devDependencies }, name), name)
    }
  })
})
