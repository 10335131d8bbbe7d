import type { Clock } from '../guard/clock.ts'
import type { Awaitable, Quota } from '../guard/context.ts'
import type { Outcome } from '../guard/control.ts'
import { GuardError, isGuardError } from '../guard/errors.ts'
import { isThenable } from '../guard/thenable.ts'
import { type CountedLimit, limitExceeded, type RefusalStyle } from './counted-limit.ts'
import type { Amounts, Refusal, Reservation } from './limit-store.ts'
import type { LimitUnit } from './limit.ts'
import { costOf, mostCost, type Price } from './prices.ts'
import type { StoreAccess } from './store-access.ts'
import type { TokenMeter } from './token-meter.ts'

/** Tokens that a stream which outruns its reservation reserves at a time. */
const extension = 256

/** What was refused before the function was called: probing costs a request, and nothing else. */
const probed: Amounts = Object.freeze({ requests: 1, tokens: 0 })
const probedOfMore: Amounts = Object.freeze({ ...probed, cost: 0, prompts: 0, choices: 0, logprobs: 0 })
const asReserved: Amounts = Object.freeze({ requests: 1 })

/** How spending is done; the same for all calls of a control. */
export interface SpendingRules {
  readonly access: StoreAccess
  /** What becomes of a stream that may not reserve more. */
  readonly onOverrun: 'cut' | 'debt'
  readonly vendor: boolean
}

/** What was reserved at one time. */
interface Holding {
  readonly access: StoreAccess
  readonly reservation: Reservation
  readonly limits: readonly CountedLimit[]
  /** With what was reserved since. */
  amounts: Amounts
  /** Whether a part of it was reserved without the store. */
  isDegraded: boolean
}

/** What one call has reserved and what it has spent by now. */
export class Spending {
  /** Most output tokens that policy allows, all answers together. */
  cap: number | undefined
  /** What tokens cost, where money is counted. */
  price: Required<Price> | undefined
  readonly #rules: SpendingRules
  readonly #clock: Clock
  readonly #meter: TokenMeter
  readonly #holdings: Holding[] = []
  #countsTokens = false
  /** Tokens that were reserved, or are owed. */
  #reserved = 0
  #busy: Promise<unknown> | undefined
  #hasLeft = false
  #outcome: Outcome | undefined

  constructor(rules: SpendingRules, clock: Clock, meter: TokenMeter, price: Required<Price> | undefined) {
    this.#rules = rules
    this.#clock = clock
    this.#meter = meter
    this.price = price
  }

  /** Whether anything of it was decided while the store was not there. */
  get degraded(): boolean {
    return this.#holdings.some(({ isDegraded }) => isDegraded)
  }

