import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { describe, it } from 'node:test'
import { plain, processIo } from '../../src/cli/io.ts'

function streams(isTTY: boolean) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const io = processIo({ stdout, stderr: Object.assign(stderr, { isTTY }) })
  const said = (): readonly [string, string] => [String(stdout.read() ?? ''), String(stderr.read() ?? '')]
  return { io, said }
}

describe('progress', () => {
  it('is shown on a terminal, each in place of the one before, and gone before anything else is written', () => {
    const { io, said } = streams(true)
    io.progress?.('one')
    io.progress?.('two')
    assert.deepEqual(said(), ['', '\r\u001b[Kone\r\u001b[Ktwo'])
    io.out('text')
    assert.deepEqual(said(), ['text\n', '\r\u001b[K'])
    io.error('oh')
    io.progress?.('')
    assert.deepEqual(said(), ['', 'oh\n'])
  })

  it('is not there where nobody looks', () => {
    const { io, said } = streams(false)
    assert.equal(io.progress, undefined)
    io.out('text')
    assert.deepEqual(said(), ['text\n', ''])
  })
})

describe('plain', () => {
  it('writes what would move a cursor or turn the direction of writing as escapes', () => {
    assert.equal(plain('a\u001b[2J\r\u202e\u2028\u{e0041}b'), 'a\\u001b[2J\\u000d\\u202e\\u2028\\udb40\\udc41b')
  })
})
