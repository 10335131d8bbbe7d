import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { detectors } from '../../src/index.ts'
import { secrets } from './secrets.ts'
import { guardedStreams } from './streams/guarded-streams.ts'
import { leakedBytes, type Report, runLeakSuite, type StreamDriver } from './streams/leak-suite.ts'
import { chatCompletions, ownJson, protocols } from './streams/protocols.ts'

const { EMAIL = '', CARD = '', API_KEY = '' } = secrets
const longest = Math.max(...[detectors.all].flat(2).map(({ maxLength }) => maxLength))

function print({ driver, streams, leakedBytes: leaked, heldBack }: Report): void {
  console.log(`${driver}: ${streams} streams, leaked bytes: ${leaked}, hold-back: ${heldBack} characters, at most the longest detector (${longest})`)
}

describe('A18: the leak suite', () => {
  test('no byte of a secret leaves, of any codec, in any position, however it is cut', async () => {
    const report = await runLeakSuite(guardedStreams('own'), protocols, [EMAIL, CARD, API_KEY])
    print(report)
    assert.deepEqual(report.leaks, [])
    assert.equal(report.leakedBytes, 0)
    assert.deepEqual(report.differences, [])
    assert.ok(report.heldBack > 0 && report.heldBack <= longest, String(report.heldBack))
  })

  test('nor where the shape decides how it is read', async () => {
    const { bytes: _, ...driver } = guardedStreams('auto')
    const report = await runLeakSuite(
      driver,
      protocols.filter((protocol) => protocol !== ownJson),
      [EMAIL],
    )
    print(report)
    assert.deepEqual([report.leaks, report.differences, report.leakedBytes], [[], [], 0])
  })

  test('finds what leaks: whole secrets, and pieces that only a reader puts together', async () => {
    const decoder = new TextDecoder()
    const open: StreamDriver = {
      name: 'nothing in between',
      async *parts(_protocol, parts) {
        yield* parts
      },
      bytes: async (_protocol, pieces) => pieces.map((piece) => decoder.decode(piece, { stream: true })).join(''),
    }
    const report = await runLeakSuite(open, [chatCompletions], [EMAIL])
    assert.ok(report.leakedBytes > EMAIL.length * report.streams * 0.9, String(report.leakedBytes))
    assert.equal(report.leaks.length, 10)
    // What looks at each part alone is what most do.
    const piecewise: StreamDriver = {
      name: 'each part alone',
      async *parts(_protocol, parts) {
        for (const part of parts) yield JSON.parse(JSON.stringify(part).replaceAll(EMAIL, '[EMAIL]'))
      },
    }
    const cut = await runLeakSuite(piecewise, [chatCompletions], [EMAIL])
    assert.ok(cut.leakedBytes > 0 && cut.differences.length > 0)
  })

  test('counts the longest piece of a secret', () => {
    assert.equal(leakedBytes(EMAIL, `to ${EMAIL}.`), EMAIL.length)
    assert.equal(leakedBytes(EMAIL, 'to ada.love'), 8)
    assert.equal(leakedBytes(EMAIL, 'to [EMAIL], a.d.a'), 0)
  })
})
