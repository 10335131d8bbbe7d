import type { Amounts, KeyedLimit, LimitState, Refusal, Reservation, Violation } from '../../limits/limit-store.ts'
import { checkedAmount, isAmount, refusal } from '../../limits/limit-request.ts'
import { type LimitAnswer, type LimitCommands, nonsense } from './limit-commands.ts'
import type { Holding } from './limit-holding.ts'

/** Holdings that are asked for together, those of one tag beside one another, and which of the reservation's they are. */
interface Group {
  readonly holdings: readonly Holding[]
  readonly indexes: readonly number[]
}

/** What one call has reserved in Redis. */
export class ReservationInRedis implements Reservation {
  readonly allowed = true
  limits: readonly LimitState[] = []
  readonly #commands: LimitCommands
  readonly #id: string
  readonly #holdings: readonly Holding[]
  /** In a cluster one for each slot. */
  readonly #groups: readonly Group[]
  /** What the script knows it by, where something of it comes back by itself. */
  readonly #heldAs: string
  #corrections = 0
  #settled = false

  /** @param comesBack whether what it holds of budgets comes back when nobody has settled it. */
  constructor(commands: LimitCommands, id: string, holdings: readonly Holding[], isCluster: boolean, comesBack: boolean) {
    this.#commands = commands
    this.#id = id
    this.#holdings = holdings
    this.#groups = groupsOf(holdings, isCluster)
    this.#heldAs = comesBack && holdings.some(({ plan }) => plan.kind !== 'bucket') ? id : ''
  }

  /** Reserves, before anybody has it. */
  take(units: readonly number[]): Promise<ReservationInRedis | Refusal> {
    const groups = this.#groups
    const [only] = groups
    if (only === undefined) return Promise.resolve(this)
    // All at once, of each group the answer.
    if (groups.length === 1) return this.#takeOne(only, units).then((answer) => this.#conclude([answer]))
    return this.#takeAll(units).then((answers) => this.#conclude(answers))
  }

