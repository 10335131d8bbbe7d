import { within } from '../guard/clock.ts'
import type { Awaitable, Call, Decision, Known, Settled } from '../guard/context.ts'
import type { Outcome, Phases, Step } from '../guard/control.ts'
import { GuardError, isGuardError } from '../guard/errors.ts'
import { vendorFields } from '../guard/quota-headers.ts'
import { isThenable } from '../guard/thenable.ts'
import { treatWhole } from '../guard/whole-answer.ts'
import { type AmountSources, type CallAmounts, callAmounts, onlyRequest } from './call-amounts.ts'
import { carriedWith, type CarriedLimits, carryOver, inheritedLimits } from './carried-limits.ts'
import { addPartitions, CallQuota, type CountedLimit, countedLimit, told } from './counted-limit.ts'
import { LeaseKeeper } from './lease-keeper.ts'
import type { Counters } from './limit-counters.ts'
import { type LimitPlan, PlansByCall } from './limit-plans.ts'
import type { Reservation } from './limit-store.ts'
import { limitKey } from './limit.ts'
import { metered, MeteredParts } from './metered-parts.ts'
import type { Habit } from './output-history.ts'
import type { PartitionKeys } from './partition-key.ts'
import { hasPolicyLimits, policyLimits } from './policy-limits.ts'
import { Spending, type SpendingRules } from './spending.ts'
import type { StoreAccess } from './store-access.ts'
import { TokenMeter } from './token-meter.ts'

type Adds = Pick<Known, 'quota'>

/** What a limiter was told. */
export interface LimiterSettings<C> {
  readonly plans: LimitPlan<C> | PlansByCall<C>
  readonly rules: SpendingRules
  readonly sources: AmountSources
  readonly counters: Counters
  readonly partitionOf: PartitionKeys | undefined
  /** Milliseconds that a plan may take to come. */
  readonly deadline: number
}

/** One call while it lasts. */
interface OpenCall {
  readonly spending: Spending
  readonly meter: TokenMeter
  marks: CallAmounts['marks']
  /** Whether the caller was known when the call came to this limiter: the one of two that carries out what policy wants. */
  readonly isIdentified: boolean
  stopKeeping: (() => void) | undefined
  /** Set once something is reserved. */
  habit: Habit | undefined
}

type Reserved = Pick<Reservation, 'limits'>

const nothingReserved: Reserved = Object.freeze({ limits: Object.freeze([]) })

const none: CallAmounts['marks'] = Object.freeze([])

/** The phases of `rateLimit`. */
export class RateLimiter<C extends Call> implements Phases<C, Adds> {
  readonly #settings: LimiterSettings<C>
  readonly #keeper = new LeaseKeeper()
  readonly #calls = new WeakMap<Step, OpenCall>()

  constructor(settings: LimiterSettings<C>) {
    this.#settings = settings
  }

  enter(call: C, step: Step): Awaitable<Adds> {
    const { plans } = this.#settings
    if (!(plans instanceof PlansByCall)) return this.#admit(plans, call, step)
    const plan = plans.of(call)
    return isThenable(plan) ? this.#await(plan, step).then((known) => this.#admit(known, call, step)) : this.#admit(plan, call, step)
  }

  #admit(plan: LimitPlan<C>, call: C & Settled, step: Step): Awaitable<Adds> {
    const held: CountedLimit[] = []
    for (const { limit, per, counter } of plan.limits) held.push(countedLimit(limit, limitKey(limit.name, per, call), counter, call))
    const limits = countedBy(step, held)
    const expected = callAmounts(this.#settings.sources, plan.units, limits, call, step, step.input, plan.room)
    const open = this.#open(expected, call, step)
    if (limits.length === 0) return this.#inherit(open, nothingReserved, limits, held, call, step)
    const naming = this.#settings.partitionOf === undefined ? undefined : addPartitions(limits, this.#settings.partitionOf)
    return naming === undefined
      ? this.#enter(open, limits, held, expected, call, step)
      : naming.then(() => this.#enter(open, limits, held, expected, call, step))
  }

  #enter(
    open: OpenCall,
    limits: readonly CountedLimit[],
    held: readonly CountedLimit[],
    expected: CallAmounts,
    call: Settled,
    step: Step,
  ): Awaitable<Adds> {
    const reserving = this.#reserve(open, limits, expected)
    if (!isThenable(reserving)) return this.#inherit(open, reserving, limits, held, call, step)
    return reserving.then((reservation) => this.#inherit(open, reservation, limits, held, call, step))
  }

  // What the call was let in by that this one is made for holds for this one as well: each store in its turn.
  #inherit(
    open: OpenCall,
    reservation: Reserved,
    limits: readonly CountedLimit[],
    held: readonly CountedLimit[],
    call: Settled,
    step: Step,
  ): Awaitable<Adds> {
    if (!open.isIdentified) return this.#adds(open, reservation, limits, carriedWith(call.quota), call, step)
    const { rules, sources } = this.#settings
    const own = [...carriedWith(call.quota), { access: rules.access, sources, limits: held }]
    const inherited = inheritedLimits(call, own)
    const carried = [...own, ...inherited]
    if (inherited.length === 0) return this.#adds(open, reservation, limits, carried, call, step)
    return this.#reserveInherited(open, inherited, call, step).then(() => this.#adds(open, reservation, limits, carried, call, step))
  }

