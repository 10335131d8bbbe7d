import type { Awaitable } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'

/** Remembers what was used, so that it works once. Every `StateStore` is one. */
export interface ReplayMemory {
  /**
   * Remembers a key unless it is remembered already, in one step that two callers cannot both win. True where it was new.
   * What it throws, other than a `GuardError`, refuses the call as `limits_unavailable`.
   *
   * @param key at most 256 characters.
   * @param expiresAt when it may be forgotten, in milliseconds since 1970.
   * @param now the wall clock, in milliseconds since 1970.
   */
  add(key: string, expiresAt: number, now: number): Awaitable<boolean>
}

/** Options of `memoryReplay`. */
export interface MemoryReplayOptions {
  /** How many keys it remembers at once before it refuses; 100,000 unless given. */
  readonly maxEntries?: number
}

/**
 * A replay memory in this process. What has not expired is never dropped to make room: a full one refuses what is new, as
 * `limits_unavailable`.
 *
 * @throws TypeError for a bound that is not a whole number above zero.
 */
export function memoryReplay(options: MemoryReplayOptions = {}): ReplayMemory {
  const { maxEntries = 100_000 } = options
  if (!Number.isSafeInteger(maxEntries) || maxEntries < 1) throw new TypeError('memoryReplay: maxEntries must be a whole number above zero')
  // In the order of arrival, which is nearly that of expiry: what stands first goes first.
  const used = new Map<string, number>()
  let forgotten = Number.NEGATIVE_INFINITY
  return {
    add(key, expiresAt, now) {
      for (const [old, end] of used) {
        if (end > now) break
        used.delete(old)
        forgotten = Math.max(forgotten, end)
      }
      // Where the clock was set back, what was forgotten may look fresh again: it cannot be told any more whether it was used.
      if (!(expiresAt > forgotten) || used.has(key)) return false
      if (used.size >= maxEntries) throw new GuardError('limits_unavailable', { reason: 'the replay memory is full' })
      used.set(key, expiresAt)
      return true
    },
  }
}
