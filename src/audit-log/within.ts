import type { Clock } from '../guard/clock.ts'
import type { Awaitable } from '../guard/context.ts'

/** What a promise resolves to, unless it takes too long: then it rejects, whatever becomes of the promise. */
export function within<T>(clock: Clock, milliseconds: number, what: string, value: Awaitable<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const cancel = clock.after(milliseconds, () => reject(new Error(`${what} did not answer within ${milliseconds} ms`)))
    Promise.resolve(value).then(resolve, reject).finally(cancel)
  })
}
