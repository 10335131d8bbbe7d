import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { ownProcess } from './own-process.ts'

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
    const [command, args] = ownProcess('quiet-process')
    // What a loader or a runtime keeps of sources is not kept, or is elsewhere than in the home that is watched.
    const { PATH, DENO_DIR = tmpdir() } = process.env
    const env = { PATH, HOME: home, TSX_DISABLE_CACHE: '1', DENO_DIR, BUN_RUNTIME_TRANSPILER_CACHE_PATH: '0' }
    const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: home, encoding: 'utf8', timeout: 30_000, env })
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
      told.seen.some((what) => /^fs\.(?:promises\.)?open/.test(what)),
      told.seen.join(),
    )
  })
})