  /** What was settled, once it was; places on loan are not spent. */
  get spent(): Quota['spent'] {
    const outcome = this.#outcome
    if (outcome === undefined) return undefined
    return this.#holdings.flatMap(({ limits, amounts }) => {
      const spent = this.#spent(outcome, limits)
      return limits.flatMap(({ limit: { name, unit } }) =>
        unit === 'concurrent' ? [] : [{ name, spent: spent === undefined ? 0 : (spent[unit] ?? amounts[unit] ?? 0), unit }],
      )
    })
  }

  /** Whether what the answer takes is counted. */
  get countsAnswer(): boolean {
    return this.#countsTokens || this.cap !== undefined
  }

  /** Whether something is held that must be renewed, places or of a budget, and after how many seconds it would be lost. */
  get lease(): number | undefined {
    let shortest: number | undefined
    for (const { limits } of this.#holdings)
      for (const { limit } of limits) if (limit.lease !== undefined) shortest = Math.min(shortest ?? limit.lease, limit.lease)
    return shortest
  }

  /**
   * Reserves under these limits as well, in a store of theirs. `tokens` is what the call is expected to take in all, and in `amounts` too where it is counted.
   *
   * @throws GuardError where a limit is in the way, or the store does not answer.
   */
  reserve(limits: readonly CountedLimit[], amounts: Amounts, tokens: number, access: StoreAccess = this.#rules.access): Awaitable<Reservation> {
    // A reservation that counts no tokens says nothing of them; of two that do, what both have is covered.
    if (tokens > 0) this.#reserved = this.#countsTokens ? Math.min(this.#reserved, tokens) : tokens
    const answer = access.reserve(limits, amounts, this.#clock)
    return isThenable(answer) ? this.#arrive(answer, limits, amounts, access) : this.#hold(answer, limits, amounts, access)
  }

  async #arrive(
    pending: Promise<Reservation | Refusal>,
    limits: readonly CountedLimit[],
    amounts: Amounts,
    access: StoreAccess,
  ): Promise<Reservation> {
    const answer = await pending
    if (!this.#hasLeft || !answer.allowed) return this.#hold(answer, limits, amounts, access)
    // The call was stopped while the store thought about it.
    await access.settle(answer, probedOf(limits), this.#clock)
    throw new GuardError('aborted', { reason: 'the call ended before its limits were checked' })
  }

  #hold(answer: Reservation | Refusal, limits: readonly CountedLimit[], amounts: Amounts, access: StoreAccess): Reservation {
    const isLocal = access.isLocal(answer)
    if (!answer.allowed) {
      for (const { limit, counter } of limits) {
        if (!answer.violated.some(({ name }) => name === limit.name)) continue
        counter.refused++
        if (isLocal) counter.degraded++
      }
      throw limitExceeded(answer, limits, this.#style(answer, access))
    }
    for (const { limit, counter } of limits) {
      counter.granted++
      if (isLocal) counter.degraded++
      if (limit.unit === 'tokens' || limit.unit === 'cost') this.#countsTokens = true
    }
    this.#holdings.push({ access, reservation: answer, limits, amounts, isDegraded: isLocal })
    return answer
  }

  #style(answer: Reservation | Refusal, access: StoreAccess): RefusalStyle {
    return { vendor: this.#rules.vendor, isLocal: access.isLocal(answer) }
  }

  /** Counts a part of the answer before it is delivered. Gives the error that the call must end with, if it must. */
  take(part: unknown, streamed: boolean): Awaitable<GuardError | undefined> {
    const meter = this.#meter
    const bytes = meter.measure(part, streamed)
    const { cap } = this
    if (cap !== undefined && meter.exceeds(cap, bytes))
      return new GuardError('obligation_unmet', { reason: 'the answer is longer than policy allows' })
    const missing = this.#missing(bytes)
    // A whole answer was made already: what it took beyond its reservation is owed.
    if (missing <= 0 || !streamed) {
      meter.deliver(bytes)
      return undefined
    }
    const granted = this.#extend(0, Math.max(missing, extension), missing, bytes)
    if (isThenable(granted)) this.#wait(granted)
    return granted
  }

  #missing(bytes: number): number {
    if (!this.#countsTokens) return 0
    const { input, output } = this.#meter.usage(bytes)
    return input + output - this.#reserved
  }

  // From that holding on: those before have it already.
  #extend(first: number, tokens: number, least: number, bytes: number): Awaitable<GuardError | undefined> {
    const cost = this.price === undefined ? 0 : mostCost(this.price, 0, tokens)
    for (let index = first; index < this.#holdings.length; index++) {
      const holding = this.#holdings[index] as Holding
      const { access, amounts, limits, reservation } = holding
      if (amounts.tokens === undefined && amounts.cost === undefined) continue
      const more = { ...(amounts.tokens !== undefined && { tokens }), ...(amounts.cost !== undefined && { cost }) }
      const decide = (answer: Reservation | Refusal): Awaitable<GuardError | undefined> => {
        if (!answer.allowed) return this.#overrun(answer, index, tokens, least, bytes)
        holding.amounts = sumOf(amounts, more)
        this.#noteLocal(holding)
        return this.#extend(index + 1, tokens, least, bytes)
      }
      const answer = access.extend(reservation, limits, more, this.#clock)
      return isThenable(answer) ? answer.then(decide) : decide(answer)
    }
    this.#reserved += tokens
    this.#meter.deliver(bytes)
    return undefined
  }

  // It counts once.
  #noteLocal(holding: Holding): void {
    if (holding.isDegraded || !holding.access.isDegraded(holding.reservation)) return
    holding.isDegraded = true
    for (const { counter } of holding.limits) counter.degraded++
  }

  #overrun(answer: Refusal, index: number, tokens: number, least: number, bytes: number): Awaitable<GuardError | undefined> {
    if (this.#rules.onOverrun === 'debt') {
      // Owed when it is settled; and not asked for again until as much again was delivered.
      this.#reserved += tokens
      this.#meter.deliver(bytes)
      return undefined
    }
    if (tokens > least) return this.#extend(index, least, least, bytes)
    const { access, limits } = this.#holdings[index] as Holding
    for (const { limit, counter } of limits) if (answer.violated.some(({ name }) => name === limit.name)) counter.cut++
    return limitExceeded(answer, limits, this.#style(answer, access))
  }

  /** Renews what is held. Gives the error that the call must end with, where something was lost. */
  renew(): Awaitable<GuardError | undefined> {
    const renewing: Awaitable<GuardError | undefined>[] = []
    for (const holding of this.#holdings) {
      const { access, reservation, limits } = holding
      if (!limits.some(({ limit }) => limit.lease !== undefined)) continue
      const answer = access.extend(reservation, limits, {}, this.#clock)
      const decide = (decided: Reservation | Refusal): GuardError | undefined => {
        if (decided.allowed) this.#noteLocal(holding)
        const isLost = !decided.allowed && this.#rules.onOverrun === 'cut'
        return isLost ? limitExceeded(decided, limits, this.#style(decided, access)) : undefined
      }
      renewing.push(isThenable(answer) ? answer.then(decide) : decide(answer))
    }
    if (!renewing.some(isThenable)) return renewing.find((error) => error !== undefined)
    const all = Promise.all(renewing).then((errors) => errors.find((error) => error !== undefined))
    this.#wait(all)
    return all
  }

  /** Settles what the call has spent, once. @throws GuardError `limits_unavailable` */
  leave(outcome: Outcome): Awaitable<void> {
    this.#hasLeft = true
    const busy = this.#busy
    if (busy === undefined) return this.#settle(outcome)
    // A store may not order what it is asked at the same time.
    return busy.then(() => this.#settle(outcome))
  }

  #wait(task: Promise<unknown>): void {
    const before = this.#busy
    this.#busy = Promise.allSettled(before === undefined ? [task] : [before, task])
  }

  #settle(outcome: Outcome): Awaitable<void> {
    this.#outcome = outcome
    let settling: Promise<void>[] | undefined
    let failure: { readonly error: unknown } | undefined
    // Each of them, whatever becomes of the others.
    for (const { access, reservation, limits, amounts } of this.#holdings) {
      const spent = this.#spent(outcome, limits)
      for (const { limit, counter } of limits) count(counter, spent, limit.unit, amounts[limit.unit] ?? 0)
      try {
        const settled = access.settle(reservation, spent, this.#clock)
        if (isThenable(settled)) (settling ??= []).push(settled)
      } catch (error) {
        failure ??= { error }
      }
    }
    if (settling !== undefined) return allOf(settling)
    if (failure !== undefined) throw failure.error
  }

  // Undefined: nothing.
  #spent(outcome: Outcome, limits: readonly CountedLimit[]): Amounts | undefined {
    if (!outcome.ran) return isGuardError(outcome.error) && outcome.error.code === 'limit_exceeded' ? undefined : probedOf(limits)
    if (!this.#meter.isKnown(outcome.streamed)) return asReserved
    const usage = this.#meter.usage()
    const tokens = usage.input + usage.output
    return { requests: 1, tokens, ...(this.price !== undefined && { cost: costOf(this.price, usage) }) }
  }
}

function probedOf(limits: readonly CountedLimit[]): Amounts {
  return limits.every(({ limit: { unit } }) => unit === 'requests' || unit === 'tokens' || unit === 'concurrent') ? probed : probedOfMore
}

function sumOf(amounts: Amounts, more: Amounts): Amounts {
  const { tokens = 0, cost = 0 } = more
  return {
    ...amounts,
    ...(amounts.tokens !== undefined && { tokens: amounts.tokens + tokens }),
    ...(amounts.cost !== undefined && { cost: amounts.cost + cost }),
  }
}

async function allOf(settling: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(settling)) if (result.status === 'rejected') throw result.reason
}

function count(counter: CountedLimit['counter'], spent: Amounts | undefined, unit: LimitUnit, reserved: number): void {
  if (spent === undefined) return
  const amount = spent[unit] ?? reserved
  counter.spent += amount
  counter.owed += Math.max(0, amount - reserved)
}
