import type { Clock } from '../guard/clock.ts'

/** Waits for something, but not for ever: rejects with an `Error` after that many milliseconds. */
export function boundedWait<T>(clock: Clock, milliseconds: number, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(milliseconds, () => reject(new Error(`no answer within ${milliseconds} ms`)))
    promise.then(resolve, reject).finally(cancel)
  })
}
