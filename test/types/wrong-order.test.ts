import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const fixture = 'test/types/fixtures/wrong-order.ts'
const lines = readFileSync(new URL('fixtures/wrong-order.ts', import.meta.url), 'utf8').split('\n')
const expected = lines.flatMap((line, index) => {
  const [, sentence] = / \/\/ expect: (.+)$/.exec(line) ?? []
  return sentence === undefined ? [] : [{ line: index + 1, sentence }]
})

// The message of each error, with the lines that follow it, by line of the fixture.
function errorsOf(compiler: string): Map<number, string> {
  const { stdout } = spawnSync(process.execPath, [compiler, '-p', 'test/types/fixtures', '--pretty', 'false', '--noErrorTruncation'], {
    cwd: root,
    encoding: 'utf8',
  })
  const errors = new Map<number, string>()
  let line = 0
  for (const text of stdout.split('\n')) {
    const [, file, at] = /^(\S+)\((\d+),\d+\): error/.exec(text) ?? []
    if (at !== undefined) {
      assert.equal(file, fixture, text)
      line = Number(at)
    }
    if (line !== 0) errors.set(line, `${errors.get(line) ?? ''}${text}\n`)
  }
  return errors
}

describe('a wrong order is a compile error that says what to do', () => {
  for (const [version, compiler] of [
    ['TypeScript 6', 'node_modules/typescript/bin/tsc'],
    ['TypeScript 7', 'node_modules/typescript-7/bin/tsc'],
  ] as const)
    test(version, () => {
      const errors = errorsOf(compiler)
      for (const { line, sentence } of expected)
        assert.ok(errors.get(line)?.includes(sentence), `${fixture}:${line} should say "${sentence}" and says ${errors.get(line)}`)
      assert.deepEqual(
        [...errors.keys()].sort((a, b) => a - b),
        expected.map(({ line }) => line),
        'nothing else is an error',
      )
    })
})
