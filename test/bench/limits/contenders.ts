import { memoryLimits, planLimit } from '../../../dist/index.js'

/** A way to keep a limit of tokens that leaks evenly. Times in milliseconds. */
export interface Contender {
  readonly name: string
  /** Something to settle, or undefined where it refuses. `expected` is what the caller will likely take, `most` what it may. */
  begin(expected: number, most: number, now: number): Taken | undefined
}

/** What was taken. */
export interface Taken {
  /** Whether so many tokens in all may be delivered. */
  grow(total: number, now: number): boolean
  settle(actual: number, now: number): void
}

/** Lets everybody in while anything is left, and counts when they are done. */
export function chargeAfter(tokens: number, window: number): Contender {
  const bucket = new Bucket(tokens, window)
  return {
    name: 'charge after the answer',
    begin: (_expected, _most, now) =>
      bucket.level(now) < tokens ? { grow: () => true, settle: (actual, at) => bucket.pour(actual, at) } : undefined,
  }
}

/** Reserves all that an answer may have. */
export function reserveMost(tokens: number, window: number): Contender {
  const bucket = new Bucket(tokens, window)
  return {
    name: 'reserve max_tokens',
    begin(_expected, most, now) {
      if (bucket.level(now) + most > tokens) return undefined
      bucket.pour(most, now)
      return { grow: () => true, settle: (actual, at) => bucket.pour(actual - most, at) }
    },
  }
}

/** A counter for each window; what was not needed is taken off the counter of the window in which that is known. */
export function counterDelta(tokens: number, window: number): Contender {
  const counts = new Map<number, number>()
  const of = (now: number): number => Math.floor(now / (window * 1000))
  const add = (amount: number, now: number): void => void counts.set(of(now), (counts.get(of(now)) ?? 0) + amount)
  return {
    name: 'counter, corrected by the difference',
    begin(expected, _most, now) {
      if ((counts.get(of(now)) ?? 0) + expected > tokens) return undefined
      add(expected, now)
      return { grow: () => true, settle: (actual, at) => add(actual - expected, at) }
    },
  }
}

/** The generic cell rate algorithm, with what is given back cut by the place in the queue. */
export function queueClip(tokens: number, window: number): Contender {
  const perToken = (window * 1000) / tokens
  let empty = 0
  return {
    name: 'GCRA, given back by place in the queue',
    begin(expected, _most, now) {
      const from = Math.max(empty, now)
      if (from - now + expected * perToken > window * 1000) return undefined
      empty = from + expected * perToken
      const own = empty
      return {
        grow: () => true,
        settle(actual, at) {
          const unused = expected - actual
          empty -= Math.min(unused, Math.max(0, (own - at) / perToken)) * perToken
        },
      }
    },
  }
}

/** The store of this package on its own. */
export function sallyportStore(tokens: number, window: number): Contender {
  const store = memoryLimits()
  const limits = [{ limit: planLimit({ name: 'tokens', tokens, window }), key: 'ada' }]
  return {
    name: 'sallyport',
    begin(expected, _most, now) {
      const answer = store.reserve(limits, { tokens: expected }, now)
      if (!answer.allowed) return undefined
      let reserved = expected
      return {
        grow(total, at) {
          if (total <= reserved) return true
          const more = Math.max(total - reserved, 256)
          if (answer.extend({ tokens: more }, at).allowed) reserved += more
          else if (answer.extend({ tokens: total - reserved }, at).allowed) reserved = total
          return total <= reserved
        },
        settle: (actual, at) => answer.settle({ tokens: actual }, at),
      }
    },
  }
}

/** A bucket that leaks: what is really spent, whatever was promised. */
export class Bucket {
  readonly #perMillisecond: number
  #level = 0
  #at = 0
  peak = 0

  constructor(tokens: number, window: number) {
    this.#perMillisecond = tokens / (window * 1000)
  }

  level(now: number): number {
    this.#level = Math.max(0, this.#level - (now - this.#at) * this.#perMillisecond)
    this.#at = now
    return this.#level
  }

  pour(amount: number, now: number): void {
    this.#level = Math.max(0, this.level(now) + amount)
    this.peak = Math.max(this.peak, this.#level)
  }
}
