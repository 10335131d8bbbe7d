import type { TestClock } from '../../src/testing/index.ts'

/** What a promise gives, with time passing meanwhile. */
export async function inTime<T>(clock: TestClock, promise: Promise<T>): Promise<T> {
  let isOver = false
  const watched = promise.finally(() => (isOver = true))
  while (!isOver) {
    await new Promise((resolve) => setTimeout(resolve, 1))
    clock.advance(100)
  }
  return watched
}
