import { scaleOf, shown, tickText } from './scale.ts'
import { drawing, element, text, widthOf } from './svg.ts'

/** One bar. */
export interface Bar {
  readonly label: string
  readonly value: number
  readonly low: number
  readonly high: number
  readonly isPeer: boolean
  /** What it must be at most, or at least. */
  readonly asked?: number
  /** Said behind the value where it got worse. */
  readonly worse?: string
}

export interface BarChart {
  readonly title: string
  readonly subtitle: string
  readonly bars: readonly Bar[]
}

const width = 800
const row = 26
const top = 60

/** Bars that lie, a line through each from quarter to quarter. Where they differ fiftyfold: points on a scale of powers. */
export function barChart({ title, subtitle, bars }: BarChart): string {
  const scale = scaleOf(bars.flatMap(({ value, low, high, asked }) => [value, low, high, ...(asked === undefined ? [] : [asked])]))
  const said = bars.map(({ value, worse }) => shown(value) + (worse === undefined ? '' : `  ${worse}`))
  const left = Math.min(360, Math.max(...bars.map(({ label }) => widthOf(label)))) + 28
  const right = Math.max(...said.map((one) => widthOf(one))) + 28
  const across = width - left - right
  const bottom = top + bars.length * row + 6
  const x = (value: number): number => left + scale.at(value) * across
  const grid = scale.ticks.flatMap((tick) => [
    element('line', { class: 'grid', x1: x(tick), x2: x(tick), y1: top, y2: bottom }),
    text(x(tick), bottom + 16, tickText(tick), { class: 'tick', 'text-anchor': 'middle' }),
  ])
  const drawn = bars.flatMap(({ label, value, low, high, isPeer, asked, worse }, index) => {
    const y = top + index * row + 5
    const middle = y + (row - 8) / 2
    const colour = isPeer ? 'peer' : 'f0'
    const mark = scale.isLogarithmic
      ? element('circle', { class: colour, cx: x(value), cy: middle, r: 5 })
      : element('rect', { class: colour, x: left, y, width: Math.max(1, x(value) - left), height: row - 8, rx: 2 })
    const spread = high > low ? [element('line', { class: 'spread', x1: x(low), x2: x(high), y1: middle, y2: middle, 'stroke-width': 1.5 })] : []
    const limit =
      asked === undefined ? [] : [element('line', { class: 'asked', x1: x(asked), x2: x(asked), y1: y - 4, y2: y + row - 5, 'stroke-width': 2 })]
    const end = Math.max(x(value), x(high))
    // Not across the line of what is asked.
    const behind = (asked !== undefined && x(asked) > end && x(asked) < end + 60 ? x(asked) : end) + 8
    const figure = text(behind, middle + 4, shown(value), { class: isPeer ? undefined : 'ours' })
    const note = worse === undefined ? [] : [text(behind + widthOf(shown(value)) + 12, middle + 4, worse, { class: 'bad' })]
    return [
      text(left - 10, middle + 4, label, { 'text-anchor': 'end', class: isPeer ? undefined : 'ours' }),
      mark,
      ...spread,
      ...limit,
      figure,
      ...note,
    ]
  })
  const notes = bars.some(({ asked }) => asked !== undefined)
    ? [text(width - 16, 44, 'dashed: what is asked', { class: 'askedText', 'text-anchor': 'end' })]
    : []
  const axis = element('line', { class: 'axis', x1: left, x2: left, y1: top, y2: bottom })
  return drawing(width, bottom + 28, title, subtitle + (scale.isLogarithmic ? ', by powers of ten' : ''), ...grid, axis, ...drawn, ...notes)
}
