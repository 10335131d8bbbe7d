import type { StateStore } from './state-store.ts'

const queues = new WeakMap<StateStore, Map<string, Promise<unknown>>>()

/**
 * Runs a task when those that were begun before it for the same key of the same store have ended, however they ended. To read
 * an entry and then to write it is two steps, and in between somebody else of this process could write a weaker one.
 */
export function inTurn<T>(store: StateStore, key: string, task: () => Promise<T>): Promise<T> {
  const queue = queues.get(store) ?? new Map<string, Promise<unknown>>()
  queues.set(store, queue)
  const running = queue.get(key)?.then(task, task) ?? task()
  queue.set(key, running)
  const leave = (): void => {
    if (queue.get(key) === running) queue.delete(key)
  }
  running.then(leave, leave)
  return running
}
