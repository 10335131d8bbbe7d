import { systemClock, within } from '../guard/clock.ts'
import type { Awaitable } from '../guard/context.ts'
import { inTurn } from './in-turn.ts'
import { StateError, type StateStore, type StoredEntry } from './state-store.ts'

/** What becomes of an entry: what it is from now on, nothing at all, or what it was. */
export type Change = StoredEntry | 'forget' | 'keep'

/** How often somebody else may come first. */
const maxTries = 32
/** How long one step may take, in milliseconds: one that never ends must not keep those behind it waiting for ever. */
const deadline = 10_000

/**
 * Changes an entry by what it is now, so that of two who change it at once neither undoes what the other did: also between
 * processes where the store can replace, else in this process alone.
 *
 * @param change what becomes of the value that is there. May be asked more than once.
 * @throws StateError where the store does not answer, or others are always faster.
 */
export async function changeEntry(store: StateStore, key: string, now: () => number, change: (before: string | undefined) => Change): Promise<void> {
  await inTurn(store, key, async () => {
    for (let tries = 0; tries < maxTries; tries++) {
      const [before] = await ask(() => store.get([key], now()))
      const next = change(before)
      if (next === 'keep' || (next === 'forget' && before === undefined)) return
      if (store.replace === undefined) return write(store, key, next, now())
      const replacing = store.replace.bind(store, key, before, next === 'forget' ? undefined : next, now())
      if ((await ask(replacing)) === true) return
    }
    throw new StateError('unavailable', 'An entry is changed by others again and again')
  })
}

async function write(store: StateStore, key: string, next: StoredEntry | 'forget', now: number): Promise<void> {
  if (next === 'forget') await ask(() => store.delete(key))
  else await ask(() => store.set(key, next.value, next.expiresAt, now))
}

function ask<T>(task: () => Awaitable<T>): Promise<T> {
  return within(systemClock, deadline, 'The store', attempt(task))
}

// What throws at once rejects as well.
async function attempt<T>(task: () => Awaitable<T>): Promise<T> {
  return task()
}
