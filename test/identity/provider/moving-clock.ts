import { type Clock, systemClock } from '../../../src/guard/clock.ts'

/** The system's clock, which a test can put forward while sockets go on in real time. */
export interface MovingClock extends Clock {
  /** Puts it forward by so many seconds, and runs what has become due. */
  advance(seconds: number): void
}

interface Timer {
  readonly at: number
  readonly task: () => void
  cancel: () => void
}

export function movingClock(): MovingClock {
  const timers = new Set<Timer>()
  let ahead = 0
  const monotonic = (): number => performance.now() + ahead
  const arm = (timer: Timer): void => {
    timer.cancel = systemClock.after(Math.max(0, timer.at - monotonic()), () => {
      timers.delete(timer)
      timer.task()
    })
  }
  return {
    now: () => Date.now() + ahead,
    monotonic,
    after(milliseconds, task) {
      const timer: Timer = { at: monotonic() + milliseconds, task, cancel: () => {} }
      timers.add(timer)
      arm(timer)
      return () => {
        timers.delete(timer)
        timer.cancel()
      }
    },
    advance(seconds) {
      ahead += seconds * 1000
      for (const timer of timers) {
        timer.cancel()
        arm(timer)
      }
    },
  }
}
