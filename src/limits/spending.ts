import type { Clock } from '../guard/clock.ts'
import type { Codec, Usage } from '../guard/codec.ts'
import type { Awaitable } from '../guard/context.ts'
import type { Outcome, Step } from '../guard/control.ts'
import { GuardError, isGuardError } from '../guard/errors.ts'
import { limitFields, seconds } from '../guard/quota-headers.ts'
import { isThenable } from '../guard/thenable.ts'
import type { Amounts, KeyedLimit, Refusal, Reservation } from './limit-store.ts'
import type { StoreAccess } from './store-access.ts'
import { innerStringBytes, stringBytes, textBytes, tokensIn } from './token-estimate.ts'

/** Tokens that a stream which outruns its reservation reserves at a time. */
const extension = 256

/** No text has more bytes a token than this on average: what is longer has more tokens than it may have. */
const mostBytesPerToken = 8

/** A vendor that reports more tokens than this for one call reports nonsense. */
const mostReported = 1e9

/** What was refused before the function was called: probing costs a request, and no tokens. */
const probed: Amounts = Object.freeze({ requests: 1, tokens: 0 })
const asReserved: Amounts = Object.freeze({ requests: 1 })

/** What one call has reserved and what it has spent by now. */
export class Spending {
  readonly limits: readonly KeyedLimit[]
  readonly countsTokens: boolean
  /** Most output tokens that policy allows, all answers together. */
  cap: number | undefined
  readonly #access: StoreAccess
  readonly #clock: Clock
  readonly #codec: Codec | undefined
  #reservation: Reservation | undefined
  #extending: Promise<unknown> | undefined
  #hasLeft = false
  #estimatedInput = 0
  #reserved = 0
  #bytes = 0
  #reportedInput = 0
  #reportedOutput = 0
  #isUnreadable = false
  #isUnknown = false
  #parts = 0

  constructor(access: StoreAccess, limits: readonly KeyedLimit[], countsTokens: boolean, clock: Clock, codec: Codec | undefined) {
    this.#access = access
    this.limits = limits
    this.countsTokens = countsTokens
    this.#clock = clock
    this.#codec = codec
  }

  /** Reserves. @throws GuardError where a limit is in the way, or the store does not answer. */
  reserve(amounts: Amounts, input: number): Awaitable<Reservation> {
    this.#estimatedInput = input
    this.#reserved = amounts.tokens ?? 0
    const answer = this.#access.reserve(this.limits, amounts, this.#clock)
    return isThenable(answer) ? this.#arrive(answer) : this.#hold(answer)
  }

  async #arrive(pending: Promise<Reservation | Refusal>): Promise<Reservation> {
    const answer = await pending
    if (!this.#hasLeft || !answer.allowed) return this.#hold(answer)
    // The call was stopped while the store thought about it.
    await this.#access.settle(answer, probed, this.#clock)
    throw new GuardError('aborted', { reason: 'the call ended before its limits were checked' })
  }

