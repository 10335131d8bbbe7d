import { GuardError, isGuardError } from '../guard/errors.ts'
import type { KeyProvider } from '../keys/key-provider.ts'
import { readHeader } from './sealed-header.ts'
import type { SealContext } from './seal-context.ts'
import type { Sealer } from './sealer.ts'

/** A sealed value somewhere. */
export interface SealedItem {
  /** What `write` finds it by. */
  readonly name: string
  readonly sealed: Uint8Array
  readonly context?: SealContext
}

/** Options of `rewrapAll`. */
export interface RewrapAllOptions {
  readonly box: Sealer
  /** The provider that the sealer was made with. */
  readonly keys: KeyProvider
  /** What there is, in any order. */
  readonly items: AsyncIterable<SealedItem>
  /** Puts the renewed value in place of the old one: wholly or not at all. */
  readonly write: (name: string, sealed: Uint8Array) => unknown
  /** How many are worked on at once; 8 unless given. */
  readonly batch?: number
  /** Told after each batch. */
  readonly onProgress?: (progress: RewrapProgress) => void
}

/** How far it came. */
export interface RewrapProgress {
  readonly seen: number
  /** Wrapped anew and written. */
  readonly renewed: number
  /** Wrapped by the current key already: what a run before this one did, or what was sealed since. */
  readonly current: number
  /** Names of those that could not be renewed, the first 1,000 of them. */
  readonly failed: readonly string[]
}

const mostFailed = 1000

/**
 * Has the data keys of many sealed values wrapped by the current key. No value is opened, and where the provider renews on its own
 * no data key is seen either. What is current already is passed over, so that a run that was broken off is taken up by another one.
 * A value that cannot be renewed does not end the run; a provider that is not there does.
 *
 * @throws GuardError `keys_unavailable`; whatever `items` and `write` throw.
 */
export async function rewrapAll({ box, keys, items, write, batch = 8, onProgress }: RewrapAllOptions): Promise<RewrapProgress> {
  if (!Number.isSafeInteger(batch) || batch < 1) throw new TypeError('rewrapAll: batch: must be a whole number above zero')
  const { id, version } = await keys.state()
  const counts = { seen: 0, renewed: 0, current: 0 }
  const failed: string[] = []
  const one = async ({ name, sealed, context }: SealedItem): Promise<void> => {
    counts.seen++
    try {
      const header = readHeader(sealed)
      if (header === undefined) throw new GuardError('decryption_failed', { reason: 'it was cut within its header' })
      if (header.wrapped.id === id && header.wrapped.version === version) {
        counts.current++
        return
      }
      const renewed = await box.rewrap(sealed, context)
      await write(name, renewed)
      counts.renewed++
    } catch (error) {
      if (!isGuardError(error) || error.code !== 'decryption_failed') throw error
      if (failed.length < mostFailed) failed.push(name)
    }
  }
  let pending: Promise<void>[] = []
  const settle = async (): Promise<void> => {
    // All of them end before this does, so that nothing is written after it.
    const outcomes = await Promise.allSettled(pending)
    pending = []
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
    onProgress?.(Object.freeze({ ...counts, failed: [...failed] }))
  }
  try {
    for await (const item of items) {
      const working = one(item)
      // It is heard of in `settle`, and may fail long before that: while the next item is waited for.
      working.catch(() => {})
      pending.push(working)
      if (pending.length === batch) await settle()
    }
  } catch (error) {
    await Promise.allSettled(pending)
    throw error
  }
  await settle()
  return Object.freeze({ ...counts, failed })
}