  #takeOne(group: Group, units: readonly number[]): Promise<LimitAnswer> {
    const wanted = group.indexes.map((index) => units[index] as number)
    return this.#commands.take(this.#heldAs, group.holdings, wanted, () => this.#giveBack(group, units))
  }

  // Each slot for itself: where one refuses or fails, what the others have granted is given back.
  async #takeAll(units: readonly number[]): Promise<readonly LimitAnswer[]> {
    const groups = this.#groups
    const results = await Promise.allSettled(groups.map((group) => this.#takeOne(group, units)))
    const answers: LimitAnswer[] = []
    for (const result of results) if (result.status === 'fulfilled') answers.push(result.value)
    if (answers.length === groups.length && answers.every(({ granted }) => granted)) return answers
    for (const [place, result] of results.entries())
      if (result.status === 'fulfilled' && result.value.granted) this.#giveBack(groups[place] as Group, units)
    for (const result of results) if (result.status === 'rejected') throw result.reason
    return answers
  }

  #conclude(answers: readonly LimitAnswer[]): ReservationInRedis | Refusal {
    const states: LimitState[] = []
    let violated: Violation[] | undefined
    for (let place = 0; place < answers.length; place++) {
      const { granted, cells, now: time } = answers[place] as LimitAnswer
      const { holdings, indexes } = this.#groups[place] as Group
      let isInTheWay = false
      for (let own = 0; own < holdings.length; own++) {
        const { plan } = holdings[own] as Holding
        const { level, wanted } = cells[own] as LimitAnswer['cells'][number]
        const index = indexes[own] as number
        // A level is no time here, so only a budget asks what time it is.
        const now = plan.kind === 'budget' ? time : 0
        if (granted || plan.fits(level, wanted, now)) states[index] = plan.state(level, now)
        else {
          isInTheWay = true
          ;(violated ??= [])[index] = plan.violation(level, wanted, now)
        }
      }
      // A no that nothing stands behind must not become a yes.
      if (!granted && !isInTheWay) throw nonsense()
    }
    if (violated !== undefined) return refusal(violated.filter((one) => one !== undefined))
    this.limits = states
    return this
  }

  /** Gives back that many units of each, or owes more where they are less than none, and goes on. What fails leaks away. */
  correct(units: readonly number[]): void {
    for (const group of this.#groups) this.#giveBack(group, units)
  }

  // Nobody waits for it. Places that were only renewed stay.
  #giveBack({ holdings, indexes }: Group, units: readonly number[]): void {
    const asWere: Holding[] = []
    const unused: number[] = []
    for (const [own, holding] of holdings.entries()) {
      const back = units[indexes[own] as number] as number
      asWere.push({ ...holding })
      unused.push(back)
      holding.reserved -= back
      // At least so much less is left of it now, or what comes later would be given back twice.
      if (back > 0) holding.left = Math.max(0, holding.left - back)
    }
    this.#commands.giveBack('correct', this.#heldAs, `${this.#id}/${++this.#corrections}`, asWere, unused).catch(() => {})
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

  // What was taken of seconds leaks away, and places come back.
  #settleLater(holdings: readonly Holding[], unused: readonly number[]): void {
    if (this.#heldAs === '') return
    const isBudget = (index: number): boolean => holdings[index]?.plan.kind === 'budget' && holdings[index].left > 0
    this.#commands.settleLater(
      this.#heldAs,
      holdings.filter((_, index) => isBudget(index)),
      unused.filter((_, index) => isBudget(index)),
    )
  }

  // Of a budget: what it holds must not come back by itself later.
  #isHeld(index: number): boolean {
    const holding = this.#holdings[index]
    return this.#heldAs !== '' && holding?.plan.kind === 'budget' && holding.left > 0
  }

  async release(): Promise<void> {
    return this.#end(this.#holdings.map(({ reserved }) => reserved))
  }

  async #end(unused: readonly number[]): Promise<void> {
    if (this.#settled) return
    this.#settled = true
    const settling: Promise<void>[] = []
    for (const { holdings, indexes } of this.#groups) {
      if (!indexes.some((index) => unused[index] !== 0 || this.#isHeld(index))) continue
      const back = indexes.map((index) => unused[index] as number)
      settling.push(
        this.#commands.giveBack('settle', this.#heldAs, this.#id, holdings, back).catch((error: unknown) => {
          this.#settleLater(holdings, back)
          throw error
        }),
      )
    }
    if (settling.length === 1) return settling[0]
    for (const result of await Promise.allSettled(settling)) if (result.status === 'rejected') throw result.reason
  }
}

function groupsOf(holdings: readonly Holding[], isCluster: boolean): readonly Group[] {
  const [first] = holdings
  if (first === undefined) return []
  let isOne = true
  for (const { tag } of holdings) if (tag !== first.tag) isOne = false
  if (isOne) return [{ holdings, indexes: inOrder(holdings.length) }]
  const byTag = new Map<string, number[]>()
  for (const [index, { tag }] of holdings.entries()) {
    const indexes = byTag.get(tag)
    if (indexes === undefined) byTag.set(tag, [index])
    else indexes.push(index)
  }
  const slots = isCluster ? [...byTag.values()] : [[...byTag.values()].flat()]
  return slots.map((indexes) => ({ indexes, holdings: indexes.map((index) => holdings[index] as Holding) }))
}

// Most reservations have the same, so it is made once.
const orders: (readonly number[])[] = []

function inOrder(count: number): readonly number[] {
  return (orders[count] ??= Array.from({ length: count }, (_, index) => index))
}

/** How much of each is asked for. @throws TypeError */
export function unitsOf(limits: readonly KeyedLimit[], amounts: Amounts): number[] {
  return limits.map(({ limit }) => {
    const units = checkedAmount(amounts, limit)
    return limit.unit === 'concurrent' ? Math.ceil(units) : units
  })
}
