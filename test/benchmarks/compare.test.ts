import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { compare, driftOf, isComparable } from '../bench/report/compare.ts'
import { figureOf, limitOf } from '../bench/report/figure.ts'
import { figure, run } from './fixed-results.ts'

describe('comparing a figure with the last time', () => {
  test('is slower beyond the spread of either run, and the same within it', () => {
    const last = figure({ median: 10, low: 9.5, high: 10.5 })
    assert.equal(compare(figure({ median: 11.2 }), last)?.verdict, 'slower')
    assert.equal(compare(figure({ median: 10.9 }), last)?.verdict, 'same')
    assert.equal(compare(figure({ median: 11.2, low: 9, high: 13 }), last)?.verdict, 'same')
    assert.equal(compare(figure({ median: 11.2 }), figure({ median: 10, low: 8, high: 12 }))?.verdict, 'same')
    assert.equal(compare(figure({ median: 8.5 }), last)?.verdict, 'faster')
  })

  test('does not tell apart what differs by less than 3 %, without a spread as well', () => {
    const last = figure({ median: 100, low: 100, high: 100 })
    assert.equal(compare(figure({ median: 102, low: 102, high: 102 }), last)?.verdict, 'same')
    assert.equal(compare(figure({ median: 104, low: 104, high: 104 }), last)?.verdict, 'slower')
  })

  test('knows that of some things more is better', () => {
    const last = figure({ better: 'more', median: 100, low: 99, high: 101 })
    assert.equal(compare(figure({ better: 'more', median: 80, low: 79, high: 81 }), last)?.verdict, 'slower')
    assert.equal(compare(figure({ better: 'more', median: 120, low: 119, high: 121 }), last)?.verdict, 'faster')
  })

  test('says nothing where there was nothing, or no number', () => {
    assert.equal(compare(figure(), undefined), undefined)
    assert.equal(compare(figure({ median: Number.NaN }), figure()), undefined)
  })

  test('something that was nothing is worse, and nothing stays the same', () => {
    const nothing = figure({ median: 0, low: 0, high: 0 })
    assert.equal(compare(figure({ median: 1, low: 1, high: 1 }), nothing)?.verdict, 'slower')
    assert.equal(compare(nothing, nothing)?.verdict, 'same')
  })

  test('never calls a figure slower and its reverse slower too', () => {
    const value = fc.double({ min: 0.001, max: 1e6, noNaN: true })
    fc.assert(
      fc.property(value, value, (one, other) => {
        const verdicts = [compare(figure({ median: one }), figure({ median: other })), compare(figure({ median: other }), figure({ median: one }))]
        assert.ok(!verdicts.every((each) => each?.verdict === 'slower'))
      }),
    )
  })

  test('other processors and another major version of Node are not compared', () => {
    const { machine } = run([])
    assert.ok(isComparable(machine, { ...machine, node: 'v20.99.1' }))
    assert.ok(!isComparable(machine, { ...machine, node: 'v22.0.0' }))
    assert.ok(!isComparable(machine, { ...machine, cpu: 'another' }))
    assert.ok(!isComparable(machine, { ...machine, cores: 4 }))
  })

  test('the drift is what the others took more, in the middle, and never ours', () => {
    const before = [1, 2, 3].map((index) => figure({ subject: `peer ${index}`, peer: true, median: 10 }))
    const now = before.map((one, index) => ({ ...one, median: [11, 12, 30][index] ?? 0 }))
    assert.equal(driftOf([...now, figure({ median: 99 })], [...before, figure()]), 1.2)
    assert.equal(driftOf([figure()], [figure()]), undefined)
  })
})

describe('a figure', () => {
  test('has the median and the quarters of its rounds', () => {
    const { median, low, high, rounds, better } = figureOf({ bench: 'b', table: 't', subject: 's', unit: 'µs', values: [5, 1, 4, 2, 3] })
    assert.deepEqual({ median, low, high, rounds, better }, { median: 3, low: 2, high: 4, rounds: 5, better: 'less' })
  })

  test('may have a limit that another subject of its table and size sets', () => {
    const size = { of: 'rules', value: 10 }
    const own = figure({ asked: 1.5, askedOf: 'jose', size })
    assert.equal(limitOf(own, [own, figure({ subject: 'jose', median: 8, size })]), 12)
    assert.equal(limitOf(own, [own, figure({ subject: 'jose', median: 8, size: { of: 'rules', value: 100 } })]), undefined)
    assert.equal(limitOf(figure({ asked: 3 }), []), 3)
    assert.equal(limitOf(figure(), []), undefined)
  })
})
