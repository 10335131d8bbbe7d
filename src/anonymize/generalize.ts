import { parseAddress } from '../policy/address-range.ts'
import { dateParts } from './date-parts.ts'

/**
 * How values are made less exact:
 *
 * - `{ date: 'year' }`: dates by ISO 8601 (`2024-02-29`, with or without a time) become `2024-02`, `2024` or `2020s`
 * - `{ range: 10 }`: numbers become the range of that width that they lie in, as `[30, 40)`; ranges begin at `from`, 0 unless given
 * - `{ ranges: [18, 65] }`: numbers become `<18`, `[18, 65)` or `>=65`
 * - `{ prefix: 3 }`: texts become their first characters, as `941*`; one that has no more becomes `*`
 * - `{ parents: { Berlin: 'Germany', Germany: 'Europe' }, steps: 2 }`: categories become those above them
 * - `{ network: 24, network6: 48 }`: addresses become their network, as `192.0.2.0/24`; IPv6 has 48 bits unless given
 */
export type Generalization =
  | { readonly date: 'month' | 'year' | 'decade' }
  | { readonly range: number; readonly from?: number }
  | { readonly ranges: readonly number[] }
  | { readonly prefix: number }
  | { readonly parents: Readonly<Record<string, string>>; readonly steps?: number }
  | { readonly network: number; readonly network6?: number }

/** Makes a value less exact; undefined where it cannot be read. */
export type Generalize = (value: string | number | boolean) => string | undefined

/** Checks a generalisation and copies it. @throws TypeError */
export function checkGeneralization(given: unknown, where: string): Generalization {
  const wrong = (what: string): TypeError => new TypeError(`${where}: to: ${what}`)
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw wrong("must say how, such as { date: 'year' }")
  const to: Readonly<Record<string, unknown>> = { ...given }
  const only = (...names: readonly string[]): void => {
    const others = Object.keys(to).filter((name) => !names.includes(name))
    if (others.length > 0) throw wrong(`there is no ${others.join(', ')} beside ${names[0]}`)
  }
  if ('date' in to) {
    only('date')
    if (to.date !== 'month' && to.date !== 'year' && to.date !== 'decade') throw wrong("date must be 'month', 'year' or 'decade'")
    return { date: to.date }
  }
  if ('range' in to) {
    only('range', 'from')
    const { range, from = 0 } = to
    if (!isNumber(range) || range <= 0 || !isNumber(from)) throw wrong('range must be a number above 0, and from a number')
    return { range, from }
  }
  if ('ranges' in to) {
    only('ranges')
    const edges: readonly unknown[] = Array.isArray(to.ranges) ? to.ranges : []
    const ranges = edges.filter(isNumber)
    if (ranges.length === 0 || ranges.length < edges.length || ranges.some((edge, index) => index > 0 && edge <= (ranges[index - 1] ?? edge)))
      throw wrong('ranges must be numbers that grow')
    return { ranges }
  }
  if ('prefix' in to) {
    only('prefix')
    if (!isWhole(to.prefix, 0, 1000)) throw wrong('prefix must be a whole number of characters')
    return { prefix: to.prefix }
  }
  if ('parents' in to) {
    only('parents', 'steps')
    const { parents, steps = 1 } = to
    if (!isWhole(steps, 1, 100)) throw wrong('steps must be a whole number from 1 to 100')
    if (typeof parents !== 'object' || parents === null || Array.isArray(parents)) throw wrong('parents must be an object of categories')
    const pairs = Object.entries(parents).map(([name, parent]: [string, unknown]): [string, string] => {
      if (typeof parent !== 'string') throw wrong('parents must be texts')
      return [name, parent]
    })
    // What has a `__proto__` must not lose it.
    return { parents: Object.fromEntries(pairs), steps }
  }
  if ('network' in to) {
    only('network', 'network6')
    const { network, network6 = 48 } = to
    if (!isWhole(network, 0, 32) || !isWhole(network6, 0, 128)) throw wrong('network must be 0 to 32 bits, and network6 0 to 128')
    return { network, network6 }
  }
  throw wrong('must have date, range, ranges, prefix, parents or network')
}

