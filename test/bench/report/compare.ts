import type { Figure } from './figure.ts'
import type { Machine } from './results.ts'

/** How a figure stands to the one before. */
export interface Comparison {
  /** How many times as much as the last time. */
  readonly times: number
  readonly verdict: 'slower' | 'faster' | 'same'
}

/** What differs by less is not told apart, however small the spread was. */
const least = 0.03

/** The same thing of another run. */
export function isSame(one: Figure, other: Figure): boolean {
  return (
    one.bench === other.bench &&
    one.table === other.table &&
    one.subject === other.subject &&
    one.unit === other.unit &&
    one.size?.value === other.size?.value
  )
}

/** Whether a figure got worse or better by more than the spread of either run. Undefined where there is nothing to compare. */
export function compare(figure: Figure, last: Figure | undefined): Comparison | undefined {
  if (last === undefined || !Number.isFinite(figure.median) || !Number.isFinite(last.median)) return undefined
  const spread = Math.max(figure.high - figure.low, last.high - last.low, Math.abs(last.median) * least)
  const more = figure.median - last.median
  const times = last.median === 0 ? (more === 0 ? 1 : Number.POSITIVE_INFINITY) : figure.median / last.median
  if (Math.abs(more) <= spread) return { times, verdict: 'same' }
  return { times, verdict: more > 0 === (figure.better === 'less') ? 'slower' : 'faster' }
}

/** Whether figures of two machines say anything about each other: the same processors, and the same major version of Node. */
export function isComparable(one: Machine, other: Machine): boolean {
  const major = (version: string): string => version.split('.')[0] ?? version
  return one.cpu === other.cpu && one.cores === other.cores && major(one.node) === major(other.node)
}

/** How much slower everybody else was than the last time, in the middle: what the machine had to do with it. */
export function driftOf(figures: readonly Figure[], last: readonly Figure[]): number | undefined {
  const ratios: number[] = []
  for (const figure of figures) {
    const before = figure.peer === true ? last.find((other) => isSame(figure, other)) : undefined
    if (before === undefined || !(before.median > 0) || !(figure.median > 0)) continue
    ratios.push(figure.better === 'less' ? figure.median / before.median : before.median / figure.median)
  }
  ratios.sort((one, other) => one - other)
  return ratios[ratios.length >> 1]
}
