import { type Check, checkOptions, optional } from '../guard/check-options.ts'

/**
 * What a model's tokens cost: millionths of a unit of money for a million tokens. $1.25 for a million is 1_250_000. Whole
 * numbers up to 2,000,000,000.
 */
export interface Price {
  readonly input: number
  /** Input that the vendor had in its cache; the same as other input unless given. */
  readonly cachedInput?: number
  readonly output: number
  /** Output that only the model reads; the same as other output unless given. */
  readonly reasoning?: number
}

/** Prices by the exact name of the model, as a request names it. */
export interface Prices {
  readonly [model: string]: Price
}

/** What a call took. `cachedInput` is a part of `input`, and `reasoning` of `output`. */
export interface TokenUsage {
  readonly input: number
  readonly cachedInput: number
  readonly output: number
  readonly reasoning: number
}

/** Up to here sums of four products are exact: see `costOf`. */
const highest = 2_000_000_000

const isPrice = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= highest
const wanted = `millionths for a million tokens, a whole number from zero to ${highest}`
const checks: Readonly<Record<keyof Price, Check>> = {
  input: [isPrice, wanted],
  cachedInput: [optional(isPrice), wanted],
  output: [isPrice, wanted],
  reasoning: [optional(isPrice), wanted],
}

/** Parses and copies a table of prices. @throws TypeError where it is wrong; `what` says in the message where it stands. */
export function planPrices(prices: Prices, what: string): ReadonlyMap<string, Required<Price>> {
  if (typeof prices !== 'object' || prices === null || Array.isArray(prices)) throw new TypeError(`${what}: must be prices by model`)
  const planned = new Map<string, Required<Price>>()
  for (const [model, price] of Object.entries(prices)) {
    checkOptions(`${what}: '${model}'`, price, checks)
    const { input, cachedInput = input, output, reasoning = output } = price
    planned.set(model, Object.freeze({ input, cachedInput, output, reasoning }))
  }
  return planned
}

const million = 1_000_000

/**
 * What that many tokens cost, in millionths of a unit of money, rounded up to a whole one. Exact: whole millions of tokens and
 * the rest of them are counted apart, so that no sum outgrows the number format. Tokens are whole numbers up to a billion.
 */
export function costOf(price: Required<Price>, { input, cachedInput, output, reasoning }: TokenUsage): number {
  const tokens = [input - cachedInput, cachedInput, output - reasoning, reasoning]
  const each = [price.input, price.cachedInput, price.output, price.reasoning]
  let whole = 0
  let rest = 0
  for (let index = 0; index < tokens.length; index++) {
    const count = tokens[index] as number
    const one = each[index] as number
    whole += Math.floor(count / million) * one
    rest += (count % million) * one
  }
  return whole + Math.ceil(rest / million)
}

/** The most that these tokens can cost, of whatever sort they turn out to be. */
export function mostCost(price: Required<Price>, input: number, output: number): number {
  const dear = { ...price, input: Math.max(price.input, price.cachedInput), output: Math.max(price.output, price.reasoning) }
  return costOf(dear, { input, cachedInput: 0, output, reasoning: 0 })
}
