import type { Clock } from '../guard/clock.ts'

/** A clock that a test moves by hand. */
export interface TestClock extends Clock {
  /** Moves both clocks forward and runs what is due on the way, in order. */
  advance(milliseconds: number): void
  /** Sets the wall clock alone, as when an operator or NTP steps it. Timers are not touched. */
  set(now: number): void
  /** How many timers wait. */
  readonly pending: number
}

interface Timer {
  readonly at: number
  readonly task: () => void
}

/**
 * A clock that stands still until a test moves it.
 *
 * @param now where the wall clock begins, in milliseconds since 1970; the start of 2026 unless given.
 */
export function testClock(now: number = Date.UTC(2026, 0, 1)): TestClock {
  let wall = now
  let elapsed = 0
  const timers = new Set<Timer>()
  const next = (until: number): Timer | undefined => {
    let first: Timer | undefined
    for (const timer of timers) if (timer.at <= until && (first === undefined || timer.at < first.at)) first = timer
    return first
  }
  return {
    now: () => wall,
    monotonic: () => elapsed,
    after(milliseconds, task) {
      const timer = { at: elapsed + Math.max(0, milliseconds), task }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    advance(milliseconds) {
      const until = elapsed + milliseconds
      for (let timer = next(until); timer !== undefined; timer = next(until)) {
        timers.delete(timer)
        wall += timer.at - elapsed
        elapsed = timer.at
        timer.task()
      }
      wall += until - elapsed
      elapsed = until
    },
    set(value) {
      wall = value
    },
    get pending() {
      return timers.size
    },
  }
}
