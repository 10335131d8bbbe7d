import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type PlannedLimit, planLimit } from '../../src/limits/limit.ts'
import { memoryLimits, type MemoryReservation } from '../../src/limits/memory-limits.ts'

const anyLimit = fc
  .record({
    tokens: fc.integer({ min: 1, max: 1_000 }),
    window: fc.oneof(fc.integer({ min: 1, max: 120 }), fc.constant(365 * 86_400)),
    burst: fc.option(fc.integer({ min: 1, max: 1_500 }), { nil: undefined }),
  })
  .map(({ tokens, window, burst }) => planLimit({ name: 'tokens', tokens, window, ...(burst !== undefined && { burst }) }))

/** A bucket in exact arithmetic, with nothing clever in it: levels are in units times the window's milliseconds. */
class Bucket {
  readonly #quantity: bigint
  readonly #span: bigint
  readonly #burst: bigint
  #level = 0n
  #at = 0

  constructor(limit: PlannedLimit) {
    this.#quantity = BigInt(limit.quantity)
    this.#span = BigInt(Number(limit.window) * 1000)
    this.#burst = BigInt(limit.burst) * this.#span
  }

  fits(amount: number, now: number): boolean {
    this.#level -= BigInt(now - this.#at) * this.#quantity
    if (this.#level < 0n) this.#level = 0n
    this.#at = now
    return amount === 0 || this.#level + BigInt(amount) * this.#span <= this.#burst
  }

  pour(amount: number): void {
    this.#level += BigInt(amount) * this.#span
  }

  get remaining(): number {
    const room = this.#burst - this.#level
    return room <= 0n ? 0 : Number(room / this.#span)
  }
}

test('what is granted is exactly what a bucket in exact arithmetic grants, all limits or none', () => {
  const step = fc.record({ wait: fc.nat(20_000), tokens: fc.nat(400) })
  fc.assert(
    fc.property(fc.array(anyLimit, { minLength: 1, maxLength: 3 }), fc.array(step, { maxLength: 60, size: 'max' }), (plans, steps) => {
      const store = memoryLimits()
      const limits = plans.map((limit, index) => ({ limit: planLimit({ ...asOptions(limit), name: `limit ${index}` }), key: 'k' }))
      const buckets = plans.map((limit) => new Bucket(limit))
      let now = 0
      for (const { wait, tokens } of steps) {
        now += wait
        const verdicts = buckets.map((bucket) => bucket.fits(tokens, now))
        const answer = store.reserve(limits, { tokens }, now)
        assert.equal(answer.allowed, !verdicts.includes(false))
        if (answer.allowed) for (const bucket of buckets) bucket.pour(tokens)
        else
          assert.deepEqual(
            answer.violated.map(({ name }) => name),
            limits.filter((_, index) => verdicts[index] === false).map(({ limit }) => limit.name),
          )
        if (answer.allowed)
          assert.deepEqual(
            answer.limits.map(({ remaining }) => remaining),
            buckets.map(({ remaining }) => remaining),
          )
      }
    }),
  )
})

test('a refusal says when the same is granted, and not before', () => {
  fc.assert(
    fc.property(anyLimit, fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 10 }), (limit, amounts) => {
      const store = memoryLimits()
      const keyed = [{ limit, key: 'k' }]
      for (const [index, tokens] of amounts.entries()) {
        const answer = store.reserve(keyed, { tokens }, 0)
        if (answer.allowed) continue
        if (answer.retryAfter === Number.POSITIVE_INFINITY) {
          assert.ok(tokens > limit.burst)
          continue
        }
        const early = memoryLimits()
        for (const earlier of amounts.slice(0, index)) early.reserve(keyed, { tokens: earlier }, 0)
        assert.equal(early.reserve(keyed, { tokens }, answer.retryAfter * 1000 * 0.999).allowed, false)
        assert.equal(early.reserve(keyed, { tokens }, answer.retryAfter * 1000).allowed, true)
        return
      }
    }),
  )
})

