import type { Machine } from './results.ts'

/** What a soak gives: `soak.json`. */
export interface Soak {
  readonly version: 1
  readonly command: string
  readonly date: string
  readonly commit?: string
  readonly machine: Machine
  readonly seconds: number
  /** Calls a second. */
  readonly rate: number
  readonly calls: number
  readonly answered: Readonly<Record<string, number>>
  /** Clients that left before their answer was complete. */
  readonly left: number
  readonly records: { readonly entries: number; readonly decisions: number; readonly outcomes: number; readonly refusals: number }
  /** What must hold afterwards, and whether it does. */
  readonly held: Readonly<Record<string, boolean>>
  /** Megabytes of heap after a garbage collection, at seconds since the begin. */
  readonly collected: readonly { readonly at: number; readonly heap: number }[]
  readonly rows: readonly SoakRow[]
}

/** Half a minute of it. Megabytes and milliseconds. */
export interface SoakRow {
  readonly at: number
  readonly rss: number
  readonly heapLow: number
  readonly heapHigh: number
  readonly delay50: number
  readonly delay99: number
  readonly delayMax: number
  readonly cpu: number
  readonly append50: number
  readonly append99: number
  readonly appendMax: number
  readonly waiting: number
  readonly json50: number
  readonly json99: number
  readonly stream50: number
  readonly stream99: number
  /** How many processes of the whole machine wanted to run, in the last minute. */
  readonly load?: number
}
