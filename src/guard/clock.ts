import type { Awaitable } from './context.ts'

/** What time it is, and a way to wait: the one source of time of a guard. */
export interface Clock {
  /** Wall clock, milliseconds since 1970. May step. */
  now(): number
  /** Milliseconds since an arbitrary start; never steps back. */
  monotonic(): number
  /**
   * Runs `task` once after that many milliseconds. It does not keep the process alive, unless it `holds` it: where a wait is all that
   * is left to do, and its end is what somebody waits for. Returns its cancellation.
   */
  after(milliseconds: number, task: () => void, holds?: boolean): () => void
}

/** The system's clock and timers. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(milliseconds, task, holds = false) {
    const timer: unknown = setTimeout(task, Math.min(milliseconds, 2 ** 31 - 1))
    // On Node and Bun a timer is an object that can be told not to hold the process; elsewhere it is a number.
    if (!holds && typeof timer === 'object' && timer !== null && 'unref' in timer && typeof timer.unref === 'function') timer.unref()
    return () => clearTimeout(timer as number)
  },
}

/** Runs `task` every so many milliseconds until the returned function is called. Runs never overlap. */
export function every(clock: Clock, milliseconds: number, task: () => void | Promise<void>): () => void {
  let stopped = false
  let cancel = (): void => {}
  const arm = (): void => {
    if (stopped) return
    cancel = clock.after(milliseconds, () => {
      if (stopped) return
      const running = task()
      if (running === undefined) arm()
      else running.then(arm, arm)
    })
  }
  arm()
  return () => {
    stopped = true
    cancel()
  }
}

/** What a promise resolves to, unless it takes too long: then it rejects, whatever becomes of the promise. */
export function within<T>(clock: Clock, milliseconds: number, what: string, value: Awaitable<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const cancel = clock.after(milliseconds, () => reject(new Error(`${what} did not answer within ${milliseconds} ms`)))
    Promise.resolve(value).then(resolve, reject).finally(cancel)
  })
}
