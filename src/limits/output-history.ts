import { Fingerprints } from './fingerprint.ts'

/** Half octaves: a bucket is 1.41 times as wide as the one below. The last ends at four million tokens. */
const buckets = 44
/** Callers and models that are remembered; a set of four of them is looked at, and the one not used for longest makes room. */
const sets = 1_024
const ways = 4
/** So many answers tell something. */
const least = 8
/** Then all counts are halved, so that what was learned long ago counts less. */
const most = 200
/** What part of the answers a reservation should be enough for. */
const quantile = 0.75

/** Whose answers, and of which model. */
export interface Habit {
  readonly low: number
  readonly high: number
}

/**
 * How long answers are, by caller and model: a histogram for each, in fixed memory (about 300 kB, taken with the first answer).
 * Nobody learns from others, so nobody can make others wait; who is new, or forgotten, is expected to be like anybody.
 */
export class OutputHistory {
  readonly #fingerprints = new Fingerprints()
  #made: Tables | undefined
  #clock = 0

  /** What stands for a caller and a model. */
  habit(caller: string, model: string): Habit {
    this.#fingerprints.take(`${caller.length}:${caller}${model}`)
    return { low: this.#fingerprints.low, high: this.#fingerprints.high }
  }

  /**
   * The output, in tokens, that three in four answers do not exceed; undefined while too few are known. Where several calls
   * of the same caller and model are open, long answers and short ones make up for one another, and all of them together
   * need less than that for each: the more there are, the closer it comes to the mean.
   */
  expect(habit: Habit): number | undefined {
    const made = this.#made
    const at = made === undefined ? -1 : this.#find(made, habit)
    if (made === undefined || at < 0) return undefined
    if ((made.totals[at] as number) < least) return undefined
    const mean = made.means[at] as number
    const upper = made.uppers[at] as number
    const open = made.open[at] as number
    // What n answers need beyond n times the mean grows with the square root of n; this is the part of the next one.
    return Math.ceil(Math.max(1, mean + (upper - mean) * (Math.sqrt(open + 1) - Math.sqrt(open))))
  }

  /** A call begins. */
  begin(habit: Habit): void {
    const made = this.#made
    const at = made === undefined ? -1 : this.#find(made, habit)
    if (made !== undefined && at >= 0) made.open[at] = (made.open[at] as number) + 1
  }

  /** A call that began has ended. */
  end(habit: Habit): void {
    const made = this.#made
    const at = made === undefined ? -1 : this.#find(made, habit)
    if (made !== undefined && at >= 0) made.open[at] = Math.max(0, (made.open[at] as number) - 1)
  }

  /** One more answer, of that many tokens. */
  learn(habit: Habit, tokens: number): void {
    const made = (this.#made ??= newTables())
    const found = this.#find(made, habit)
    const at = found < 0 ? this.#add(made, habit) : found
    const bucket = Math.min(buckets - 1, Math.max(0, Math.floor(2 * Math.log2(Math.max(1, tokens)))))
    const place = at * buckets + bucket
    made.counts[place] = (made.counts[place] as number) + 1
    made.totals[at] = (made.totals[at] as number) + 1
    if ((made.totals[at] as number) >= most) halve(made, at)
    summarize(made, at)
  }

  #find({ tags, used }: Tables, { low, high }: Habit): number {
    const first = (low & (sets - 1)) * ways
    for (let at = first; at < first + ways; at++)
      if (tags[at * 2] === low && tags[at * 2 + 1] === high) {
        used[at] = ++this.#clock
        return at
      }
    return -1
  }

  #add({ tags, used, open, counts, totals }: Tables, { low, high }: Habit): number {
    const first = (low & (sets - 1)) * ways
    let oldest = first
    for (let at = first; at < first + ways; at++) if ((used[at] as number) < (used[oldest] as number)) oldest = at
    tags[oldest * 2] = low
    tags[oldest * 2 + 1] = high
    used[oldest] = ++this.#clock
    open[oldest] = 0
    totals[oldest] = 0
    counts.fill(0, oldest * buckets, oldest * buckets + buckets)
    return oldest
  }
}

interface Tables {
  readonly tags: Int32Array
  readonly used: Uint32Array
  readonly open: Uint32Array
  readonly counts: Uint8Array
  /** Of all counts: how many, their mean, and what three in four do not exceed. */
  readonly totals: Uint16Array
  readonly means: Float32Array
  readonly uppers: Float32Array
}

function newTables(): Tables {
  const places = sets * ways
  return {
    tags: new Int32Array(places * 2),
    used: new Uint32Array(places),
    open: new Uint32Array(places),
    counts: new Uint8Array(places * buckets),
    totals: new Uint16Array(places),
    means: new Float32Array(places),
    uppers: new Float32Array(places),
  }
}

function halve({ counts, totals }: Tables, at: number): void {
  let total = 0
  for (let place = at * buckets; place < (at + 1) * buckets; place++) {
    counts[place] = (counts[place] as number) >> 1
    total += counts[place] as number
  }
  totals[at] = total
}

function summarize({ counts, totals, means, uppers }: Tables, at: number): void {
  const total = totals[at] as number
  let below = 0
  let sum = 0
  let upper = 0
  for (let bucket = 0; bucket < buckets; bucket++) {
    const count = counts[at * buckets + bucket] as number
    if (count === 0) continue
    // Within a bucket they are taken for evenly spread.
    if (upper === 0 && below + count >= quantile * total) upper = 2 ** ((bucket + (quantile * total - below) / count) / 2)
    below += count
    sum += count * (middles[bucket] as number)
  }
  means[at] = sum / total
  uppers[at] = upper
}

const middles: readonly number[] = Array.from({ length: buckets }, (_, bucket) => 2 ** ((bucket + 0.5) / 2))