type Action =
  | { readonly kind: 'reserve'; readonly tokens: number }
  | { readonly kind: 'extend' | 'settle'; readonly which: number; readonly tokens: number }
  | { readonly kind: 'release'; readonly which: number }
  | { readonly kind: 'wait'; readonly milliseconds: number }
  | { readonly kind: 'step back'; readonly milliseconds: number }

const anyAction: fc.Arbitrary<Action> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('reserve' as const), tokens: fc.integer({ min: 1, max: 300 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('extend' as const), which: fc.nat(20), tokens: fc.integer({ min: 1, max: 100 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('settle' as const), which: fc.nat(20), tokens: fc.nat(300) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('release' as const), which: fc.nat(20) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait' as const), milliseconds: fc.nat(40_000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('step back' as const), milliseconds: fc.nat(1_000_000) }) },
)

interface Grant {
  readonly at: number
  readonly amount: number
}

test('over no stretch of time is more spent than the burst and what leaks away meanwhile', () => {
  fc.assert(
    fc.property(anyLimit, fc.array(anyAction, { maxLength: 80, size: 'max' }), (limit, actions) => {
      const store = memoryLimits()
      const keyed = [{ limit, key: 'k' }]
      const open: { readonly reservation: MemoryReservation; readonly grants: Grant[] }[] = []
      const spent: Grant[] = []
      let wall = 5_000_000
      let passed = 0
      const end = (which: number, tokens: number | undefined): void => {
        const [call] = open.splice(which % Math.max(1, open.length), 1)
        if (call === undefined) return
        const reserved = call.grants.reduce((sum, { amount }) => sum + amount, 0)
        const actual = Math.min(tokens ?? 0, reserved)
        if (tokens === undefined) call.reservation.release(wall)
        else call.reservation.settle({ tokens: actual }, wall)
        let left = actual
        for (const { at, amount } of call.grants) {
          spent.push({ at, amount: Math.min(left, amount) })
          left -= Math.min(left, amount)
        }
      }
      for (const action of actions) {
        if (action.kind === 'wait') {
          wall += action.milliseconds
          passed += action.milliseconds
        } else if (action.kind === 'step back') wall -= action.milliseconds
        else if (action.kind === 'reserve') {
          const reservation = store.reserve(keyed, { tokens: action.tokens }, wall)
          if (reservation.allowed) open.push({ reservation, grants: [{ at: passed, amount: action.tokens }] })
        } else if (action.kind === 'extend') {
          const call = open[action.which % Math.max(1, open.length)]
          if (call?.reservation.extend({ tokens: action.tokens }, wall).allowed === true) call.grants.push({ at: passed, amount: action.tokens })
        } else end(action.which, action.kind === 'settle' ? action.tokens : undefined)
      }
      // What is never settled stands.
      for (const { grants } of open) spent.push(...grants)
      spent.sort((one, other) => one.at - other.at)
      const rate = limit.quantity / (Number(limit.window) * 1000)
      for (let first = 0; first < spent.length; first++) {
        let sum = 0
        for (let last = first; last < spent.length; last++) {
          sum += spent[last]?.amount ?? 0
          const stretch = (spent[last]?.at ?? 0) - (spent[first]?.at ?? 0)
          assert.ok(sum <= limit.burst + stretch * rate + 1e-6, `${sum} of ${limit.burst} over ${stretch} ms`)
        }
      }
    }),
    { numRuns: 300 },
  )
})

test('what is released at once was never there', () => {
  fc.assert(
    fc.property(anyLimit, fc.array(fc.tuple(fc.nat(10_000), fc.nat(200), fc.boolean()), { maxLength: 40, size: 'max' }), (limit, calls) => {
      const tried = memoryLimits()
      const plain = memoryLimits()
      const keyed = [{ limit, key: 'k' }]
      let now = 0
      for (const [wait, tokens, isReleased] of calls) {
        now += wait
        const answer = tried.reserve(keyed, { tokens }, now)
        if (isReleased && answer.allowed) answer.release(now)
        if (!isReleased) assert.equal(plain.reserve(keyed, { tokens }, now).allowed, answer.allowed)
      }
    }),
  )
})

function asOptions(limit: PlannedLimit): { tokens: number; window: number; burst: number } {
  return { tokens: limit.quantity, window: Number(limit.window), burst: limit.burst }
}