  async #reserveInherited(open: OpenCall, inherited: readonly CarriedLimits[], call: Settled, step: Step): Promise<void> {
    for (const { access, sources, limits: held } of inherited) {
      const limits = countedBy(step, held)
      if (limits.length === 0) continue
      const expected = amountsOf(limits, sources, call, step, step.input)
      if (expected.tokens > 0) open.meter.expect(expected.input)
      open.spending.price ??= expected.price
      await this.#reserve(open, limits, expected, access)
    }
  }

  #open({ input, price }: CallAmounts, call: Settled, step: Step): OpenCall {
    const meter = new TokenMeter(step.codec)
    meter.expect(input)
    const spending = new Spending(this.#settings.rules, step.clock, meter, price)
    const open: OpenCall = {
      spending,
      meter,
      marks: none,
      isIdentified: call.identity !== undefined,
      stopKeeping: undefined,
      habit: undefined,
    }
    this.#calls.set(step, open)
    return open
  }

  #reserve(open: OpenCall, limits: readonly CountedLimit[], expected: CallAmounts, access?: StoreAccess): Awaitable<Reservation> {
    if (!expected.isUnpriced) {
      const reserving = open.spending.reserve(limits, expected.amounts, expected.tokens, access)
      return isThenable(reserving)
        ? reserving.then((reservation) => this.#begin(open, expected, reservation))
        : this.#begin(open, expected, reserving)
    }
    // It costs a request to find that out.
    const refuse = (): never => {
      throw new GuardError('limits_unavailable', { reason: 'money is counted, and the model has no price' })
    }
    const reserving = open.spending.reserve(limits, onlyRequest, 0, access)
    return isThenable(reserving) ? reserving.then(refuse) : refuse()
  }

  #begin(open: OpenCall, { marks, habit }: CallAmounts, reservation: Reservation): Reservation {
    if (marks.length > 0) open.marks = [...open.marks, ...marks]
    if (open.habit === undefined && habit !== undefined) this.#settings.sources.history.begin((open.habit = habit))
    return reservation
  }

  #adds(open: OpenCall, reservation: Reserved, limits: readonly CountedLimit[], carried: readonly CarriedLimits[], call: Settled, step: Step): Adds {
    const { rules } = this.#settings
    const states = told(limits, reservation.limits)
    if (rules.vendor) for (const [name, value] of Object.entries(vendorFields(states, ({ reset }) => reset))) step.answerField(name, value)
    this.#keep(open, step)
    const quota = new CallQuota(states, open.spending, carried.length > 0, call.quota)
    carryOver(quota, carried)
    return { quota }
  }

  // Once all reservations are made it is known which places must be renewed, and how often.
  #keep(open: OpenCall, step: Step): void {
    const { lease } = open.spending
    if (lease === undefined) return
    open.stopKeeping?.()
    open.stopKeeping = this.#keeper.keep(open.spending, lease, step)
  }

  request(input: unknown, context: C & Adds, call: Settled, step: Step): Awaitable<unknown> {
    const open = this.#calls.get(step)
    if (open === undefined) return undefined
    const capped = this.#cap(input, open, call, step)
    if (!open.isIdentified || !hasPolicyLimits(call.decision)) return capped
    const limiting = this.#obey(capped ?? input, open, context as C & Adds & Known, step)
    return isThenable(limiting) ? limiting.then(() => capped) : capped
  }

  #cap(input: unknown, open: OpenCall, call: Settled, step: Step): unknown {
    const most = maxOutputTokens(call.decision)
    const { codec } = step
    if (most === undefined || codec?.cap === undefined) return undefined
    const asked = codec.facts(input).maxOutputTokens
    const capped = asked !== undefined && asked <= most ? input : codec.cap(input, most)
    const facts = codec.facts(capped)
    // A codec that cannot say it has not said it, and the duty stays open.
    if (facts.maxOutputTokens === undefined || facts.maxOutputTokens > most) return undefined
    open.spending.cap = most * facts.choices
    step.fulfill('max_output_tokens')
    return capped
  }

  // What policy limits beside: a reservation of its own, since policy decides after this control has admitted the call.
  #obey(input: unknown, open: OpenCall, call: Settled & Known, step: Step): Awaitable<void> {
    const keyed = policyLimits(call.decision, call)
    if (keyed === undefined) return
    const held = keyed.map(({ limit, key }) => countedLimit(limit, key, this.#settings.counters.of(limit), call))
    const limits = countedBy(step, held)
    if (limits.length === 0) return void step.fulfill('limit')
    const expected = amountsOf(limits, this.#settings.sources, call, step, input)
    if (expected.tokens > 0) open.meter.expect(expected.input)
    open.spending.price ??= expected.price
    const done = (): void => {
      this.#keep(open, step)
      step.fulfill('limit')
    }
    const reserving = this.#reserve(open, limits, expected)
    return isThenable(reserving) ? reserving.then(done) : done()
  }

  response(parts: AsyncIterable<unknown>, _context: C & Adds, _call: Settled, step: Step): AsyncIterable<unknown> {
    const open = this.#calls.get(step)
    if (open?.spending.countsAnswer !== true) return parts
    return step.streamed ? new MeteredParts(parts, open.spending, step) : treatWhole(parts, (answer) => metered(answer, open.spending, step))
  }

  leave(outcome: Outcome, _context: unknown, _call: Settled, step: Step): Awaitable<void> {
    const open = this.#calls.get(step)
    if (open === undefined) return
    // A table of the living is small; one of the dead is work for the garbage collector.
    this.#calls.delete(step)
    open.stopKeeping?.()
    this.#learn(open, outcome, step)
    return open.spending.leave(outcome)
  }

  #learn({ meter, marks, habit }: OpenCall, outcome: Outcome, step: Step): void {
    const { history, prompts } = this.#settings.sources
    if (outcome.ran) for (const { mark, seconds } of marks) prompts.remember(mark, step.clock.monotonic() + seconds * 1000)
    if (habit === undefined) return
    history.end(habit)
    // What broke off tells nothing of how long answers are.
    if (outcome.ending === 'completed' && meter.isKnown(outcome.streamed)) history.learn(habit, meter.output() / choicesOf(step))
  }

  async #await(plan: Promise<LimitPlan<C>>, step: Step): Promise<LimitPlan<C>> {
    try {
      return await within(step.clock, this.#settings.deadline, 'the plan', plan)
    } catch (error) {
      if (isGuardError(error)) throw error
      throw new GuardError('limits_unavailable', { reason: 'the limits of the call could not be found', cause: error })
    }
  }
}

// A client's own retry is no request of its own. What else it takes it takes again.
function countedBy(step: Step, limits: readonly CountedLimit[]): readonly CountedLimit[] {
  return step.isRetry ? limits.filter(({ limit }) => limit.unit !== 'requests') : limits
}

function amountsOf(limits: readonly CountedLimit[], sources: AmountSources, call: Settled, step: Step, input: unknown): CallAmounts {
  const units = new Set(limits.map(({ limit }) => limit.unit))
  const room = Math.min(...limits.filter(({ limit }) => limit.unit === 'tokens').map(({ limit }) => limit.burst))
  return callAmounts(sources, units, limits, call, step, input, room)
}

function choicesOf({ codec, input }: Step): number {
  return Math.max(1, codec?.facts(input).choices ?? 1)
}

/** The strictest bound that policy sets; undefined where it sets none, or one that is no bound. */
function maxOutputTokens(decision: Decision | undefined): number | undefined {
  let most: number | undefined
  for (const { type, value } of decision?.obligations ?? []) {
    if (type !== 'max_output_tokens') continue
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1) return undefined
    most = most === undefined ? value : Math.min(most, value)
  }
  return most
}
