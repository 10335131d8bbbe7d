import type { Amounts, KeyedLimit, LimitState, Refusal, Reservation, Violation } from '../../limits/limit-store.ts'
import { checkedAmount, isAmount, refusal } from '../../limits/limit-request.ts'
import { type LimitAnswer, type LimitCommands, nonsense } from './limit-commands.ts'
import type { Holding } from './limit-holding.ts'

/** What one call has reserved in Redis. */
export class ReservationInRedis implements Reservation {
  readonly allowed = true
  limits: readonly LimitState[] = []
  readonly #commands: LimitCommands
  readonly #id: string
  readonly #holdings: readonly Holding[]
  /** The same by what must be asked for together: those of one slot. */
  readonly #groups: readonly (readonly number[])[]
  #corrections = 0
  #settled = false

  constructor(commands: LimitCommands, id: string, holdings: readonly Holding[], isCluster: boolean) {
    this.#commands = commands
    this.#id = id
    this.#holdings = holdings
    this.#groups = isCluster ? bySlot(holdings) : [holdings.map((_, index) => index)]
  }

  /** Reserves, before anybody has it. */
  async take(units: readonly number[]): Promise<ReservationInRedis | Refusal> {
    const [only, ...others] = this.#groups
    if (only === undefined) return this
    const take = async (group: readonly number[]): Promise<LimitAnswer> => {
      const holdings = group.map((index) => this.#holdings[index] as Holding)
      const wanted = group.map((index) => units[index] as number)
      return this.#commands.take(this.#id, holdings, wanted, () => this.#giveBack(group, units))
    }
    const states: (LimitState | Violation)[] = []
    const violated: Violation[] = []
    const note = (group: readonly number[], answer: LimitAnswer): void => {
      for (let place = 0; place < group.length; place++) {
        const index = group[place] as number
        const { plan } = this.#holdings[index] as Holding
        const { level, wanted } = answer.cells[place] as LimitAnswer['cells'][number]
        // A level is no time here, so only a budget asks what time it is.
        const now = plan.kind === 'budget' ? answer.now : 0
        if (answer.granted || plan.fits(level, wanted, now)) states[index] = plan.state(level, now)
        else states[index] = violated[index] = plan.violation(level, wanted, now)
      }
      // A no that nothing stands behind must not become a yes.
      if (!answer.granted && !group.some((index) => violated[index] !== undefined)) throw nonsense()
    }
    if (others.length === 0) note(only, await take(only))
    else await this.#takeAll(units, take, note)
    const inTheWay = violated.filter((one) => one !== undefined)
    if (inTheWay.length > 0) return refusal(inTheWay)
    this.limits = states
    return this
  }

  // Each slot for itself: where one refuses or fails, what the others have granted is given back.
  async #takeAll(
    units: readonly number[],
    take: (group: readonly number[]) => Promise<LimitAnswer>,
    note: (group: readonly number[], answer: LimitAnswer) => void,
  ): Promise<void> {
    const granted: (readonly number[])[] = []
    let failure: PromiseRejectedResult | undefined
    for (const [place, result] of (await Promise.allSettled(this.#groups.map(take))).entries()) {
      const group = this.#groups[place] as readonly number[]
      if (result.status === 'rejected') failure ??= result
      else {
        note(group, result.value)
        if (result.value.granted) granted.push(group)
      }
    }
    if (failure === undefined && granted.length === this.#groups.length) return
    for (const group of granted) this.#giveBack(group, units)
    if (failure !== undefined) throw failure.reason
  }

  /** Gives back that many units of each, or owes more where they are less than none, and goes on. What fails leaks away. */
  correct(units: readonly number[]): void {
    for (const group of this.#groups) this.#giveBack(group, units)
  }

  // Nobody waits for it. Places that were only renewed stay.
  #giveBack(group: readonly number[], units: readonly number[]): void {
    const asWere: Holding[] = []
    const unused: number[] = []
    for (const index of group) {
      const holding = this.#holdings[index] as Holding
      const back = units[index] as number
      asWere.push({ ...holding })
      unused.push(back)
      holding.reserved -= back
      // At least so much less is left of it now, or what comes later would be given back twice.
      if (back > 0) holding.left = String(Math.max(0, Number(holding.left) - back))
    }
    this.#commands.settle(this.#id, `${this.#id}/${++this.#corrections}`, asWere, unused).catch(() => {})
  }

  async extend(more: Amounts): Promise<ReservationInRedis | Refusal> {
    if (this.#settled) throw new TypeError('extend: this reservation was settled')
    return this.take(
      this.#holdings.map(({ plan: { limit, kind } }) => {
        const units = more[limit.unit] === undefined ? 0 : checkedAmount(more, limit)
        return kind === 'places' ? Math.ceil(units) : units
      }),
    )
  }

  async settle(actual: Amounts): Promise<void> {
    return this.#end(
      this.#holdings.map(({ plan: { limit, kind }, reserved }) => {
        const spent = kind === 'places' ? 0 : actual[limit.unit]
        // A report of nonsense must stay a number.
        return isAmount(spent) ? reserved - Math.min(spent, Number.MAX_SAFE_INTEGER) : 0
      }),
    )
  }

  async release(): Promise<void> {
    return this.#end(this.#holdings.map(({ reserved }) => reserved))
  }

  async #end(unused: readonly number[]): Promise<void> {
    if (this.#settled) return
    this.#settled = true
    const settling = this.#groups
      .filter((group) => group.some((index) => unused[index] !== 0))
      .map((group) => {
        const holdings = group.map((index) => this.#holdings[index] as Holding)
        return this.#commands.settle(
          this.#id,
          this.#id,
          holdings,
          group.map((index) => unused[index] as number),
        )
      })
    if (settling.length === 1) return settling[0]
    for (const result of await Promise.allSettled(settling)) if (result.status === 'rejected') throw result.reason
  }
}

// Those of one hash tag.
function bySlot(holdings: readonly Holding[]): readonly (readonly number[])[] {
  const groups = new Map<string, number[]>()
  for (const [index, { tag }] of holdings.entries()) {
    const group = groups.get(tag)
    if (group === undefined) groups.set(tag, [index])
    else group.push(index)
  }
  return [...groups.values()]
}

/** How much of each is asked for. @throws TypeError */
export function unitsOf(limits: readonly KeyedLimit[], amounts: Amounts): number[] {
  return limits.map(({ limit }) => {
    const units = checkedAmount(amounts, limit)
    return limit.unit === 'concurrent' ? Math.ceil(units) : units
  })
}
