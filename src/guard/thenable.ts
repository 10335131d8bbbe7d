import type { Awaitable } from './context.ts'

/** Whether something must be waited for: a promise, or whatever else `await` would wait for. */
export function isThenable<T>(value: Awaitable<T>): value is Promise<T> {
  if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return false
  try {
    return 'then' in value && typeof value.then === 'function'
  } catch {
    // A proxy that throws when it is looked at: whoever uses it finds out.
    return false
  }
}

/** Lets go of a result that nobody waits for, where there should have been none: its failure must not end the process. */
export function abandon(value: unknown): void {
  if (isThenable(value)) Promise.resolve(value).then(undefined, () => {})
}