  #hold(answer: Reservation | Refusal): Reservation {
    if (!answer.allowed) throw limitExceeded(answer)
    this.#reservation = answer
    return answer
  }

  /** Counts a part of the answer before it is delivered. Gives the error that the call must end with, if it must. */
  take(part: unknown, streamed: boolean): Awaitable<GuardError | undefined> {
    const bytes = this.#bytes + this.#count(part, streamed)
    this.#parts++
    const { cap } = this
    if (cap !== undefined && Math.max(this.#reportedOutput, bytes / mostBytesPerToken) > cap)
      return new GuardError('obligation_unmet', { reason: 'the answer is longer than policy allows' })
    // A whole answer was made already: what it took beyond its reservation is owed.
    const missing = this.countsTokens && streamed ? this.#total(bytes) - this.#reserved : 0
    if (missing <= 0) {
      this.#bytes = bytes
      return undefined
    }
    const granted = this.#extend(Math.max(missing, extension), missing, bytes)
    if (isThenable(granted)) this.#extending = granted
    return granted
  }

  #extend(amount: number, least: number, bytes: number): Awaitable<GuardError | undefined> {
    if (this.#reservation === undefined) return new GuardError('misconfigured', { reason: 'nothing was reserved' })
    const answer = this.#access.extend(this.#reservation, this.limits, { tokens: amount }, this.#clock)
    const decide = (decided: Reservation | Refusal): Awaitable<GuardError | undefined> => {
      if (!decided.allowed) return amount > least ? this.#extend(least, least, bytes) : limitExceeded(decided)
      this.#reserved += amount
      this.#bytes = bytes
      return undefined
    }
    return isThenable(answer) ? answer.then(decide) : decide(answer)
  }

  /** Settles what the call has spent, once. @throws GuardError `limits_unavailable` */
  leave(outcome: Outcome): Awaitable<void> {
    this.#hasLeft = true
    if (this.#extending === undefined) return this.#settle(outcome)
    // A store may not order what it is asked at the same time.
    const settle = (): Awaitable<void> => this.#settle(outcome)
    return this.#extending.then(settle, settle)
  }

  #settle(outcome: Outcome): Awaitable<void> {
    if (this.#reservation === undefined) return undefined
    return this.#access.settle(this.#reservation, this.#spent(outcome), this.#clock)
  }

  // Undefined: nothing.
  #spent(outcome: Outcome): Amounts | undefined {
    if (!outcome.ran) return isGuardError(outcome.error) && outcome.error.code === 'limit_exceeded' ? undefined : probed
    const isKnown = !this.#isUnknown && (this.#parts > 0 || (outcome.streamed && this.#codec !== undefined))
    return isKnown ? { requests: 1, tokens: this.#total(this.#bytes) } : asReserved
  }

  #total(bytes: number): number {
    const input = this.#reportedInput > 0 ? this.#reportedInput : this.#estimatedInput
    return input + Math.max(tokensIn(bytes), this.#reportedOutput)
  }

  #count(part: unknown, streamed: boolean): number {
    const codec = this.#codec
    if (codec === undefined) {
      // What a function gives without a codec is not the engine's copy, so nothing is read in it.
      if (typeof part === 'string' || part instanceof Uint8Array) return stringBytes(part)
      this.#isUnknown = true
      return 0
    }
    this.#report(codec.answer.usage(part))
    if (!this.#isUnreadable) {
      try {
        return textBytes(codec.answer.texts(part))
      } catch {
        // Pieces of a tool call's arguments are no texts yet, and still they are tokens.
        this.#isUnreadable = true
      }
    }
    return streamed ? innerStringBytes(part) : stringBytes(part)
  }

  // A vendor may report in several parts, and more in each; no report lowers what an earlier one said.
  #report(usage: Usage | undefined): void {
    if (usage === undefined) return
    this.#reportedInput = Math.max(this.#reportedInput, plausible(usage.inputTokens))
    this.#reportedOutput = Math.max(this.#reportedOutput, plausible(usage.outputTokens))
  }
}

function plausible(tokens: unknown): number {
  return typeof tokens === 'number' && tokens > 0 && tokens <= mostReported ? Math.ceil(tokens) : 0
}

/** The parts of an answer, each counted before it goes on. Written by hand: every part of every stream passes here. */
export class MeteredParts implements AsyncIterableIterator<unknown> {
  readonly #inner: AsyncIterator<unknown>
  readonly #spending: Spending
  readonly #step: Step

  constructor(parts: AsyncIterable<unknown>, spending: Spending, step: Step) {
    this.#inner = parts[Symbol.asyncIterator]()
    this.#spending = spending
    this.#step = step
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<unknown>> {
    const part = await this.#inner.next()
    if (part.done === true) return part
    const verdict = this.#spending.take(part.value, this.#step.streamed)
    const error: GuardError | undefined = isThenable(verdict) ? await verdict : verdict
    if (error === undefined) return part
    this.#step.end(error)
    throw error
  }

  async return(): Promise<IteratorResult<unknown>> {
    return (await this.#inner.return?.()) ?? { done: true, value: undefined }
  }
}

/** The refusal of a call that a limit is in the way of, with the header fields that say which, and when to come back. */
export function limitExceeded(refusal: Refusal): GuardError {
  const { violated } = refusal
  const never = violated.filter(({ retryAfter }) => retryAfter === Number.POSITIVE_INFINITY).map(({ name }) => `'${name}'`)
  const wait = Math.max(1, ...violated.map(waitOf))
  return new GuardError('limit_exceeded', {
    reason: `over ${violated.map(({ name }) => `'${name}'`).join(', ')}${never.length > 0 ? `; more than ${never.join(', ')} ever grants at once` : ''}`,
    headers: { ...limitFields(violated, waitOf), 'retry-after': String(wait) },
  })
}

// A caller that asks for more than there ever is must ask for less; a window is as good a time as any.
function waitOf({ retryAfter, window = 1 }: { readonly retryAfter: number; readonly window: number | undefined }): number {
  return Math.max(1, seconds(retryAfter === Number.POSITIVE_INFINITY ? window : retryAfter))
}
