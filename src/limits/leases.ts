import type { Cells } from './cells.ts'
import type { Receipt, Term } from './receipt.ts'

/**
 * Places that are taken and what calls hold of budgets, in the order in which their leases run out: one queue for each length of
 * lease. It comes back as the next caller asks, so nothing needs a timer.
 */
export class Leases {
  readonly #cells: Cells
  readonly #queues = new Map<number, Queue>()

  constructor(cells: Cells) {
    this.#cells = cells
  }

  /** Begins the lease of what a receipt holds, or begins it anew. */
  hold({ term, meter }: Receipt, time: number): void {
    if (term === undefined) return
    const lease = (meter.limit.lease ?? 0) * 1000
    let queue = this.#queues.get(lease)
    if (queue === undefined) this.#queues.set(lease, (queue = { first: undefined, last: undefined }))
    else if (term.endsAt > 0) unlink(queue, term)
    term.endsAt = time + lease
    term.before = queue.last
    if (queue.last === undefined) queue.first = term
    else queue.last.after = term
    queue.last = term
  }

  /** Whether what a receipt holds is still its own. */
  holds({ term }: Receipt): boolean {
    return term !== undefined && term.endsAt > 0
  }

  /** Ends a lease, and gives back what was held. */
  end(receipt: Receipt): void {
    if (this.forget(receipt)) receipt.leave(this.#cells)
  }

  /** Ends a lease, and leaves what was held as it is. Whether there was one. */
  forget({ term, meter }: Receipt): boolean {
    if (term === undefined || term.endsAt === 0) return false
    const lease = (meter.limit.lease ?? 0) * 1000
    const queue = this.#queues.get(lease)
    if (queue !== undefined) {
      unlink(queue, term)
      if (queue.first === undefined) this.#queues.delete(lease)
    }
    term.endsAt = 0
    return true
  }

  /** Ends all leases that have run out by then. */
  expire(time: number): void {
    if (this.#queues.size === 0) return
    for (const queue of this.#queues.values())
      for (let { first } = queue; first !== undefined && first.endsAt <= time; first = queue.first) this.end(first.receipt)
  }
}

interface Queue {
  first: Term | undefined
  last: Term | undefined
}

function unlink(queue: Queue, term: Term): void {
  const { before, after } = term
  if (before === undefined) queue.first = after
  else before.after = after
  if (after === undefined) queue.last = before
  else after.before = before
  term.before = term.after = undefined
}
