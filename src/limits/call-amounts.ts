import type { Settled } from '../guard/context.ts'
import type { Step } from '../guard/control.ts'
import { GuardError } from '../guard/errors.ts'
import { abandon, isThenable } from '../guard/thenable.ts'
import type { CountedLimit } from './counted-limit.ts'
import type { DistinctPrompts, PromptMark } from './distinct-prompts.ts'
import { isAmount } from './limit-request.ts'
import type { Amounts } from './limit-store.ts'
import { type LimitUnit, limitUnits } from './limit.ts'
import type { Habit, OutputHistory } from './output-history.ts'
import { mostCost, type Price } from './prices.ts'
import { asksForProbabilities } from './probabilities.ts'
import { estimateTokens, type TokenEstimate } from './token-estimate.ts'

/** What a control knows that helps to tell how much a call will take. */
export interface AmountSources {
  readonly estimate: ((call: never, input: unknown) => number | TokenEstimate) | undefined
  readonly prices: ReadonlyMap<string, Required<Price>> | undefined
  readonly history: OutputHistory
  readonly prompts: DistinctPrompts
}

/** How much a call is expected to take, of everything that its limits count. */
export interface CallAmounts {
  readonly amounts: Amounts
  /** Tokens of the input, and of all of it. */
  readonly input: number
  readonly tokens: number
  readonly price: Required<Price> | undefined
  /** Whether money is counted and the model has no price: then nothing but the request may be spent. */
  readonly isUnpriced: boolean
  /** Whose answers these are like, where tokens are counted. */
  readonly habit: Habit | undefined
  /** Prompts that were not sent before, to be remembered once they are. */
  readonly marks: readonly { readonly mark: PromptMark; readonly seconds: number }[]
}

/** A call, a request and no more: for limits that do not look at the payload. */
const oneCall: Amounts = Object.freeze({ requests: 1, concurrent: 1 })
const plain: CallAmounts = Object.freeze({
  amounts: oneCall,
  input: 0,
  tokens: 0,
  price: undefined,
  isUnpriced: false,
  habit: undefined,
  marks: [],
})

/** A request, and nothing of anything else. */
export const onlyRequest: Amounts = Object.freeze({
  ...Object.fromEntries(limitUnits.map((unit) => [unit, 0])),
  ...oneCall,
})

/**
 * How much a call with that input will take of these units.
 *
 * @param room the most tokens that the limits could grant at once.
 * @throws GuardError `misconfigured` for an estimate that is none.
 */
export function callAmounts(
  sources: AmountSources,
  units: ReadonlySet<LimitUnit>,
  limits: readonly CountedLimit[],
  call: Settled,
  step: Step,
  input: unknown,
  room: number,
): CallAmounts {
  const countsTokens = units.has('tokens') || units.has('cost')
  const countsMore = units.has('prompts') || units.has('choices') || units.has('logprobs')
  if (!countsTokens && !countsMore) return plain
  const facts = step.codec?.facts(input)
  const amounts: { -readonly [unit in LimitUnit]?: number } = { ...oneCall }
  const marks = units.has('prompts') ? newPrompts(sources.prompts, limits, step, input) : []
  if (units.has('prompts')) amounts.prompts = marks.length > 0 ? 1 : 0
  if (units.has('choices')) amounts.choices = Math.max(1, facts?.choices ?? 1)
  if (units.has('logprobs')) amounts.logprobs = asksForProbabilities(input) ? 1 : 0
  if (!countsTokens) return { ...plain, amounts, marks }
  const model = modelOf(call, step, input)
  const habit = call.identity === undefined || model === undefined ? undefined : sources.history.habit(call.identity.key, model)
  const learned = habit === undefined ? undefined : sources.history.expect(habit)
  const expected = expect(sources, call, input, estimateTokens(step.codec, input, { room, learned }))
  const tokens = Math.ceil(expected.input) + Math.ceil(expected.output)
  if (units.has('tokens')) amounts.tokens = tokens
  const price = model === undefined ? undefined : sources.prices?.get(model)
  if (units.has('cost') && price !== undefined) amounts.cost = mostCost(price, Math.ceil(expected.input), Math.ceil(expected.output))
  const isUnpriced = units.has('cost') && price === undefined
  return { amounts, input: expected.input, tokens, price, isUnpriced, habit, marks }
}

/** The model that answers: the one that the payload names, or the resource. What is billed is what the vendor is asked for. */
function modelOf(call: Settled, step: Step, input: unknown): string | undefined {
  return step.codec?.facts(input).model ?? (call.resource.type === 'model' ? call.resource.id : undefined)
}

function expect({ estimate }: AmountSources, call: Settled, input: unknown, estimated: TokenEstimate): TokenEstimate {
  if (estimate === undefined) return estimated
  const own: unknown = estimate(call as never, input)
  if (isAmount(own)) {
    const ofInput = Math.min(own, estimated.input)
    return { input: ofInput, output: own - ofInput }
  }
  if (isThenable(own)) abandon(own)
  else if (typeof own === 'object' && own !== null) {
    const { input: ofInput, output } = own as Partial<TokenEstimate>
    if (isAmount(ofInput) && isAmount(output)) return { input: ofInput, output }
  }
  throw new GuardError('misconfigured', { reason: 'rateLimit: estimate gave no finite numbers from zero up' })
}

// Where there is more than text, as pictures, by the whole of it.
function promptOf({ codec }: Step, input: unknown): string {
  if (codec === undefined || codec.facts(input).opaque.length > 0) return JSON.stringify(input) ?? ''
  return JSON.stringify(codec.texts(input).map(({ role, value }) => [role, value]))
}

// By all that is said in it, and by whom: a letter more is another prompt.
function newPrompts(prompts: DistinctPrompts, limits: readonly CountedLimit[], step: Step, input: unknown): CallAmounts['marks'] {
  let prompt: string | undefined
  const marks: { mark: PromptMark; seconds: number }[] = []
  for (const { limit, key } of limits) {
    if (limit.unit !== 'prompts' || typeof limit.window !== 'number') continue
    prompt ??= promptOf(step, input)
    const mark = prompts.mark(limit.name, key, prompt)
    if (prompts.isNew(mark, step.clock.monotonic())) marks.push({ mark, seconds: limit.window })
  }
  return marks
}
