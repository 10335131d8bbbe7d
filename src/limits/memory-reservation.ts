import { checkedAmount, isAmount, refusal } from './limit-request.ts'
import type { Amounts, LimitState, Refusal, Violation } from './limit-store.ts'
import type { MemoryReservation } from './memory-limits.ts'
import type { Accounts } from './accounts.ts'
import type { Receipt } from './receipt.ts'

/** What one call has reserved in the cells of a store. */
export class ReservationInMemory implements MemoryReservation {
  readonly allowed = true
  readonly #accounts: Accounts
  readonly #receipts: readonly Receipt[]
  #settled = false

  constructor(accounts: Accounts, receipts: readonly Receipt[]) {
    this.#accounts = accounts
    this.#receipts = receipts
  }

  get limits(): readonly LimitState[] {
    const time = this.#accounts.time.at(undefined)
    return this.#receipts.map((receipt) => receipt.meter.state(this.#accounts.level(receipt, time), time))
  }

  extend(more: Amounts, now?: number): MemoryReservation | Refusal {
    if (this.#settled) throw new TypeError('extend: this reservation was settled')
    const accounts = this.#accounts
    const time = accounts.begin(now)
    const receipts = this.#receipts
    let violated: Violation[] | undefined
    for (const receipt of receipts) {
      accounts.turn(receipt, time)
      const units = this.#wanted(receipt, more)
      const level = accounts.level(receipt, time)
      if (!receipt.meter.fits(level, units, time)) (violated ??= []).push(receipt.meter.violation(level, units, time))
    }
    if (violated !== undefined) return refusal(violated)
    for (const receipt of receipts) accounts.extend(receipt, this.#wanted(receipt, more), time)
    return this
  }

  settle(actual: Amounts, now?: number): void {
    if (this.#settled) return
    this.#settled = true
    const time = this.#accounts.begin(now)
    for (const receipt of this.#receipts) {
      const spent = receipt.meter.kind === 'places' ? 0 : actual[receipt.meter.limit.unit]
      if (isAmount(spent)) this.#accounts.correct(receipt, receipt.reserved - spent, time)
    }
  }

  release(now?: number): void {
    if (this.#settled) return
    this.#settled = true
    const time = this.#accounts.begin(now)
    for (const receipt of this.#receipts) this.#accounts.correct(receipt, receipt.reserved, time)
  }

  // What has come back meanwhile is asked for again.
  #wanted(receipt: Receipt, more: Amounts): number {
    const { limit } = receipt.meter
    const units = more[limit.unit] === undefined ? 0 : checkedAmount(more, limit)
    if (receipt.meter.kind === 'places') return this.#accounts.leases.holds(receipt) ? units : units + receipt.reserved
    return units + receipt.lapsed
  }
}
