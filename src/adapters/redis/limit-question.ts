import { cellsKey, settledKey } from './limit-cells.ts'
import type { Holding } from './limit-holding.ts'

/** What is to be done: see the script. */
export type LimitOperation = 'reserve' | 'extend' | 'correct' | 'settle' | 'again'

/** What the script is asked for one reservation. Holdings of one tag stand together. */
export interface LimitQuestion {
  readonly operation: LimitOperation
  /** The reservation's. Empty where nothing is to come back by itself. */
  readonly id: string
  /** The name of what is done once, for settling and correcting. */
  readonly once: string
  readonly holdings: readonly Holding[]
  readonly units: readonly number[]
  /** Gets the answer that nobody waits for any more. */
  readonly late: ((answer: unknown) => void) | undefined
}

/** Writes questions as the script reads them: keys first, then its words. What several have in common is written once. */
export class LimitWords {
  readonly #prefix: string
  readonly #keys: string[] = []
  readonly #forms: string[] = []
  readonly #calls: string[] = []
  /** The first question of each form. */
  readonly #known: LimitQuestion[] = []

  constructor(prefix: string) {
    this.#prefix = prefix
  }

  add(question: LimitQuestion): void {
    const { operation, id, once, holdings, units } = question
    const keys = this.#keys
    const calls = this.#calls
    calls.push(this.#formOf(question))
    if (id !== '') calls.push(id)
    for (let from = 0; from < holdings.length; ) {
      const { tag } = holdings[from] as Holding
      const to = endOfScope(holdings, from)
      const cells = cellsKey(this.#prefix, tag)
      if (hasCells(holdings, from, to)) keys.push(cells)
      for (let index = from; index < to; index++) {
        const { plan, period } = holdings[index] as Holding
        if (plan.kind !== 'bucket') keys.push(plan.heldKey(cells, period))
        calls.push(String(units[index]))
      }
      if (operation !== 'reserve')
        for (let index = from; index < to; index++) {
          const { plan, left, share, age } = holdings[index] as Holding
          if (left === 0) calls.push('0', '0')
          else if (plan.kind === 'bucket') calls.push(String(left / share), String(age))
          else calls.push(String(left), '0')
        }
      from = to
    }
    if (once !== '') keys.push(settledKey(this.#prefix, holdings[0]?.tag ?? '', once))
  }

  /** All of them, after how many keys there are; between, what the script is told once. */
  end(...told: readonly string[]): string[] {
    return [String(this.#keys.length), ...this.#keys, ...told, String(this.#known.length), ...this.#forms, ...this.#calls]
  }

  // Counted from one. Calls of one moment mostly have the same.
  #formOf(question: LimitQuestion): string {
    const known = this.#known
    for (let place = 0; place < known.length; place++) if (isAlike(known[place] as LimitQuestion, question)) return String(place + 1)
    const { operation, id, holdings } = question
    const forms = this.#forms
    const scopes = forms.push(operation, id === '' ? '0' : '1', '') - 1
    let count = 0
    for (let from = 0; from < holdings.length; count++) {
      const to = endOfScope(holdings, from)
      const scope = holdings.slice(from, to)
      forms.push(
        String(scope.length),
        scope.reduce((header, { plan }) => (plan.kind === 'places' ? header : `${header}${plan.cell}\n`), '').concat('\n'),
      )
      for (const { plan, period } of scope) plan.tell(forms, period)
      from = to
    }
    forms[scopes] = String(count)
    return String(known.push(question))
  }
}

// Whether they differ in amounts and keys alone.
function isAlike(one: LimitQuestion, other: LimitQuestion): boolean {
  const { holdings } = one
  if (one.operation !== other.operation || holdings.length !== other.holdings.length || (one.id === '') !== (other.id === '')) return false
  let before: Holding | undefined
  let otherBefore: Holding | undefined
  for (let index = 0; index < holdings.length; index++) {
    const mine = holdings[index] as Holding
    const its = other.holdings[index] as Holding
    if (mine.plan !== its.plan || mine.period !== its.period) return false
    if ((mine.tag === before?.tag) !== (its.tag === otherBefore?.tag)) return false
    before = mine
    otherBefore = its
  }
  return true
}

function endOfScope(holdings: readonly Holding[], from: number): number {
  const { tag } = holdings[from] as Holding
  let to = from + 1
  while (to < holdings.length && (holdings[to] as Holding).tag === tag) to++
  return to
}

function hasCells(holdings: readonly Holding[], from: number, to: number): boolean {
  for (let index = from; index < to; index++) if ((holdings[index] as Holding).plan.kind !== 'places') return true
  return false
}
