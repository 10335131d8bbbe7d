import { appendFileSync } from 'node:fs'

/** One measured thing, the same in every bench: what the report is made of. */
export interface Figure {
  /** Which bench, and which of its tables. */
  readonly bench: string
  readonly table: string
  readonly subject: string
  /** Somebody else's, or what there would be without us. */
  readonly peer?: true
  readonly unit: string
  /** Whether less or more of it is better. */
  readonly better: 'less' | 'more'
  readonly median: number
  /** A quarter of the rounds are below, a quarter above. */
  readonly low: number
  readonly high: number
  readonly rounds: number
  /** How large what was asked was, and what that counts: `{ of: 'rules', value: 100 }`. */
  readonly size?: { readonly of: string; readonly value: number }
  /** What it must be at most, or at least where more is better. */
  readonly asked?: number
  /** What is asked is so many times what this subject of the same table takes. */
  readonly askedOf?: string
}

/** A figure as a bench has it: what each round gave. */
export type Measured = Omit<Figure, 'median' | 'low' | 'high' | 'rounds' | 'better' | 'peer'> & {
  readonly values: readonly number[]
  /** Less unless given. */
  readonly better?: Figure['better']
  readonly peer?: boolean
}

/** The value below which so great a part of the values is. */
export function quantile(values: readonly number[], part: number): number {
  return [...values].sort((one, other) => one - other)[Math.floor((values.length - 1) * part)] ?? Number.NaN
}

/** Median and spread of what the rounds gave. */
export function figureOf({ values, better = 'less', peer, ...rest }: Measured): Figure {
  const [low, median, high] = [0.25, 0.5, 0.75].map((part) => Number(quantile(values, part).toPrecision(5))) as [number, number, number]
  return { ...rest, ...(peer === true && { peer }), better, median, low, high, rounds: values.length }
}

/** What is asked of a figure, in its own unit; undefined where nothing is. */
export function limitOf({ asked, askedOf, bench, table, size }: Figure, all: readonly Figure[]): number | undefined {
  if (asked === undefined || askedOf === undefined) return asked
  const other = all.find((one) => one.bench === bench && one.table === table && one.subject === askedOf && one.size?.value === size?.value)
  return other === undefined ? undefined : asked * other.median
}

/** Tells the report of a figure, where the bench was started for one; else does nothing. */
export function tell(measured: Measured): void {
  const path = process.env.SALLYPORT_BENCH_FIGURES
  if (path !== undefined && measured.values.length > 0) appendFileSync(path, `${JSON.stringify(figureOf(measured))}\n`)
}