/** The function of a generalisation. */
export function generalizer(to: Generalization): Generalize {
  if ('date' in to) return dates(to.date)
  if ('range' in to) return range(to.range, to.from ?? 0)
  if ('ranges' in to) return ranges(to.ranges)
  if ('prefix' in to) return prefix(to.prefix)
  if ('parents' in to) return parents(new Map(Object.entries(to.parents)), to.steps ?? 1)
  return networks(to.network, to.network6 ?? 48)
}

function dates(unit: 'month' | 'year' | 'decade'): Generalize {
  return (value) => {
    const parts = typeof value === 'string' ? dateParts(value.trim()) : undefined
    if (parts === undefined) return undefined
    if (unit === 'decade') return `${parts.year.slice(0, 3)}0s`
    if (unit === 'year') return parts.year
    return parts.month === undefined ? undefined : `${parts.year}-${parts.month}`
  }
}

function range(width: number, from: number): Generalize {
  return (value) => {
    const number = numberOf(value)
    if (number === undefined) return undefined
    const step = Math.floor((number - from) / width)
    const low = short(from + step * width)
    // Beyond what numbers can tell apart a range would be no range.
    if (!Number.isSafeInteger(step) || short(low + width) <= low) return undefined
    return `[${low}, ${short(low + width)})`
  }
}

function ranges(edges: readonly number[]): Generalize {
  return (value) => {
    const number = numberOf(value)
    if (number === undefined) return undefined
    const above = edges.findIndex((edge) => number < edge)
    if (above === 0) return `<${edges[0]}`
    return above === -1 ? `>=${edges.at(-1)}` : `[${edges[above - 1]}, ${edges[above]})`
  }
}

function prefix(length: number): Generalize {
  return (value) => {
    const characters = [
      ...String(value)
        .trim()
        .slice(0, length * 2 + 2),
    ]
    return characters.length > length ? `${characters.slice(0, length).join('')}*` : '*'
  }
}

function parents(above: ReadonlyMap<string, string>, steps: number): Generalize {
  return (value) => {
    let name: string | undefined = String(value).trim()
    for (let step = 0; step < steps && name !== undefined; step++) name = above.get(name)
    return name
  }
}

function networks(bits: number, bits6: number): Generalize {
  return (value) => {
    const groups = typeof value === 'string' ? parseAddress(value.trim()) : undefined
    if (groups === undefined) return undefined
    const kept = groups.length === 2 ? bits : bits6
    const network = groups.map((group, index) => group & maskOf(kept - index * 16))
    if (groups.length === 2) return `${network.flatMap((group) => [group >> 8, group & 255]).join('.')}/${kept}`
    return `${network
      .map((group) => group.toString(16))
      .join(':')
      .replace(/(?:^|:)0(?::0)*$/, '::')}/${kept}`
  }
}

function maskOf(bits: number): number {
  return bits >= 16 ? 0xffff : bits <= 0 ? 0 : (0xffff << (16 - bits)) & 0xffff
}

// Decimal digits alone: what else a language reads as a number, as 0x10 or Infinity, nobody wrote as one.
function numberOf(value: string | number | boolean): number | undefined {
  if (typeof value === 'number') return value
  if (typeof value !== 'string' || value.length > 400) return undefined
  const text = value.trim()
  if (!/^[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?$/.test(text)) return undefined
  const number = Number(text)
  return Number.isFinite(number) ? number : undefined
}

// Without the errors of binary fractions: 0.30000000000000004 is another class than 0.3.
function short(number: number): number {
  return Number(number.toPrecision(12))
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function isWhole(value: unknown, least: number, most: number): value is number {
  return isNumber(value) && Number.isInteger(value) && value >= least && value <= most
}
