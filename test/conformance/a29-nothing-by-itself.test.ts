import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'

interface Told {
  readonly quiet: readonly string[]
  readonly seen: readonly string[]
  readonly globals: readonly string[]
  readonly handles: readonly string[]
  readonly files: readonly string[]
}

describe('A29: nothing by itself', () => {
  test('nothing listens, is fetched, is started or is written unless it was configured, and the process ends by itself', (t) => {
    const home = mkdtempSync(join(tmpdir(), 'sallyport-a29-'))
    t.after(() => rmSync(home, { recursive: true }))
    const script = fileURLToPath(new URL('./quiet-process.ts', import.meta.url))
    // The folder is an empty one, so what is loaded first is named by where it is.
    const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
    const { status, stdout, stderr, error } = spawnSync(process.execPath, ['--import', loader, '--conditions=@sallyport/source', script], {
      cwd: home,
      encoding: 'utf8',
      timeout: 30_000,
      env: { PATH: process.env.PATH, HOME: home, TSX_DISABLE_CACHE: '1' },
    })
    assert.equal(error, undefined, String(error))
    assert.equal(status, 0, stderr)
    assert.equal(stderr, '')
    const told = JSON.parse(stdout) as Told
    assert.deepEqual(told.quiet, [])
    assert.deepEqual(told.globals, [])
    assert.deepEqual(told.handles, [])
    // What was asked for by name, and that alone.
    assert.deepEqual(told.files, ['seen'])
    assert.ok(
      told.seen.some((what) => what.startsWith('global.fetch https://other.example/jwks')),
      told.seen.join(),
    )
    assert.ok(
      told.seen.some((what) => what.startsWith('fs.open')),
      told.seen.join(),
    )
  })
})
