import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { bring } from './bring.ts'
import { type Outcome, runSuite } from './run-suite.ts'
import type { Runtime } from './runtimes.ts'

const here: Runtime = { name: 'node', command: process.execPath, flags: [], host: 'process' }
const folder = mkdtempSync(join(tmpdir(), 'sallyport-run-suite-'))
cpSync(fileURLToPath(new URL('hosts', import.meta.url)), folder, { recursive: true })

/** What comes of a suite that does this. */
async function outcomeOf(does: string, timeout = 10_000): Promise<Outcome> {
  writeFileSync(join(folder, 'suite.js'), `export async function runAll(report, options) { ${does} }`)
  return runSuite(here, await bring(here, folder, 10_000), folder, { leftOut: ['x'] }, timeout)
}

describe('a suite on a runtime', () => {
  after(() => rmSync(folder, { recursive: true }))

  test('is told its options, and its reports come back; what else is written does not count', async () => {
    const { reports, failure } = await outcomeOf(
      `console.log('{"kind":'); console.log('5'); console.error('x'); report({ kind: 'plan', tests: options.leftOut }); report({ kind: 'end' })`,
    )
    assert.deepEqual(reports, [{ kind: 'plan', tests: ['x'] }, { kind: 'end' }])
    assert.equal(failure, undefined)
  })

  test('has failed where it ends too early, throws, or leaves a rejection behind, and the runtime says why', async () => {
    for (const [does, why] of [
      ["report({ kind: 'plan', tests: ['x'] })", /before the suite did/],
      ["report({ kind: 'plan', tests: ['x'] }); process.exit(0)", /before the suite did/],
      ["report({ kind: 'end' }); process.exitCode = 3; process.exit()", /it ended with 3/],
      ["throw new Error('planted')", /it ended with 1[\s\S]*planted/],
      ["void Promise.reject(new Error('forgotten')); await new Promise(() => setTimeout(() => {}, 5_000))", /it ended with 1[\s\S]*forgotten/],
    ] as const)
      assert.match((await outcomeOf(does)).failure ?? '', why, does)
  })

  test('is ended when it takes too long, with all that it started', async () => {
    const mark = join(folder, 'alive')
    const started = `setTimeout(() => require('fs').writeFileSync(${JSON.stringify(mark)}, ''), 700)`
    const { failure } = await outcomeOf(
      `const { spawn } = await import('node:child_process'); spawn(process.execPath, ['-e', ${JSON.stringify(started)}], { stdio: 'ignore' }); await new Promise(() => setInterval(() => {}, 1_000))`,
      400,
    )
    assert.match(failure ?? '', /did not end within/)
    await new Promise((resolve) => setTimeout(resolve, 800))
    assert.ok(!existsSync(mark))
  })
})

describe('a runtime that cannot be brought', () => {
  test('says what was tried and what came of it', async () => {
    await assert.rejects(bring({ ...here, command: '/no/such/runtime' }, tmpdir(), 5_000), /\/no\/such\/runtime.*could not be started/)
    const npm = { npm_config_offline: 'true', npm_config_cache: mkdtempSync(join(tmpdir(), 'sallyport-npm-')) }
    const before = { ...process.env }
    Object.assign(process.env, npm)
    try {
      await assert.rejects(
        bring({ ...here, from: 'bun@1.4.5', command: 'bun' }, tmpdir(), 20_000),
        /npx --yes .*--package=bun@1\.4\.5.*it ended with 1[\s\S]*ENOTCACHED/,
      )
    } finally {
      process.env = before
      rmSync(npm.npm_config_cache, { recursive: true })
    }
  })
})
