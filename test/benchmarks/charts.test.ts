import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { barChart } from '../bench/report/bar-chart.ts'
import { lineChart } from '../bench/report/line-chart.ts'
import { linear, logarithmic, scaleOf, shown, tickText } from '../bench/report/scale.ts'
import { assertWellFormed } from './well-formed.ts'

const label = fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme-ascii' })
const value = fc.double({ min: -1e3, max: 1e9, noNaN: true })

describe('plots', () => {
  test('are well-formed whatever subjects are called and whatever they took', () => {
    const bars = fc.array(fc.record({ label, value, low: value, high: value, isPeer: fc.boolean() }), { minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(bars, label, (drawn, title) => {
        const svg = barChart({ title, subtitle: 'µs', bars: drawn })
        assertWellFormed(svg)
        assert.doesNotMatch(svg, /NaN|Infinity|undefined/)
      }),
    )
  })

  test('lines are drawn whatever sizes and figures they have', () => {
    const point = fc.record({ x: fc.double({ min: 1, max: 1e8, noNaN: true }), y: fc.double({ min: 0, max: 1e9, noNaN: true }) })
    const lines = fc.array(
      fc.record({ label: fc.constantFrom('a', '<b>', 'c & d'), isPeer: fc.boolean(), points: fc.array(point, { minLength: 1, maxLength: 5 }) }),
      { minLength: 1, maxLength: 10 },
    )
    fc.assert(
      fc.property(lines, fc.boolean(), (drawn, isTime) => {
        const svg = lineChart({ title: 't', subtitle: 's', along: 'rules', lines: drawn, isTime })
        assertWellFormed(svg)
        assert.doesNotMatch(svg, /NaN|Infinity|undefined/)
      }),
    )
  })

  test('follow the scheme of the reader, and stand on a ground of their own', () => {
    const svg = barChart({ title: 't', subtitle: 's', bars: [{ label: 'a', value: 1, low: 1, high: 1, isPeer: false }] })
    assert.match(svg, /prefers-color-scheme:dark/)
    assert.match(svg, /<rect class="ground"/)
    assert.doesNotMatch(svg, /<script|href|url\(/)
  })

  test('names at the ends of lines never stand on each other, however near the lines are', () => {
    const lines = Array.from({ length: 8 }, (_, index) => ({
      label: `name ${index}`,
      isPeer: index > 0,
      points: [
        { x: 1, y: 5 },
        { x: 10, y: 5 + index / 1000 },
      ],
    }))
    const svg = lineChart({ title: 't', subtitle: 's', along: 'keys', lines })
    const heights = [...svg.matchAll(/ y="([\d.]+)" class="f\d[^>]*>name/g)].map(([, y]) => Number(y)).sort((one, other) => one - other)
    assert.equal(heights.length, 8)
    for (let index = 1; index < 8; index++) assert.ok((heights[index] ?? 0) - (heights[index - 1] ?? 0) >= 14.9)
  })

  test('one that got worse says so, and what is asked is drawn', () => {
    const svg = barChart({
      title: 't',
      subtitle: 's',
      bars: [{ label: 'a', value: 2, low: 2, high: 2, isPeer: false, asked: 1, worse: 'slower, 1.40 ×' }],
    })
    assert.match(svg, /class="bad"[^>]*>slower, 1.40 ×</)
    assert.match(svg, /class="asked"/)
  })
})

describe('scales', () => {
  test('hold every value between their first and their last tick', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 1e-6, max: 1e9, noNaN: true }), { minLength: 1 }), (values) => {
        const scale = scaleOf(values)
        for (const each of values) assert.ok(scale.at(each) >= 0 && scale.at(each) <= 1)
        assert.ok((scale.ticks.at(-1) ?? 0) * (1 + 1e-9) >= Math.max(...values))
        assert.ok(scale.ticks.length <= 20)
      }),
    )
  })

  test('go by powers of ten where values differ fiftyfold, and never where one is zero or less', () => {
    assert.ok(scaleOf([1, 51]).isLogarithmic)
    assert.ok(!scaleOf([1, 49]).isLogarithmic)
    assert.ok(!scaleOf([0, 1000]).isLogarithmic)
    assert.ok(!scaleOf([-1, 1000]).isLogarithmic)
  })

  test('have ticks that a person reads at once', () => {
    assert.deepEqual(linear(47).ticks, [0, 10, 20, 30, 40, 50])
    assert.deepEqual(logarithmic(0.3, 700).ticks, [0.1, 1, 10, 100, 1000])
    assert.deepEqual(logarithmic(1, 9).ticks, [1, 2, 5, 10])
    assert.deepEqual([0.25, 1500, 2_000_000].map(tickText), ['0.25', '1,500', '2 M'])
  })

  test('figures are shown with three digits', () => {
    assert.deepEqual([0, 0.0814, 0.6, 12.34, 123.4, 12_345.6, Number.NaN].map(shown), ['0', '0.081', '0.60', '12.3', '123', '12,346', '–'])
  })
})
