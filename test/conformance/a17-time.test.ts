import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, test } from 'node:test'
import { ownProcess } from './own-process.ts'

describe('A17: time grows no faster than the input', () => {
  // Work that grew with the square of a megabyte would take longer than anybody waits; no finer measure is taken here.
  test('a megabyte of anything, through every detector, codec and parser, ends', () => {
    const [command, args] = ownProcess('long-texts')
    const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', timeout: 60_000 })
    assert.equal(error, undefined, String(error))
    assert.equal(status, 0, stderr)
    const done = JSON.parse(stdout) as string[]
    assert.ok(done.length > 40, stdout)
  })
})
