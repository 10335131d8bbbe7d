import { type Clock, every } from '../guard/clock.ts'
import type { Step } from '../guard/control.ts'
import type { GuardError } from '../guard/errors.ts'
import { isThenable } from '../guard/thenable.ts'
import type { Spending } from './spending.ts'

/** Leases are renewed when this part of them has passed, so that one try may fail. */
const part = 3

/**
 * Renews the leases of calls that run, by one timer for each clock and length of lease. A call whose place is lost ends.
 * Where the store does not answer nothing happens: there is another try before the lease is over.
 */
export class LeaseKeeper {
  readonly #rounds = new WeakMap<Clock, Map<number, Round>>()

  /** Renews until the returned function is called. */
  keep(spending: Spending, lease: number, step: Step): () => void {
    const { clock } = step
    const rounds = this.#rounds.get(clock) ?? new Map<number, Round>()
    this.#rounds.set(clock, rounds)
    let round = rounds.get(lease)
    if (round === undefined) {
      const open = new Map<Spending, Step>()
      rounds.set(lease, (round = { open, stop: every(clock, (lease * 1000) / part, () => renewAll(open)) }))
    }
    round.open.set(spending, step)
    return () => {
      const { open, stop } = round
      open.delete(spending)
      if (open.size > 0 || rounds.get(lease) !== round) return
      rounds.delete(lease)
      stop()
    }
  }
}

interface Round {
  readonly open: Map<Spending, Step>
  readonly stop: () => void
}

function renewAll(open: ReadonlyMap<Spending, Step>): void {
  for (const [spending, step] of open) {
    const end = (error: GuardError | undefined): void => {
      if (error !== undefined) step.end(error)
    }
    try {
      const renewed = spending.renew()
      if (isThenable(renewed)) renewed.then(end, () => {})
      else end(renewed)
    } catch {
      // The store failed: there is another try.
    }
  }
}
