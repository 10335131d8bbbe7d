/** Where values stand on an axis. */
export interface Scale {
  readonly ticks: readonly number[]
  /** From 0 to 1. */
  at(value: number): number
}

/** From zero to at least `most`, with about so many steps of 1, 2 or 5 and zeros. */
export function linear(most: number, steps = 5, least = 0): Scale {
  const range = most - least > 0 ? most - least : 1
  const power = 10 ** Math.floor(Math.log10(range / steps))
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => range / one <= steps) ?? 10 * power
  const count = Math.ceil(range / step - 1e-9)
  const ticks = Array.from({ length: count + 1 }, (_, index) => Number((least + index * step).toPrecision(12)))
  const end = ticks.at(-1) ?? 1
  return { ticks, at: (value) => Math.min(1, Math.max(0, (value - least) / (end - least))) }
}

/** By powers of ten, from the one below the least value to the one above the greatest. */
export function logarithmic(least: number, most: number): Scale {
  const low = Math.floor(Math.log10(least) + 1e-9)
  const high = Math.max(low + 1, Math.ceil(Math.log10(most) - 1e-9))
  const ticks: number[] = []
  for (let power = low; power <= high; power++) {
    ticks.push(Number((10 ** power).toPrecision(3)))
    // With few of them some between, so that there is something to read by.
    if (high - low <= 2 && power < high) for (const one of [2, 5]) ticks.push(Number((one * 10 ** power).toPrecision(3)))
  }
  return { ticks, at: (value) => (value > 0 ? Math.min(1, Math.max(0, (Math.log10(value) - low) / (high - low))) : 0) }
}

/** By powers from the least to the greatest, for sizes: what was measured has its ticks, and nothing else. */
export function sizes(values: readonly number[]): Scale {
  const ticks = [...new Set(values)].sort((one, other) => one - other)
  const [low, high] = [Math.log10(ticks[0] ?? 1), Math.log10(ticks.at(-1) ?? 1)]
  return { ticks, at: (value) => (high > low ? Math.min(1, Math.max(0, (Math.log10(value) - low) / (high - low))) : 0.5) }
}

/** The one that shows all values: by powers where they differ fiftyfold and none is zero. */
export function scaleOf(values: readonly number[]): Scale & { readonly isLogarithmic: boolean } {
  const most = Math.max(...values)
  const least = Math.min(...values)
  const isLogarithmic = least > 0 && most / least > 50
  return { ...(isLogarithmic ? logarithmic(least, most) : linear(most)), isLogarithmic }
}

/** With three digits, as a person writes it. */
export function shown(value: number): string {
  if (!Number.isFinite(value)) return '–'
  if (value === 0) return '0'
  const size = Math.abs(value)
  if (size >= 1000) return Math.round(value).toLocaleString('en')
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 3)
}

/** A tick: without zeros that say nothing. */
export function tickText(value: number): string {
  if (Math.abs(value) >= 1e6) return `${Number((value / 1e6).toPrecision(3))} M`
  return Math.abs(value) >= 1000 ? value.toLocaleString('en') : String(Number(value.toPrecision(3)))
}
