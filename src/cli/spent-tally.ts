import type { AuditRecord, OutcomeRecord } from '../audit-log/record.ts'
import { costOf, type Price } from '../limits/prices.ts'

/** What somebody spent, by the records of how calls ended. */
export interface Spent {
  readonly who: string
  readonly calls: number
  /** Calls that a limit was in the way of, or ended. */
  readonly limited: number
  /** Calls that ran and of which no vendor reported what they took. */
  readonly unreported: number
  readonly inputTokens: number
  readonly outputTokens: number
  /** Millionths of a unit of money; with prices alone. */
  readonly cost?: number
}

/** Whom spending can be told apart by. */
export const spenders = ['subject', 'tenant', 'action', 'resource'] as const
export type Spender = (typeof spenders)[number]

const names: Readonly<Record<Spender, (record: OutcomeRecord) => string | undefined>> = {
  // Issuer and subject together: two issuers may have a subject of one name.
  subject: ({ subject }) => (subject === undefined ? undefined : `${subject.subject} (${subject.issuer})`),
  tenant: ({ subject }) => subject?.tenant,
  action: ({ action }) => action,
  resource: ({ resource }) => (resource === undefined ? undefined : `${resource.type}/${resource.id}`),
}

/** Those that are told apart; whoever else comes is one of the others. */
const maxSpenders = 100_000

type Open = { -readonly [name in keyof Spent]: Spent[name] }

/** Adds up what records say was spent. */
export class SpentTally {
  /** Outcomes of calls whose model has no price. */
  unpriced = 0
  /** Whether there were more than can be told apart. */
  hasOthers = false
  readonly #by: Spender
  readonly #prices: ReadonlyMap<string, Required<Price>> | undefined
  readonly #all = new Map<string, Open>()

  constructor(by: Spender, prices: ReadonlyMap<string, Required<Price>> | undefined) {
    this.#by = by
    this.#prices = prices
  }

  /** Counts a record, where it is of how a call ended. Records come from a disk, and from newer versions: members may be missing. */
  add(record: AuditRecord): void {
    if (record.kind !== 'outcome') return
    const spent = this.#of(names[this.#by](record) ?? 'unknown')
    spent.calls++
    if (record.code === 'limit_exceeded') spent.limited++
    const { usage } = record
    if (usage === undefined) {
      if (record.ran === true) spent.unreported++
      return
    }
    const tokens = {
      input: count(usage.inputTokens),
      cachedInput: Math.min(count(usage.cachedInputTokens), count(usage.inputTokens)),
      output: count(usage.outputTokens),
      reasoning: Math.min(count(usage.reasoningTokens), count(usage.outputTokens)),
    }
    spent.inputTokens += tokens.input
    spent.outputTokens += tokens.output
    const price = this.#prices?.get(record.resource?.id ?? '')
    if (price !== undefined) spent.cost = (spent.cost ?? 0) + costOf(price, tokens)
    else if (this.#prices !== undefined) this.unpriced++
  }

  /** Those that spent most, by this member. */
  top(by: 'cost' | 'tokens' | 'calls' | 'limited', most: number): readonly Spent[] {
    const of = (spent: Spent): number => (by === 'tokens' ? spent.inputTokens + spent.outputTokens : (spent[by] ?? 0))
    return [...this.#all.values()].sort((one, other) => of(other) - of(one) || other.calls - one.calls).slice(0, most)
  }

  #of(who: string): Open {
    let spent = this.#all.get(who)
    if (spent === undefined) {
      if (this.#all.size >= maxSpenders && who !== 'others') {
        this.hasOthers = true
        return this.#of('others')
      }
      const cost = this.#prices === undefined ? {} : { cost: 0 }
      this.#all.set(who, (spent = { who, calls: 0, limited: 0, unreported: 0, inputTokens: 0, outputTokens: 0, ...cost }))
    }
    return spent
  }
}

function count(value: unknown): number {
  return typeof value === 'number' && value > 0 && value <= 1e9 ? Math.ceil(value) : 0
}
