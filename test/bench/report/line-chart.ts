import { linear, type Scale, scaleOf, sizes, tickText } from './scale.ts'
import { colours, drawing, element, text, widthOf } from './svg.ts'

/** One line. */
export interface Line {
  readonly label: string
  readonly points: readonly { readonly x: number; readonly y: number; readonly low?: number; readonly high?: number }[]
  readonly isPeer: boolean
}

export interface LineChart {
  readonly title: string
  readonly subtitle: string
  /** What lies along the bottom. */
  readonly along: string
  readonly lines: readonly Line[]
  /** Sizes grow by powers; time does not. */
  readonly isTime?: boolean
}

const width = 800
const height = 400
const top = 64
const bottom = height - 52
const left = 68

/** Lines with their names at their ends. */
export function lineChart({ title, subtitle, along, lines, isTime = false }: LineChart): string {
  const all = lines.flatMap(({ points }) => points)
  const xs = all.map((point) => point.x)
  const vertical: Scale & { readonly isLogarithmic?: boolean } = isTime ? linear(Math.max(...all.map(({ y }) => y))) : scaleOf(all.map(({ y }) => y))
  const across = isTime ? linear(Math.max(...xs), 6) : sizes(xs)
  const right = width - Math.max(...lines.map(({ label }) => widthOf(label))) - 28
  const x = (value: number): number => left + across.at(value) * (right - left)
  const y = (value: number): number => bottom - vertical.at(value) * (bottom - top)
  const grid = [
    ...vertical.ticks.flatMap((tick) => [
      element('line', { class: 'grid', x1: left, x2: right, y1: y(tick), y2: y(tick) }),
      text(left - 8, y(tick) + 4, tickText(tick), { class: 'tick', 'text-anchor': 'end' }),
    ]),
    ...across.ticks.flatMap((tick) => [
      element('line', { class: 'axis', x1: x(tick), x2: x(tick), y1: bottom, y2: bottom + 5 }),
      text(x(tick), bottom + 19, tickText(tick), { class: 'tick', 'text-anchor': 'middle' }),
    ]),
    element('line', { class: 'axis', x1: left, x2: right, y1: bottom, y2: bottom }),
    text((left + right) / 2, bottom + 39, along, { class: 'faint', 'text-anchor': 'middle' }),
  ]
  const colourOf = coloursOf(lines)
  const drawn = lines.flatMap(({ points, isPeer }, index) => {
    const colour = colourOf[index] ?? 0
    const path = points.map((point, place) => `${place === 0 ? 'M' : 'L'}${x(point.x).toFixed(1)} ${y(point.y).toFixed(1)}`).join('')
    const dash = isPeer && !isTime ? (index % 2 === 0 ? '7 3' : '2 3') : undefined
    const line = element('path', { class: `line s${colour}`, d: path, 'stroke-dasharray': dash })
    if (isTime) return [line]
    const marks = points.flatMap((point) => [
      ...(point.low !== undefined && point.high !== undefined && point.high > point.low
        ? [element('line', { class: `s${colour}`, x1: x(point.x), x2: x(point.x), y1: y(point.low), y2: y(point.high), 'stroke-width': 1.5 })]
        : []),
      element('circle', { class: `f${colour}`, cx: x(point.x), cy: y(point.y), r: 3.5 }),
    ])
    return [line, ...marks]
  })
  const names = apart(lines.map(({ points }) => y(points.at(-1)?.y ?? 0))).map((at, index) => {
    const { label = '', isPeer = false } = lines[index] ?? {}
    return text(right + 10, at + 4, label, { class: `f${colourOf[index] ?? 0}${isPeer ? '' : ' ours'}` })
  })
  const how = vertical.isLogarithmic === true ? ', by powers of ten' : ''
  return drawing(width, height, title, subtitle + how, ...grid, ...drawn, ...names)
}

/** The first colour is the first line's of ours. */
function coloursOf(lines: readonly Line[]): number[] {
  const first = lines.findIndex(({ isPeer }) => !isPeer)
  let next = 1
  return lines.map((_, index) => (index === first ? 0 : 1 + ((next++ - 1) % (colours - 1))))
}

/** The same heights, moved so that none is nearer than a line of text to another. */
function apart(heights: readonly number[]): number[] {
  const least = 15
  const order = heights.map((height, index) => ({ height, index })).sort((one, other) => one.height - other.height)
  let last = Number.NEGATIVE_INFINITY
  const moved = order.map(({ height, index }) => ({ index, at: (last = Math.max(height, last + least)) }))
  // Up again where that went beyond the axis.
  let limit = bottom
  for (const one of moved.toReversed()) {
    one.at = Math.min(one.at, limit)
    limit = one.at - least
  }
  return moved.sort((one, other) => one.index - other.index).map(({ at }) => at)
}
